"""What every page on a terminal shares: width, colour, verdicts, a grid."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

NARROWEST, WIDEST, USUAL = 60, 140, 100

#: Symbol and style of each verdict: the symbol tells them apart without colour.
VERDICTS = {
    "eligible": ("✔", "bold green"),
    "likely": ("◕", "bold cyan"),
    "possible": ("◑", "bold yellow"),
    "ineligible": ("✘", "bold red"),
    "undetermined": ("○", "bold"),
}


def shorten(text: str, width: int) -> str:
    """Text in at most ``width`` cells, cut between words where it can be."""
    if cell_len(text) <= width:
        return text
    kept = ""
    for word in text.split(" "):
        if cell_len(f"{kept} {word}".strip()) >= width:
            break
        kept = f"{kept} {word}".strip()
    if cell_len(kept) < width // 2:  # one long word, or a script without spaces
        kept = text
        while cell_len(kept) >= width:
            kept = kept[:-1]
    return kept.rstrip(" ,;:.–(") + "…"


def width_of(stream: TextIO) -> int:
    """How many columns a page has: the terminal's (or ``COLUMNS``), within what is pleasant to read."""
    known = stream.isatty() or os.environ.get("COLUMNS")
    columns = shutil.get_terminal_size((USUAL, 24)).columns if known else USUAL
    return max(NARROWEST, min(WIDEST, columns))


def rendered(parts: Iterable[RenderableType], stream: TextIO, width: int) -> str:
    """Renderables as text for ``stream``: coloured on a terminal only, and not where NO_COLOR or TERM=dumb say no."""
    unwanted = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "") in ("dumb", "unknown")
    plain = unwanted or not stream.isatty()
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=width,
        force_terminal=not plain,
        force_interactive=False,
        color_system=None if plain else "auto",
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for part in parts:  # a line that must not be broken, such as a command to paste, is left to the terminal
        console.print(part, soft_wrap=isinstance(part, Text) and bool(part.no_wrap))
    text = buffer.getvalue()
    return "\n".join(line.rstrip() for line in text.split("\n")) if plain else text


def heading(left: str, right: Text, width: int) -> Text:
    """A rule across the page with words at both ends."""
    line = Text(f"━━ {shorten(left, width - right.cell_len - 9)} ", style="bold")
    fill = width - cell_len(line.plain) - right.cell_len - 4
    return line.append("━" * max(fill, 1)).append(" ").append_text(right).append(" ━━", style="bold")


def verdict_text(verdict: str, *, capital: bool = False) -> Text:
    """A verdict as symbol and word in its colour."""
    symbol, style = VERDICTS.get(verdict, ("?", "bold"))
    return Text(f"{symbol} {verdict.upper() if capital else verdict}", style=style)


def grid(rows: Iterable[tuple[RenderableType, RenderableType]], indent: int, first: int) -> Table:
    """Two columns without lines: names of a fixed width (long ones fold), and text that wraps beside them."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(width=indent)
    table.add_column(width=first, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    table.expand = True
    for name, body in rows:
        table.add_row("", name, body)
    return table
