"""What the layers are filled with: members of wheels, and libraries of a size that is asked for.

Every content has `size` and `open()`, as `oci_tar.Layer.file` takes it; none is ever held whole.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tree import Tree

ELF = b"\x7fELF"


@dataclass(frozen=True)
class Member:
    """One file of a wheel."""

    wheel: Path
    name: str
    size: int

    def open(self):
        # closing a member closes the archive that was opened for it alone
        return zipfile.ZipFile(self.wheel).open(self.name)

    def is_elf(self) -> bool:
        with self.open() as source:
            return source.read(4) == ELF


def members(wheel: Path) -> list[Member]:
    """The files that an installer puts into site-packages, sorted by name."""
    with zipfile.ZipFile(wheel) as packed:
        held = [Member(wheel, i.filename, i.file_size) for i in packed.infolist() if not i.is_dir()]
    kept = [m for m in held if not m.name.split("/")[0].endswith(".data")]
    return sorted(kept, key=lambda member: member.name)


def libraries(wheels: list[Path]) -> list[Member]:
    """Every ELF file of the wheels of at least 1 MB."""
    held = [m for wheel in wheels for m in members(wheel) if m.size >= 1_000_000]
    return [m for m in held if ".so" in m.name and m.is_elf()]


def install(tree: Tree, wheel: Path, site: str) -> None:
    """The wheel below `site` as it is; RECORD stays the wheel's own."""
    for member in members(wheel):
        put(tree, site, member.name, member, 0o775 if ".so" in member.name else 0o664)


def put(tree: Tree, site: str, name: str, data, mode: int = 0o664) -> None:
    """One file below `site`, with its parents."""
    parents = name.split("/")[:-1]
    for n in range(1, len(parents) + 1):
        tree.dir(f"{site}/{'/'.join(parents[:n])}", 0o775)
    tree.file(f"{site}/{name}", data, mode)


class Grown:
    """A real library with more of its kind behind it, up to `size` bytes.

    The library comes first and whole, so that the file is valid ELF with the tables of a real one; then
    come the bytes of `pool` from number `first` on, over and over.  A loader maps only what the program
    headers name, and a compressor finds what it finds in libraries.
    """

    def __init__(self, carrier: Member, pool: list[Member], first: int, size: int):
        if carrier.size > size:
            raise ValueError(f"{carrier.name} has {carrier.size} bytes, more than {size}")
        self.size = size
        self.parts = [carrier] + [pool[(first + n) % len(pool)] for n in range(len(pool))]

    def open(self):
        return io.BufferedReader(_Chain(self.parts, self.size), 1 << 20)


class _Chain(io.RawIOBase):
    """`size` bytes of the parts, one after another, from the second one on again and again."""

    def __init__(self, parts, size):
        self.parts, self.left, self.at = parts, size, 0
        self.source = parts[0].open()

    def readable(self):
        return True

    def readinto(self, buffer):
        want = min(len(buffer), self.left)
        while want:
            if piece := self.source.read(want):
                buffer[: len(piece)] = piece
                self.left -= len(piece)
                return len(piece)
            self.source.close()
            self.at = self.at + 1 if self.at + 1 < len(self.parts) else 1
            self.source = self.parts[self.at].open()
        return 0

    def close(self):
        self.source.close()
        super().close()
