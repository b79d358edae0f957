"""NCT07161193: age, sex, pregnancy, death, and patients of two diseases or of none."""

from __future__ import annotations

from functools import partial

import pytest

from tests.situations.autoimmune import (
    COHORTS,
    HCG,
    HCG_URINE,
    NUMBER,
    STUDY,
    answers,
    but,
    disease,
    fits,
    laboratory,
    man,
    particulars,
    without,
)
from tests.situations.builders import Json, icd, patient, procedure, resulted, score, sle
from tests.situations.situation import OPEN, Situation, cases, check, match

On = partial(Situation, study=STUDY)
HYSTERECTOMY = "236886002"


def _ages(status: str) -> dict[str, str]:
    """The age row of every disease."""
    return {f"{number}.1": status for number in NUMBER.values()}


@cases(
    On("97", "born 2008-03-02: 17", (patient(born="2008-03-02"), sle()), _ages("unmet:evidence"), "ineligible"),
    On("97", "born 2008-03-01: 18 today", (patient(born="2008-03-01"), sle()), _ages("met:evidence"), OPEN),
    # 70 lasts until the day before the 71st birthday
    On("98", "born 1955-03-02: 71 tomorrow", (patient(born="1955-03-02"), sle()), _ages("met:evidence"), OPEN),
    On("98", "born 1955-03-01: 71 today", (patient(born="1955-03-01"), sle()), _ages("unmet:evidence"), "ineligible"),
    # every day of 1980 decides alike; not every day of 1955
    On("100", "born 1980", (patient(born="1980"), sle()), _ages("met:evidence"), OPEN),
    On("100", "born 1955: 70 or 71", (patient(born="1955"), sle()), _ages("unknown:imprecise"), "possible"),
    On(
        "103",
        "died on 2025-12-01, fits otherwise",
        tuple(fits("SLE", [patient(deceasedDateTime="2025-12-01"), resulted(HCG, "negative")])),
        {"1.9": "met"},
        "ineligible",
    ),
    On(
        "104",
        "a man without a pregnancy test",
        tuple(fits("SLE", man())),
        {"1.4.b": "met:not-applicable", "1.4.b.2": "unknown:missing-data", "E2": "met:not-applicable"},
        "likely",
    ),
    # past childbearing: neither the test nor lactation concerns her
    On(
        "106",
        "a woman of 62, postmenopausal, without a pregnancy test",
        tuple(fits("SLE", [patient(born="1963-06-01"), icd("Z78.0", "2015")])),
        {"1.4.b": "met:not-applicable", "E2.2.a": "met:not-applicable", "E2": "met"},
        "likely",
    ),
    On(
        "107",
        "a woman of 34, hysterectomy in 2019, without a pregnancy test",
        tuple(
            fits("SLE", [patient(born="1991-06-01"), procedure(HYSTERECTOMY, {"performedDateTime": "2019"})]),
        ),
        {"1.4.b": "met:not-applicable", "E2.2.a": "met:not-applicable"},
        "likely",
    ),
    # a test in urine is a pregnancy test here: no blood is printed
    On(
        "62",
        "a woman of 30, pregnancy test negative in urine",
        (patient(born="1995-06-01"), sle(), resulted(HCG_URINE, "negative")),
        {"1.4.b.2": "met:evidence", "1.4.b": "met", "E2.2.a": "met"},
        OPEN,
    ),
    On(
        "104",
        "a woman of 30 without a pregnancy test",
        (patient(born="1995-06-01"), sle()),
        {"1.4.b": "unknown", "1.4.b.2": "unknown:missing-data", "E2": "unknown"},
        "possible",
    ),
    On(
        "104",
        "pregnant by diagnosis, no test",
        (patient(born="1995-06-01"), sle(), icd("Z33.1", "2026-01-10")),
        {"E2.2.a": "unmet", "E2": "unmet"},
        "ineligible",
    ),
    On(
        "104",
        "breastfeeding",
        (*fits("SLE"), icd("Z39.1", "2026-01-10")),
        {"E2.2.a": "met", "E2.2.b": "unmet", "E2": "unmet"},
        "ineligible",
    ),
)
def test_people(situation: Situation) -> None:
    check(situation)


def _verdicts(*facts: Json, **given: object) -> tuple[str, dict[str, str]]:
    found = match(On("", "cohorts", facts, given=given))
    return found["verdict"], {cohort["id"]: cohort["verdict"] for cohort in found["cohorts"]}


@pytest.mark.parametrize("cohort", COHORTS)
def test_a_patient_of_one_disease_is_a_candidate_for_one_cohort(cohort: str) -> None:
    verdict, cohorts = _verdicts(*fits(cohort))
    assert verdict == "likely"
    assert cohorts == {one: "likely" if one == cohort else "ineligible" for one in COHORTS}


@pytest.mark.parametrize("cohort", COHORTS)
def test_a_patient_whose_every_open_point_is_answered_is_eligible(cohort: str) -> None:
    # one round of a coordinator: every point that is listed gets a good answer
    listed = [one["linkId"] for one in match(On("", "open", tuple(fits(cohort))))["missing"]]
    verdict, cohorts = _verdicts(*fits(cohort), attestations=answers(*listed))
    assert verdict == "eligible"
    assert cohorts[cohort] == "eligible"


@pytest.mark.parametrize("cohort", COHORTS)
def test_a_common_exclusion_ends_every_cohort(cohort: str) -> None:
    verdict, cohorts = _verdicts(*fits(cohort), icd("G40.909", "2010"))
    assert verdict == "ineligible"
    assert set(cohorts.values()) == {"ineligible"}


def test_two_diseases_are_judged_each() -> None:
    # 127: out as lupus for its score, but not as arthritis
    both = [*but(fits("SLE"), score("selena_sledai", 4)), disease("RA"), *particulars("RA")]
    verdict, cohorts = _verdicts(*both)
    assert verdict == "likely"
    assert cohorts == {one: "likely" if one == "RA" else "ineligible" for one in COHORTS}
    verdict, cohorts = _verdicts(*without(both, "32218-0"))  # the anti-CCP antibody is missing
    assert (verdict, cohorts["SLE"], cohorts["RA"]) == ("possible", "ineligible", "possible")


def test_without_a_disease_no_cohort_applies() -> None:
    verdict, cohorts = _verdicts(patient(), resulted(HCG, "negative"), *laboratory())
    assert verdict == "ineligible"
    assert set(cohorts.values()) == {"ineligible"}
