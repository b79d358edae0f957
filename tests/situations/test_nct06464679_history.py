"""NCT06464679: diagnoses and what became of them, other trials, and which disease a cohort is for."""

from __future__ import annotations

from tests.situations.builders import ICD10CM, concept, condition, icd, in_trial, measured
from tests.situations.nk_cells import (
    CYCLOPHOSPHAMIDE,
    FVC_PERCENT,
    STUDY,
    allergy,
    answered,
    arthritis,
    myositis,
    nk,
    says,
    sclerosis,
    sjogren,
)
from tests.situations.situation import OPEN, Situation, cases, check, match, walk

GATES = ("pSS1.a", "SSc1.a", "IIM1.a", "RA1.a")
RESOLVED = {"clinical": "resolved"}


@cases(
    # no cohort applies, however good the rest is
    nk("136", "SLE only", (icd("M32.10", "2019-04-01"),), dict.fromkeys(GATES, "unmet:no-record"), "ineligible"),
    nk("136", "nothing recorded at all", (), dict.fromkeys(GATES, "unmet:no-record"), "ineligible"),
    nk("68", "RA refuted", (arthritis(verification="refuted"),), {"RA1.a": "unmet:evidence"}, "ineligible"),
    nk("68", "RA entered in error", (arthritis(verification="entered-in-error"),), {"RA1.a": "unmet"}, "ineligible"),
    nk("68", "RA provisional", (arthritis(verification="provisional"),), {"RA1.a": "unknown:provisional"}, "possible"),
    nk(
        "70",
        "a mother with RA",
        (
            {
                "resourceType": "FamilyMemberHistory",
                "status": "completed",
                "patient": {"reference": "Patient/p"},
                "relationship": {"text": "mother"},
                "condition": [{"code": concept(ICD10CM, "M05.9")}],
            },
        ),
        {"RA1.a": "unmet:no-record"},
        "ineligible",
    ),
    nk(
        "73",
        'a diagnosis in words only: "Rheumatoid arthritis"',
        (condition({"text": "Rheumatoid arthritis"}, "2015-06-01"),),
        {"RA1.a": "unknown:unusable"},
        "possible",
    ),
    nk(
        "71",
        "systemic sclerosis induced by drugs",
        (icd("M34.2", "2020"),),
        {"SSc1.a": "unmet:no-record"},
        "ineligible",
    ),
    # the diagnosis has to be half a year old; a date of recording only says that it is no younger
    nk("", "RA since 2025-09-01", (arthritis("2025-09-01"),), {"RA1.b": "met:evidence"}, OPEN),
    nk("", "RA since 2025-09-02", (arthritis("2025-09-02"),), {"RA1.b": "unmet:evidence"}, "ineligible"),
    nk(
        "",
        "RA recorded on 2026-01-10, onset unknown",
        (arthritis(None, recordedDate="2026-01-10"),),
        {"RA1.b": "unknown:imprecise"},
        "possible",
    ),
)
def test_disease(situation: Situation) -> None:
    check(situation)


def test_two_diseases_are_judged_in_both_cohorts() -> None:
    grade = measured("1988-5", 2, "mg/L"), measured("4537-7", 5, "mm/h")
    found = match(nk("127", "myositis and RA; RA not active", (myositis(), arthritis(), *grade)))
    verdicts = {one["id"]: one["verdict"] for one in found["cohorts"]}
    assert verdicts == {"pSS": "ineligible", "SSc": "ineligible", "IIM": "possible", "RA": "ineligible"}
    assert found["verdict"] == "possible"


def test_nothing_is_passed_over_in_silence() -> None:
    """Where the record says nothing but the disease, no exclusion holds and none is cleared."""
    facts = (sjogren(), sclerosis(), myositis(), arthritis())
    found = match(nk("140", "four diseases and nothing else", facts))
    rows = ("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E10", "E11", "E12")
    own = ("EpSS1", "EpSS2", "EIIM1", "EIIM2", "EIIM3", "ERA1")
    status = {item["linkId"]: item["status"] for item in walk(found["items"]) if item["linkId"] in rows + own}
    assert status == dict.fromkeys(rows + own, "unknown")
    asked = [one["linkId"] for one in found["missing"]]
    for row in ("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E9", "E10", "E12", "EpSS1", "EpSS2", "EIIM1", "EIIM2"):
        assert len([link for link in asked if link == row or link.startswith(f"{row}.")]) == 1, row


@cases(
    # a malignancy stays one here, however long ago; others have exceptions
    nk(
        "86",
        "melanoma, cured in 2019",
        (sjogren(), icd("C43.9", "2018-02-01", "2019-03-01", **RESOLVED)),
        {"E6.a": "unmet:evidence", "E6": "unmet"},
        "ineligible",
    ),
    nk("86", "history of melanoma", (sjogren(), icd("Z85.820")), {"E6": "unmet"}, "ineligible"),
    # in situ: disease-free for more than 5 years, or not
    nk(
        "88",
        "cervical carcinoma in situ, treated in 2022",
        (sjogren(), icd("D06.9", "2022-03-01", "2022-06-01", **RESOLVED)),
        {"E6.b": "unmet:evidence", "E6": "unmet"},
        "ineligible",
    ),
    nk(
        "88",
        "cervical carcinoma in situ, ended exactly 5 years ago: not more",
        (sjogren(), icd("D06.9", "2020-03-01", "2021-03-01", **RESOLVED)),
        {"E6": "unmet"},
        "ineligible",
    ),
    nk(
        "88",
        "cervical carcinoma in situ, ended more than 5 years ago",
        (sjogren(), icd("D06.9", "2020-01-01", "2021-02-28", **RESOLVED)),
        {"E6": "met"},
        OPEN,
    ),
    nk("88", "history of breast carcinoma in situ, undated", (sjogren(), icd("Z86.000")), {"E6": "unknown"}, OPEN),
    nk(
        "85",
        "basal cell carcinoma, excised in 2026-01",
        (sjogren(), icd("C44.311", "2026-01-05", "2026-01-20", **RESOLVED)),
        {"E6.a": "met", "E6.c2": "unknown:judgement", "E6": "unknown"},
        OPEN,
    ),
    nk(
        "85",
        "basal cell carcinoma of 2015",
        (sjogren(), icd("C44.311", "2015-01-05", "2015-02-20", **RESOLVED)),
        {"E6": "met"},
        OPEN,
    ),
)
def test_malignancy(situation: Situation) -> None:
    check(situation)


@cases(
    nk("94", "primary biliary cholangitis", (sjogren(), icd("K74.3", "2018")), {"EpSS1": "unknown:no-record"}, OPEN),
    nk("", "cirrhosis", (sjogren(), icd("K74.60", "2018")), {"EpSS1": "unmet:evidence"}, "ineligible"),
    nk("", "myelodysplastic syndrome", (sjogren(), icd("D46.9", "2024")), {"EpSS2": "unmet:evidence"}, "ineligible"),
    # another cohort's exclusion is none
    nk("", "cirrhosis in RA", (arthritis(), icd("K74.60", "2018")), {"RA": "unknown"}, OPEN),
    # the code says myopathy, which is wider than myositis
    nk(
        "",
        "drug-induced myopathy (G72.0)",
        (myositis(), icd("G72.0", "2023")),
        {"EIIM1.a1": "unmet:evidence", "EIIM1.a2": "unknown:judgement", "EIIM1": "unknown"},
        OPEN,
    ),
    nk("", "inclusion body myositis", (myositis(), icd("G72.41", "2023")), {"EIIM2": "unmet:evidence"}, "ineligible"),
    nk(
        "",
        "tumour 2 years before the myositis, to the day",
        (myositis("2021-03-10"), icd("C50.911", "2019-03-10")),
        {"EIIM3.b2": "unmet:evidence", "EIIM3": "unmet"},
        "ineligible",
    ),
    nk(
        "",
        "tumour 2 years and a day before",
        (myositis("2021-03-10"), icd("C50.911", "2019-03-09")),
        {"EIIM3.b2": "met:evidence", "EIIM3": "met"},
        "ineligible",  # for the tumour itself (E6)
    ),
    nk(
        "",
        "tumour a year after",
        (myositis("2021-03-10"), icd("C50.911", "2022-04-01")),
        {"EIIM3": "unmet"},
        "ineligible",
    ),
    nk("", "tumour of unknown date", (myositis(), icd("C50.911")), {"EIIM3.b2": "unknown:imprecise"}, "ineligible"),
    nk(
        "",
        "dermatomyositis in neoplastic disease",
        (myositis(), icd("M36.0", "2021")),
        {"EIIM3": "unmet"},
        "ineligible",
    ),
)
def test_exclusions_of_a_cohort(situation: Situation) -> None:
    check(situation)


@cases(
    # an implication
    nk("130", "SSc, ILD ruled out", (sclerosis(), icd("J84.9", verification="refuted")), {"SSc2": "met"}, OPEN),
    nk(
        "131",
        "SSc with ILD, FVC 82 %, DLCO absent",
        (sclerosis(), icd("J84.9", "2022"), measured(FVC_PERCENT, 82, "%")),
        {"SSc2.b2.1": "unmet:evidence", "SSc2.b2.2": "unknown:missing-data", "SSc2": "unknown"},
        OPEN,
    ),
    nk(
        "131",
        "SSc with ILD, FVC 62 %, ground glass confirmed",
        (sclerosis(), icd("J84.9", "2022"), measured(FVC_PERCENT, 62, "%")),
        {"SSc2": "met"},
        OPEN,
        given=answered(says("imaging", "hrct-ground-glass")),
    ),
    nk("", "SSc, nothing said of the lung", (sclerosis(),), {"SSc2": "unknown", "SSc2.a": "unknown:no-record"}, OPEN),
)
def test_lung_of_systemic_sclerosis(situation: Situation) -> None:
    check(situation)


@cases(
    nk("", "epilepsy, active", (sjogren(), icd("G40.909", "2012")), {"E3": "unmet"}, "ineligible"),
    nk(
        "",
        "stroke of 2019, resolved",
        (sjogren(), icd("I63.9", "2019-02-01", "2019-03-01", **RESOLVED)),
        {"E3.a": "met:evidence", "E3.b2": "unknown:judgement", "E3": "unknown"},
        OPEN,
    ),
    nk("", "myocardial infarction of 2010", (sjogren(), icd("I21.4", "2010")), {"E4": "unmet"}, "ineligible"),
    nk(
        "",
        "atrial fibrillation",
        (sjogren(), icd("I48.91", "2024")),
        {"E4.b2": "unknown:judgement", "E4": "unknown"},
        OPEN,
    ),
    nk(
        "",
        "common variable immunodeficiency",
        (sjogren(), icd("D83.9", "2010")),
        {"E5": "unmet:evidence"},
        "ineligible",
    ),
    nk("", "immunodeficiency due to drugs", (sjogren(), icd("D84.821", "2025")), {"E5": "unknown:no-record"}, OPEN),
    nk("", "dependence on dialysis", (sjogren(), icd("Z99.2", "2025")), {"E7": "unmet:evidence"}, "ineligible"),
    nk(
        "",
        "pneumonia, active",
        (sjogren(), icd("J18.9", "2026-02-25")),
        {"E2.a2": "unknown:judgement", "E2": "unknown"},
        OPEN,
    ),
    nk("", "pneumonia of 2023", (sjogren(), icd("J18.9", "2023-01-01", "2023-02-01", **RESOLVED)), {"E2": "met"}, OPEN),
    nk("", "schizophrenia", (sjogren(), icd("F20.9", "2010")), {"E9": "unmet"}, "ineligible"),
    nk("", "a mild depressive episode", (sjogren(), icd("F32.0", "2025")), {"E9": "unknown"}, OPEN),
    nk("", "anaphylactic shock once", (sjogren(), icd("T78.2XXA", "2016-05-01")), {"E1": "unmet"}, "ineligible"),
    nk("", "allergy to cyclophosphamide", (sjogren(), allergy(CYCLOPHOSPHAMIDE)), {"E1": "unmet"}, "ineligible"),
    nk(
        "",
        "allergy to cyclophosphamide, refuted",
        (sjogren(), allergy(CYCLOPHOSPHAMIDE, "refuted")),
        {"E1.a": "met:evidence", "E1": "unknown"},
        OPEN,
    ),
    nk(
        "125",
        "another trial until 2025-12-01",
        (sjogren(), in_trial("2025-01-01", "2025-12-01")),
        {"E10": "unmet"},
        "ineligible",
    ),
    nk(
        "125", "another trial until 2025-11-30", (sjogren(), in_trial("2025-01-01", "2025-11-30")), {"E10": "met"}, OPEN
    ),
)
def test_common_exclusions(situation: Situation) -> None:
    check(situation)


def test_the_trial_is_what_it_says() -> None:
    assert match(nk("", "", (sjogren(),)))["study"]["id"] == STUDY
