"""``attrition.html``: one page that explains itself, needs no network and no script, and prints well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.criteria import Item
from trialmatch.eligibility.verdict import INELIGIBLE
from trialmatch.prescreen.attrition import DECEASED, GATE, PERSON, VERDICTS, Way

#: Rows of the tables of what stops patients and of what is missing, and criteria named of one group that stops them.
_MOST, _WITHIN = 12, 4

#: Characters of a criterion in a funnel.
_LONGEST = 100

#: So many studies are shown with every criterion; of more, attrition.parquet has the rest.
_IN_FULL = 25

_BASIS = {
    t.SOURCE_FAILED: "not given by the source",
    t.UNUSABLE: "not usable",
    t.PROVISIONAL: "provisional",
    t.STALE: "too old",
    t.IMPRECISE: "imprecise",
    t.MISSING_DATA: "no result",
    t.ANCHOR_UNKNOWN: "date not known",
    t.NO_RECORD: "nothing on record",
    t.OPEN_LIST: "printed list is open",
    t.NOT_COMPUTABLE: "no rule reads it",
    t.JUDGEMENT: "a person’s judgement",
}

_ASIDE = {
    GATE: "No record of what the study must find, such as its disease",
    DECEASED: "Deceased",
    PERSON: "Age or sex outside the study’s limits",
}


@dataclass(frozen=True)
class Bar:
    """One step of a funnel: ``lost`` at it, ``left`` after it; ``after`` and ``pale`` say so in % of the first.

    Steps without a number stand for criteria that lose nobody; the last is the ``total``.
    """

    words: str
    link_id: str = ""
    left: int | None = None
    lost: int = 0
    after: float = 0.0
    pale: float = 0.0
    total: bool = False


def page(found: Sequence[Way], facts: Mapping[str, Any]) -> str:
    """The page for all studies; ``facts`` are ``asOf``, ``persons``, ``version``, ``incomplete``, ``undetermined``.

    ``undetermined`` are studies without criteria, as pairs of id and title.
    """
    environment = Environment(
        loader=PackageLoader("trialmatch.prescreen"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["number"] = number
    environment.filters["share"] = share
    in_full = len(found) <= _IN_FULL
    return environment.get_template("attrition.html").render(
        facts=facts, studies=[_study(way, in_full) for way in found], in_full=in_full
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
    gaps, confirmations = _missing(way)
    return {
        "id": way.study.id,
        "title": way.study.title,
        "persons": way.persons,
        "aside": sum(way.aside.values()),
        "judged": way.tally.judged,
        "kept": way.tally.judged - way.verdict(INELIGIBLE),
        "verdicts": {name: way.verdict(name) for name in VERDICTS},
        "entry": _entry(way),
        "steps": _steps(way),
        "stops": _stops(way),
        "gaps": gaps,
        "confirmations": confirmations,
        "criteria": _criteria(way) if in_full else [],
    }


# -- the two funnels --------------------------------------------------------------------------------------------------


def _entry(way: Way) -> list[Bar]:
    """From all patients to those who are judged."""
    bars = _Bars("All patients", way.persons)
    for stage, lost in way.aside.items():
        bars.add(_ASIDE[stage], bars.left - lost)
    bars.end("Judged by every criterion")
    return bars.found


def _steps(way: Way) -> list[Bar]:
    """The judged through the top criteria; those that lose nobody are told together."""
    bars = _Bars("Judged", way.tally.judged)
    quiet = 0
    place = {item.link_id: position for position, item in enumerate(way.study.walk())}
    for item in way.study.items or ():
        after = way.tally.remain[place[item.link_id]]
        if after == bars.left:
            quiet += 1
            continue
        bars.skip(quiet)
        quiet = 0
        bars.add(_short(_text(item)), after, item.link_id)
    bars.skip(quiet)
    bars.end("May qualify")
    return bars.found


class _Bars:
    """The bars of a funnel, as they come."""

    def __init__(self, words: str, count: int) -> None:
        self.whole = self.left = count
        self.found = [Bar(words, left=count, after=self._share(count))]

    def add(self, words: str, left: int, link_id: str = "") -> None:
        """A step after which so many are left."""
        lost = self.left - left
        self.found.append(Bar(words, link_id, left, lost, self._share(left), self._share(lost)))
        self.left = left

    def skip(self, count: int) -> None:
        """Criteria that lose nobody."""
        if count:
            words = "1 criterion that stops nobody" if count == 1 else f"{count} criteria that stop nobody"
            self.found.append(Bar(words))

    def end(self, words: str) -> None:
        """Who is left at the end."""
        self.found.append(Bar(words, left=self.left, after=self._share(self.left), total=True))

    def _share(self, count: int) -> float:
        return round(100 * count / self.whole, 2) if self.whole else 0.0


# -- the tables -------------------------------------------------------------------------------------------------------


def _stops(way: Way) -> dict[str, Any]:
    """The top criteria that are unmet, most often first, each with those of its parts that decide most often."""
    found, position = [], 0
    for item in way.study.items or ():
        own = list(enumerate(item.walk(), start=position))
        unmet = way.criteria[position]["unmet"]
        position += len(own)
        parts = [(one, part) for one, part in own[1:] if part.leaf is not None and way.tally.stops[one]]
        parts.sort(key=lambda one: -way.tally.stops[one[0]])
        if unmet:
            within = [{**_named(part), "count": way.tally.stops[one]} for one, part in parts[:_WITHIN]]
            found.append({**_named(item), "count": unmet, "within": within, "more": len(parts) - len(within)})
    return _cut(found)


def _missing(way: Way) -> tuple[dict[str, Any], dict[str, Any]]:
    """The leaves that keep verdicts open, most often first: gaps in the data, and what a person has to confirm."""
    gaps: list[dict[str, Any]] = []
    confirmations: list[dict[str, Any]] = []
    for position, item in enumerate(way.study.walk()):
        count = way.tally.blocks[position]
        if item.leaf is None or not count:
            continue
        why = _why(way.criteria[position])
        basis = why[0][0] if why else t.MISSING_DATA
        row = {**_named(item), "count": count, "why": _BASIS[basis]}
        (confirmations if basis in t.CONFIRMATIONS else gaps).append(row)
    return _cut(gaps), _cut(confirmations)


def _cut(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The rows with the highest counts, and how many more there are."""
    rows = sorted(rows, key=lambda one: -one["count"])
    return {"rows": rows[:_MOST], "more": max(len(rows) - _MOST, 0)}


def _criteria(way: Way) -> list[dict[str, Any]]:
    """Every criterion, with its depth."""
    found: list[dict[str, Any]] = []

    def add(items: Iterable[Item], depth: int) -> None:
        for item in items:
            counted = way.criteria[len(found)]
            found.append(
                {
                    **_named(item),
                    "depth": depth,
                    "group": item.leaf is None,
                    **{name: counted[name] for name in t.STATUS.values()},
                    "why": [(_BASIS[basis], count) for basis, count in _why(counted)],
                }
            )
            add(item.members, depth + 1)

    add(way.study.items or (), 0)
    return found


def _why(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    """The bases of the unknowns, most frequent first."""
    return sorted(((one, counted[one]) for one in t.PRECEDENCE if counted[one]), key=lambda one: -one[1])


def _named(item: Item) -> dict[str, Any]:
    return {"linkId": item.link_id, "text": _text(item)}


def _short(text: str) -> str:
    """A text as far as it has room in a funnel, ending with a whole word; the tables below have it in full."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST + 1].rsplit(' ', 1)[0].rstrip(' ,;:.')} …"


def _text(item: Item) -> str:
    return item.text or str(getattr(item.leaf, "label", "") or "")
