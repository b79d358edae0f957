"""The golden patients of NCT07161193 on disk are those that are written down by hand, one of each outcome a cohort."""

from __future__ import annotations

import pytest

from tests.golden.cases import FOLDER, expected_decisions, read
from tests.golden.expect import expected
from tests.golden.nct07161193 import leaves
from tests.golden.nct07161193_patients import PATIENTS, Golden
from tests.situations.autoimmune import COHORTS, STUDY
from tests.situations.builders import record
from tests.situations.rows import studies


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: f"{patient.cohort}-{patient.outcome}")
def test_case_is_the_one_that_was_thought_out(patient: Golden) -> None:
    case = FOLDER / STUDY / f"{patient.cohort}-{patient.outcome}"
    study = next(one for one in studies() if one.id == STUDY)
    assert read(case, "bundle.json") == record(*patient.facts)
    assert expected_decisions(read(case, "expected.json")) == expected_decisions(expected(study, leaves(patient)))


def test_every_cohort_has_one_of_each_outcome() -> None:
    outcomes = ("likely", "possible", "ineligible")
    wanted = sorted((cohort, outcome) for cohort in COHORTS for outcome in outcomes)
    assert sorted((patient.cohort, patient.outcome) for patient in PATIENTS) == wanted


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: f"{patient.cohort}-{patient.outcome}")
def test_every_printed_row_is_answered(patient: Golden) -> None:
    study = next(one for one in studies() if one.id == STUDY)
    answered = {
        item["linkId"]
        for item in read(FOLDER / STUDY / f"{patient.cohort}-{patient.outcome}", "expected.json")["items"]
    }
    assert {row["linkId"] for row in study.rows} <= answered
