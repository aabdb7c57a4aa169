"""The pair: a base and a donor, made of pinned wheels over a small Debian, in a registry of their own.

The donor has four wanted libraries, two in each of two of its layers, beside other things; the base has
older ones of the same size where they are to go.  No layer but the Debian root is shared.  What was made is
kept as the registry's own files, so that it is there once only; `pair.json` beside them says what it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "fixtures"
sys.path[:0] = [str(FIXTURES / "real"), str(FIXTURES)]

import blobs  # noqa: E402
import build as real  # noqa: E402
import contents  # noqa: E402
import fetch  # noqa: E402
import registry  # noqa: E402
import services  # noqa: E402
from oci_tar import Layer  # noqa: E402
from tree import Tree  # noqa: E402

PINS = HERE.parent / "pins-bytes.toml"
FORMAT = 1
DIST, SITE = real.DIST, real.SITE
REPOSITORIES = ("base", "donor")
# Nothing is made when less than this would be left to others on the disk.
LEAVE = 5_000_000_000


@dataclass(frozen=True)
class Scale:
    """How large: the size of a wanted library, the libraries they begin as, and what lies beside them."""

    name: str
    wanted: int
    carriers: tuple
    beside: tuple


SCALES = {
    "small": Scale(
        "small", 51_200_000,
        ("libnvperf_host.so", "libcupti.so.12", "libnvperf_target.so", "libcheckpoint.so"),
        ("nvidia-curand-cu12", "nvidia-cuda-cupti-cu12"),
    ),
    "full": Scale(
        "full", 512_000_000,
        ("libtorch_cpu.so", "libtorch_cuda_linalg.so", "libcublas.so.12", "libtorch_python.so"),
        ("nvidia-cufft-cu12", "nvidia-curand-cu12"),
    ),
}  # fmt: skip

# The wanted files below `tensorrt_llm`: two for each of the donor's layers.
LIBS = ("libs/libtensorrt_llm.so", "libs/libth_common.so")
PYTHON = ("bindings.cpython-311-x86_64-linux-gnu.so", "libs/libtensorrt_llm_nixl_wrapper.so")
WANTED = LIBS + PYTHON


def home(scale: str) -> Path:
    """Where the pair of this scale lies."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "imgforge-bench" / scale


def key_of(scale: Scale) -> str:
    """Changes with everything that the pair is made of."""
    pins = PINS.read_bytes() + (FIXTURES / "real/pins.toml").read_bytes()
    return hashlib.sha256(pins + repr((FORMAT, scale)).encode()).hexdigest()[:16]


class Parts:
    """The wheels of one image, and the wanted libraries made of them."""

    def __init__(self, scale: Scale, image: str, talk):
        pins = [p for p in fetch.read_pins(PINS) if f"{scale.name}-{image}" in p.groups]
        self.scale = scale
        self.wheels = {pin.name: path for pin, path in fetch.ensure(pins, talk=talk).items()}
        self.pool = contents.libraries(list(self.wheels.values()))

    def library(self, name: str) -> contents.Grown:
        number = WANTED.index(name)
        carrier = self.scale.carriers[number]
        held = next(m for m in self.pool if m.name.endswith(f"/{carrier}"))
        return contents.Grown(held, self.pool, number * len(self.pool) // len(WANTED), self.scale.wanted)


# --- the layers: functions that make a tree, by name -------------------------------------------------


def wheel_tree(wheel: Path, site: str, owner=(0, 0)) -> Tree:
    tree = Tree(owner)
    if owner == real.DYNAMO:
        real.venv_parents(tree)
    else:
        tree.dirs(site)
    contents.install(tree, wheel, site)
    return tree


def package(tree: Tree, parts: Parts, site: str, names) -> Tree:
    for name in names:
        contents.put(tree, site, f"tensorrt_llm/{name}", parts.library(name), 0o775)
    return tree


def base_layers(parts: Parts) -> dict:
    def last() -> Tree:
        tree = Tree(real.DYNAMO)
        real.venv_parents(tree)
        contents.put(tree, SITE, "tensorrt_llm/__init__.py", b'__version__ = "1.2.0rc4"\n')
        return package(tree, parts, SITE, WANTED)

    held = {
        f"base {name}": lambda wheel=wheel: wheel_tree(wheel, SITE, real.DYNAMO)
        for name, wheel in sorted(parts.wheels.items())
    }
    return held | {"base tensorrt_llm": last}


def donor_layers(parts: Parts) -> dict:
    def with_wanted(wheel: str, names):
        return package(wheel_tree(parts.wheels[wheel], DIST), parts, DIST, names)

    def notes() -> Tree:
        tree = Tree()
        tree.dirs("/opt")
        tree.file("/opt/release-notes", "1.2.0rc5\n")
        return tree

    first, second = parts.scale.beside
    held = {
        f"donor {name}": lambda wheel=wheel: wheel_tree(wheel, DIST)
        for name, wheel in sorted(parts.wheels.items())
        if name not in parts.scale.beside
    }
    held["donor libs"] = lambda: with_wanted(first, LIBS)
    held["donor python"] = lambda: with_wanted(second, PYTHON)
    held["donor notes"] = notes
    return held


def root_tree(talk) -> Tree:
    """A small Debian with Python: what both images begin with."""
    parts = real.Parts(talk)
    tree = real.rootfs(parts)
    for path, node in real.python(parts, tree).nodes.items():
        tree.nodes[path] = node
    return tree


# --- making -----------------------------------------------------------------------------------------


def wanted_in(name: str) -> list[str]:
    """Which of a layer's files are wanted, as its tar names them."""
    site, names = {
        "donor libs": (DIST, LIBS), "donor python": (DIST, PYTHON), "base tensorrt_llm": (SITE, WANTED),
    }.get(name, ("", ()))  # fmt: skip
    return [f"{site.strip('/')}/tensorrt_llm/{file}" for file in names]


def make_layer(name: str, tree: Tree, work: Path, to: registry.Registry) -> dict:
    if shutil.disk_usage(work).free < LEAVE:
        raise services.Skipped(f"less than {LEAVE / 1e9:.0f} GB of disk are free: {name} is not made")
    layer, packed = Layer(), work / "layer"
    tree.write_to(layer)
    blob = blobs.pack(layer, packed, wanted_in(name))
    to.upload_file(blob.digest, packed)
    packed.unlink()
    return blob.json()


def describe(scale: Scale, layers: dict, images: dict) -> dict:
    """What runs need to know of the pair."""
    wanted = []
    for file in WANTED:
        name = "donor libs" if file in LIBS else "donor python"
        begin, end = layers[name]["spans"][f"{DIST.strip('/')}/tensorrt_llm/{file}"]
        wanted.append({"file": file, "size": scale.wanted, "layer": layers[name]["digest"], "compressed": end - begin})
    return {
        "key": key_of(scale), "scale": scale.name, "from": f"{DIST}/tensorrt_llm", "into": f"{SITE}/tensorrt_llm",
        "wanted": wanted, "layers": layers, "images": images,
    }  # fmt: skip


def make(scale: Scale, talk) -> dict:
    """The pair's description; what is not there yet is made, layer by layer, and stays if it is cut short."""
    directory = home(scale.name)
    record = directory / "pair.json"
    held = json.loads(record.read_text()) if record.exists() else {}
    if held.get("key") == key_of(scale):
        return held
    directory.mkdir(parents=True, exist_ok=True)
    progress = directory / f"layers-{key_of(scale)}.json"
    layers = json.loads(progress.read_text()) if progress.exists() else {}
    images = {}
    with services.registry(directory) as address:
        for image, trees in (("base", base_layers), ("donor", donor_layers)):
            to = registry.Registry(address, f"bench/{image}")
            todo = {"root": lambda: root_tree(talk)} | trees(Parts(scale, image, talk))
            for name, tree in todo.items():
                if name not in layers or not to.has(layers[name]["digest"]):
                    talk(f"layer {name}")
                    layers[name] = make_layer(name, tree(), directory, to)
                    progress.write_text(json.dumps(layers, indent=1))
            config = {"base": real.base_config, "donor": real.donor_config}[image]()
            registry.push_image(to, "1", [layers[name] for name in todo], config, list(todo))
            images[image] = list(todo)
    described = describe(scale, layers, images)
    described["blobs"] = sorted(services.all_blobs(directory))
    record.write_text(json.dumps(described, indent=1))
    progress.unlink()
    return described
