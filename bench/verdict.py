#!/usr/bin/env python3
"""Time imgforge's verdict beside other tools, in one run on one machine.

    verdict.py IMGFORGE [--work DIR] [--runs N] [--only abi|audit] [--abidiff]

Two subjects: a pair of libtorch_cpu.so (430 MB each, of the PyTorch wheels that
`make layout-proof` pins) for `abi diff`, beside nm, abicheck and abidiff; and the
image of image.py (about 2,000 ELF files) for `audit`, cold, warm and as an
unpacked tree, beside lddtree over the same files.

Seconds are of CPU (user and system, with children) and of the clock; of several
runs the best counts.  Every file is read once before, so the disk does not.
Where a tool is not installed its row says SKIPPED.  `--abidiff` runs abidiff too:
it takes minutes on libtorch_cpu.  DIR keeps what is unpacked (5 GB) for the next
run; without it everything is made anew and removed.

Exit codes: 0 measured · 1 imgforge failed · 2 command line · 3 a part could not be had.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
sys.path.insert(0, str(FIXTURES))

import fetch  # noqa: E402

LIBRARY = "torch/lib/libtorch_cpu.so"
CHUNK = 1 << 20


def talk(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Cost:
    """Seconds that a command took."""

    cpu: float
    wall: float


def once(command: list, good: tuple = (0,)) -> Cost:
    """One run; output is thrown away.  Raises CalledProcessError on any other exit code than the good ones."""
    begun = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - begun
    if good and process.returncode not in good:
        talk(errors.decode(errors="replace"))
        raise subprocess.CalledProcessError(process.returncode, command[0])
    return Cost(used.ru_utime + used.ru_stime, wall)


def best(runs: int, *commands: list, good: tuple = (0,)) -> Cost:
    """The best of several runs of the commands, one after the other."""
    costs = []
    for _ in range(runs):
        each = [once(command, good) for command in commands]
        costs.append(Cost(sum(cost.cpu for cost in each), sum(cost.wall for cost in each)))
    return min(costs, key=lambda cost: cost.cpu)


class Table:
    """Rows of figures; the first row is what the others are compared with."""

    def __init__(self, title: str):
        self.first = None
        print(f"\n{title}\n{'':34}{'CPU s':>9}{'wall s':>9}{'ratio':>8}")

    def row(self, name: str, cost: Cost, more: str = "") -> None:
        self.first = self.first or cost
        ratio = cost.cpu / self.first.cpu if self.first.cpu else float("inf")
        print(f"{name:34}{cost.cpu:9.2f}{cost.wall:9.2f}{ratio:8.1f}  {more}".rstrip(), flush=True)

    def skipped(self, name: str, why: str) -> None:
        print(f"{name:34}  SKIPPED: {why}", flush=True)


def warm_up(files) -> int:
    """Reads files once; returns their bytes."""
    total = 0
    for file in files:
        with open(file, "rb") as source:
            while piece := source.read(CHUNK):
                total += len(piece)
    return total


def libraries(work: Path) -> list[Path]:
    """libtorch_cpu.so of both pinned versions."""
    files = []
    pins = fetch.read_pins(FIXTURES / "layout/pins.toml")
    for pin, wheel in sorted(fetch.ensure(pins, talk=talk).items(), key=lambda item: item[0].version):
        file = work / f"torch-{pin.version}" / "libtorch_cpu.so"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(".partial")
            with zipfile.ZipFile(wheel) as archive, archive.open(LIBRARY) as source, open(partial, "wb") as out:
                shutil.copyfileobj(source, out, CHUNK)
            partial.rename(file)
        files.append(file)
    return files


def compare(imgforge: str, pair: list[Path], runs: int, slow: bool) -> None:
    size = warm_up(pair)
    table = Table(f"libtorch_cpu.so, {pair[0].parent.name[6:]} against {pair[1].parent.name[6:]} ({size / 1e6:.0f} MB)")
    table.row("imgforge abi diff", best(runs, [imgforge, "abi", "diff", *pair, "--gate", "off"]))
    table.row("nm -D (lists names, compares none)", best(runs, *(["nm", "-D", file] for file in pair)))
    if program := shutil.which("abicheck"):
        # Its exit code says what it found; a failure of its own is 1 or 2 and would be told by its time.
        table.row("abicheck compare", once([program, "compare", *pair], good=()))
    else:
        table.skipped("abicheck compare", "not installed (PyPI: abicheck)")
    if not slow:
        table.skipped("abidiff", "takes minutes: ask with --abidiff")
    elif program := shutil.which("abidiff"):
        table.row("abidiff", once([program, *pair], good=()))
    else:
        table.skipped("abidiff", "not installed (Debian: abigail-tools)")


def image(work: Path) -> Path:
    """The image as an OCI layout."""
    place = work / "image"
    if not (place / "index.json").exists():
        subprocess.run([sys.executable, HERE / "image.py", place], check=True, stdout=sys.stderr)
    return place


def manifest(layout: Path) -> dict:
    def blob(descriptor: dict) -> Path:
        return layout / "blobs" / descriptor["digest"].replace(":", "/")

    index = json.loads((layout / "index.json").read_text())
    document = json.loads(blob(index["manifests"][0]).read_text())
    return {"layers": [blob(layer) for layer in document["layers"]]}


def unpack(layers: list[Path], tree: Path) -> Path:
    """The image's tree; its layers hide nothing."""
    done = tree.with_suffix(".done")
    if not done.exists():
        for layer in layers:
            with tarfile.open(layer) as archive:
                archive.extractall(tree, filter="tar")
        done.touch()
    return tree


def elf_files(tree: Path) -> list[Path]:
    found = []
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    found.append(path)
    return found


def audit(imgforge: str, work: Path, runs: int) -> None:
    layout = image(work)
    layers = manifest(layout)["layers"]
    packed = warm_up(layers)
    tree = unpack(layers, work / "tree")
    files = [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]
    unpacked = warm_up(files)
    objects = elf_files(tree)
    table = Table(
        f"{len(objects)} ELF files of an image ({packed / 1e9:.2f} GB packed, {unpacked / 1e9:.2f} GB unpacked)"
    )

    def asked(subject: str, cache: Path) -> list:
        return [imgforge, "--cache-dir", cache, "audit", subject, "--gate", "off", "--format", "json"]

    for name, subject, cache in (
        ("imgforge audit, image", f"oci:{layout}:bench", work / "cache-image"),
        ("imgforge audit, dir:", f"dir:{tree}", work / "cache-tree"),
    ):
        shutil.rmtree(cache, ignore_errors=True)
        cold = once(asked(subject, cache))
        warm = best(runs, asked(subject, cache))
        table.row(f"{name}, warm", warm)
        gained = f"{(cold.cpu - warm.cpu) / (unpacked / 1e9):.1f} s more for each GB unpacked"
        if subject.startswith("oci:"):
            gained += f", {(cold.cpu - warm.cpu) / (packed / 1e9):.1f} s packed"
        table.row(f"{name}, cold", cold, gained)
    program, python = shutil.which("lddtree"), "/usr/bin/python3"
    if program and Path(python).exists():
        inside = [f"/{path.relative_to(tree)}" for path in objects]
        table.row("lddtree -R (libraries, no symbols)", once([python, program, "-l", "-R", tree, *inside], good=()))
    else:
        table.skipped("lddtree", "not installed (Debian: pax-utils)")


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("imgforge")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--abidiff", action="store_true")
    parser.add_argument("--only", choices=("abi", "audit"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = (options.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        try:
            if options.only != "audit":
                compare(options.imgforge, libraries(work), options.runs, options.abidiff)
            if options.only != "abi":
                audit(options.imgforge, work, options.runs)
        except fetch.Unavailable as error:
            talk(f"verdict.py: {error}")
            return 3
        except subprocess.CalledProcessError as error:
            talk(f"verdict.py: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
