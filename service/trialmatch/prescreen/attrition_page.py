"""``attrition.html``: one page that explains itself, needs no network and no script, and prints well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.criteria import Item
from trialmatch.prescreen.attrition import DECEASED, GATE, PERSON, Way, criterion, stage_words

#: Rows of the two tables of what stops patients and what is missing.
_MOST = 12

#: So many studies are shown with every criterion; of more, attrition.parquet has the rest.
_IN_FULL = 25

#: Geometry of the drawn funnel, in SVG units.
_ROW, _BAR, _LABEL, _WIDE, _RIGHT = 30, 20, 330, 420, 130

_BASIS = {
    t.SOURCE_FAILED: "not obtained",
    t.UNUSABLE: "not usable",
    t.PROVISIONAL: "provisional",
    t.STALE: "too old",
    t.IMPRECISE: "imprecise",
    t.MISSING_DATA: "no result",
    t.ANCHOR_UNKNOWN: "date not known",
    t.NO_RECORD: "no record",
    t.OPEN_LIST: "open list",
    t.NOT_COMPUTABLE: "only printed",
    t.JUDGEMENT: "a person's judgement",
}


@dataclass(frozen=True)
class Bar:
    """One step of a funnel: ``lost`` at it, ``left`` after it; geometry in SVG units."""

    y: int
    words: str
    left: int
    lost: int
    width: float
    before: float


def page(found: Sequence[Way], facts: dict[str, Any]) -> str:
    """The page for all studies; ``facts`` are ``asOf``, ``persons``, ``version``, ``source``, ``incomplete``."""
    environment = Environment(
        loader=PackageLoader("trialmatch.prescreen"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["number"] = number
    environment.filters["share"] = share
    return environment.get_template("attrition.html").render(
        facts=facts, studies=[_study(way, len(found) <= _IN_FULL) for way in found], bases=_BASIS
    )


def number(value: int) -> str:
    """A number with thin blanks between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def share(value: int, whole: int) -> str:
    """A share in per cent, with as many digits as say something."""
    if not whole or not value:
        return "0 %"
    part = 100 * value / whole
    return f"{part:.0f} %" if part >= 10 else f"{part:.1f} %" if part >= 0.1 else "< 0.1 %"


def _study(way: Way, in_full: bool) -> dict[str, Any]:
    items = list(way.study.walk())
    steps = _steps(way)
    leaves = [position for position, item in enumerate(items) if item.leaf is not None]
    tally = way.tally
    stops = sorted((one for one in leaves if tally.stops[one]), key=lambda one: (-tally.stops[one], one))
    blocks = sorted((one for one in leaves if tally.blocks[one]), key=lambda one: (-tally.blocks[one], one))
    kept = way.tally.judged - way.verdict("ineligible")
    return {
        "id": way.study.id,
        "title": way.study.title,
        "persons": way.persons,
        "judged": tally.judged,
        "kept": kept,
        "verdicts": {name: way.verdict(name) for name in ("eligible", "likely", "possible", "ineligible")},
        "aside": [(stage_words(stage, way.study), way.aside[stage]) for stage in (GATE, DECEASED, PERSON)],
        "bars": steps,
        "size": {"width": _LABEL + _WIDE + _RIGHT, "height": _ROW * len(steps) + 6, "label": _LABEL, "bar": _BAR},
        "stops": [_row(way, items[one], one, tally.stops[one]) for one in stops[:_MOST]],
        "more_stops": max(len(stops) - _MOST, 0),
        "blocks": [_row(way, items[one], one, tally.blocks[one]) for one in blocks[:_MOST]],
        "more_blocks": max(len(blocks) - _MOST, 0),
        "criteria": [_row(way, item, position, 0) for position, item in enumerate(items)] if in_full else [],
    }


def _row(way: Way, item: Item, position: int, count: int) -> dict[str, Any]:
    counted = criterion(way.tally, position)
    why = [(_BASIS[basis], counted[basis]) for basis in t.PRECEDENCE if counted[basis]]
    return {
        "linkId": item.link_id,
        "text": item.text or getattr(item.leaf, "label", "") or "",
        "kind": item.kind,
        "group": item.leaf is None,
        "count": count,
        "met": counted["met"],
        "unmet": counted["unmet"],
        "unknown": counted["unknown"],
        "why": sorted(why, key=lambda one: -one[1]),
    }


def _steps(way: Way) -> list[Bar]:
    """The funnel of the judged patients through the top criteria; those that lose nobody are drawn together."""
    judged = way.tally.judged
    bars = [Bar(3, "judged", judged, 0, float(_WIDE), float(_WIDE))]
    left, quiet = judged, 0
    place = {item.link_id: position for position, item in enumerate(way.study.walk())}

    def add(words: str, after: int) -> None:
        nonlocal left
        before = _WIDE * left / judged if judged else 0.0
        width = _WIDE * after / judged if judged else 0.0
        bars.append(Bar(3 + _ROW * len(bars), words, after, left - after, round(width, 1), round(before, 1)))
        left = after

    for item in way.study.items or ():
        after = way.tally.remain[place[item.link_id]]
        if after == left:
            quiet += 1
            continue
        if quiet:
            add(_together(quiet), left)
            quiet = 0
        add(_short(item), after)
    if quiet:
        add(_together(quiet), left)
    return bars


def _together(count: int) -> str:
    return "1 criterion that stops nobody" if count == 1 else f"{count} criteria that stop nobody"


def _short(item: Item) -> str:
    words = f"{item.link_id} {item.text or getattr(item.leaf, 'label', '')}".strip()
    return words if len(words) <= 42 else words[:41].rstrip() + "…"
