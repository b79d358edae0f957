"""NCT06892145: age, sex, pregnancy, death; and the trial without criteria."""

from __future__ import annotations

from tests.situations.builders import SNOMED, concept, condition, patient, procedure, resulted, sle, sledai_2k
from tests.situations.situation import OPEN, Situation, cases, check, match

SERUM_HCG, URINE_HCG = "2118-8", "2106-3"
PREGNANT, HYSTERECTOMY, MENOPAUSE = "77386006", "236886002", "373717006"
WUHAN = "CD19-BCMA-SLE-Wuhan-Union"


@cases(
    # the eighteenth birthday is tomorrow
    Situation(
        "97", "born 2008-03-02: 17 years", (patient(born="2008-03-02"), sle()), {"I2": "unmet:evidence"}, "ineligible"
    ),
    Situation(
        "97", "born 2008-03-01: 18 years today", (patient(born="2008-03-01"), sle()), {"I2": "met:evidence"}, OPEN
    ),
    # this trial has no upper limit
    Situation("98", "born 1955-03-01: 71 years", (patient(born="1955-03-01"), sle()), {"I2": "met:evidence"}, OPEN),
    # 45 or 46: either way an adult
    Situation("100", 'birthDate "1980" only', (patient(born="1980"), sle()), {"I2": "met:evidence"}, OPEN),
    # 17 or 18
    Situation("100", 'birthDate "2008" only', (patient(born="2008"), sle()), {"I2": "unknown:imprecise"}, "possible"),
    Situation("100", "no birthDate", (patient(born=None), sle()), {"I2": "unknown:missing-data"}, "possible"),
    # nobody matches the dead, whatever else holds
    Situation(
        "103",
        "died on 2025-12-01, otherwise ideal",
        (patient(deceasedDateTime="2025-12-01"), sle(), sledai_2k(9, "2025-11-20")),
        verdict="ineligible",
    ),
    Situation(
        "103",
        "died on 2025-12-01, trial without criteria",
        (patient(deceasedDateTime="2025-12-01"), sle()),
        verdict="ineligible",
        study=WUHAN,
    ),
)
def test_age_and_death(situation: Situation) -> None:
    check(situation)


@cases(
    # the pregnancy parts do not concern men, and so hold
    Situation(
        "104",
        "a man, no hCG on record",
        (patient("male"), sle()),
        {"I9.a": "met:not-applicable", "E15.a": "met:not-applicable", "I9.b": "unknown:judgement"},
        OPEN,
    ),
    Situation(
        "106",
        "a woman of 62, postmenopausal, no hCG",
        (patient(born="1963-11-01"), sle(), condition(concept(SNOMED, MENOPAUSE), "2014")),
        {"I9.a": "met:not-applicable", "E15.a.2.a": "met:not-applicable", "E15.a": "met"},
        OPEN,
    ),
    # by her age alone as well
    Situation(
        "106",
        "a woman of 62, nothing else recorded",
        (patient(born="1963-11-01"), sle()),
        {"I9.a": "met:not-applicable", "E15.a": "met"},
        OPEN,
    ),
    Situation(
        "107",
        "a woman of 34, hysterectomy in 2019",
        (patient(born="1991-07-01"), sle(), procedure(HYSTERECTOMY, {"performedDateTime": "2019-05-02"})),
        {"I9.a": "met:not-applicable", "E15.a.2.a": "met:not-applicable"},
        OPEN,
    ),
    # possibly fertile: the test is needed
    Situation(
        "107",
        "a woman of 34, nothing recorded",
        (patient(born="1991-07-01"), sle()),
        {"I9.a": "unknown", "I9.a.2": "unknown:missing-data", "E15.a.2.a": "unknown"},
        "possible",
    ),
    Situation(
        "107",
        "a woman of 34, serum hCG negative",
        (patient(born="1991-07-01"), sle(), resulted(SERUM_HCG, "negative")),
        {"I9.a": "met", "I9.a.2": "met:evidence", "E15.a.2.a": "met", "E15.a.2.b.3": "unknown:no-record"},
        OPEN,
    ),
    # a blood test is demanded; any negative test speaks against a pregnancy
    Situation(
        "62",
        "a woman of 34, urine hCG negative",
        (patient(born="1991-07-01"), sle(), resulted(URINE_HCG, "negative")),
        {"I9.a": "unknown", "I9.a.2": "unknown:missing-data", "E15.a.2.a": "met"},
        "possible",
    ),
    Situation(
        "107",
        "a woman of 34, serum hCG positive",
        (patient(born="1991-07-01"), sle(), resulted(SERUM_HCG, "positive")),
        {"E15.a": "unmet", "E15": "unmet"},
        "ineligible",
    ),
    # a pregnancy on record needs no test
    Situation(
        "107",
        "a woman of 34, pregnant by diagnosis",
        (patient(born="1991-07-01"), sle(), condition(concept(SNOMED, PREGNANT), "2025-12-20")),
        {"E15": "unmet", "E15.a.2.a.2.1": "unmet:evidence"},
        "ineligible",
    ),
)
def test_sex_and_pregnancy(situation: Situation) -> None:
    check(situation)


def test_a_record_without_criteria_decides_nothing() -> None:
    # 137: an empty list of criteria is not "all criteria met"; there is no score to compare either
    found = match(
        Situation("137", "an SLE patient, the trial that prints no criteria", (sle(), sledai_2k(9)), study=WUHAN)
    )
    assert found["verdict"] == "undetermined"
    assert found["score"] is None
    assert found["items"] == []
    assert found["why"].startswith("The record prints no eligibility criteria, so nobody can tell.")


def test_a_patient_without_the_disease_is_undetermined_there_too() -> None:
    # not "not met": nothing is printed that could be; what the study is about is said, for a person to hold against it
    found = match(Situation("137", "no lupus", (patient(),), study=WUHAN))
    assert found["verdict"] == "undetermined"
    assert found["why"].endswith(" It is about: Refractory/moderate-to-severe systemic lupus erythematosus (SLE).")
