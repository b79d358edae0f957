"""Writes ``docs/settings.md`` from :class:`trialmatch.config.Settings`: ``python -m tests.docs.settings``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from trialmatch.config import Settings, variable

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"

_INTRODUCTION = """# Settings

<!-- Made by `python -m tests.docs.settings` from service/trialmatch/config.py. Do not edit. -->

Every setting is an environment variable. One that is unset or empty has its default; a value that is not allowed ends
the program with exit code 2 and a line that names the variable. `--studies` on the command line goes before
`TRIALMATCH_STUDIES`. A variable that begins with `TRIALMATCH_` and is none of these has no effect; `trialmatch serve`
warns of it in its log.
"""

_OTHERS = """
What is not about matching:

| variable | does |
|---|---|
| `TRIALMATCH_DEBUG` | set to anything, the traceback of an internal error is shown; it may hold patients' values |
| `NO_COLOR`, `TERM=dumb` | no colour, also on a terminal; elsewhere there is never any |
| `COLUMNS` | the width of a page (60 to 140 columns); else the terminal's, or 100 |
"""


def render() -> str:
    """The whole page."""
    rows = ["| variable | default | meaning | allowed |", "|---|---|---|---|"]
    for setting in fields(Settings):
        default = "" if setting.default is None else f"`{setting.default}`"
        allowed = setting.metadata["allowed"] or _kind(str(setting.type))
        rows.append(f"| `{variable(setting.name)}` | {default} | {setting.metadata['meaning']} | {allowed} |")
    return "\n".join([_INTRODUCTION, *rows, _OTHERS])


def _kind(annotation: str) -> str:
    kinds = {"int": "a whole number", "float": "a number", "str": ""}
    return kinds[annotation.split(" | ")[0]]


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8")
