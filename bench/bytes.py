#!/usr/bin/env python3
"""What a build costs in bytes and time, beside the peers in the same run: `make bench-bytes`.

    bytes.py --program target/release/imgforge [--scale small|full] [--only NAME,NAME…] [--merge]
    bytes.py --make --scale full       only make the images
    bytes.py --list                    the names of the runs

Small images are made in some minutes from 600 MB of wheels; the full pair (2 x 3.4 GB) needs 4 GB of wheels and
8 CPU minutes once. Both stay in $XDG_CACHE_HOME/imgforge-bench. See bench/README.md for what is compared, and how.

Exit: 0 measured, whatever was reached · 1 a run failed or did not do the job · 2 command line · 3 pins not to be had.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "bytes")]

import forge  # noqa: E402
import job as jobs  # noqa: E402
import measure  # noqa: E402
import pair  # noqa: E402
import peers  # noqa: E402
import services  # noqa: E402
import subject as subjects  # noqa: E402
import table  # noqa: E402
from fetch import Unavailable  # noqa: E402

HUGE = {"small": 2.0, "full": 20.0}
OUT = HERE.parent / "target/bench-bytes.json"
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR") or HERE.parent / "target") / "release/imgforge"
# Peers that keep whole images, unpacked besides, may need this many times the pair's size.
ROOM = 3


def talk(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def all_runs() -> list[str]:
    """NAME for the pair, NAME@3x and NAME@huge for the others."""
    grown = [f"{name}@3x" for name in (*peers.STREAMING, "imgforge-cold-full", "imgforge-warm")]
    huge = [f"{name}@huge" for name in ("imgforge-cold-full", "imgforge-warm")]
    return [*peers.PEERS, *forge.MODES, *grown, *huge]


class Bench:
    """The images, and a run at a time on them."""

    def __init__(self, words):
        self.words, self.scale = words, pair.SCALES[words.scale]
        self.home = pair.home(words.scale)
        self.pair = pair.make(self.scale, talk)
        self.address = f"127.0.0.1:{words.port}"
        self.forge = forge.Forge(words.program.resolve(), self.home)
        self.subjects = {}

    def subject(self, name: str) -> subjects.Subject:
        def parts():
            return pair.Parts(pair.SCALES["small"], "donor", talk)

        if name not in self.subjects:
            self.subjects[name] = {
                "pair": lambda: subjects.of_pair(self.pair),
                "3x": lambda: subjects.grown(self.home, self.pair, parts),
                "huge": lambda: subjects.huge(self.home, self.pair, self.words.huge or HUGE[self.scale.name], parts),
            }[name]()
            self.know_hashes(self.subjects[name])
        return self.subjects[name]

    def know_hashes(self, subject: subjects.Subject) -> None:
        """What the wanted files must be; read from the donor once."""
        key = subject.layers["donor"][-1]["digest"] + subject.wanted[-1]["layer"]
        record = self.home / f"hashes-{subject.name}.json"
        held = json.loads(record.read_text()) if record.exists() else {}
        if held.get("key") != key:
            with self.session(subject):
                jobs.donor_hashes(self.address, subject.source, subject.wanted, subject.tag)
            record.write_text(json.dumps({"key": key} | {f["file"]: f["sha256"] for f in subject.wanted}))
        else:
            for file in subject.wanted:
                file["sha256"] = held[file["file"]]

    @contextmanager
    def session(self, subject: subjects.Subject):
        """A registry with nothing but the images, behind the counting proxy."""
        if subject.images:
            server = services.ours(subject.images, self.home / "uploads")
        else:
            services.forget_results(self.home, set(self.pair["blobs"]), pair.REPOSITORIES)
            server = services.registry(self.home)
        with server as upstream, services.proxy(self.address, upstream) as counted:
            yield counted

    def warm_pages(self) -> None:
        services.warm_pages(services.blob_path(self.home, digest) for digest in self.pair["blobs"])

    def job(self, name: str, subject: subjects.Subject) -> jobs.Job:
        work = self.home / "w" / name
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        tag = name.replace("@", "-")
        return jobs.Job(tag, self.address, subject.tag, work, subject.source, subject.into, subject.wanted)

    def run(self, name: str) -> dict:
        who, which = table.split(name)
        subject = self.subject(which)
        job = self.job(name, subject)
        if who in forge.PREPARED:
            with self.session(subject):
                self.forge.prepare(job)
        elif who in ("docker", "buildah", "umoci"):
            room = ROOM * (subject.size("base") + subject.size("donor")) + subject.grafted()
            if shutil.disk_usage(self.home).free < room:
                raise services.Skipped(f"needs {room / 1e9:.0f} GB of free disk")
        self.warm_pages()
        with self.session(subject) as counted:
            meter = measure.Meter(name, self.logs() / f"{name}.log", counted)
            meter.log.unlink(missing_ok=True)
            if who in peers.PEERS:
                peers.PEERS[who](job, meter)
            else:
                forge.MODES[who](self.forge, job, meter)
            if who not in forge.NOT_PUSHED and not self.words.no_check:
                meter.run.extra |= jobs.check(job)
        if not self.words.keep:
            shutil.rmtree(job.work, ignore_errors=True)
        return asdict(meter.run)

    def logs(self) -> Path:
        place = self.home / "logs"
        place.mkdir(exist_ok=True)
        return place


def selected(words) -> list[str]:
    names = all_runs()
    if words.only:
        asked = words.only.split(",")
        if unknown := set(asked) - set(names):
            raise SystemExit(f"bytes.py: no run is called {', '.join(sorted(unknown))}; see --list")
        return [name for name in names if name in asked]
    if words.peers is None:
        return names
    asked = words.peers.split(",") if words.peers else []
    return [name for name in names if name.startswith("imgforge") or table.split(name)[0] in asked]


def measure_all(bench: Bench, names: list[str], runs: dict) -> bool:
    """Whether every run that could be done was."""
    sound = True
    for name in names:
        try:
            runs[name] = bench.run(name)
            talk(f"{name}: {runs[name]['wall']:.2f} s, {runs[name]['down'] / 1e6:.2f} MB down")
        except services.Skipped as reason:
            talk(f"{name}: SKIPPED: {reason}")
            runs[name] = {"skipped": f"SKIPPED: {reason}"}
        except (measure.Failed, jobs.Wrong, OSError) as error:
            sound = False
            talk(f"{name}: FAILED: {error}")
            runs[name] = {"skipped": "FAILED"}
    return sound


def show(bench: Bench, runs: dict) -> dict:
    """Print the tables; returns what they were made of."""
    subject = subjects.of_pair(bench.pair)
    facts = {
        "base": subject.size("base"), "donor": subject.size("donor"), "plain": subject.plain(),
        "compressed": subject.compressed(), "grafted": subject.grafted(), "searched": subject.searched,
    }  # fmt: skip
    print(
        f"base {facts['base'] / 1e9:.2f} GB, donor {facts['donor'] / 1e9:.2f} GB compressed; wanted: 4 x "
        f"{bench.scale.wanted / 1e6:.0f} MB, {facts['compressed'] / 1e6:.1f} MB compressed\n"
    )
    rows = table.targets(runs, facts)
    for text in (table.runs_table(runs), table.ratios_table(runs), table.growth(runs), table.targets_table(rows)):
        if text:
            print(text, end="\n\n")
    return {"scale": bench.scale.name, "facts": facts, "runs": runs, "targets": rows}


def arguments():
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--program", type=Path, default=PROGRAM)
    words.add_argument("--scale", choices=pair.SCALES, default="small")
    words.add_argument("--only", help="names of runs, with commas")
    words.add_argument("--peers", help="which peers, with commas; empty for none")
    words.add_argument("--merge", action="store_true", help="keep what the last report has of other runs")
    words.add_argument("--huge", type=float, help="compressed GB of the huge layer")
    words.add_argument("--port", type=int, default=15390, help="of the counting proxy; images are named by it")
    words.add_argument("--keep", action="store_true", help="leave what runs leave behind")
    words.add_argument("--no-check", action="store_true", help="believe that the results are right")
    words.add_argument("--make", action="store_true", help="make the images and stop")
    words.add_argument("--list", action="store_true", help="print the names of the runs")
    words.add_argument("--out", type=Path, default=OUT)
    return words.parse_args()


def main() -> int:
    words = arguments()
    # so that what was started is ended
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if words.list:
        print("\n".join(all_runs()))
        return 0
    names = selected(words)
    try:
        bench = Bench(words)
        if words.make:
            for name in ("pair", "3x", "huge"):
                bench.subject(name)
            return 0
    except (Unavailable, services.Skipped) as error:
        talk(str(error))
        return 3
    if any(name.startswith("imgforge") for name in names) and not words.program.exists():
        talk(f"{words.program} is not there: cargo build --release")
        return 2
    runs = {}
    if words.merge and words.out.exists() and (old := json.loads(words.out.read_text()))["scale"] == words.scale:
        runs = old["runs"]
    begun = {"load average": os.getloadavg()[0], "cores": os.cpu_count(), "at": time.strftime("%Y-%m-%dT%H:%M:%S")}
    sound = measure_all(bench, names, runs)
    ordered = {name: runs[name] for name in all_runs() if name in runs}
    words.out.parent.mkdir(parents=True, exist_ok=True)
    words.out.write_text(json.dumps(show(bench, ordered) | begun, indent=1))
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
