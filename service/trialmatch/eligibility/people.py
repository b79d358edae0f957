"""Judging what hangs on the person alone: age and administrative sex."""

from __future__ import annotations

from fractions import Fraction

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding, unknown
from trialmatch.eligibility.criteria import AgeLeaf, SexLeaf
from trialmatch.eligibility.dates import completed
from trialmatch.eligibility.values import Interval
from trialmatch.eligibility.wording import CALENDAR, limit_words


def evaluate_age(leaf: AgeLeaf, context: Context) -> Finding:
    """Age in completed units; a partial date of birth decides where every day in it decides alike."""
    person = context.facts.person
    if not person.readable:
        return unknown(t.SOURCE_FAILED, (), lambda: "the patient record could not be read completely")
    if person.birth is None:
        if person.birth_printed:
            return unknown(t.IMPRECISE, (person,), lambda: "the date of birth is not a possible date")
        return unknown(t.MISSING_DATA, (person,), lambda: "no date of birth")
    anchors = context.dated(leaf.anchor.anchor)
    if not anchors:
        return unknown(t.ANCHOR_UNKNOWN, (person,), lambda: "the date at which age is asked is not known")
    ages = set()
    for anchor in anchors:
        for day in (anchor.lo.date(), anchor.hi.date()):
            for born in (person.birth.lo.date(), person.birth.hi.date()):
                ages.add(completed(born, day, leaf.unit, context.rules.leap_birthday))
    low, high = min(ages), max(ages)
    if low < 0:
        return unknown(t.UNUSABLE, (person,), lambda: "the date of birth lies in the future")
    verdict = Interval(Fraction(low), Fraction(high)).within(leaf.limit)

    def words() -> str:
        shown = f"{low}" if low == high else f"{low} or {high}"
        return f"age {shown} {CALENDAR[leaf.unit][1]}; limit {limit_words(leaf.limit)}"

    return Finding(verdict, t.EVIDENCE if verdict else t.IMPRECISE, (person,), words)


def evaluate_sex(leaf: SexLeaf, context: Context) -> Finding:
    """Administrative sex; ``unknown`` says nothing, ``other`` leaves open which sex a criterion means."""
    person = context.facts.person
    if not person.readable and person.sex is None:
        return unknown(t.SOURCE_FAILED, (), lambda: "the patient record could not be read completely")
    if person.sex in (None, "unknown"):
        return unknown(t.MISSING_DATA, (person,), lambda: "administrative sex is not recorded")
    if person.sex in leaf.sexes:
        return Finding(t.MET, t.EVIDENCE, (person,), lambda: f"administrative sex {person.sex}")
    if person.sex not in ("male", "female"):
        return unknown(t.UNUSABLE, (person,), lambda: f"administrative sex {person.sex} leaves it open")
    return Finding(t.UNMET, t.EVIDENCE, (person,), lambda: f"administrative sex {person.sex}")
