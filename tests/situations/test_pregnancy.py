"""A pregnancy all the same, after a sterilisation or past childbearing age; in all four trials that print criteria.

A pregnant woman is of childbearing potential, whatever her record says of a sterilisation: the pregnancy test concerns
her, and the exclusion of pregnant women meets her.
"""

from __future__ import annotations

import pytest

from tests.situations.autoimmune import HCG, HCG_URINE, but, fits
from tests.situations.builders import Json, icd, patient, procedure, resulted, sle
from tests.situations.nk_cells import arthritis
from tests.situations.situation import Situation, check

#: of each trial: its study, the rows that ask for a test, the row that excludes pregnant women (the universal has none)
TRIALS = {
    "NCT07161193": (sle(), "1.4.b", "E2"),
    "NCT06892145": (sle(), "I9.a", "E15"),
    "NCT06464679": (arthritis(), "C3.b", "E11"),
    "Universal-CD19-BCMA-autoimmune": (sle(), "C5.b", None),
}
each_trial = pytest.mark.parametrize("study", TRIALS)

STERILISED = icd("Z98.51", "2018-05-01")
HYSTERECTOMY = procedure("236886002", {"performedDateTime": "2019-05-02"})
PREGNANT = icd("Z33.1", "2026-01-10")
#: 62 years, and 46
ELDERLY, CLIMACTERIC = patient(born="1963-11-01"), patient(born="1979-05-05")


def _hold(
    study: str, words: str, facts: tuple[Json, ...], test: str, pregnant: str, verdict: str | None = None
) -> None:
    """Check what the row of the test and the exclusion of pregnant women come to."""
    disease, asks, excludes = TRIALS[study]
    expect = {asks: test} | ({} if excludes is None else {excludes: pregnant})
    check(Situation("pregnancy", words, (disease, *facts), expect, verdict if excludes else None, study=study))


@each_trial
def test_pregnant_after_a_sterilisation(study: str) -> None:
    # the sterilisation has failed; no test was made
    _hold(study, "tubal ligation in 2018, pregnant", (STERILISED, PREGNANT), "unknown", "unmet", "ineligible")


@each_trial
def test_positive_test_after_a_sterilisation(study: str) -> None:
    # not yet a diagnosis, and nobody can say that the test does not concern her; the newest test decides
    positive = resulted(HCG, "positive", "2026-02-24")
    _hold(study, "tubal ligation, test positive", (STERILISED, positive), "unmet", "unmet", "ineligible")
    negative = resulted(HCG, "negative", "2026-02-26")
    not_concerned = "met:not-applicable"
    _hold(study, "tubal ligation, then negative", (STERILISED, positive, negative), not_concerned, "unknown")


@each_trial
def test_old_positive_test_before_a_hysterectomy(study: str) -> None:
    # a test of 2015 tells nothing of a woman who has had no uterus since 2019
    facts = (HYSTERECTOMY, resulted(HCG, "positive", "2015-03-03"))
    _hold(study, "hysterectomy in 2019, test positive in 2015", facts, "met:not-applicable", "unknown")


@each_trial
def test_pregnant_at_62(study: str) -> None:
    _hold(study, "62 years, pregnant", (ELDERLY, PREGNANT), "unknown", "unmet", "ineligible")


@each_trial
def test_positive_test_at_62(study: str) -> None:
    # hCG of the pituitary gland: past 55 the test does not concern her, positive or not
    facts = (ELDERLY, resulted(HCG, "positive"))
    _, asks, _ = TRIALS[study]
    check(Situation("pregnancy", "62 years, positive", (TRIALS[study][0], *facts), {asks: "met"}, study=study))


@each_trial
def test_climacteric_is_no_menopause(study: str) -> None:
    # N95.1 (climacteric states) at 46: she may still be fertile, and needs a test. N95.2 is said after the menopause
    _hold(study, "climacteric at 46", (CLIMACTERIC, icd("N95.1", "2025-01-01")), "unknown", "unknown")
    facts = (CLIMACTERIC, icd("N95.2", "2025-01-01"))
    _hold(study, "postmenopausal atrophic vaginitis at 46", facts, "met:not-applicable", "unknown")


def test_a_patient_who_fits_otherwise_is_out() -> None:
    # nothing else is unmet and no data are missing: only the pregnancy keeps her out
    record = (*but(fits("SLE"), resulted(HCG, "positive")), STERILISED)
    check(Situation("pregnancy", "test positive", record, {"E2": "unmet"}, "ineligible", study="NCT07161193"))
    urine = (*but(fits("SLE"), resulted(HCG, "negative")), STERILISED, resulted(HCG_URINE, "positive", "2026-02-24"))
    check(Situation("pregnancy", "urine, later", urine, {"E2": "unmet"}, "ineligible", study="NCT07161193"))
