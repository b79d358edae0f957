"""Criteria in words, and the small tools of the pages."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from trialmatch.eligibility.criteria import (
    AgeLeaf,
    CodedTest,
    DoseLimit,
    DurationLimit,
    EventLeaf,
    ExposureLeaf,
    JudgementLeaf,
    Leaf,
    PolarityTest,
    QuantityTest,
    RecordedTest,
    ResultLeaf,
    SexLeaf,
    TextLeaf,
)
from trialmatch.eligibility.dates import Offset, Span, Window, day_span
from trialmatch.eligibility.describe import demand, describe
from trialmatch.eligibility.values import Interval
from trialmatch.lines import clean, rows
from trialmatch.terminal.page import shorten


def least(value: int, *, strict: bool = False) -> Interval:
    return Interval(lo=Fraction(value), lo_strict=strict)


def most(value: int) -> Interval:
    return Interval(hi=Fraction(value))


def window(low: str | None, high: str | None, anchor: object = "screening", **more: Any) -> Window:
    def offset(text: str | None) -> Offset | None:
        return None if text is None else Offset(int(text.split()[0]), text.split()[1])

    return Window(anchor, offset(low), offset(high), **more)


ULN3 = QuantityTest(most(3), "1", "UNL")

WORDS: list[tuple[Leaf, str]] = [
    (AgeLeaf(Interval(Fraction(18), Fraction(70))), "age 18 to 70 years"),
    (AgeLeaf(least(18), "a", Window("enrolment")), "age ≥ 18 years, at enrolment"),
    (AgeLeaf(least(6), "mo"), "age ≥ 6 months"),
    (SexLeaf(frozenset({"female"})), "administrative sex: female"),
    (ResultLeaf(("alt",), ULN3, label="ALT"), "ALT ≤ 3 × ULN, latest within 90 days"),
    (ResultLeaf(("alt",), ULN3, validity=Offset(2, "wk")), "alt ≤ 3 × ULN, latest within 2 weeks"),
    (ResultLeaf(("c4",), QuantityTest(least(1, strict=True), "1", "LNL")), "c4 > 1 × LLN, latest within 90 days"),
    (
        ResultLeaf(("crp",), QuantityTest(least(5), "mg/L", "UNL", additive=True)),
        "crp ≥ 5 mg/L beyond ULN, latest within 90 days",
    ),
    (
        ResultLeaf(("lvef",), QuantityTest(least(50), "%"), windows=(window("-6 mo", "0 d"),)),
        "lvef ≥ 50 %, latest, within 6 months before screening",
    ),
    (ResultLeaf(("ana",), PolarityTest(True), "any"), "ana: positive, any result"),
    (ResultLeaf(("hiv-test",), PolarityTest(False), "all"), "hiv test: negative, every result"),
    (
        ResultLeaf(("creatinine-clearance",), QuantityTest(least(60), "mL/min"), "cockcroft-gault"),
        "creatinine clearance ≥ 60 mL/min, latest within 90 days, measured or by Cockcroft–Gault",
    ),
    (
        ResultLeaf(("nyha",), CodedTest(frozenset({"nyha-class-III"}), frozenset())),
        "nyha: nyha class III, latest within 90 days",
    ),
    (
        ResultLeaf(("http://loinc.org|1-8",), CodedTest(frozenset(), frozenset({"3"}))),
        "1-8 (loinc.org): 3, latest within 90 days",
    ),
    (
        ResultLeaf(("qtc",), RecordedTest(), windows=(window("-28 d", "0 d"),)),
        "qtc recorded, within 28 days before screening",
    ),
    (ResultLeaf(("qtc",), RecordedTest(), negated=True), "no qtc recorded"),
    (
        ResultLeaf(("bilag",), CodedTest(frozenset(), frozenset({"a"})), count=least(1)),
        "bilag: a, ≥ 1 results, latest within 90 days",
    ),
    (EventLeaf("Condition", ("sle",), absent=True), "Condition: sle (silence = absent)"),
    (
        EventLeaf("Condition", ("stroke",), (window("-6 mo", "0 d"),), onset=True),
        "Condition: stroke, by its onset, within 6 months before screening",
    ),
    (EventLeaf("Procedure", ("dialysis",), negated=True), "none of Procedure: dialysis"),
    (EventLeaf("ResearchSubject", None), "study participation: any record"),
    (
        ExposureLeaf(("hydroxychloroquine",), duration=DurationLimit(least(3), "mo")),
        "exposure: hydroxychloroquine, ≥ 3 months in all",
    ),
    (
        ExposureLeaf(("bdmard",), count=least(2), distinct_by="mechanism", open_list=True),
        "exposure: bdmard, ≥ 2 distinct mechanisms (open list)",
    ),
    (
        ExposureLeaf(("glucocorticoid",), dose=DoseLimit(least(1), "mg/kg/d"), absent=True, open_list=True),
        "exposure: glucocorticoid, daily dose ≥ 1 mg/kg/d (silence = absent; open list)",
    ),
    (ExposureLeaf(None), "exposure: any drug"),
    (JudgementLeaf("consent"), "a person's answer: consent"),
    (JudgementLeaf("attribution", "inflammatory-myopathy"), "a person's answer: attribution (inflammatory myopathy)"),
    (TextLeaf(), "only text: a person has to read it"),
]


@pytest.mark.parametrize(("leaf", "words"), WORDS, ids=[words for _, words in WORDS])
def test_leaves_in_words(leaf: Leaf, words: str) -> None:
    assert describe(leaf) == words


WINDOWS: list[tuple[Window, str]] = [
    (window("-6 mo", "0 d"), "within 6 months before screening"),
    (window("-1 mo", "0 d", "enrolment"), "within 1 month before enrolment"),
    (window("-6 mo", "0 d", low_strict=True), "within less than 6 months before screening"),
    (window("0 d", "1 a", "infusion"), "within 1 year after infusion"),
    (window("0 d", "0 d"), "at screening"),
    (window("-30 d", "-30 d"), "30 days before screening"),
    (window("-12 mo", "-6 mo"), "6 months to 12 months before screening"),
    (window("2 wk", "4 wk", "infusion"), "2 weeks to 4 weeks after infusion"),
    (window("-3 mo", "1 mo", "infusion"), "from 3 months before to 1 month after infusion"),
    (window("-3 mo", None), "since 3 months before screening"),
    (window("0 d", None, "infusion"), "from infusion on"),
    (window("2 wk", None, "infusion", low_strict=True), "more than 2 weeks after infusion"),
    (window(None, "-6 mo"), "at least 6 months before screening"),
    (window(None, "-6 mo", high_strict=True), "more than 6 months before screening"),
    (window(None, "0 d"), "up to screening"),
    (window(None, "1 mo", "infusion"), "up to 1 month after infusion"),
    (window("-1 a", "0 d", (EventLeaf("Condition", ("sle",), label="Lupus"),)), "within 1 year before Lupus"),
]


@pytest.mark.parametrize(("when", "words"), WINDOWS, ids=[words for _, words in WINDOWS])
def test_windows_in_words(when: Window, words: str) -> None:
    assert describe(EventLeaf("Condition", ("sle",), (when,))) == f"Condition: sle, {words}"


def test_fixed_anchors_in_words() -> None:
    from datetime import date

    days = [day_span(date(2020, 1, 1)), day_span(date(2020, 1, 1), date(2020, 12, 31))]
    told = [describe(EventLeaf("Condition", ("sle",), (Window(Span(*day), Offset(0, "d"), None),))) for day in days]
    assert told == ["Condition: sle, from 2020-01-01 on", "Condition: sle, from 2020-01-01 to 2020-12-31 on"]


def test_names_of_concepts_are_used() -> None:
    name = {"sle": "Lupus", "http://loinc.org|1-8": "A test"}.__getitem__
    assert describe(JudgementLeaf("severity", "sle"), name=name) == "a person's answer: severity (Lupus)"
    assert describe(ResultLeaf(("http://loinc.org|1-8",), RecordedTest()), name=name) == "A test recorded"


def test_who_answers() -> None:
    assert [demand(leaf) for leaf in (TextLeaf(), JudgementLeaf("consent"), SexLeaf(frozenset()))] == [
        "text",
        "person",
        "computed",
    ]


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("short", 10, "short"),
        ("one two three", 9, "one two…"),
        ("one, two three", 6, "one…"),
        ("Donaudampfschifffahrt", 8, "Donauda…"),
        ("系统性红斑狼疮", 9, "系统性红…"),
    ],
)
def test_shorten(text: str, width: int, shown: str) -> None:
    assert shorten(text, width) == shown


def test_clean() -> None:
    assert clean("a\x1b[2J\n\tb\u202ec \ud800 d") == "a [2J b c d"
    assert clean(None) == "None"


def leaf(link_id: str, basis: str = "no-record", **more: Any) -> dict[str, Any]:
    text = f"text of {link_id}, which is long enough"
    return {"linkId": link_id, "text": text, "basis": basis, "children": [], **more}


def group(link_id: str, combination: str, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
    own = {"linkId": link_id, "text": f"group {link_id}", "combination": combination}
    return {**own, "children": list(children), **more}


def lines(*items: dict[str, Any], wanted: set[str] | None = None) -> list[tuple[str, str]]:
    every = {"1", "1.a", "1.b", "1.c", "1.d", "2"} if wanted is None else wanted
    return [(row.link_id, row.parts) for row in rows(items, every)]


def test_requirements_are_lines_of_their_own() -> None:
    assert lines(leaf("2"), group("1", "all-of", leaf("1.a"), leaf("1.b"))) == [("2", ""), ("1.a", ""), ("1.b", "")]


def test_a_choice_is_one_line() -> None:
    assert lines(group("1", "any-of", leaf("1.a"), leaf("1.b", "judgement"))) == [("1", ".a .b")]
    assert lines(group("1", "all-of", leaf("1.a"), leaf("1.b", "judgement"), exclude=True)) == [("1", ".a .b")]


def test_a_short_list_of_exclusions_is_one_line() -> None:
    excluded = group("1", "any-of", leaf("1.a"), leaf("1.b"), exclude=True)
    assert lines(excluded) == [("1", ".a .b")]
    assert lines(excluded, wanted={"1.a"}) == [("1.a", "")], "only a part of it is open"
    mixed = group("1", "any-of", leaf("1.a"), leaf("1.b", "judgement"), exclude=True)
    assert lines(mixed) == [("1.a", ""), ("1.b", "")]
    many = group("1", "any-of", *(leaf(f"1.{letter}") for letter in "abcd"), exclude=True)
    assert lines(many) == [(f"1.{letter}", "") for letter in "abcd"]


def test_cohorts_are_not_one_line() -> None:
    first = group("1", "all-of", leaf("1.a", cohort="x"), leaf("1.b", cohort="x"), cohort="x")
    second = group("2", "all-of", leaf("2.a", cohort="y"), cohort="y")
    choice = group("0", "any-of", first, second, cohort=None)
    assert lines(choice, wanted={"1.a", "1.b", "2.a"}) == [("1.a", ""), ("1.b", ""), ("2.a", "")]


def told(*texts: str) -> str:
    """A criterion as it is told, the last of some texts that stand in each other."""
    item = {**leaf("1.a"), "text": texts[-1]}
    for text in reversed(texts[:-1]):
        item = {**group("1", "all-of", item), "text": text}
    (row,) = rows([item], {"1.a"})
    return row.text


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("No mental disorders", "severe"), "severe (of: No mental disorders)"),
        (
            ("Treated as listed, or unable to tolerate it", "or unable to tolerate conventional therapy"),
            "or unable to tolerate conventional therapy (of: Treated as listed, or unable to tolerate it)",
        ),
        (("Not breastfeeding", "Breastfeeding at screening"), "Breastfeeding at screening (of: Not breastfeeding)"),
        (
            ("Scleroderma fulfilling them", "2013 ACR classification criteria"),
            "2013 ACR classification criteria (of: Scleroderma fulfilling them)",
        ),
        # a sentence, or as good as one
        (("Consent", "Signed informed consent, and willingness"), "Signed informed consent, and willingness"),
        (
            ("Diagnosis", "diagnosed with SLE according to the 2019 EULAR/ACR criteria"),
            "diagnosed with SLE according to the 2019 EULAR/ACR criteria",
        ),
        (("Drugs", "taken by mouth, within four weeks of screening"), "taken by mouth, within four weeks of screening"),
        # what is a fragment itself, or says the same, explains nothing
        (
            ("10% decrease in FVC or death", "10% decrease in FVC", "10% decrease in FVC"),
            "10% decrease in FVC (of: 10% decrease in FVC or death)",
        ),
        (("Lung function falls by half", "in a year", "or less"), "or less (of: Lung function falls by half)"),
        (("in a year", "or less"), "or less (of: in a year)"),
        (("", "or less"), "or less"),
        (("or less",), "or less"),
    ],
)
def test_fragments_are_told_with_what_they_are_a_part_of(texts: tuple[str, ...], expected: str) -> None:
    assert told(*texts) == expected
