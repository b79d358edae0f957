"""What every page on a terminal shares: width, colour, safe text, verdicts, and rows of criteria out of a tree."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

Json = dict[str, Any]

NARROWEST, WIDEST, USUAL = 60, 140, 100

#: Symbol and style of each verdict: the symbol tells them apart without colour.
VERDICTS = {
    "eligible": ("✔", "bold green"),
    "likely": ("◕", "bold cyan"),
    "possible": ("◑", "bold yellow"),
    "ineligible": ("✘", "bold red"),
    "undetermined": ("○", "bold"),
}

# Control characters and those that reorder a line have no business in what records say.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


def clean(text: object) -> str:
    """Text on one line, without anything that could steer a terminal."""
    return " ".join(_UNSAFE.sub(" ", str(text)).split())


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


def plural(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


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


#: Printed texts shorter than this ("severe", "requiring treatment") say too little by themselves.
_FRAGMENT = 22


@dataclass(frozen=True)
class Row:
    """One line of criteria: an item as printed, and those of its leaves that the line is about."""

    item: Json
    leaves: tuple[Json, ...]
    parent: Json | None = None

    @property
    def link_id(self) -> str:
        """The item's linkId."""
        return clean(self.item["linkId"])

    @property
    def parts(self) -> str:
        """The leaves' linkIds as far as they say more than the item's: ``.a .b``."""
        own = self.link_id
        names = [clean(leaf["linkId"]) for leaf in self.leaves if leaf is not self.item]
        return " ".join(name.removeprefix(own) if name.startswith(f"{own}.") else name for name in names)

    @property
    def text(self) -> str:
        """The printed text; a mere fragment together with what it is a part of."""
        own = clean(self.item["text"])
        above = clean(self.parent["text"]) if self.parent is not None else ""
        fragment = len(own) < _FRAGMENT and own.lower() not in above.lower()
        return f"{own} (of: {above})" if above and fragment else own


#: A choice of more leaves than this is too much for one line.
_ONE_LINE = 6


def rows(items: Iterable[Json], wanted: set[str]) -> list[Row]:
    """The wanted leaves of a tree of items in as few lines as a coordinator would write down.

    What has to hold by itself gets a line of its own; what is a choice, or a small set that is asked for together, is
    one line with the text printed above it.
    """
    return [row for item in items for row in _rows(item, wanted, None, False)]


def leaves(items: Iterable[Json]) -> Iterator[Json]:
    """The leaves of a tree of items, in the order of authoring."""
    for item in items:
        if "combination" in item:
            yield from leaves(item["children"])
        else:
            yield item


def _rows(item: Json, wanted: set[str], parent: Json | None, flipped: bool) -> list[Row]:
    mine = tuple(leaf for leaf in leaves([item]) if leaf["linkId"] in wanted)
    if not mine:
        return []
    if "combination" not in item:
        return [Row(item, mine, parent)]
    flipped ^= bool(item.get("exclude")) ^ (item["combination"] == "at-most")
    each_must_hold = item["combination"] == ("any-of" if flipped else "all-of")
    together = _asked_together(item, mine) if each_must_hold else 1 < len(mine) <= _ONE_LINE
    if holds_cohorts(item) or (each_must_hold and not flipped):
        together = False
    if together and clean(item["text"]):
        return [Row(item, mine, parent)]
    return [row for child in item["children"] for row in _rows(child, wanted, item, flipped)]


def _asked_together(item: Json, mine: tuple[Json, ...]) -> bool:
    """Whether a list of requirements goes on one line: few leaves, all of them wanted, for the same reason."""
    return mine == tuple(item["children"]) and len(mine) <= 3 and len({leaf.get("basis") for leaf in mine}) == 1


def holds_cohorts(item: Json) -> bool:
    """Whether an item is the choice among cohorts."""
    return any(child.get("cohort") != item.get("cohort") for child in item["children"])
