"""Where patients are lost: per study the way from all patients to candidates, per criterion how they came out.

Two kinds of counts, told apart everywhere they are shown. *Set aside*: patients who cannot become candidates whatever
else is on record (no record of the disease that a criterion gates on, deceased, outside age or sex); they are counted
and not judged. *Judged*: everybody else; the counts of a criterion are of these, each patient once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.criteria import Study
from trialmatch.eligibility.verdict import ELIGIBLE, INELIGIBLE, LIKELY, POSSIBLE
from trialmatch.prescreen.judge import Tally

#: Stages of a study's way, in their order; the criteria stand between ``judged`` and the verdicts.
HOSPITAL, GATE, PERSON, DECEASED, JUDGED = "patients", "no-record-of-disease", "age-or-sex", "deceased", "judged"
VERDICTS = (ELIGIBLE, LIKELY, POSSIBLE, INELIGIBLE)

_BASES = tuple(f"unknown_{basis.replace('-', '_')}" for basis in t.PRECEDENCE)

#: Columns of attrition.parquet.
COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("study", pa.string(), "id of the study"),
    ("position", pa.int32(), "place of the row in the study"),
    (
        "stage",
        pa.string(),
        "`patients` (all), those set aside: `no-record-of-disease`, `deceased`, `age-or-sex`; `judged`; `criterion`; "
        "or a verdict",
    ),
    ("linkId", pa.string(), "the criterion, null for other stages"),
    ("parent", pa.string(), "the group that the criterion is a part of, null at the top"),
    ("kind", pa.string(), "`inclusion` or `exclusion`, as the record prints it"),
    ("text", pa.string(), "the criterion as printed, or the stage in words"),
    ("patients", pa.int64(), "patients that the row is about"),
    ("met", pa.int64(), "judged patients for whom the requirement is met"),
    ("unmet", pa.int64(), "judged patients for whom it is unmet"),
    ("unknown", pa.int64(), "judged patients for whom it is unknown; the following columns split them by basis"),
    *((name, pa.int64(), f"unknown because of `{basis}`") for name, basis in zip(_BASES, t.PRECEDENCE, strict=True)),
    ("silent", pa.int64(), "of met and unmet: decided because there is no record (`no-record`)"),
    ("stops", pa.int64(), "judged patients whom this decides against (several criteria may decide against one)"),
    ("blocks", pa.int64(), "judged patients whose verdict it keeps open"),
    ("remain", pa.int64(), "top criteria only: judged patients for whom nothing is unmet up to here"),
)


@dataclass(frozen=True)
class Way:
    """One study's counts as they are drawn and written."""

    study: Study
    persons: int
    tally: Tally
    passed: int

    @property
    def aside(self) -> dict[str, int]:
        """How many were set aside, by stage."""
        return {
            GATE: self.persons - self.passed,
            DECEASED: self.tally.aside["deceased"],
            PERSON: self.tally.aside["age or sex"],
        }

    @cached_property
    def criteria(self) -> list[Counter[str]]:
        """How each item came out: met, unmet, unknown, unknown by basis, and ``silent``."""
        found: list[Counter[str]] = [Counter() for _ in self.study.places]
        for (position, status, basis), count in self.tally.items.items():
            counted = found[position]
            counted[t.STATUS[status]] += count
            if status == t.UNKNOWN and basis:
                counted[basis] += count
            elif basis == t.NO_RECORD:
                counted["silent"] += count
        return found

    def verdict(self, name: str) -> int:
        """How many judged patients have a verdict."""
        return self.tally.verdicts[name]


def ways(studies: Sequence[Study], persons: int, passed: Mapping[str, int], tallies: Mapping[str, Tally]) -> list[Way]:
    """Every study's way. ``passed`` counts by study who has a record that its gates ask for."""
    return [Way(one, persons, tallies.get(one.id, Tally()), passed.get(one.id, 0)) for one in studies]


def rows(way: Way) -> list[list[Any]]:
    """The rows of a study in attrition.parquet."""
    found: list[list[Any]] = []

    def add(stage: str, patients: int, words: str) -> None:
        empty = [None] * (len(COLUMNS) - 8)
        found.append([way.study.id, len(found), stage, None, None, None, words, patients, *empty])

    add(HOSPITAL, way.persons, "all patients")
    for stage, count in way.aside.items():
        add(stage, count, stage_words(stage, way.study))
    add(JUDGED, way.tally.judged, "judged by every criterion")
    parents = {member.link_id: item.link_id for item in way.study.walk() for member in item.members}
    top = {item.link_id for item in way.study.items or ()}
    for position, item in enumerate(way.study.walk()):
        counted = way.criteria[position]
        found.append(
            [
                *(way.study.id, len(found), "criterion", item.link_id, parents.get(item.link_id), item.kind, item.text),
                *(way.tally.judged, counted["met"], counted["unmet"], counted["unknown"]),
                *(counted[basis] for basis in t.PRECEDENCE),
                *(counted["silent"], way.tally.stops[position], way.tally.blocks[position]),
                way.tally.remain[position] if item.link_id in top else None,
            ]
        )
    for name in VERDICTS:
        add(name, way.verdict(name), f"judged {name}")
    return found


def stage_words(stage: str, study: Study) -> str:
    """A stage in words."""
    if stage == GATE:
        return "no record of what the study's criteria must find on record"
    return {DECEASED: "deceased", PERSON: "age or sex outside the study's limits"}[stage]
