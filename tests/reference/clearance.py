"""Creatinine clearance, measured or by Cockcroft and Gault, and the body weight that it and doses need."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .answers import Answer, NotCovered, unknown
from .days import Anchors, completed_years, days_of
from .measurements import Result, Rules, judged, latest, results_of
from .values import COMPARE, decide, exactly, in_own_unit
from .vocabulary import CODES

Json = dict[str, Any]


def clearance(definition: Json, resources: list[Json], patient: Json, anchors: Anchors, rules: Rules) -> Answer:
    """A measured creatinine clearance if there is one, else Cockcroft-Gault from creatinine, age, weight and sex.

    (140 − age) × kg ÷ (72 × mg/dL), × 0.85 for a woman.
    """
    measured = results_of(CODES["creatinine-clearance"], resources, patient["id"], anchors.as_of)
    if measured:
        return latest(judged(measured, "creatinine-clearance", definition), rules)
    wanted = definition["valueQuantity"]
    compare, limit = COMPARE[wanted["comparator"]], exactly(wanted["value"])
    creatinines = results_of(CODES["creatinine"], resources, patient["id"], anchors.as_of)
    weights = results_of(CODES["body-weight"], resources, patient["id"], anchors.as_of)
    if not creatinines or not weights or "birthDate" not in patient:
        answer = latest(creatinines, rules)
        return unknown("missing-data", "stale", "provisional", "unusable", "imprecise", *(answer.bases - {"evidence"}))
    sexes = {"male": [Fraction(1)], "female": [Fraction(85, 100)]}.get(
        patient.get("gender", "unknown"), [Fraction(1), Fraction(85, 100)]
    )
    ages = {completed_years(born, anchors.as_of) for born in days_of(patient["birthDate"])}
    kilograms = newest_weight(weights)
    if kilograms is None:
        return unknown("unusable", "missing-data", "stale", "provisional")

    for result in creatinines:
        quantity = result.data.get("valueQuantity", {})
        micromoles = in_own_unit("creatinine", quantity)
        if micromoles is None:
            result.outcome = "unusable"
            continue
        milligrams = micromoles / Fraction("88.4")
        outcomes = set()
        for factor in sexes:
            for age in ages:
                top = (140 - age) * kilograms / 72 * factor
                enough, marks = clears(top, compare, limit), [top / limit, Fraction(0)]
                outcomes.add(decide(milligrams, quantity.get("comparator"), enough, marks))
        result.outcome = outcomes.pop() if len(outcomes) == 1 else "imprecise"
    answer = latest(creatinines, rules)
    if not answer.truth and (len(sexes) * len(ages) > 1 or "imprecise" in answer.bases):
        # A sex or a birthday that is not known well enough: vague or missing, the language does not say.
        return unknown("missing-data", *answer.bases)
    return answer


def clears(top: Fraction, compare: Callable[[Any, Any], bool], limit: Fraction) -> Callable[[Fraction], bool]:
    """Whether the clearance ``top`` ÷ creatinine satisfies the limit; no creatinine at all would be an infinite one."""
    return lambda creatinine: compare(top / creatinine, limit) if creatinine > 0 else compare(limit + 1, limit)


def newest_weight(weights: list[Result]) -> Fraction | None:
    """The newest body weight in kg, None where it cannot be read; only for weights of different days."""
    finals = sorted((w for w in weights if not w.preliminary), key=lambda w: w.hours[0])
    if len(finals) != len(weights) or any(len(w.hours) > 24 for w in finals):
        raise NotCovered("preliminary or vaguely dated weights")
    if len({w.hours[0] // 24 for w in finals}) != len(finals):
        raise NotCovered("two weights of one day")
    return in_own_unit("body-weight", finals[-1].data.get("valueQuantity", {}))
