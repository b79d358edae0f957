"""Situations on which the package and the reference still differ, kept out of their comparison until that is settled.

Each entry names the question and says how to recognise the situations it touches. When one is settled, its entry goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.generative.studies import Situation, walk
from tests.reference.measurements import time_of

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


def any_vague(situation: Situation) -> bool:
    """Whether any result is dated by a month or a year, or not at all."""
    return any(len(time_of(observation) or "") < 10 for observation in observations(situation))


def is_counted(leaf: Json) -> bool:
    """Whether a leaf counts results."""
    about = leaf["definitionByTypeAndValue"]["type"]["coding"][0]["system"]
    return "instancesQuantity" in leaf and "fhir-types" not in about


def hangs_on_infusion(leaf: Json) -> bool:
    """Whether the window of a leaf hangs on the infusion."""
    named = [entry.get("eventCodeableConcept", {}).get("coding", [{}])[0] for entry in leaf.get("timeFromEvent", [])]
    return any(coding.get("code") == "infusion" for coding in named)


def change_in_a_window(situation: Situation) -> bool:
    """A change where all results lie before the window: which of missing, stale and unusable is it?"""
    return any(method(leaf).endswith("-change") and "timeFromEvent" in leaf for leaf in leaves(situation))


def several_creatinines(situation: Situation) -> bool:
    """A clearance from several creatinines: decided where all of one time decide alike, provisional by a newer one?"""
    derived = any(method(leaf) == "cockcroft-gault" for leaf in leaves(situation))
    return derived and sum(o["id"].startswith("creatinine-") for o in observations(situation)) > 1


def duration_without_anchor(situation: Situation) -> bool:
    """A duration in a window whose anchor is not known."""
    unknown = situation.settings["infusion"] is None
    return unknown and any("durationQuantity" in leaf and hangs_on_infusion(leaf) for leaf in leaves(situation))


def vague_administration(situation: Situation) -> bool:
    """A duration of single administrations of a vague date: each is one day, whichever it was."""
    given = [r for r in situation.resources if r["resourceType"] == "MedicationAdministration"]
    return any(len(record.get("effectiveDateTime", "")) < 10 for record in given)


def perhaps_outside(situation: Situation) -> bool:
    """Any (or a count) of results that fail the limit and may all lie outside the window: unmet, or never measured?"""
    return any_vague(situation) and any(method(leaf) == "any" or is_counted(leaf) for leaf in leaves(situation))


def extreme_of_a_bound(situation: Situation) -> bool:
    """The lowest of 92 and <92 is below 92."""
    bound = any("comparator" in str(observation) for observation in observations(situation))
    return bound and any(method(leaf) in ("max", "min") for leaf in leaves(situation))


def extreme_with_preliminary(situation: Situation) -> bool:
    """An extreme where a preliminary result goes further."""
    preliminary = any(o["status"] in ("preliminary", "registered") for o in observations(situation))
    return preliminary and any(method(leaf) in ("max", "min") for leaf in leaves(situation))


def onset_in_the_month_of_the_end(situation: Situation) -> bool:
    """A vague onset that the abatement narrows: it was no later."""
    courses = [(r.get("onsetDateTime", ""), r.get("abatementDateTime", "")) for r in situation.resources]
    return any(onset and len(onset) < 10 and end.startswith(onset) for onset, end in courses)


def counted_components(situation: Situation) -> bool:
    """A count of results that came as components of vital signs: only those of the newest panel?"""
    panels = any("85353-1" in str(observation["code"]) for observation in observations(situation))
    return panels and any(is_counted(leaf) for leaf in leaves(situation))


def interpretation_without_anchor(situation: Situation) -> bool:
    """A result that is nothing but its interpretation, where the window's anchor is not known: is there a result?"""
    alone = any("interpretation" in o and not any(k.startswith("value") for k in o) for o in observations(situation))
    return (
        alone and situation.settings["infusion"] is None and any(hangs_on_infusion(leaf) for leaf in leaves(situation))
    )


QUESTIONS: tuple[Callable[[Situation], bool], ...] = (
    change_in_a_window,
    several_creatinines,
    duration_without_anchor,
    vague_administration,
    perhaps_outside,
    extreme_of_a_bound,
    extreme_with_preliminary,
    onset_in_the_month_of_the_end,
    counted_components,
    interpretation_without_anchor,
)


def is_open(situation: Situation) -> bool:
    """Whether any of the open questions touches a situation."""
    return any(question(situation) for question in QUESTIONS)


__all__ = ["QUESTIONS", "is_open"]
