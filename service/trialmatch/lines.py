"""A match document as the lines that a coordinator would write down: what every page shares, terminal or web."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

# Control characters and those that reorder a line have no business in what records say.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


def clean(text: object) -> str:
    """Text on one line, without anything that could steer a terminal."""
    return " ".join(_UNSAFE.sub(" ", str(text)).split())


def plural(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def recruitment(state: str | None) -> str | None:
    """The state of recruitment in words, such as “not yet recruiting”; None where it is open, or nobody has said."""
    words = clean(state or "").replace("-", " ").replace("_", " ").lower()
    return None if words in ("", "recruiting", "active") else words


#: Types of records in words; those of one word are counted together.
_RECORDS = {
    "Observation": "results",
    "Condition": "diagnoses",
    "Procedure": "procedures",
    "Immunization": "immunizations",
    "AllergyIntolerance": "allergies",
    "MedicationRequest": "medication records",
    "MedicationStatement": "medication records",
    "MedicationAdministration": "medication records",
    "MedicationDispense": "medication records",
    "Encounter": "encounters",
    "ResearchSubject": "study participations",
    "ImagingStudy": "imaging studies",
    "DocumentReference": "documents",
}
_ONE = {"diagnoses": "diagnosis", "allergies": "allergy", "imaging studies": "imaging study"}


def recorded(document: Json) -> tuple[list[str], list[str]]:
    """What a match document rests on, in words: how many records of which kind, and of which there are none."""
    counts: dict[str, int] = {}
    for source in document["sources"]:
        if source["type"] in _RECORDS:
            words = _RECORDS[source["type"]]
            counts[words] = counts.get(words, 0) + source["count"]
    there = [plural(n, _ONE.get(words, words.removesuffix("s")), words) for words, n in counts.items() if n]
    return there, [words for words, number in counts.items() if not number]


#: Gaps in the data: what is wrong, in the order of a coordinator's work.
GAPS = {
    "missing-data": "Never measured, or not on record",
    "stale": "Too old",
    "provisional": "Not final, or not confirmed yet",
    "unusable": "On record, but cannot be compared",
    "imprecise": "On record, but too vague to decide",
    "source-failed": "Not given by the source, or not readable",
}

#: Points for a person: how they are settled. A line that needs several of these stands under the first of them.
_DATE, _READ, _OPEN, _BOTH, _CHART, _PERSON = "date", "read", "open", "both", "chart", "person"
CONFIRMATIONS = {
    _PERSON: "Needs a person's answer",
    _CHART: "The record says nothing: look in the chart",
    _BOTH: "The record says nothing: look in the chart, and judge what is found",
    _OPEN: "The printed list is open (“etc.”): look for others of its kind",
    _READ: "Only printed, no rule reads it: look and decide",
    _DATE: "Hangs on a date that is not known yet, such as the infusion's",
}
_KIND = {
    "judgement": _PERSON,
    "no-record": _CHART,
    "open-list": _OPEN,
    "not-computable": _READ,
    "anchor-unknown": _DATE,
}


def gaps_of(match: Json) -> list[Json]:
    """What is missing for want of data."""
    return [one for one in match["missing"] if one["basis"] in GAPS]


def confirmations_of(match: Json) -> list[Json]:
    """What is missing for want of a person's word."""
    return [one for one in match["missing"] if one["basis"] not in GAPS]


#: Printed texts shorter than this say too little by themselves: those that begin like a sentence ("Breastfeeding at
#: screening"), and those that do not ("breastfeeding (lactating)", "2013 ACR classification criteria").
_SHORT, _SHORT_PART = 30, 40

#: So a text begins that goes on with what stands above it, however long it is: "or unable to tolerate …".
_GOES_ON = re.compile(
    r"(?:or|and|nor|but|as well as|with|without|by|to|in|for|if|where|when|which|who|that|those|other|still|except"
    r"|excluding|including|caused|relative)\b"
)


@dataclass(frozen=True)
class Row:
    """One line of criteria: an item as printed, and those of its leaves that the line is about.

    ``above`` are the groups that it stands in, the nearest first.
    """

    item: Json
    leaves: tuple[Json, ...]
    above: tuple[Json, ...] = ()

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
    def own(self) -> str:
        """The printed text by itself."""
        return clean(self.item["text"])

    @property
    def part_of(self) -> str:
        """Of a mere fragment what it is a part of: the nearest text above that is none, or begins like a sentence."""
        if not _is_fragment(self.own):
            return ""
        texts = [clean(one["text"]) for one in self.above]
        others = [one for one in texts if one and one.casefold() != self.own.casefold()]
        return next((one for one in others if one[0].isupper() or not _is_fragment(one)), others[0] if others else "")

    @property
    def text(self) -> str:
        """The printed text; a mere fragment together with what it is a part of."""
        return f"{self.own} (of: {self.part_of})" if self.part_of else self.own


def _is_fragment(text: str) -> bool:
    """Whether a printed text needs those above it to be understood."""
    begins = text[:1].isupper()
    return len(text) < (_SHORT if begins else _SHORT_PART) or _GOES_ON.match(text) is not None


#: A choice of more leaves than this is too much for one line.
_ONE_LINE = 6


def rows(items: Iterable[Json], wanted: set[str]) -> list[Row]:
    """The wanted leaves of a tree of items in as few lines as a coordinator would write down.

    What has to hold by itself gets a line of its own; what is a choice, or a small set that is asked for together, is
    one line with the text printed above it.
    """
    return [row for item in items for row in _rows(item, wanted, (), False)]


def leaves(items: Iterable[Json]) -> Iterator[Json]:
    """The leaves of a tree of items, in the order of authoring."""
    for item in items:
        if "combination" in item:
            yield from leaves(item["children"])
        else:
            yield item


def _rows(item: Json, wanted: set[str], above: tuple[Json, ...], flipped: bool) -> list[Row]:
    mine = tuple(leaf for leaf in leaves([item]) if leaf["linkId"] in wanted)
    if not mine:
        return []
    if "combination" not in item:
        return [Row(item, mine, above)]
    flipped ^= bool(item.get("exclude")) ^ (item["combination"] == "at-most")
    each_must_hold = item["combination"] == ("any-of" if flipped else "all-of")
    together = _asked_together(item, mine) if each_must_hold else 1 < len(mine) <= _ONE_LINE
    if holds_cohorts(item) or (each_must_hold and not flipped):
        together = False
    if together and clean(item["text"]):
        return [Row(item, mine, above)]
    return [row for child in item["children"] for row in _rows(child, wanted, (item, *above), flipped)]


def _asked_together(item: Json, mine: tuple[Json, ...]) -> bool:
    """Whether a list of requirements goes on one line: few leaves, all of them wanted, for the same reason."""
    return mine == tuple(item["children"]) and len(mine) <= 3 and len({leaf.get("basis") for leaf in mine}) == 1


def holds_cohorts(item: Json) -> bool:
    """Whether an item is the choice among cohorts."""
    return any(child.get("cohort") != item.get("cohort") for child in item["children"])


def by_way(found: Sequence[Row]) -> dict[str, list[Row]]:
    """Lines to confirm by the way they are settled, in the order of CONFIRMATIONS."""
    grouped: dict[str, list[Row]] = {name: [] for name in CONFIRMATIONS}
    for row in found:
        grouped[_way(row)].append(row)
    return grouped


def _way(row: Row) -> str:
    kinds = {_KIND.get(leaf["basis"], _PERSON) for leaf in row.leaves}
    for name in (_DATE, _READ, _OPEN):
        if name in kinds:
            return name
    return _BOTH if len(kinds) > 1 else kinds.pop()
