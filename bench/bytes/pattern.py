"""Gzip layers of any size that nobody stores: a few pieces, and how often each comes.

The pieces are deflate blocks, each piece made from an empty window and flushed to a byte's edge, so that they
may stand in any order and any number of times.  One is a tar entry's header, one a slice of a real library, one
the end of the archive; gzip's header and trailer make a valid layer of their sum.  Digests are found by running
over it once, and kept.  Easier than a real layer in one way: restart points without a window are frequent.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from pathlib import Path

from oci_tar import Layer

SLICE = 32 << 20
PER_FILE = 4
HEADER = bytes.fromhex("1f8b08000000000000ff")


class Pieces:
    """Pieces and their order, while a layer is put together."""

    def __init__(self):
        self.plain, self.packed, self.order, self.known = [], [], [], {}

    def add(self, plain: bytes, times: int = 1) -> None:
        if plain not in self.known:
            self.known[plain] = len(self.plain)
            squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
            self.plain.append(plain)
            self.packed.append(squeeze.compress(plain) + squeeze.flush(zlib.Z_FULL_FLUSH))
        self.order.append((self.known[plain], times))

    def size(self) -> int:
        return sum(len(self.packed[number]) * times for number, times in self.order)


class Sized:
    """A content of which only the size counts: its header is wanted, its bytes come from elsewhere."""

    def __init__(self, size: int):
        self.size = size


def header(name: str, size: int) -> bytes:
    """A tar header as our layers have them."""
    return next(iter(Layer(parents=False).file(name, Sized(size)).stream()))


def ballast(pieces: Pieces, name: str, filling: bytes, compressed: int) -> None:
    """Files `name`-0000 and so on until `compressed` bytes are there."""
    number = 0
    while pieces.size() < compressed:
        pieces.add(header(f"{name}-{number:04}.bin", SLICE * PER_FILE))
        pieces.add(filling, PER_FILE)
        number += 1


def whole_file(pieces: Pieces, name: str, data: bytes) -> tuple[int, int]:
    """A file of its own; returns where its compressed bytes begin and end in the layer."""
    pieces.add(header(name, len(data)))
    begin = len(HEADER) + pieces.size()
    pieces.add(data + bytes(-len(data) % 512))
    return begin, len(HEADER) + pieces.size()


def finish(pieces: Pieces, directory: Path) -> dict:
    """Write the pieces and what the layer is into `directory`; one pass over all of its bytes."""
    pieces.add(bytes(1024))
    inner, outer, crc, length = hashlib.sha256(), hashlib.sha256(HEADER), 0, 0
    for number, times in pieces.order:
        for _ in range(times):
            inner.update(pieces.plain[number])
            outer.update(pieces.packed[number])
            crc = zlib.crc32(pieces.plain[number], crc)
            length += len(pieces.plain[number])
    last = zlib.compressobj(6, zlib.DEFLATED, -15).flush() + struct.pack("<II", crc, length & 0xFFFFFFFF)
    outer.update(last)
    directory.mkdir(parents=True, exist_ok=True)
    held = [*pieces.packed, HEADER, last]
    for number, piece in enumerate(held):
        (directory / str(number)).write_bytes(piece)
    order = [(len(held) - 2, 1), *pieces.order, (len(held) - 1, 1)]
    return {
        "digest": f"sha256:{outer.hexdigest()}", "size": sum(len(held[n]) * times for n, times in order),
        "diff_id": f"sha256:{inner.hexdigest()}", "tar_size": length, "pieces": str(directory), "order": order,
    }  # fmt: skip


def kept(directory: Path, make) -> dict:
    """What `make(pieces)` puts together, made once; `make` may return more to keep, as a dictionary."""
    record = directory / "layer.json"
    if not record.exists():
        pieces = Pieces()
        more = make(pieces) or {}
        made = finish(pieces, directory) | more
        record.write_text(json.dumps(made))
    return json.loads(record.read_text())
