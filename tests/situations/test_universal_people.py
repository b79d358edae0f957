"""The universal CD19/BCMA record: age, sex, death; conventional therapy, pulses and high doses."""

from __future__ import annotations

import pytest

from tests.situations.builders import SNOMED, Json, concept, condition, daily, ordered, patient, procedure, sle, stated
from tests.situations.situation import OPEN, Situation, cases, check
from tests.situations.universal import (
    HYDROXYCHLOROQUINE,
    METHOTREXATE,
    MYCOPHENOLATE,
    PREDNISONE,
    SCLERODERMA,
    SJOGREN,
    attested,
    disease,
    lupus,
    organs,
    universal,
)

BELIMUMAB, TOCILIZUMAB, METHYLPREDNISOLONE = "1092437", "612865", "6902"
HYSTERECTOMY, MENOPAUSE = "236886002", "373717006"
SINCE = "2025-01-10"
TP = disease(SJOGREN, "2020-02-02")


@cases(
    universal("97", "born 2008-03-02: 17", (patient(born="2008-03-02"), sle()), {"C1": "unmet:evidence"}, "ineligible"),
    universal("97", "born 2008-03-01: 18 today", (patient(born="2008-03-01"), sle()), {"C1": "met:evidence"}, OPEN),
    # no upper limit is printed
    universal("98", "born 1940-03-01: 86", (patient(born="1940-03-01"), sle()), {"C1": "met:evidence"}, OPEN),
    universal("100", 'birthDate "1980" only', (patient(born="1980"), sle()), {"C1": "met:evidence"}, OPEN),
    universal(
        "103",
        "died on 2025-12-01, otherwise ideal",
        (patient("male", deceasedDateTime="2025-12-01"), *organs(), *lupus()),
        {},
        "ineligible",
    ),
    universal(
        "104",
        "a man, no hCG on record",
        (patient("male"), sle()),
        {"C5.b": "met:not-applicable", "C5.a": "unknown:judgement", "C5": "unknown"},
        OPEN,
    ),
    universal(
        "106",
        "a woman of 62, postmenopausal, no hCG",
        (patient(born="1963-11-01"), sle(), condition(concept(SNOMED, MENOPAUSE), "2014")),
        {"C5.b": "met:not-applicable"},
        OPEN,
    ),
    universal(
        "107",
        "a woman of 34, hysterectomy in 2019",
        (patient(born="1991-05-01"), sle(), procedure(HYSTERECTOMY, {"performedDateTime": "2019-06-01"})),
        {"C5.b": "met:not-applicable"},
        OPEN,
    ),
    universal(
        "106",
        "a woman of 39, no hCG",
        (patient(), sle()),
        {"C5.b": "unknown", "C5.b.2.a": "unknown:missing-data"},
        "possible",
    ),
)
def test_people(situation: Situation) -> None:
    check(situation)


def _sle(*drugs: Json, row: str = "SLE3.a.2", expected: str, number: str, words: str, **more: object) -> Situation:
    return universal(number, words, (sle(), *drugs), {row: expected}, OPEN, **more)


@cases(
    # drafts, plans, prohibitions: nobody took anything, nobody said that nobody did
    _sle(ordered(BELIMUMAB, SINCE, status="draft"), number="109", words="draft", expected="unknown:no-record"),
    _sle(ordered(BELIMUMAB, SINCE, intent="proposal"), number="109", words="proposal", expected="unknown:no-record"),
    _sle(ordered(BELIMUMAB, SINCE, doNotPerform=True), number="109", words="prohibited", expected="unknown:no-record"),
    _sle(ordered(BELIMUMAB, SINCE, status="cancelled"), number="110", words="cancelled", expected="unknown:no-record"),
    # one listed drug that was not taken is evidence, but the list is open
    _sle(stated(BELIMUMAB, SINCE, status="not-taken"), number="110", words="not taken", expected="unknown:open-list"),
    _sle(ordered(BELIMUMAB, SINCE), number="112", words="an order of 14 months counts", expected="met:evidence"),
    _sle(
        ordered(BELIMUMAB, SINCE),
        number="112",
        words="an order, where the site requires proof of taking",
        expected="unknown:provisional",
        given={"exposure": "taken"},
    ),
    # more than six months: July to December are 184 days, and six months to the end of them as many
    _sle(
        stated(METHOTREXATE, "2025-07-01", "2025-12-31", status="completed"),
        number="SLE3",
        words="six months to the day",
        expected="unknown:open-list",
    ),
    _sle(
        stated(METHOTREXATE, "2025-06-30", "2025-12-31", status="completed"),
        number="SLE3",
        words="six months and a day",
        expected="met:evidence",
    ),
    # overlaps count once: 1 January to 10 April
    _sle(
        stated(HYDROXYCHLOROQUINE, "2025-01-01", "2025-05-20", status="completed"),
        stated(METHOTREXATE, "2025-03-01", "2025-06-10", status="completed"),
        number="113",
        words="140 and 102 days that overlap are 161",
        expected="unknown:open-list",
    ),
    # one list, whose biologics are further members
    _sle(stated("121191", SINCE), number="SLE3", words="rituximab", expected="met:evidence"),
    # tocilizumab stands in the other cohorts' list
    _sle(stated(TOCILIZUMAB, SINCE), number="SLE3", words="tocilizumab", expected="unknown:no-record"),
)
def test_conventional_therapy(situation: Situation) -> None:
    check(situation)


def test_lists_of_the_cohorts_differ() -> None:
    facts = (disease(SCLERODERMA, "2021-03-01"), stated(PREDNISONE, SINCE), stated(TOCILIZUMAB, SINCE))
    expected = {"SSc4.a.1": "met:evidence", "SSc4.a.2": "met:evidence", "SSc4.a.3": "unknown:judgement"}
    check(universal("SSc4", "prednisone and tocilizumab", facts, {**expected, "SSc4": "unknown"}))


@pytest.mark.parametrize("row", ["SSc4", "IIM3", "AAV4"])
def test_relapse_is_enough(row: str) -> None:
    facts = (disease(SCLERODERMA, "2021-03-01"),)
    check(universal(row, "relapse attested", facts, {row: "met"}, given=attested("met", f"{row}.b")))


@cases(
    # a pulse from 250 mg of prednisone equivalent: 1 g of methylprednisolone is 1.25 g
    universal(
        "TP4",
        "methylprednisolone 1000 mg a day for three days, no response attested",
        (TP, stated(METHYLPREDNISOLONE, "2025-11-03", "2025-11-05", status="completed", dosage=daily(1000))),
        {"TP4.a.1": "met:evidence", "TP4.a": "met", "TP4": "met"},
        given=attested("met", judgement="response", concept="thrombocytopenia"),
    ),
    # 160 mg are 200 of prednisone: no pulse, but a high dose
    universal(
        "TP4",
        "methylprednisolone 160 mg a day, mycophenolate for four months",
        (
            TP,
            stated(METHYLPREDNISOLONE, "2025-09-01", "2025-12-31", status="completed", dosage=daily(160)),
            stated(MYCOPHENOLATE, "2025-09-01", "2025-12-31", status="completed"),
        ),
        {"TP4.a.1": "unmet:evidence", "TP4.a.2": "met", "TP4.a": "met", "TP4.b": "unknown:judgement"},
    ),
    universal(
        "TP4",
        "prednisone 30 mg a day is not yet a high dose",
        (TP, stated(PREDNISONE, "2025-09-01", dosage=daily(30)), stated(MYCOPHENOLATE, "2025-09-01")),
        {"TP4.a.2.1": "unmet:evidence", "TP4.a": "unmet", "TP4": "unmet"},
        "ineligible",
    ),
    universal(
        "TP4",
        "prednisone 60 mg a day, mycophenolate for two months",
        (TP, stated(PREDNISONE, "2025-09-01", dosage=daily(60)), stated(MYCOPHENOLATE, "2026-01-02")),
        {"TP4.a.2.1": "met:evidence", "TP4.a.2.2": "unknown:open-list", "TP4.a": "unknown"},
    ),
    # a dose that nobody wrote down cannot be compared
    universal(
        "119",
        "prednisone as directed",
        (TP, stated(PREDNISONE, "2025-09-01", dosage=[{"text": "take as directed"}])),
        {"TP4.a.1": "unknown:unusable", "TP4.a.2.1": "unknown:unusable"},
        "possible",
    ),
)
def test_pulses_and_high_doses(situation: Situation) -> None:
    check(situation)
