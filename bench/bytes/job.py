"""The job that everybody does, and whether it was done."""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path

import registry


@dataclass
class Job:
    """Which files of which image go where; `tag` names both images, `name` the one who does it."""

    name: str
    address: str
    tag: str
    work: Path
    source: str
    into: str
    wanted: list

    @property
    def base(self) -> str:
        return f"{self.address}/bench/base:{self.tag}"

    @property
    def donor(self) -> str:
        return f"{self.address}/bench/donor:{self.tag}"

    @property
    def result(self) -> str:
        return f"{self.address}/bench/out:{self.name}"

    def names(self) -> list[str]:
        return [file["file"] for file in self.wanted]

    def by_folder(self) -> dict:
        """The names below each folder of the package; `.` for the package itself."""
        held = {}
        for name in self.names():
            held.setdefault(str(Path(name).parent), []).append(name)
        return held


class Wrong(Exception):
    """The result is not what the job asked for."""


def check(job: Job) -> dict:
    """Whether the result has the donor's files; tells what became of the base's layers and how large the new are."""
    out, base = registry.Registry(job.address, "bench/out"), registry.Registry(job.address, "bench/base")
    layers = [(layer["digest"], layer["size"]) for layer in out.manifest(job.name)["layers"]]
    old = [layer["digest"] for layer in base.manifest(job.tag)["layers"]]
    kept = [digest for digest, _ in layers if digest in old]
    found = {}
    for digest, _ in layers[len(old) :]:
        found |= _hashes(out.blob(digest), {f"{job.into}/{name}".strip("/") for name in job.names()})
    for file in job.wanted:
        if found.get(f"{job.into}/{file['file']}".strip("/")) != file["sha256"]:
            raise Wrong(f"{job.name}: {file['file']} is not the donor's")
    new = sum(size for digest, size in layers if digest not in old)
    return {"base layers kept": f"{len(kept)} of {len(old)}", "new layers": new}


def _hashes(stream, names: set) -> dict:
    """sha256 of the files of a layer that have these names."""
    found = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as members:
            for member in members:
                name = member.name.removeprefix("./").strip("/")
                if member.isreg() and name in names:
                    found[name] = hashlib.file_digest(members.extractfile(member), "sha256").hexdigest()
    except tarfile.ReadError:  # umoci writes no end of archive
        pass
    return found


def donor_hashes(address: str, source: str, wanted: list, tag: str) -> None:
    """Put into each of `wanted` the sha256 that the donor's file has."""
    donor = registry.Registry(address, "bench/donor")
    for digest in sorted({file["layer"] for file in wanted}):
        held = _hashes(donor.blob(digest), {f"{source}/{f['file']}".strip("/") for f in wanted})
        for file in wanted:
            if file["layer"] == digest:
                file["sha256"] = held[f"{source}/{file['file']}".strip("/")]
