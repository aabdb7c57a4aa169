"""What was measured, as tables: the runs, their ratios, and the targets beside them."""

from __future__ import annotations

MB, GB = 1e6, 1e9
# What may go up when nothing is: requests and their headers.
REQUESTS = 16_000
# What comes down besides layers: manifests, configurations and the headers of answers.
DOCUMENTS = 32_000
ARCHIVE = 64_000
MEMORY = 256_000_000


def lines(rows: list[list]) -> str:
    """Columns under their headings; numbers to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[n]) for row in texts) for n in range(len(texts[0]))]
    out = []
    for row in texts:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def runs_table(runs: dict) -> str:
    rows = [["", "wall s", "CPU s", "down MB", "up MB", "memory MB", "base layers kept"]]
    for name, run in runs.items():
        if "skipped" in run:
            rows.append([name, run["skipped"], "", "", "", "", ""])
            continue
        rows.append([
            name, f"{run['wall']:.2f}", f"{run['cpu']:.2f}", f"{run['down'] / MB:.3f}", f"{run['up'] / MB:.3f}",
            f"{run['rss'] / MB:.0f}", run["extra"].get("base layers kept", ""),
        ])  # fmt: skip
    return lines(rows)


def split(name: str) -> tuple[str, str]:
    who, _, subject = name.partition("@")
    return who, subject or "pair"


def measured(runs: dict) -> dict:
    return {name: run for name, run in runs.items() if "skipped" not in run}


def ratios_table(runs: dict) -> str:
    """How many times as long each peer took as each of imgforge's modes, on the same images."""
    held = measured(runs)
    peers = [name for name in held if not name.startswith("imgforge")]
    heads = list(dict.fromkeys(split(name)[0] for name in peers))
    rows = [["times as fast as", *heads]]
    for name, run in held.items():
        who, subject = split(name)
        if not who.startswith("imgforge") or who in ("imgforge-load", "imgforge-index"):
            continue
        others = [held.get(head if subject == "pair" else f"{head}@{subject}") for head in heads]
        if any(others):
            rows.append([name, *(f"{o['wall'] / run['wall']:.1f}" if o else "-" for o in others)])
    return lines(rows)


class Targets:
    """Rows of (what, target, found, verdict)."""

    def __init__(self, runs: dict):
        self.runs, self.rows = measured(runs), []

    def most(self, what: str, target: float, value, unit: str = "", over: int = 2) -> None:
        self._row(what, f"<= {target:.{over}f}{unit}", value, unit, over, value is not None and value <= target)

    def least(self, what: str, target: float, value) -> None:
        self._row(what, f">= {target:.0f} x", value, " x", 1, value is not None and value >= target)

    def _row(self, what, target, value, unit, over, reached) -> None:
        if value is None:
            self.rows.append({"what": what, "target": target, "found": "-", "verdict": "not measured"})
            return
        verdict = "reached" if reached else "NOT REACHED"
        self.rows.append({"what": what, "target": target, "found": f"{value:.{over}f}{unit}", "verdict": verdict})

    def of(self, name: str, key: str):
        return self.runs[name][key] if name in self.runs else None

    def faster(self, mode: str, peer: str):
        return self.runs[peer]["wall"] / self.runs[mode]["wall"] if {mode, peer} <= set(self.runs) else None

    def per(self, name: str, key: str, whole: float):
        value = self.of(name, key)
        return None if value is None else value / whole


def targets(runs: dict, facts: dict) -> list[dict]:
    """`facts` has compressed, searched, grafted and plain bytes of the pair."""
    held = Targets(runs)
    warm, full, scoped = "imgforge-warm", "imgforge-cold-full", "imgforge-cold-scoped"
    held.most("warm: fetched : compressed bytes of the wanted files", 1.01, held.per(warm, "down", facts["compressed"]), over=4)
    for mode, crane, docker in ((warm, 30, 100), (full, 5, 15), (scoped, 10, 30)):
        held.least(f"{mode}: as fast as crane", crane, held.faster(mode, "crane"))
        held.least(f"{mode}: as fast as docker", docker, held.faster(mode, "docker"))
    down = held.of(scoped, "down")
    more = None if down is None else (down - facts["searched"]) / 1e3
    held.most("cold, scoped: down over the layers to be searched", DOCUMENTS / 1e3, more, " KB", 1)
    held.most("repeat: down", 200, held.per("imgforge-repeat", "down", 1e3), " KB", 1)
    held.most("repeat: up, requests only", REQUESTS / 1e3, held.per("imgforge-repeat", "up", 1e3), " KB", 1)
    held.most("repeat: wall", 1, held.of("imgforge-repeat", "wall"), " s")
    known = held.runs.get(warm, {}).get("extra", {}).get("index bytes")
    held.most("index : GB of layer", 0.1, None if known is None else known / MB / (facts["plain"] / GB), " MB", 3)
    held.most("index: CPU : GB uncompressed", 1.9, held.per("imgforge-index", "cpu", facts["plain"] / GB), " s")
    held.most("extract to pushed: CPU : GB grafted", 3.2, held.per(warm, "cpu", facts["grafted"] / GB), " s")
    spliced = held.runs.get("imgforge-splice", {}).get("extra", {}).get("splice CPU")
    spliced = None if spliced is None else spliced / (facts["grafted"] / GB)
    held.most("new layer by splice: CPU : GB grafted", 1.3, spliced, " s")
    load = held.runs.get("imgforge-load")
    more = load and (load["up"] - load["extra"]["new layers"]) / 1e3
    held.most("docker load: sent over the new layers", ARCHIVE / 1e3, more, " KB", 1)
    peaks = [run["rss"] for name, run in held.runs.items() if name.startswith("imgforge")]
    held.most("memory of any imgforge run", MEMORY / MB, max(peaks) / MB if peaks else None, " MB", 0)
    return held.rows


def targets_table(rows: list[dict]) -> str:
    return lines([["", "target", "found", ""], *([r["what"], r["target"], r["found"], r["verdict"]] for r in rows)])


def growth(runs: dict) -> str:
    """What three times the image costs."""
    held = measured(runs)
    rows = [["three times the image", "wall", "CPU", "down"]]
    for name, run in held.items():
        who, subject = split(name)
        if subject == "3x" and who in held:
            rows.append([who, *(f"{run[k] / max(held[who][k], 1e-9):.2f} x" for k in ("wall", "cpu", "down"))])
    return lines(rows) if len(rows) > 1 else ""
