"""Numbers out of results: unit conversion, scales, limits of normal."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from trialmatch.eligibility.context import Context
from trialmatch.eligibility.facts import Measurement
from trialmatch.eligibility.knowledge import Analyte
from trialmatch.eligibility.truth import UNMET
from trialmatch.eligibility.units import LOG10
from trialmatch.eligibility.values import Coded, Interval, Quantity, ReferenceRange, Text

_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_DENIED = re.compile(r"\b(?:not?|never|non|nicht|kein\w*|pas|sin)\b", re.IGNORECASE)

Found = TypeVar("Found")


class Unusable(Exception):
    """A value is there but cannot be compared; the message says why."""


def remembered(context: Context, work: Callable[..., Found], result: Measurement, *about: str) -> Found:
    """What ``work`` makes of a result: worked out once a match, be it that the result is Unusable."""
    key = (work, id(result), *about)
    if key not in context.memo:
        try:
            context.memo[key] = work(result, *about, context)
        except Unusable as problem:
            context.memo[key] = problem.with_traceback(None)  # which would hold on to the context
    found: Found | Unusable = context.memo[key]
    if isinstance(found, Unusable):
        raise Unusable(*found.args)
    return found


def number(result: Measurement, unit: str, context: Context) -> Interval:
    """A result's number in UCUM ``unit`` and on the scale that criteria on its concept use.

    Raises Unusable where it has no number, no (convertible) unit, or an unknown or other scale.
    """
    return remembered(context, _number, result, unit)


def _number(result: Measurement, unit: str, context: Context) -> Interval:
    if result.doubt:
        raise Unusable(result.doubt)
    analyte = context.knowledge.analyte(result.concepts)
    value = result.value
    if isinstance(value, Coded | Text):
        return ordinal(value, analyte)
    if not isinstance(value, Quantity):
        raise Unusable("the result is not a number")
    if analyte.scales:
        return _scaled(result, value, unit, analyte, context)
    return convert(value.number, value.unit, value.raw_unit, unit, analyte, context)


def convert(
    interval: Interval, source: str | None, raw_unit: str, target: str, analyte: Analyte, context: Context
) -> Interval:
    """An interval in ``source`` (None: not understood, see ``raw_unit``) expressed in ``target``."""
    if source is None:
        if raw_unit:
            raise Unusable(f"its unit “{raw_unit}” is not understood")
        if not (analyte.bare and context.knowledge.units.dimensionless(target)):
            raise Unusable("it has no unit")
        return interval
    if source.startswith(LOG10):
        interval, source = _delog(interval), source.removeprefix(LOG10)
    conversion = context.knowledge.conversion(analyte, source, target)
    if conversion is None:
        raise Unusable(f"its unit {raw_unit or source} cannot be converted to {target}")
    return interval if conversion.factor == 1 and not conversion.offset else interval.map(*conversion)


def _delog(interval: Interval) -> Interval:
    def power(bound: Fraction | None) -> Fraction | None:
        if bound is None:
            return None
        return Fraction(Decimal(10) ** (Decimal(bound.numerator) / Decimal(bound.denominator)))

    return interval._replace(lo=power(interval.lo), hi=power(interval.hi))


def ordinal(value: Coded | Text, analyte: Analyte) -> Interval:
    """The number of a coded or worded score.

    Raises Unusable where the mappings give it none, or where the words name several numbers or deny one.
    """
    names = [value.text]
    if isinstance(value, Coded):
        for coding in value.codings:
            known = analyte.ordinals.get((coding.system, coding.code), coding.ordinal)
            if known is not None:
                return Interval(known, known)
        names += [coding.display for coding in value.codings]
    if analyte.ordinal_pattern is not None:
        for name in names:
            match = analyte.ordinal_pattern.search(name)
            if match and _DIGITS.findall(name) == [match[1]] and not _DENIED.search(name):
                return Interval.of(Fraction(match[1]))
    raise Unusable("the result is words or a code that no mapping gives a number")


def _scaled(result: Measurement, value: Quantity, unit: str, analyte: Analyte, context: Context) -> Interval:
    scale = analyte.unit_scales.get(value.unit or "") or analyte.unit_scales.get(value.raw_unit)
    if scale is None:
        for limits in result.ranges:
            if limits.high in analyte.scales:
                scale = limits.high
    if scale is None:
        if value.unit is not None and not context.knowledge.units.dimensionless(value.unit):
            raise Unusable(f"its unit {value.raw_unit or value.unit} tells no scale")
        scale = analyte.scale if analyte.assumed else None
    if scale is None:
        raise Unusable("its scale is not known (" + " or ".join(f"0–{float(s):g}" for s in analyte.scales) + ")")
    if value.number.lo is not None and value.number.lo > scale:
        raise Unusable(f"it lies beyond its scale of 0–{float(scale):g}")
    target = analyte.unit_scales.get(unit, analyte.scale)
    if target is None or scale == target:
        return value.number
    if not analyte.linear:
        raise Unusable(f"it is on the scale 0–{float(scale):g}, not 0–{float(target):g}")
    return value.number.map(target / scale)


def limits_of_normal(result: Measurement, which: str, context: Context) -> list[tuple[Fraction, ReferenceRange]]:
    """The upper (``UNL``) or lower (``LNL``) limits of normal of a result's own ranges that apply to the patient.

    Returns each with its range, in the unit of the range. Raises Unusable where there is none: never a default.
    """
    person = context.facts.person
    bounds = [
        (limits.high if which == "UNL" else limits.low, limits)
        for limits in result.ranges
        if not (limits.sexes and person.sex in ("male", "female") and person.sex not in limits.sexes)
    ]
    there = [(bound, limits) for bound, limits in bounds if bound is not None]
    found = [one for one in there if _of_age(one[1], context)]
    found = found or [one for one in there if _of_age(one[1], context, whole=True)]
    if not found:
        raise Unusable("it has no reference range")
    return found


def _of_age(limits: ReferenceRange, context: Context, whole: bool = False) -> bool:
    """Whether a range may be for the patient's age; ``whole``: “to 17 years” is until the 18th birthday."""
    ages, birth = limits.ages, context.facts.person.birth
    if birth is None or (ages.lo is None and ages.hi is None):
        return True
    if whole and ages.hi is not None and ages.hi >= 1 and ages.hi.denominator == 1:
        ages = ages._replace(hi=ages.hi + 1, hi_strict=True)
    return Interval(_years(birth.hi, context), _years(birth.lo, context)).within(ages) != UNMET


def _years(birth: datetime, context: Context) -> Fraction:
    return Fraction((context.as_of - birth.date()).days, 1) / Fraction(1461, 4)


def ratio(result: Measurement, which: str, context: Context) -> list[tuple[Interval, Fraction, ReferenceRange]]:
    """The result divided by each of its applicable limits of normal (all of them where several apply)."""
    return remembered(context, _ratio, result, which)


def _ratio(result: Measurement, which: str, context: Context) -> list[tuple[Interval, Fraction, ReferenceRange]]:
    value = result.value
    if result.doubt:
        raise Unusable(result.doubt)
    if not isinstance(value, Quantity):
        raise Unusable("the result is not a number")
    analyte = context.knowledge.analyte(result.concepts)
    if value.unit is None and not value.raw_unit and not analyte.bare:
        raise Unusable("it has no unit")
    ratios = []
    for bound, limits in limits_of_normal(result, which, context):
        in_unit = limit_in(bound, limits, value.unit, value.raw_unit, analyte, context)
        if in_unit <= 0:
            raise Unusable("its limit of normal is not above zero")
        ratios.append((value.number.map(1 / in_unit), bound, limits))
    return ratios


def limit_in(
    bound: Fraction, limits: ReferenceRange, unit: str | None, raw_unit: str, analyte: Analyte, context: Context
) -> Fraction:
    """A limit of normal in the unit of its result; a range without a unit is in the result's."""
    if (not limits.raw_unit and limits.unit is None) or limits.raw_unit == raw_unit or limits.unit == unit is not None:
        return bound
    if unit is None:
        raise Unusable(f"its unit “{raw_unit}” is not understood")
    converted = convert(Interval.of(bound), limits.unit, limits.raw_unit, unit, analyte, context).exact
    assert converted is not None
    return converted
