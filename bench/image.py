#!/usr/bin/env python3
"""Make the image that the audit is timed on: Debian 12, CPython 3.11 and many wheels.

    image.py OUT            the wheels of pins.toml, one layer each, as an OCI layout

The system below them is that of the real fixtures. Nothing of the image is run.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
sys.path[:0] = [str(FIXTURES / "real"), str(FIXTURES)]

import build as real  # noqa: E402
import fetch  # noqa: E402
import wheels  # noqa: E402
from oci_layout import Image  # noqa: E402
from oci_layout import write_layout  # noqa: E402
from tree import Tree  # noqa: E402


def talk(text):
    print(text, file=sys.stderr, flush=True)


def wheel_layer(wheel: Path, name: str):
    """One layer; the wheel is found under the name it was published by."""
    tree = Tree(real.DYNAMO)
    real.venv_parents(tree)
    with tempfile.TemporaryDirectory() as scratch:
        link = Path(scratch) / name
        link.symlink_to(wheel)
        wheels.install(tree, link, real.SITE)
    return real.layer_of(tree)


def main() -> int:
    if len(sys.argv) != 2:
        talk(__doc__)
        return 2
    parts = real.Parts(talk)
    root = real.rootfs(parts)
    system = real.python(parts, root)
    venv = Tree(real.DYNAMO)
    real.venv(venv)
    layers = [real.layer_of(tree) for tree in (root, system, venv)]
    pins = fetch.read_pins(HERE / "pins.toml")
    for pin, wheel in sorted(fetch.ensure(pins, talk=talk).items(), key=lambda item: item[0].name):
        talk(f"{pin.name} {pin.version}")
        layers.append(wheel_layer(wheel, pin.file))
    write_layout(sys.argv[1], {"bench": Image(layers, real.base_config())})
    return 0


if __name__ == "__main__":
    sys.exit(main())
