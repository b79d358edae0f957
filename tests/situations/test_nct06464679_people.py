"""NCT06464679: age, sex, pregnancy, death."""

from __future__ import annotations

from tests.situations.builders import SNOMED, concept, condition, icd, patient, procedure, resulted
from tests.situations.nk_cells import SERUM_HCG, URINE_HCG, arthritis, nk, sjogren
from tests.situations.situation import OPEN, Situation, cases, check

HYSTERECTOMY, MENOPAUSE, PREGNANT, BREASTFEEDING = "116140006", "373717006", "77386006", "169750002"


@cases(
    nk(
        "97",
        "born 2008-03-02: 17 years",
        (patient(born="2008-03-02"), sjogren()),
        {"C1": "unmet:evidence"},
        "ineligible",
    ),
    nk("97", "born 2008-03-01: 18 years today", (patient(born="2008-03-01"), sjogren()), {"C1": "met:evidence"}, OPEN),
    # the whole year of 65 belongs to it
    nk("98", "born 1960-03-02: 65 years", (patient(born="1960-03-02"), sjogren()), {"C1": "met:evidence"}, OPEN),
    nk(
        "98",
        "born 1960-03-01: 66 years",
        (patient(born="1960-03-01"), sjogren()),
        {"C1": "unmet:evidence"},
        "ineligible",
    ),
    nk("100", 'birthDate "1980" only', (patient(born="1980"), sjogren()), {"C1": "met:evidence"}, OPEN),
    nk("101", 'birthDate "1960": 65 or 66', (patient(born="1960"), sjogren()), {"C1": "unknown:imprecise"}, "possible"),
    nk("103", "died on 2025-12-01", (patient(deceasedDateTime="2025-12-01"), sjogren()), verdict="ineligible"),
)
def test_age_and_death(situation: Situation) -> None:
    check(situation)


@cases(
    # the test has to be of serum, and of the 7 days before enrolment
    nk(
        "62",
        "urine hCG negative within 7 days",
        (sjogren(), resulted(URINE_HCG, "negative", "2026-02-25")),
        {"C3.b.2": "unknown:missing-data", "C3.b": "unknown", "E11.a": "met"},
        "possible",
    ),
    nk(
        "61",
        "serum hCG negative 8 days before",
        (sjogren(), resulted(SERUM_HCG, "negative", "2026-02-21")),
        {"C3.b.2": "unknown:stale", "C3.b": "unknown"},
        "possible",
    ),
    nk(
        "61",
        "serum hCG negative 7 days before",
        (sjogren(), resulted(SERUM_HCG, "negative", "2026-02-22")),
        {"C3.b.2": "met:evidence", "C3.b": "met"},
        OPEN,
    ),
    nk(
        "61",
        "counted from enrolment, where that is known",
        (sjogren(), resulted(SERUM_HCG, "negative", "2026-02-21")),
        {"C3.b.2": "met:evidence"},
        OPEN,
        given={"enrolment": "2026-02-28"},
    ),
    # a sign of pregnancy decides by itself: that nothing is recorded of a hysterectomy does not help
    nk(
        "",
        "serum hCG positive, nothing recorded about fertility",
        (sjogren(), resulted(SERUM_HCG, "positive", "2026-02-25")),
        {"C3.b.2": "unmet:evidence", "E11.a": "unmet", "E11": "unmet"},
        "ineligible",
    ),
    nk(
        "",
        "pregnant, by diagnosis; no test",
        (sjogren(), condition(concept(SNOMED, PREGNANT), "2026-01-05")),
        {"E11.a.a.2": "unmet", "E11": "unmet"},
        "ineligible",
    ),
    nk("", "no test at all", (sjogren(),), {"E11.a": "unknown", "E11.a.a.2.2": "unknown:missing-data"}, "possible"),
    nk(
        "",
        "breastfeeding",
        (sjogren(), condition(concept(SNOMED, BREASTFEEDING), "2026-01-05")),
        {"C3.c": "unmet", "C3.c.a.3": "unmet:evidence"},
        "ineligible",
    ),
    # the pregnancy parts do not concern men, and so hold
    nk(
        "104",
        "a man, no hCG on record",
        (patient("male"), arthritis()),
        {
            "C3.b": "met:not-applicable",
            "C3.c": "met",
            "E11": "met:not-applicable",
            "C3.a": "unknown:judgement",
            "C3": "unknown",
        },
        OPEN,
    ),
    nk(
        "106",
        "a woman of 62, postmenopausal, no hCG",
        (patient(born="1963-11-01"), sjogren(), icd("Z78.0", "2014")),
        {"C3.b": "met:not-applicable", "C3.c": "met", "E11.a": "met", "E11.b": "met:not-applicable", "E11": "met"},
        OPEN,
    ),
    nk(
        "107",
        "a woman of 34, hysterectomy in 2019",
        (patient(born="1991-07-01"), sjogren(), procedure(HYSTERECTOMY, {"performedDateTime": "2019-05-02"})),
        {"C3.b": "met:not-applicable", "E11.a.a": "met:not-applicable", "E11.a": "met", "C3.c": "unknown"},
        OPEN,
    ),
)
def test_pregnancy_and_breastfeeding(situation: Situation) -> None:
    check(situation)
