"""imgforge on the job, in each of its states of knowledge.

Flags that an older imgforge does not have are given only where its help names them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import job as jobs
from job import Job
from measure import Meter
from services import Skipped
from services import dockerd
from services import proxy

# What of a cache is contents, not knowledge of contents: taken out to have a warm index and nothing else.
CONTENTS = ("blobs", "files", "content", "contents", "partial", "tmp")
# Which notes are the index that has a target of its own: file tables, and places to begin inflating at.
INDEX = ("layers", "access")
# Ways to say that only the grafted files' own closure is to be audited, first that the help names.
SCOPED = (("--audit-scope", "closure"), ("--audit-scope", "grafted"), ("--scope", "closure"), ("--audit", "closure"))

RECIPE = """schema = 1
name = "bench"
[base]
image = "{base}"
[sources.donor]
image = "{donor}"
[[step]]
graft = {{ from = "donor", root = "{source}", into = "{into}", replace = true, files = {names} }}
"""


@dataclass
class Forge:
    """One imgforge, and where it keeps what later runs begin from."""

    program: Path
    home: Path

    def help(self, *words: str) -> str:
        return subprocess.run([self.program, *words, "--help"], capture_output=True, text=True).stdout

    def build(self, job: Job, meter: Meter, *more, output=None) -> None:
        (job.work / "bench.toml").write_text(
            RECIPE.format(base=job.base, donor=job.donor, source=job.source, into=job.into, names=json.dumps(job.names()))
        )
        metadata = job.work / "metadata.json"
        meter.step(
            self.program, "build", job.work / "bench.toml", "--output", output or f"docker://{job.result}",
            "--cache-dir", job.work / "cache", "--gate", "off", "--progress", "none",
            "--metadata-file", metadata, *more, cwd=job.work,
        )  # fmt: skip
        meter.run.extra["metadata"] = json.loads(metadata.read_text())

    def prepared(self, job: Job) -> Path:
        """Where the state after a first build is kept: for this program, recipe and address."""
        with open(self.program, "rb") as source:
            key = hashlib.file_digest(source, "sha256").hexdigest()[:12]
        return self.home / "prepared" / f"{job.tag}-{job.address.rpartition(':')[2]}-{key}"

    def prepare(self, job: Job) -> None:
        """A first build, not measured: leaves lock file, indexes and the size of the new layers."""
        place = self.prepared(job)
        if (place / "done").exists():
            return
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        first = Job(job.name, job.address, job.tag, place, job.source, job.into, job.wanted)
        self.build(first, Meter("prepare", place / "log"))
        for known in [place / "cache" / name for name in CONTENTS] + [*(place / "cache/notes").glob("made*")]:
            shutil.rmtree(known, ignore_errors=True)
        (place / "done").write_text(json.dumps({"new layers": jobs.check(first)["new layers"]}))

    def resume(self, job: Job) -> dict:
        """Lay out the prepared state in the job's own directory."""
        shutil.copytree(self.prepared(job), job.work, dirs_exist_ok=True)
        return json.loads((job.work / "done").read_text())


def cold_full(forge: Forge, job: Job, meter: Meter) -> None:
    forge.build(job, meter)


def cold_scoped(forge: Forge, job: Job, meter: Meter) -> None:
    known = forge.help("build")
    flags = next((pair for pair in SCOPED if f"{pair[0]} " in known), None)
    if not flags:
        raise Skipped("this imgforge cannot scope its audit")
    forge.build(job, meter, *flags)


def warm(forge: Forge, job: Job, meter: Meter) -> None:
    forge.resume(job)
    kinds = {
        kind.name: sum(path.stat().st_size for path in kind.iterdir()) for kind in (job.work / "cache/notes").iterdir()
    }
    meter.run.extra["notes"] = kinds
    meter.run.extra["index bytes"] = sum(size for kind, size in kinds.items() if kind.startswith(INDEX))
    forge.build(job, meter)


def repeat(forge: Forge, job: Job, meter: Meter) -> None:
    forge.resume(job)
    forge.build(job, Meter("first", meter.log))
    forge.build(job, meter)


def splice(forge: Forge, job: Job, meter: Meter) -> None:
    """The files are in the cache, the layer is not: of interest is the stage that writes it."""
    forge.resume(job)
    forge.build(job, Meter("first", meter.log))
    for made in (job.work / "cache/notes").glob("made*"):
        shutil.rmtree(made)
    forge.build(job, meter)
    stages = {stage["name"]: stage for stage in meter.run.extra["metadata"]["costs"]["stages"]}
    meter.run.extra["splice CPU"] = stages["write"]["cpu"]


def load(forge: Forge, job: Job, meter: Meter) -> None:
    """Into a Docker engine that has the base; `up` is what was sent through its socket."""
    meter.run.extra |= forge.resume(job)
    with dockerd(job.work / "d") as daemon:
        quiet = {"stdout": subprocess.DEVNULL, "check": True}
        subprocess.run(["docker", "--host", daemon["host"], "pull", "-q", job.base], **quiet)
        socket = str(job.work / "p.sock")
        with proxy(socket, daemon["host"].removeprefix("unix://")) as counted:
            meter.proxy = counted
            host = f"unix://{socket}"
            forge.build(job, meter, "--docker-host", host, output=f"docker-daemon:bench/forged:{job.tag}")
            meter.proxy = None


def index(forge: Forge, job: Job, meter: Meter) -> None:
    """Only the index of both images."""
    if "build" not in forge.help("index"):
        raise Skipped("this imgforge has no `index build`")
    for image in (job.base, job.donor):
        meter.step(forge.program, "index", "build", image, "--cache-dir", job.work / "cache", "--progress", "none")


MODES = {
    "imgforge-cold-full": cold_full,
    "imgforge-cold-scoped": cold_scoped,
    "imgforge-warm": warm,
    "imgforge-repeat": repeat,
    "imgforge-splice": splice,
    "imgforge-load": load,
    "imgforge-index": index,
}
PREPARED = ("imgforge-warm", "imgforge-repeat", "imgforge-splice", "imgforge-load")
# These leave no image in the registry to look at.
NOT_PUSHED = ("imgforge-load", "imgforge-index")
