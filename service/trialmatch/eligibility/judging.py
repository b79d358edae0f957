"""What one result says to one test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context
from trialmatch.eligibility.criteria import CodedTest, PolarityTest, QuantityTest, RecordedTest, Test
from trialmatch.eligibility.facts import UNREADABLE, Measurement
from trialmatch.eligibility.knowledge import EQUIVOCAL, POSITIVE, Analyte
from trialmatch.eligibility.numbers import (
    Unusable,
    convert,
    limit_in,
    limits_of_normal,
    number,
    ordinal,
    ratio,
    remembered,
)
from trialmatch.eligibility.polarity import polarity
from trialmatch.eligibility.values import Coded, Flag, Interval, Quantity, Text
from trialmatch.eligibility.wording import NORMAL, decimal, interval, limit_words, normal


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The truth of a test for one result, its basis, and the reason in words on demand."""

    truth: int
    basis: str
    note: Callable[[], str]


def judge(test: Test, result: Measurement, context: Context) -> Judged:
    """Whether a result passes a test."""
    if result.state == UNREADABLE:
        return Judged(t.UNKNOWN, t.SOURCE_FAILED, lambda: "the record could not be read")
    if result.doubt:
        return Judged(t.UNKNOWN, t.UNUSABLE, lambda: result.doubt)
    try:
        if isinstance(test, QuantityTest):
            return _number(test, result, context)
        if isinstance(test, PolarityTest):
            return _polarity(test, result, context)
        if isinstance(test, CodedTest):
            return _coded(test, result, context)
        assert isinstance(test, RecordedTest)
        return Judged(t.MET, t.EVIDENCE, lambda: f"recorded: {result.display}")
    except Unusable as problem:
        words = f"{result.display} cannot be compared: {problem}"
        return Judged(t.UNKNOWN, t.UNUSABLE, lambda: words)


def _decided(truth: int, note: Callable[[], str]) -> Judged:
    return Judged(truth, t.EVIDENCE if truth else t.IMPRECISE, note)


def _number(test: QuantityTest, result: Measurement, context: Context) -> Judged:
    if test.reference is None:
        value = number(result, test.unit, context)
        return _decided(
            value.within(test.limit),
            lambda: (
                f"{result.display}{_converted(value, test.unit, result)}; limit {limit_words(test.limit, test.unit)}"
            ),
        )
    return _shifted(test, result, context) if test.additive else _multiple(test, result, context)


def _converted(value: Interval, unit: str, result: Measurement) -> str:
    """The converted value in brackets where it differs from the printed one."""
    original = result.value
    if isinstance(original, Quantity) and original.unit == unit:
        return ""
    return f" ({interval(value, unit)})"


def _multiple(test: QuantityTest, result: Measurement, context: Context) -> Judged:
    assert test.reference is not None
    name = NORMAL[test.reference]
    ratios = ratio(result, test.reference, context)
    verdicts = {times.within(test.limit) for times, _, _ in ratios}
    if len(verdicts) > 1:
        raise Unusable("its reference ranges disagree")
    times, bound, limits = ratios[0]
    unit = limits.raw_unit or getattr(result.value, "raw_unit", "")

    def note() -> str:
        # the exact ratio decides; two digits are enough to read
        return (
            f"{result.display} is {_rounded(times)} × {name} ({decimal(bound)} {unit}".rstrip()
            + f"); limit {limit_words(test.limit)} × {name}"
        )

    return _decided(verdicts.pop(), note)


def _rounded(times: Interval) -> str:
    if times.exact is not None:
        shown = f"{float(times.exact):.2f}"
        return shown[:-1] if shown.endswith("0") else shown
    return interval(times)


def _shifted(test: QuantityTest, result: Measurement, context: Context) -> Judged:
    assert test.reference is not None
    verdicts = {value.within(test.limit) for value in _beyond(test, result, context)}
    if len(verdicts) > 1:
        raise Unusable("its reference ranges disagree")
    name = NORMAL[test.reference]
    return _decided(verdicts.pop(), lambda: f"{result.display}; limit {limit_words(test.limit, test.unit)} + {name}")


def _beyond(test: QuantityTest, result: Measurement, context: Context) -> list[Interval]:
    """How far a result lies above (below: negative) each of its limits of normal that apply."""
    assert test.reference is not None
    analyte = context.knowledge.analyte(result.concepts)
    value = number(result, test.unit, context)
    found = []
    for bound, limits in limits_of_normal(result, test.reference, context):
        unit, raw = getattr(result.value, "unit", None), getattr(result.value, "raw_unit", "")
        same = limit_in(bound, limits, unit, raw, analyte, context)
        base = convert(Interval.of(same), unit, raw, test.unit, analyte, context).exact
        assert base is not None
        found.append(value.map(Fraction(1), -base))
    return found


def measure(test: QuantityTest, result: Measurement, context: Context) -> Interval:
    """The number of a result that a test holds against its limit: the value, or what it is to its limit of normal.

    Raises Unusable where there is none, or where its reference ranges give several.
    """
    if test.reference is None:
        return number(result, test.unit, context)
    if test.additive:
        found = _beyond(test, result, context)
    else:
        found = [times for times, _, _ in ratio(result, test.reference, context)]
    if len(set(found)) > 1:
        raise Unusable("its reference ranges disagree")
    return found[0]


def _polarity(test: PolarityTest, result: Measurement, context: Context) -> Judged:
    said = remembered(context, polarity, result)
    if said == EQUIVOCAL:
        return Judged(t.UNKNOWN, t.IMPRECISE, lambda: f"{result.display} is neither positive nor negative")
    truth = t.MET if (said == POSITIVE) == test.positive else t.UNMET
    return Judged(truth, t.EVIDENCE, lambda: f"{result.display}: {said}")


def _coded(test: CodedTest, result: Measurement, context: Context) -> Judged:
    value = result.value
    answers: list[tuple[str, str]] = []
    if isinstance(value, Coded):
        answers = [(coding.system, coding.code) for coding in value.codings]
    for system, code in answers:
        held = context.knowledge.concepts(system, code)
        if f"{system}|{code}" in test.keys or held & test.keys:
            return Judged(t.MET, t.EVIDENCE, lambda: f"{result.display}")
    analyte = context.knowledge.analyte(result.concepts)
    words = [normal(word) for word in _words(value)]
    said, asked = _said(value, words, analyte), _asked(test, analyte, context)
    if said & asked or test.words & ({*words} | {normal(grade) for grade in said}):
        return Judged(t.MET, t.EVIDENCE, lambda: f"{result.display}")
    if (said and (asked or any("://" not in key for key in test.keys))) or _comparable(test, answers, words, context):
        return Judged(t.UNMET, t.EVIDENCE, lambda: f"{result.display} is another answer")
    raise Unusable("its answer is not among the known ones")


def _said(value: object, words: list[str], analyte: Analyte) -> set[str]:
    """The grades that a result gives, in words or as a number."""
    said = {analyte.grades[word] for word in words if word in analyte.grades}
    said |= {_grade(rank, analyte) for rank in analyte.ordinals.values()}.intersection(words)
    if isinstance(value, Coded | Text):
        try:
            exact = ordinal(value, analyte).exact
        except Unusable:
            exact = None
        if exact is not None:
            said.add(_grade(exact, analyte))
    return said


def _asked(test: CodedTest, analyte: Analyte, context: Context) -> set[str]:
    """The grades that a criterion names, in words or by codes whose grade the mappings know."""
    asked = {analyte.grades[word] for word in test.words if word in analyte.grades}
    for (system, code), rank in analyte.ordinals.items():
        if f"{system}|{code}" in test.keys or context.knowledge.concepts(system, code) & test.keys:
            asked.add(_grade(rank, analyte))
    return asked


def _grade(rank: Fraction, analyte: Analyte) -> str:
    """The grade of a number; the number itself where grades have no other names."""
    return analyte.grades.get(normal(decimal(rank)), decimal(rank))


def _words(value: object) -> list[str]:
    if isinstance(value, Coded):
        texts = [value.text] + [text for coding in value.codings for text in (coding.display, coding.code)]
        return [text for text in texts if text]
    if isinstance(value, Text):
        return [value.text]
    if isinstance(value, Quantity) and value.number.exact is not None:
        return [decimal(value.number.exact)]
    if isinstance(value, Flag):
        return ["yes" if value.value else "no"]
    return []


def _comparable(test: CodedTest, answers: list[tuple[str, str]], words: list[str], context: Context) -> bool:
    """Whether an answer that is none of the wanted ones is understood well enough to be another one."""
    codes = [tuple(key.split("|", 1)) for key in test.keys if "|" in key]
    held = {concept for answer in answers for concept in context.knowledge.concepts(*answer)}
    wanted = {concept for system, code in codes for concept in context.knowledge.concepts(system, code)}
    if {system for system, _ in answers} & {system for system, _ in codes}:
        return True
    if held and (len(codes) < len(test.keys) or wanted):
        return not held & wanted  # the same answer under another code is not another answer
    return any(len(word) == 1 for word in test.words) and any(len(word) == 1 for word in words)
