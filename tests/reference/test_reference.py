"""The reference evaluator against examples worked by hand: who checks the checker."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.reference import build as b
from tests.reference.days import add_months, completed_years, days_of
from tests.reference.evaluator import combine, judge
from tests.reference.values import decide
from tests.reference.vocabulary import CODES, LOINC, RXNORM, SNOMED

AS_OF = "2026-03-01"
ALT, CREATININE, ANA = (LOINC, "1742-6"), (LOINC, "2160-0"), (LOINC, "8061-4")
STROKE, HYDROXYCHLOROQUINE = (SNOMED, "230690007"), (RXNORM, "5521")


def outcome(characteristic: b.Json, *resources: b.Json, **settings: Any) -> tuple[str, set[str]]:
    """Status and acceptable bases of a lone criterion."""
    node = judge([characteristic], list(resources), as_of=AS_OF, **settings).nodes[characteristic["linkId"]]
    return node.status, set(node.bases)


def alt(value: float, taken: str = "2026-02-20", unit: str = "U/L", high: float | None = 40, **parts: Any) -> b.Json:
    limits = {"high": b.quantity(high, "U/L")} if high else {}
    id_ = f"alt-{value}-{taken}"
    return b.observation(
        id_, *ALT, taken, valueQuantity=b.quantity(value, unit, parts.pop("bound", None)), **limits, **parts
    )


ALT_LIMIT = b.leaf("I5", b.concept("alt"), valueQuantity=b.times_normal(3, "<="))


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([alt(91.2, high=30.4)], ("met", {"evidence"})),  # 3 × 30.4 in decimals, not in floats
        ([alt(121)], ("unmet", {"evidence"})),
        ([alt(2, unit="ukat/L")], ("met", {"evidence"})),  # 2 µkat/L are 120 U/L
        ([alt(100, high=None)], ("unknown", {"unusable"})),
        ([alt(100, unit="g/L")], ("unknown", {"unusable"})),
        ([], ("unknown", {"missing-data"})),
        ([alt(100, "2025-12-01")], ("met", {"evidence"})),  # 90 days old
        ([alt(100, "2025-11-30")], ("unknown", {"stale"})),
        ([alt(100, "2026-03-02")], ("unknown", {"missing-data"})),
        ([alt(100, status="preliminary")], ("unknown", {"provisional"})),
        ([alt(100, status="entered-in-error")], ("unknown", {"missing-data"})),
        ([alt(200, "2026-02-01"), alt(100)], ("met", {"evidence"})),
        ([alt(100, "2026-02-01"), alt(200, status="preliminary")], ("unknown", {"provisional"})),
        ([alt(100, "2026-02-01"), alt(110, status="preliminary")], ("met", {"evidence"})),
        ([alt(200), alt(100)], ("unknown", {"unusable"})),  # one day, two answers
        ([alt(200, "2026-02"), alt(100)], ("unknown", {"imprecise"})),
        ([alt(200, "2026-01"), alt(100)], ("met", {"evidence"})),
        ([alt(5, bound="<")], ("met", {"evidence"})),
        ([alt(65, bound=">")], ("unknown", {"imprecise"})),
        ([alt(120, bound=">")], ("unmet", {"evidence"})),
        ([alt(120, bound=">=")], ("unknown", {"imprecise"})),
    ],
)
def test_a_limit_of_normal(results: list[b.Json], expected: tuple[str, set[str]]) -> None:
    assert outcome(ALT_LIMIT, *results) == expected


@pytest.mark.parametrize(
    ("method", "comparator", "expected"),
    [
        ("any", ">", "met"),
        ("all", ">", "unmet"),
        ("max", ">", "met"),
        ("min", ">", "unmet"),
        ("max", "<=", "unmet"),
        ("min", "<=", "met"),
        ("latest", ">", "unmet"),
    ],
)
def test_methods(method: str, comparator: str, expected: str) -> None:
    criterion = b.leaf("I1", b.concept("alt"), valueQuantity=b.quantity(100, "U/L", comparator), method=method)
    assert outcome(criterion, alt(150, "2026-02-01"), alt(50)) == (expected, {"evidence"})


def test_change_and_count() -> None:
    """From 200 to 150 is −25 %."""
    results = [alt(200, "2025-10-01"), alt(90, "2025-12-01"), alt(150)]
    window = b.within((-6, "mo"), (0, "d"))
    for limit, expected in ((-25, "met"), (-26, "unmet")):
        criterion = b.leaf(
            "I1",
            b.concept("alt"),
            valueQuantity=b.quantity(limit, "%", "<="),
            method="relative-change",
            timeFromEvent=window,
        )
        assert outcome(criterion, *results)[0] == expected
    for least, expected in ((2, "met"), (3, "unmet")):
        criterion = b.leaf(
            "I1",
            b.concept("alt"),
            valueQuantity=b.quantity(100, "U/L", ">"),
            instancesQuantity=b.quantity(least, "1", ">="),
            timeFromEvent=window,
        )
        assert outcome(criterion, *results)[0] == expected


def test_cockcroft_gault_with_an_unknown_sex() -> None:
    """Age 60, 80 kg, 1.0 mg/dL: 88.9 mL/min for a man, 75.6 for a woman."""
    facts = [
        b.observation("c", *CREATININE, "2026-02-20", valueQuantity=b.quantity(1.0, "mg/dL")),
        b.observation("w", LOINC, "29463-7", "2026-02-20", valueQuantity=b.quantity(80, "kg")),
    ]
    for limit, male, unknown in ((60, "met", "met"), (80, "met", "unknown"), (90, "unmet", "unmet")):
        criterion = b.leaf(
            "I6",
            b.concept("creatinine-clearance"),
            valueQuantity=b.quantity(limit, "mL/min", ">="),
            method="cockcroft-gault",
        )
        assert outcome(criterion, b.patient(birthDate="1966-01-01", gender="male"), *facts)[0] == male
        assert outcome(criterion, b.patient(birthDate="1966-01-01", gender="unknown"), *facts)[0] == unknown
        assert outcome(criterion, b.patient(birthDate="1966-01-01"), facts[0])[0] == "unknown"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"valueString": "Reactive"}, ("met", {"evidence"})),
        ({"valueString": "Non-reactive"}, ("unmet", {"evidence"})),
        ({"valueString": "1:80"}, ("met", {"evidence"})),
        ({"valueString": "1:40"}, ("unmet", {"evidence"})),
        ({"valueString": "see comment"}, ("unknown", {"unusable"})),
        ({"valueString": "Indeterminate"}, ("unknown", {"imprecise"})),
        ({"valueCodeableConcept": b.codeable(SNOMED, "260385009")}, ("unmet", {"evidence"})),
    ],
)
def test_positive(result: b.Json, expected: tuple[str, set[str]]) -> None:
    positive = b.codeable("https://trialmatch.example.org/fhir/CodeSystem/result", "positive")
    criterion = b.leaf("I4", b.concept("ana"), valueCodeableConcept=positive)
    assert outcome(criterion, b.observation("a", *ANA, "2026-02-01", **result)) == expected


NO_STROKE = b.record_leaf("E1", "Condition", "stroke", exclude=True, timeFromEvent=b.within((-6, "mo"), (0, "mo")))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], ("unknown", {"no-record"})),
        ([b.condition("s", *STROKE, "entered-in-error", onsetDateTime="2026-01-01")], ("unknown", {"no-record"})),
        ([b.condition("s", *STROKE, "refuted")], ("met", {"evidence"})),
        (
            [b.condition("s", *STROKE, onsetDateTime="2012-05-01", abatementDateTime="2012-06-01")],
            ("met", {"evidence"}),
        ),
        (
            [b.condition("s", *STROKE, onsetDateTime="2025-08-01", abatementDateTime="2025-09-01")],
            ("unmet", {"evidence"}),
        ),
        (
            [b.condition("s", *STROKE, onsetDateTime="2025-08-01", abatementDateTime="2025-08-31")],
            ("met", {"evidence"}),
        ),
        ([b.condition("s", *STROKE, onsetDateTime="2025", abatementDateTime="2025")], ("unknown", {"imprecise"})),
        ([b.condition("s", *STROKE, onsetDateTime="2024", abatementDateTime="2024")], ("met", {"evidence"})),
        (
            [b.condition("s", *STROKE, "provisional", onsetDateTime="2026-01", clinical="active")],
            ("unknown", {"provisional"}),
        ),
        ([b.condition("s", *STROKE, onsetDateTime="2020", clinical="active")], ("unmet", {"evidence"})),
        ([b.condition("s", *STROKE, onsetDateTime="2020", clinical="resolved")], ("unknown", {"imprecise"})),
        ([b.condition("s", *STROKE, onsetDateTime="2026-04-01", clinical="active")], ("unknown", {"no-record"})),
    ],
)
def test_a_stroke_in_a_window(records: list[b.Json], expected: tuple[str, set[str]]) -> None:
    assert outcome(NO_STROKE, *records) == expected


def test_windows_on_other_anchors() -> None:
    stroke = b.condition("s", *STROKE, onsetDateTime="2026-01-01", abatementDateTime="2026-01-02")
    criterion = b.record_leaf("E1", "Condition", "stroke", timeFromEvent=b.within((-1, "mo"), None, "infusion"))
    assert outcome(criterion, stroke)[0] == "unknown"
    assert "anchor-unknown" in outcome(criterion, stroke)[1]
    assert outcome(criterion, stroke, infusion="2026-02-02") == ("met", {"evidence"})
    assert outcome(criterion, stroke, infusion="2026-02-03") == ("unmet", {"evidence"})


def order(start: str | None, end: str | None, status: str = "completed", id_: str = "m") -> b.Json:
    return b.drug("MedicationRequest", f"{id_}-{start}", status, *HYDROXYCHLOROQUINE, authoredOn=start) | (
        {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": start, "end": end}}}}]} if end else {}
    )


@pytest.mark.parametrize(
    ("orders", "weeks", "expected"),
    [
        ([order("2025-01-01", "2025-02-20"), order("2025-02-01", "2025-04-10")], 14, ("met", {"evidence"})),  # 100 days
        ([order("2025-01-01", "2025-02-20"), order("2025-02-01", "2025-04-10")], 15, ("unmet", {"evidence"})),
        ([order("2025-01-01", "2025-01-07")], 1, ("met", {"evidence"})),
        ([order("2025-01-01", "2025-01-06")], 1, ("unmet", {"evidence"})),
        ([order("2026-02-01", None, "active")], 4, ("met", {"evidence"})),  # 29 days
        ([order("2025-01-01", None, "stopped")], 4, ("unknown", {"imprecise"})),
        ([order("2026-02-20", None, "stopped")], 4, ("unmet", {"evidence"})),  # at most ten days
        ([order("2025-01-01", None, "cancelled")], 4, ("unknown", {"no-record"})),
        ([order("2025-01", "2025-03")], 5, ("unknown", {"imprecise"})),  # 31 January to 1 March: 30 days
        ([order("2025-01", "2025-03")], 4, ("met", {"evidence"})),
    ],
)
def test_duration(orders: list[b.Json], weeks: int, expected: tuple[str, set[str]]) -> None:
    criterion = b.record_leaf(
        "I7", "MedicationRequest", "hydroxychloroquine", durationQuantity=b.quantity(weeks, "wk", ">=")
    )
    assert outcome(criterion, *orders) == expected


def test_months_of_exposure_are_calendar_months() -> None:
    """1 December to 28 February are three months, a day less is not."""
    criterion = b.record_leaf(
        "I7", "MedicationRequest", "hydroxychloroquine", durationQuantity=b.quantity(3, "mo", ">=")
    )
    assert outcome(criterion, order("2025-12-01", "2026-02-28"))[0] == "met"
    assert outcome(criterion, order("2025-12-02", "2026-02-28"))[0] == "unmet"


def test_distinct_ingredients() -> None:
    """Mycophenolate mofetil and mycophenolic acid are one."""
    two = b.record_leaf("I7", "MedicationRequest", "immunosuppressant", instancesQuantity=b.quantity(2, "1", ">="))
    mofetil = b.drug("MedicationRequest", "a", "active", RXNORM, "68149", authoredOn="2026-01-01")
    acid = b.drug("MedicationStatement", "b", "active", "http://www.whocc.no/atc", "L04AA06")
    methotrexate = b.drug("MedicationStatement", "c", "active", RXNORM, "6851")
    assert outcome(two, mofetil, acid) == ("unmet", {"evidence"})
    assert outcome(two, mofetil, methotrexate) == ("met", {"evidence"})
    assert outcome(b.extended(two, "open-list", valueBoolean=True), mofetil) == ("unknown", {"open-list"})
    intended = {**methotrexate, "status": "intended"}
    assert outcome(two, mofetil, intended) == ("unknown", {"provisional"})


def test_silence() -> None:
    gate = b.record_leaf("I2", "Condition", "sle")
    assert outcome(gate) == ("unknown", {"no-record"})
    absent = b.extended(gate, "absence", valueCode="absent")
    assert outcome(absent) == ("unmet", {"no-record"})
    assert outcome({**absent, "exclude": True}) == ("met", {"no-record"})


@pytest.mark.parametrize(
    ("born", "expected"),
    [
        ("2008-03-01", "met"),
        ("2008-03-02", "unmet"),
        ("1955-03-02", "met"),
        ("1955-03-01", "unmet"),
        ("1980", "met"),
        ("1955", "unknown"),
        ("2008-03", "unknown"),
    ],
)
def test_age(born: str, expected: str) -> None:
    years = {"low": b.quantity(18, "a"), "high": b.quantity(70, "a")}
    criterion = b.leaf("I1", b.codeable(LOINC, "30525-0"), valueRange=years)
    assert outcome(criterion, b.patient(birthDate=born))[0] == expected


def test_kleene() -> None:
    assert combine("all-of", None, [1, 0, -1]) == -1
    assert combine("any-of", None, [0, -1]) == 0
    assert combine("at-least", 2, [1, 1, -1]) == 1
    assert combine("at-least", 2, [1, 0, -1]) == 0
    assert combine("at-most", 1, [1, 1, 0]) == -1
    assert combine("at-most", 1, [1, 0, -1]) == 0
    assert combine("at-most", 1, [1, -1, -1]) == 1


def test_excludes_above_turn_a_status() -> None:
    """In "exclude any-of(ALT > 3 × ULN, …)" an ALT of 4 × ULN is an unmet leaf under an unmet group."""
    member = b.leaf("E1.a", b.concept("alt"), valueQuantity=b.times_normal(3, ">"))
    tree = b.group("E1", "any-of", [member, b.judgement_leaf("E1.b", "response")], exclude=True)
    judged = judge([tree], [alt(160)], as_of=AS_OF)
    assert [(node.link_id, node.status, node.kind) for node in judged.nodes.values()] == [
        ("E1", "unmet", "exclusion"),
        ("E1.a", "unmet", "exclusion"),
        ("E1.b", "unknown", "exclusion"),
    ]
    assert judged.verdicts == {"ineligible"}
    assert not any(node.blocking for node in judged.nodes.values())
    within_limit = judge([tree], [alt(100)], as_of=AS_OF)
    assert within_limit.verdicts == {"likely"}
    assert [node.blocking for node in within_limit.nodes.values()] == [False, False, True]


def test_attestations() -> None:
    excluded = {**b.judgement_leaf("E2", "prognosis"), "exclude": True}

    def given(**parts: str) -> list[b.Json]:
        return [{"by": "Dr A", "at": "2026-02-01", **parts}]

    assert outcome(excluded) == ("unknown", {"judgement"})
    assert outcome(excluded, attestations=given(judgement="prognosis", answer="met")) == ("unmet", {"attested"})
    assert outcome(excluded, attestations=given(linkId="E2", answer="met")) == ("met", {"attested"})
    assert outcome(excluded, attestations=given(judgement="consent", answer="met"))[0] == "unknown"
    over = given(linkId="E2", answer="met", until="2026-02-28")
    assert outcome(excluded, attestations=over)[0] == "unknown"
    assert outcome(ALT_LIMIT, attestations=given(linkId="I5", answer="unmet")) == ("unmet", {"attested"})
    assert outcome(ALT_LIMIT, alt(50), attestations=given(linkId="I5", answer="unmet")) == ("met", {"evidence"})


def test_calendar() -> None:
    assert add_months(date(2024, 2, 29), -36) == date(2021, 2, 28)
    assert add_months(date(2026, 3, 1), -6) == date(2025, 9, 1)
    assert completed_years(date(2008, 2, 29), date(2026, 2, 28)) == 17
    assert completed_years(date(2008, 2, 29), date(2026, 3, 1)) == 18
    assert len(days_of("2024")) == 366
    assert days_of("2021-02")[-1] == date(2021, 2, 28)


def test_bounds() -> None:
    """A C-reactive protein of <5 is not ≥ 10, one of >8 may be."""
    at_least_ten = (lambda x: x >= 10), [Fraction(10)]
    assert decide(Fraction(5), "<", *at_least_ten) is False
    assert decide(Fraction(8), ">", *at_least_ten) == "imprecise"
    assert decide(Fraction(10), ">", *at_least_ten) is True
    assert decide(Fraction(10), "<", *at_least_ten) is False
    assert decide(Fraction(10), "<=", *at_least_ten) == "imprecise"


def test_grades_are_counted_in_the_newest_panel() -> None:
    def panel(taken: str, *grades: str) -> b.Json:
        parts = [{"code": {"text": f"system {n}"}, "valueString": grade} for n, grade in enumerate(grades)]
        return b.observation(taken, "urn:local:trial-score", "bilag2004", taken, component=parts)

    two_b = b.leaf(
        "1",
        b.concept("bilag2004"),
        valueCodeableConcept={"text": "B"},
        instancesQuantity=b.quantity(2, "1", ">="),
    )
    assert outcome(two_b, panel("2026-02-01", "B", "B", "C")) == ("met", {"evidence"})
    assert outcome(two_b, panel("2026-02-01", "B", "B"), panel("2026-02-02", "B", "C")) == ("unmet", {"evidence"})
    assert outcome(two_b) == ("unknown", {"missing-data"})


def test_a_window_that_hangs_on_another_event() -> None:
    """A dialysis within a month after a stroke; any of the strokes will do."""
    stroke = b.record_leaf("1", "Condition", "stroke")
    window = b.within((0, "mo"), (1, "mo"), None)
    window[0]["eventId"] = "1"
    dialysis = b.record_leaf("2", "Procedure", "dialysis", timeFromEvent=window)
    first = b.condition("s1", *STROKE, onsetDateTime="2020-01-31", clinical="active")
    second = b.condition("s2", *STROKE, onsetDateTime="2024-01-31", clinical="active")
    done = b.record("Procedure", "d", "completed", ("code", SNOMED, "265764009"), performedDateTime="2024-02-29")

    def status(*resources: b.Json) -> str:
        return judge([stroke, dialysis], list(resources), as_of=AS_OF).nodes["2"].status

    assert status(done, first) == "unmet"
    assert status(done, first, second) == "met"
    assert status(done) == "unknown"


VALUE_SETS = Path(__file__).parents[2] / "mappings" / "valuesets"


def expansion(concept: str) -> set[tuple[str, str]]:
    """The codes of a shipped value set, unions followed; ICD-10-CM descendants are not needed here."""
    compose = json.loads((VALUE_SETS / f"{concept}.json").read_text("utf-8"))["compose"]
    found: set[tuple[str, str]] = set()
    for include in compose["include"]:
        found |= {(include.get("system", ""), entry["code"]) for entry in include.get("concept", [])}
        for url in include.get("valueSet", []):
            found |= expansion(url.rsplit("/", 1)[-1])
    return found


@pytest.mark.skipif(not VALUE_SETS.is_dir(), reason="the shipped mappings are not beside this checkout")
@pytest.mark.parametrize("concept", sorted(CODES))
def test_its_codes_are_those_of_the_shipped_mappings(concept: str) -> None:
    shipped = expansion(concept)
    assert CODES[concept] <= shipped
    used_here = set().union(*CODES.values())
    assert shipped & used_here <= CODES[concept], (
        "the package counts a code as the concept that this evaluator does not"
    )
