"""One run measured: wall and CPU time, memory, bytes over the wire."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A command of a run failed; the text has its last words."""


@dataclass
class Run:
    """What one way to do the job cost.  Times in seconds, `rss` in bytes of the largest process."""

    name: str
    wall: float = 0.0
    cpu: float = 0.0
    rss: int = 0
    down: int = 0
    up: int = 0
    steps: list = field(default_factory=list)
    extra: dict = field(default_factory=dict)


class Meter:
    """Adds up the steps of a run.  `log` takes what the commands say.

    Bytes are those that pass `proxy` during steps; daemons' processor time counts during steps too.
    """

    def __init__(self, name: str, log: Path, proxy=None):
        self.run, self.log, self.proxy, self.daemons = Run(name), log, proxy, []

    def step(self, *command, env=None, cwd=None, check=True) -> int:
        """Run a command to its end.  Its descendants count where somebody waited for them."""
        passed, before, begun = self._passed(), _cpu_of(self.daemons), time.monotonic()
        with open(self.log, "ab") as log:
            log.write(f"\n$ {' '.join(map(str, command))}\n".encode())
            log.flush()
            child = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(env or {})}, cwd=cwd,
            )  # fmt: skip
            _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - begun
        cpu = used.ru_utime + used.ru_stime + _cpu_of(self.daemons) - before
        for which, bytes_before in passed.items():
            setattr(self.run, which, getattr(self.run, which) + self._passed()[which] - bytes_before)
        self.run.wall += wall
        self.run.cpu += cpu
        self.run.rss = max(self.run.rss, used.ru_maxrss * 1024, _peak_of(self.daemons))
        self.run.steps.append({"command": Path(str(command[0])).name, "wall": wall, "cpu": cpu})
        if check and child.returncode:
            raise Failed(f"{command[0]} ended with {child.returncode}:\n{_tail(self.log)}")
        return child.returncode

    def _passed(self) -> dict:
        counts = self.proxy.counts() if self.proxy else {}
        return {which: counts.get(which, 0) for which in ("down", "up")}

    def shell(self, script: str, **more) -> None:
        """A pipeline; any part of it may fail it."""
        self.step("bash", "-euo", "pipefail", "-c", script, **more)


def _tail(log: Path) -> str:
    with open(log, "rb") as source:
        source.seek(max(0, log.stat().st_size - 1500))
        return source.read().decode(errors="replace").strip()


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _tree(roots) -> list[int]:
    """The processes and all their descendants."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    held, todo = [], list(roots)
    while todo:
        held.append(todo.pop())
        todo += parents.get(held[-1], [])
    return held


def _cpu_of(daemons) -> float:
    """CPU seconds of the daemons, what they started, and what of that has ended."""
    if not daemons:
        return 0.0
    fields = [fields for pid in _tree(daemons) if (fields := _stat(pid))]
    return sum(int(f[n]) for f in fields for n in (11, 12, 13, 14)) / TICKS


def _peak_of(daemons) -> int:
    """The largest resident set that any of them has had."""
    peaks = [0]
    for pid in _tree(daemons) if daemons else ():
        try:
            text = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        peaks += [int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmHWM")]
    return max(peaks)
