"""Puts the demo's real output into the README: ``python -m tests.packaging.readme`` (part of ``make docs``)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
PATIENTS = 4
"""How many of the demo's patients the README shows; the rest is left out with an ellipsis."""

_BLOCK = re.compile(r"(?<=`make demo`)(?P<words>[^`]*)```\n.*?```\n", re.DOTALL)


def demo_output() -> str:
    """What ``trialmatch demo`` prints where its output is no terminal, up to the patients that are not shown."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TRIALMATCH_")}
    environment |= {"PYTHONIOENCODING": "utf-8", "NO_COLOR": "1", "COLUMNS": "100"}
    command = [sys.executable, "-m", "trialmatch", "demo"]
    output = subprocess.run(command, capture_output=True, check=True, env=environment).stdout.decode("utf-8")
    shown = re.split(rf"^{PATIENTS + 1}\. ", output, flags=re.MULTILINE)[0]
    return "".join(f"{line.rstrip()}\n" for line in shown.rstrip().split("\n")) + "…\n"


def with_output(readme: str, output: str) -> str:
    """The README with that output in its block after "make demo"."""
    changed, blocks = _BLOCK.subn(lambda found: f"{found['words']}```\n{output}```\n", readme, count=1)
    assert blocks == 1, "README.md has no block of output after `make demo`"
    return changed


if __name__ == "__main__":
    README.write_text(with_output(README.read_text("utf-8"), demo_output()), encoding="utf-8")
