"""Layers as blobs: compressed by GNU gzip -6, and where in them the files lie."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
import threading
import zlib
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path

from oci_tar import Layer

PIECE = 1 << 20


@dataclass
class Blob:
    """A layer in the registry.  `spans` has, for each file asked for, where its compressed bytes begin and end."""

    digest: str
    size: int
    diff_id: str
    tar_size: int
    spans: dict

    def json(self) -> dict:
        return asdict(self)


class _Hashed(threading.Thread):
    """Writes a stream into a file, hashing it."""

    def __init__(self, source, path: Path):
        super().__init__()
        self.source, self.path, self.hash, self.size = source, path, hashlib.sha256(), 0

    def run(self):
        with open(self.path, "wb") as out:
            while piece := self.source.read(PIECE):
                self.hash.update(piece)
                self.size += len(piece)
                out.write(piece)


def pack(layer: Layer, path: Path, wanted: list[str]) -> Blob:
    """Write the layer to `path`; `wanted` are names in its tar."""
    gzip = subprocess.Popen(["gzip", "-6", "-n"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, inner, size = _Hashed(gzip.stdout, path), hashlib.sha256(), 0
    out.start()
    for piece in layer.stream():
        inner.update(piece)
        size += len(piece)
        gzip.stdin.write(piece)
    gzip.stdin.close()
    out.join()
    gzip.stdout.close()
    if gzip.wait():
        raise OSError(f"gzip ended with {gzip.returncode}")
    spans = compressed_spans(path, tar_spans(path, wanted))
    return Blob(f"sha256:{out.hash.hexdigest()}", out.size, f"sha256:{inner.hexdigest()}", size, spans)


def tar_spans(path: Path, wanted: list[str]) -> dict:
    """Where the contents of files lie in the uncompressed tar, by another reader than the layer's writer."""
    found = {}
    if wanted:
        with tarfile.open(path, "r:gz") as members:
            for member in members:
                if member.name in wanted:
                    found[member.name] = (member.offset_data, member.offset_data + member.size)
    if missing := set(wanted) - set(found):
        raise ValueError(f"not in the layer: {sorted(missing)}")
    return found


def compressed_spans(path: Path, spans: dict) -> dict:
    """The same in compressed bytes, exact to the byte in which the decoder is when it has put out the edge."""
    edges = sorted({edge for span in spans.values() for edge in span})
    places = dict(zip(edges, _inputs(path, edges)))
    return {name: [places[begin], places[end]] for name, (begin, end) in spans.items()}


def _inputs(path: Path, edges: list[int]):
    """For each offset of the output, how much input had been taken when it was reached."""
    inflate, taken, made, rest = zlib.decompressobj(31), 0, 0, b""
    with open(path, "rb") as source:
        for edge in edges:
            while made < edge:
                rest = rest or source.read(PIECE)
                made += len(inflate.decompress(rest, min(edge - made, PIECE)))
                taken += len(rest) - len(inflate.unconsumed_tail)
                rest = inflate.unconsumed_tail
            yield taken
