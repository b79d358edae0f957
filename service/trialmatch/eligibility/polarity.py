"""Positive or negative, however a laboratory says it: codes, words, titres, numbers against a range, interpretation."""

from __future__ import annotations

from fractions import Fraction

from trialmatch.eligibility.context import Context
from trialmatch.eligibility.facts import Measurement
from trialmatch.eligibility.knowledge import EQUIVOCAL, NEGATIVE, POSITIVE, Analyte
from trialmatch.eligibility.numbers import Unusable, limit_in, limits_of_normal
from trialmatch.eligibility.truth import MET, UNMET
from trialmatch.eligibility.values import Coded, Flag, Interval, Quantity, Text, Titre


def polarity(result: Measurement, context: Context) -> str:
    """``positive``, ``negative`` or ``equivocal``.

    Raises Unusable where the result says none of them, or where its parts contradict each other.
    """
    problem: Unusable | None = None
    said: set[str] = set()
    wording = context.knowledge.wording
    if any(wording.nothing.search(words.lower()) for words in _words(result.value)):
        raise Unusable("it says that there is no result")
    try:
        said.add(_of_value(result, context))
    except Unusable as reason:
        problem = reason
    said |= {found for flag in result.interpretation if (found := wording.flagged(flag))}
    if {POSITIVE, NEGATIVE} <= said:
        raise Unusable("its value and its interpretation contradict each other")
    if EQUIVOCAL in said:
        return EQUIVOCAL
    if said:
        return said.pop()
    raise problem or Unusable("it says neither positive nor negative")


def _words(value: object) -> list[str]:
    if isinstance(value, Coded):
        return [value.text, *(coding.display for coding in value.codings)]
    return [value.text] if isinstance(value, Text) else []


def _of_value(result: Measurement, context: Context) -> str:
    value, knowledge = result.value, context.knowledge
    if isinstance(value, Flag):
        return POSITIVE if value.value else NEGATIVE
    if isinstance(value, Titre):
        return _of_titre(value.reciprocal, knowledge.analyte(result.concepts))
    if isinstance(value, Coded):
        said = {found for coding in value.codings if (found := knowledge.polarity(coding))}
        words = [value.text] if value.text else [coding.display for coding in value.codings]
        said |= {found for word in words if (found := knowledge.wording.read(word))}
        if len(said) > 1:
            raise Unusable("its codes and words contradict each other")
        if not said:
            raise Unusable("its coded answer is neither positive nor negative")
        return said.pop()
    if isinstance(value, Text):
        read = knowledge.wording.read(value.text)
        if read is None:
            raise Unusable("its free text says neither positive nor negative for certain")
        return read
    if isinstance(value, Quantity):
        return _of_number(result, value, context)
    raise Unusable("it has no value")


def _of_titre(reciprocal: Interval, analyte: Analyte) -> str:
    if analyte.cutoff is None:
        raise Unusable("no cut-off is set for its titre")
    return _decided(reciprocal.within(Interval(lo=Fraction(analyte.cutoff))))


def _of_number(result: Measurement, value: Quantity, context: Context) -> str:
    analyte, units = context.knowledge.analyte(result.concepts), context.knowledge.units
    bare = value.unit is None and not value.raw_unit
    if analyte.cutoff is not None and (bare or (value.unit is not None and units.dimensionless(value.unit))):
        return _of_titre(value.number, analyte)
    if result.ranges and not (bare and not analyte.bare):
        try:
            bounds = limits_of_normal(result, "UNL", context)
        except Unusable:
            bounds = []
        said = set()
        for bound, limits in bounds:
            high = limit_in(bound, limits, value.unit, value.raw_unit, analyte, context)
            above = Interval(lo=high, lo_strict=not limits.high_strict)
            said.add(value.number.within(above))
        if len(said) > 1:
            raise Unusable("its reference ranges disagree")
        if said:
            return _decided(said.pop())
    if analyte.detection:
        if value.bound in ("<", "<="):
            return NEGATIVE
        return _decided(value.number.within(Interval(lo=Fraction(0), lo_strict=True)))
    if bare:
        raise Unusable("it has no unit")
    raise Unusable("it has no reference range")


def _decided(truth: int) -> str:
    return {MET: POSITIVE, UNMET: NEGATIVE}.get(truth, EQUIVOCAL)
