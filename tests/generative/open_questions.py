"""Situations on which the package and the reference still differ, kept out of their comparison until that is settled.

Each entry names the question and says how to recognise the situations it touches. When one is settled, its entry goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.generative.studies import Situation, walk

Json = dict[str, Any]


def leaves(situation: Situation) -> Iterator[Json]:
    """The leaves by type and value."""
    return (leaf for leaf in walk(situation.characteristics) if "definitionByTypeAndValue" in leaf)


def method(leaf: Json) -> str:
    """The method of a leaf."""
    entries = leaf["definitionByTypeAndValue"].get("method", [])
    return str(entries[0]["coding"][0]["code"]) if entries else "latest"


def observations(situation: Situation) -> list[Json]:
    """The Observations on record."""
    return [record for record in situation.resources if record["resourceType"] == "Observation"]


def is_counted(leaf: Json) -> bool:
    """Whether a leaf counts results."""
    about = leaf["definitionByTypeAndValue"]["type"]["coding"][0]["system"]
    return "instancesQuantity" in leaf and "fhir-types" not in about


def change_in_a_window(situation: Situation) -> bool:
    """A change where all results lie before the window: which of missing, stale and unusable is it?"""
    return any(method(leaf).endswith("-change") and "timeFromEvent" in leaf for leaf in leaves(situation))


def vague_administration(situation: Situation) -> bool:
    """A duration of single administrations of a vague date: each is one day, whichever it was."""
    given = [r for r in situation.resources if r["resourceType"] == "MedicationAdministration"]
    return any(len(record.get("effectiveDateTime", "")) < 10 for record in given)


QUESTIONS: tuple[Callable[[Situation], bool], ...] = (
    change_in_a_window,
    vague_administration,
)


def is_open(situation: Situation) -> bool:
    """Whether any of the open questions touches a situation."""
    return any(question(situation) for question in QUESTIONS)


__all__ = ["QUESTIONS", "is_open"]
