"""What the job is done on: the pair, the pair grown to three times its size, and a pair with a huge layer.

The grown and the huge one are served by our own registry: their ballast is made up as it is asked for, and the
layers of the pair come from where they lie.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import pair  # first: it says where the fixtures' modules are
import blobs
import contents
import pattern
import registry
import services
from oci_tar import Layer
from pair import real
from tree import Tree

HUGE_WANTED = 8_000_000
FILE = "libs/libtensorrt_llm.so"


@dataclass
class Subject:
    """Two images and the wanted files.  `images` is the file that our own registry serves, if that is to.

    `searched` are the compressed bytes of the layers that nobody can leave out who has no index and judges what is
    grafted with all that it loads: of the donor those from the newest down to the last that holds a wanted file; of the
    base all, since what is loaded ends with the C library, which is in the lowest, and any layer above may replace it.
    """

    name: str
    tag: str
    wanted: list
    layers: dict
    searched: int
    source: str = f"{pair.DIST}/tensorrt_llm"
    into: str = f"{pair.SITE}/tensorrt_llm"
    images: Path | None = None
    facts: dict = field(default_factory=dict)

    def size(self, image: str) -> int:
        return sum(layer["size"] for layer in self.layers[image])

    def plain(self) -> int:
        """Uncompressed bytes of all layers, each counted once."""
        held = {l["digest"]: l["tar_size"] for image in self.layers.values() for l in image}
        return sum(held.values())

    def compressed(self) -> int:
        return sum(file["compressed"] for file in self.wanted)

    def grafted(self) -> int:
        return sum(file["size"] for file in self.wanted)


def searched(layers: dict, wanted: list) -> int:
    """See `Subject.searched`.  A layer that both images have is read once."""
    held = {layer["digest"]: layer["size"] for layer in layers["base"]}
    left = {file["layer"] for file in wanted}
    for layer in reversed(layers["donor"]):
        if left:
            held[layer["digest"]] = layer["size"]
            left.discard(layer["digest"])
    return sum(held.values())


def of_pair(held: dict) -> Subject:
    layers = {image: [held["layers"][name] for name in names] for image, names in held["images"].items()}
    return Subject("pair", "1", held["wanted"], layers, searched(layers, held["wanted"]))


# --- layers that are made up -------------------------------------------------------------------------


def filling(parts: pair.Parts) -> bytes:
    """32 MiB from inside a library, device code and all."""
    largest = max(parts.pool, key=lambda member: member.size)
    with largest.open() as source:
        source.seek(largest.size // 3)
        return source.read(pattern.SLICE)


def ballast(directory: Path, name: str, compressed: int, parts) -> dict:
    def make(pieces):
        pattern.ballast(pieces, f"opt/ballast/{name}", filling(parts()), compressed)

    return pattern.kept(directory / "pieces" / f"{name}-{compressed}", make)


def huge_layer(directory: Path, compressed: int, parts) -> dict:
    """Ballast, then one wanted library, then a little more."""
    path = f"{pair.DIST.strip('/')}/tensorrt_llm/{FILE}"

    def make(pieces):
        held = parts()
        pattern.ballast(pieces, "opt/ballast/huge", filling(held), compressed)
        carrier = next(m for m in held.pool if m.name.endswith("/libcupti.so.12"))
        with contents.Grown(carrier, held.pool, 1, HUGE_WANTED).open() as source:
            begin, end = pattern.whole_file(pieces, path, source.read())
        pattern.whole_file(pieces, "opt/last", b"last\n" * 1000)
        return {"spans": {path: [begin, end]}}

    return pattern.kept(directory / "pieces" / f"huge-{compressed}", make)


def older_layer(directory: Path) -> dict:
    """The base's layer below which the huge donor's library goes; kept as a file."""
    tree = Tree(real.DYNAMO)
    real.venv_parents(tree)
    contents.put(tree, pair.SITE, f"tensorrt_llm/{FILE}", b"\x7fELF older" + bytes(1000), 0o775)
    layer, path = Layer(), directory / "pieces" / "older"
    tree.write_to(layer)
    path.parent.mkdir(parents=True, exist_ok=True)
    return blobs.pack(layer, path, []).json() | {"file": str(path)}


# --- what our own registry serves --------------------------------------------------------------------


def served(directory: Path, name: str, layers: dict) -> Path:
    """Write what serves these images under the tag `name`; returns the file for synthetic.py."""
    folder = directory / "served" / name
    folder.mkdir(parents=True, exist_ok=True)
    manifests, held = {}, {}
    configs = {"base": real.base_config(), "donor": real.donor_config()}
    for image, config in configs.items():
        names = [f"layer {n}" for n in range(len(layers[image]))]
        data, manifest = registry.image(layers[image], config, names)
        digest = registry.digest_of(data)
        manifest["config"] = {"mediaType": registry.CONFIG, "digest": digest, "size": len(data)}
        (folder / f"{image}.config").write_bytes(data)
        (folder / f"{image}.json").write_bytes(registry.dump(manifest))
        manifests[f"bench/{image}"] = {name: str(folder / f"{image}.json")}
        held[digest] = {"file": str(folder / f"{image}.config")}
        for layer in layers[image]:
            held[layer["digest"]] = {k: layer[k] for k in ("pieces", "order", "file") if k in layer}
    (folder / "images.json").write_text(json.dumps({"manifests": manifests, "blobs": held}))
    return folder / "images.json"


def _where(directory: Path, layer: dict) -> dict:
    return layer | {"file": str(services.blob_path(directory, layer["digest"]))}


def grown(directory: Path, held: dict, parts) -> Subject:
    """The pair with ballast of twice its size in each image, right above its root."""
    small = of_pair(held)
    layers = {}
    for image, stack in small.layers.items():
        more = ballast(directory, image, 2 * small.size(image), parts)
        first, *rest = (_where(directory, layer) for layer in stack)
        layers[image] = [first, more, *rest]
    bound = searched(layers, small.wanted)
    return Subject("3x", "3x", small.wanted, layers, bound, images=served(directory, "3x", layers))


def huge(directory: Path, held: dict, gigabytes: float, parts) -> Subject:
    """A donor whose one library lies at the end of a layer of so many gigabytes."""
    root = _where(directory, held["layers"]["root"])
    layer, older = huge_layer(directory, int(gigabytes * 1e9), parts), older_layer(directory)
    begin, end = next(iter(layer["spans"].values()))
    wanted = [{"file": FILE, "size": HUGE_WANTED, "layer": layer["digest"], "compressed": end - begin}]
    layers = {"base": [root, older], "donor": [root, layer]}
    bound = searched(layers, wanted)
    return Subject("huge", "huge", wanted, layers, bound, images=served(directory, "huge", layers))
