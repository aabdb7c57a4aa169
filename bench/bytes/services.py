"""The servers of the benchmark: started on loopback, asked, and ended by their process ids."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVICES = HERE.parent.parent / "fixtures" / "services"


class Skipped(Exception):
    """Something cannot be measured here; the text says why."""


def starter(script: str, *words) -> dict:
    """What a starter of fixtures/services printed, as a dictionary."""
    done = subprocess.run(
        [SERVICES / script, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if done.returncode == 77:
        raise Skipped(done.stderr.strip().splitlines()[-1].removeprefix("SKIPPED: "))
    if done.returncode:
        raise OSError(f"{script}: {done.stderr.strip()[-600:]}")
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {key: "".join(shlex.split(value)) if key != "pids" else value for key, _, value in pairs}


def stop(pids: str) -> None:
    subprocess.run([SERVICES / "stop.sh", *shlex.split(pids.strip("'"))], check=False)


@contextmanager
def registry(directory: Path):
    """Debian's docker-registry on `directory`/data; gives its address."""
    held = starter("registry.sh", "--dir", directory)
    try:
        yield held["address"]
    finally:
        stop(held["pids"])


@contextmanager
def ours(images: Path, uploads: Path):
    """The registry that makes up layers as they are asked for; gives its address."""
    command = [sys.executable, HERE / "synthetic.py", str(images), str(uploads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
            server.wait(10)
            shutil.rmtree(uploads, ignore_errors=True)


@contextmanager
def dockerd(directory: Path):
    """A Docker daemon of its own; gives what its starter printed."""
    held = starter("dockerd.sh", "--dir", directory)
    try:
        yield held
    finally:
        stop(held["pids"])


class Proxy:
    """The counting proxy in front of a server; see proxy.py."""

    def __init__(self, address: str, process):
        self.address, self.process = address, process

    def counts(self) -> dict:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def proxy(listen: str, upstream: str):
    command = [sys.executable, HERE / "proxy.py", listen, upstream]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdout.readline().strip() != "ready":
            raise OSError(f"the proxy did not come up on {listen}: is another benchmark running?")
        try:
            yield Proxy(listen, server)
        finally:
            server.stdin.close()
            server.wait(10)


# --- the registry's files ---------------------------------------------------------------------------


def storage(directory: Path) -> Path:
    return directory / "data/docker/registry/v2"


def blob_path(directory: Path, digest: str) -> Path:
    hexadecimal = digest.removeprefix("sha256:")
    return storage(directory) / "blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"


def forget_results(directory: Path, keep: set[str], repositories: tuple) -> None:
    """Take out what runs pushed: every repository but these, and every blob that is not in `keep`.

    Only while no registry runs on it.
    """
    for found in (storage(directory) / "repositories/bench").iterdir():
        if found.name not in repositories:
            shutil.rmtree(found)
    for blob in (storage(directory) / "blobs/sha256").glob("*/*"):
        if f"sha256:{blob.name}" not in keep:
            shutil.rmtree(blob)


def all_blobs(directory: Path) -> set[str]:
    return {f"sha256:{path.name}" for path in (storage(directory) / "blobs/sha256").glob("*/*")}


def warm_pages(paths) -> None:
    """Read files once and write out what is dirty, so that every run begins with the same page cache."""
    os.sync()
    for path in paths:
        with open(path, "rb", buffering=0) as source:
            while source.read(1 << 22):
                pass
