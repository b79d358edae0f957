"""The universal CD19/BCMA record: its five cohorts, each by its own rows, and which of them is left."""

from __future__ import annotations

import pytest

from tests.situations.builders import (
    SCORES,
    concept,
    condition,
    icd,
    measured,
    observation,
    patient,
    resulted,
    score,
    sle,
)
from tests.situations.situation import OPEN, Situation, cases, check, match
from tests.situations.universal import (
    ANA,
    CENTROMERE,
    CK,
    DERMATOMYOSITIS,
    DLCO,
    FVC,
    FVC_PREDICTED,
    GPA,
    MPO,
    PLATELETS,
    PR3,
    PROTEIN_24H,
    SCL70,
    SCLERODERMA,
    SJOGREN,
    UPCR,
    attested,
    class_of_nephritis,
    disease,
    loinc,
    lupus,
    myositis,
    organs,
    scleroderma,
    universal,
    vasculitis,
)

SSC, IIM, AAV, TP = (
    disease(SCLERODERMA, "2021-03-01"),
    disease(DERMATOMYOSITIS, "2022-06-01"),
    disease(GPA, "2023-01-15"),
    disease(SJOGREN, "2020-02-02"),
)
EARLIER = "2025-06-01"


@cases(
    # 120 mg/mmol are 1.06 g/g; 90 are 0.80; 113 are 1.0 and the limit is strict
    universal("28", "protein/creatinine 120 mg/mmol", (sle(), measured(UPCR, 120, "mg/mmol")), {"SLE2.b.3.1": "met"}),
    universal("28", "protein/creatinine 90 mg/mmol", (sle(), measured(UPCR, 90, "mg/mmol")), {"SLE2.b.3.1": "unmet"}),
    universal("28", "protein/creatinine 113 mg/mmol", (sle(), measured(UPCR, 113, "mg/mmol")), {"SLE2.b.3.1": "unmet"}),
    universal(
        "29",
        "protein/creatinine 1.0 g/g, 24 h protein absent, SLEDAI-2K 6, nephritis class IV, activity index 5",
        (
            sle(),
            score("sledai_2k", 6),
            class_of_nephritis("Class IV"),
            score("nih_activity_index", 5),
            measured(UPCR, 1.0, "g/g"),
        ),
        {
            "SLE2.a": "unmet:evidence",
            "SLE2.b.1": "met:evidence",
            "SLE2.b.2": "met:evidence",
            "SLE2.b.3.1": "unmet:evidence",
            "SLE2.b.3.2": "unknown:missing-data",
            "SLE2.b": "unknown",
            "SLE2": "unknown",
        },
        "possible",
    ),
    universal(
        "29",
        "the same with 1.2 g in 24 hours",
        (
            sle(),
            score("sledai_2k", 6),
            class_of_nephritis("Class IV"),
            score("nih_activity_index", 5),
            measured(UPCR, 1.0, "g/g"),
            measured(PROTEIN_24H, 1200, "mg/(24.h)"),
        ),
        {"SLE2.b.3.2": "met:evidence", "SLE2": "met"},
        OPEN,
    ),
    # III or IV, with or without V; not V alone
    universal("SLE2", "class III+V", (sle(), class_of_nephritis("III+V")), {"SLE2.b.1": "met:evidence"}),
    universal("SLE2", "class V", (sle(), class_of_nephritis("V")), {"SLE2.b.1": "unmet:evidence"}),
    universal("SLE2", "class II", (sle(), class_of_nephritis("class II")), {"SLE2.b.1": "unmet:evidence"}),
    universal("SLE2", "activity index 2", (sle(), score("nih_activity_index", 2)), {"SLE2.b.2": "unmet:evidence"}),
    # a low score does not refute: other organs may be involved
    universal("SLE2", "SLEDAI-2K 8", (sle(), score("sledai_2k", 8)), {"SLE2": "met"}),
    universal(
        "SLE2",
        "SLEDAI-2K 4, nephritis class V",
        (sle(), score("sledai_2k", 4), class_of_nephritis("V")),
        {"SLE2": "unknown", "SLE2.b": "unmet", "SLE2.c": "unknown:judgement"},
        OPEN,
    ),
    universal(
        "55", "SLEDAI of no known version", (sle(), score("sledai", 9)), {"SLE2.a": "unknown:missing-data"}, "possible"
    ),
)
def test_lupus(situation: Situation) -> None:
    check(situation)


@cases(
    universal("SSc2", "Scl-70 negative, centromere positive on one day",
        (SSC, resulted(SCL70, "negative"), resulted(CENTROMERE, "positive")), {"SSc2": "met:evidence"}, OPEN),
    universal("SSc2", "Scl-70 negative", (SSC, resulted(SCL70, "negative")), {"SSc2": "unknown:open-list"}, OPEN),
    universal("SSc2", "ANA positive alone",
        (SSC, resulted(ANA, "positive")), {"SSc2": "unknown:missing-data"}, "possible"),
    # diffuse skin, or lungs and their picture
    universal("SSc3", "interstitial lung disease, ground glass recorded",
        (SSC, icd("J84.10", "2023-02-01"), observation(concept(SCORES, "hrct_ground_glass"), {"valueBoolean": True})),
        {"SSc3": "met"}, OPEN),
    universal("SSc3", "interstitial lung disease, no picture", (SSC, icd("J84.10", "2023-02-01")),
        {"SSc3": "unknown", "SSc3.b.1": "met:evidence", "SSc3.b.2.2": "unknown:judgement"}, "possible"),
    universal("SSc3", "scleroderma with lung involvement (M34.81) alone opens the gate", (icd("M34.81", "2022-01-01"),),
        {"SSc1.a": "met:evidence", "SSc3.b.1": "met:evidence"}, OPEN),
    # 10 to 14 is 40 % more; 12 to 15 exactly 25 %, and more is printed
    universal("128", "refractory denied, mRSS 10 to 14",
        (SSC, score("mrss", 10, EARLIER), score("mrss", 14)),
        {"SSc4": "unmet", "SSc5.a": "met:evidence", "SSc5": "met", "SSc4or5": "met"}, OPEN,
        given=attested("unmet", "SSc4.a.1", "SSc4.b")),
    universal("128", "refractory denied, mRSS 12 to 15",
        (SSC, score("mrss", 12, EARLIER), score("mrss", 15)),
        {"SSc4": "unmet", "SSc5.a": "unmet:evidence", "SSc4or5": "unknown"}, "possible",
        given=attested("unmet", "SSc4.a.1", "SSc4.b")),
    # FVC: 10 % is enough by itself
    universal("SSc5", "FVC 3.0 to 2.7 L", (SSC, measured(FVC, 3.0, "L", date=EARLIER), measured(FVC, 2.7, "L")),
        {"SSc5.b": "met", "SSc5": "met"}, OPEN),
    universal("SSc5", "FVC 3.0 to 2.71 L", (SSC, measured(FVC, 3.0, "L", date=EARLIER), measured(FVC, 2.71, "L")),
        {"SSc5.b": "unknown", "SSc5.b.a.1": "unmet:evidence"}, OPEN),
    # more than 5 % goes with 15 % of DLCO; exactly 5 % does not
    universal("SSc5", "FVC 3.0 to 2.84 L, DLCO 20 to 17",
        (SSC, measured(FVC, 3.0, "L", date=EARLIER), measured(FVC, 2.84, "L"),
         measured(DLCO, 20, "mL/min/mm[Hg]", date=EARLIER), measured(DLCO, 17, "mL/min/mm[Hg]")),
        {"SSc5.c.1": "met", "SSc5.c.2": "met", "SSc5.c": "met", "SSc5": "met"}, OPEN),
    universal("SSc5", "FVC 3.0 to 2.85 L, DLCO 20 to 17",
        (SSC, measured(FVC, 3.0, "L", date=EARLIER), measured(FVC, 2.85, "L"),
         measured(DLCO, 20, "mL/min/mm[Hg]", date=EARLIER), measured(DLCO, 17, "mL/min/mm[Hg]")),
        {"SSc5.c.1.1": "unmet:evidence", "SSc5.c.2": "met", "SSc5.c": "unknown"}, OPEN),
    # percent predicted: 80 to 70 is 12.5 % and 10 points; 85 to 76 is 10.6 % and 9 points
    universal("SSc5", "FVC 80 to 70 % of predicted",
        (SSC, measured(FVC_PREDICTED, 80, "%", date=EARLIER), measured(FVC_PREDICTED, 70, "%")),
        {"SSc5.b": "met", "SSc5": "met"}, OPEN),
    universal("SSc5", "FVC 85 to 76 % of predicted",
        (SSC, measured(FVC_PREDICTED, 85, "%", date=EARLIER), measured(FVC_PREDICTED, 76, "%")),
        {"SSc5.b": "unknown", "SSc5.b.a.2": "unknown"}, OPEN),
)  # fmt: skip
def test_sclerosis(situation: Situation) -> None:
    check(situation)


@cases(
    universal("52", "MMT-8 78, no scale", (IIM, score("mmt8", 78)), {"IIM2.a": "unknown:unusable"}, "possible"),
    universal("52", "MMT-8 78 of 80", (IIM, score("mmt8", 78, high=80)), {"IIM2.a": "unknown:unusable"}, "possible"),
    universal("52", "MMT-8 141 of 150", (IIM, score("mmt8", 141, high=150)), {"IIM2.a": "met:evidence"}, OPEN),
    # out as myositis; as a connective tissue disease with platelets unknown she is not out yet
    universal(
        "52",
        "MMT-8 142 of 150",
        (IIM, score("mmt8", 142, high=150)),
        {"IIM2.a": "unmet:evidence", "IIM2": "unmet", "IIM": "unmet", "TP": "unknown"},
        "possible",
    ),
    universal(
        "52",
        "MMT-8 142 of 150, platelets 210",
        (IIM, score("mmt8", 142, high=150), measured(PLATELETS, 210, "10*9/L")),
        {"IIM": "unmet", "TP": "unmet"},
        "ineligible",
    ),
    # 15 mm are 1.5; one abnormal and one unknown are not yet two, nor are they out
    universal(
        "53",
        "PhGA 15 mm, PtGA 5, CK 1.2 × ULN, HAQ 0, extramuscular absent, MMT-8 130 of 150",
        (
            IIM,
            score("mmt8", 130, high=150),
            measured("75846-6", 15, "mm", high=100),
            measured("75844-1", 5, "{score}", high=10),
            measured(CK, 204, "U/L", high=170),
            score("haq_di", 0, high=3),
        ),
        {
            "IIM2.a": "met:evidence",
            "IIM2.b.1": "unmet:evidence",
            "IIM2.b.2": "met:evidence",
            "IIM2.b.3": "unknown:missing-data",
            "IIM2.b.4": "unmet:evidence",
            "IIM2.b.5": "unmet:evidence",
            "IIM2.b": "unknown",
            "IIM2": "unknown",
        },
        "possible",
    ),
    universal(
        "53",
        "the same with CK 1.5 × ULN",
        (
            IIM,
            score("mmt8", 130, high=150),
            measured("75844-1", 5, "{score}", high=10),
            measured(CK, 255, "U/L", high=170),
        ),
        {"IIM2.b.5": "met:evidence", "IIM2": "met"},
        OPEN,
    ),
    # "criterion 4 or 5" of four: the last two
    universal(
        "IIM4",
        "refractory denied, progression attested",
        (IIM,),
        {"IIM3": "unmet", "IIM4": "met:attested", "IIM3or4": "met"},
        "possible",
        given={
            "attestations": attested("unmet", "IIM3.a.3", "IIM3.b")["attestations"]
            + attested("met", judgement="progression", concept="ild")["attestations"]
        },
    ),
)
def test_myositis(situation: Situation) -> None:
    check(situation)


@cases(
    # a bound above the range is above the range
    universal(
        "46",
        "MPO-ANCA > 65 of 20",
        (AAV, measured(MPO, 65, "[IU]/mL", high=20, comparator=">")),
        {"AAV2.a": "met:evidence", "AAV2": "met"},
        OPEN,
    ),
    universal("AAV2", "MPO negative", (AAV, resulted(MPO, "negative")), {"AAV2": "unknown"}, "possible"),
    universal(
        "AAV2",
        "MPO and PR3 negative",
        (AAV, resulted(MPO, "negative"), resulted(PR3, "negative")),
        {"AAV2": "unmet"},
        "ineligible",
    ),
    # immunofluorescence names no antigen
    universal(
        "AAV2",
        "c-ANCA pattern only",
        (AAV, loinc("17351-8", {"valueString": "positive"})),
        {"AAV2.a": "unknown:missing-data", "AAV2.b": "unknown:missing-data"},
        "possible",
    ),
    universal("AAV3", "BVAS 15", (AAV, score("bvas_v3", 15)), {"AAV3": "met:evidence"}, OPEN),
    universal("AAV3", "BVAS 14", (AAV, score("bvas_v3", 14)), {"AAV3": "unmet:evidence"}, "ineligible"),
    # another instrument
    universal("AAV3", "BVAS/WG 16", (AAV, score("bvas_wg_NOT_v3", 16)), {"AAV3": "unknown:missing-data"}, "possible"),
)
def test_vasculitis(situation: Situation) -> None:
    check(situation)


@cases(
    universal("TP2", "platelets 29", (TP, measured(PLATELETS, 29, "10*9/L")), {"TP2.c": "met", "TP2.b": "met"}, OPEN),
    universal(
        "TP2",
        "platelets 30, nothing said of bleeding",
        (TP, measured(PLATELETS, 30, "10*9/L")),
        {"TP2.b": "met", "TP2.c.1": "unmet:evidence", "TP2.c.3": "unknown:judgement", "TP2.c": "unknown"},
        OPEN,
    ),
    universal(
        "TP2",
        "platelets 40, epistaxis now",
        (TP, measured(PLATELETS, 40, "10*9/L"), icd("R04.0", "2026-02-15")),
        {"TP2.c.2": "met:evidence", "TP2.c": "met"},
        OPEN,
    ),
    # a bleeding of 2001 is no tendency now, and does not prove that there is none
    universal(
        "TP2",
        "platelets 40, epistaxis in 2001",
        (TP, measured(PLATELETS, 40, "10*9/L"), icd("R04.0", "2001-02-15", "2001-02-16", clinical="resolved")),
        {"TP2.c.2": "unmet:evidence", "TP2.c": "unknown"},
        OPEN,
    ),
    universal(
        "TP2", "platelets 50", (TP, measured(PLATELETS, 50, "10*3/uL")), {"TP2.b": "unmet", "TP": "unmet"}, "ineligible"
    ),
)
def test_thrombocytopenia(situation: Situation) -> None:
    check(situation)


def _cohorts(*facts: dict, **given: object) -> tuple[str, dict[str, str]]:
    found = match(universal("", "", facts, {}, given=given))
    return found["verdict"], {one["id"]: one["verdict"] for one in found["cohorts"]}


@pytest.mark.parametrize(
    ("cohort", "facts"),
    [("SLE", lupus()), ("SSc", scleroderma()), ("IIM", myositis()), ("AAV", vasculitis())],
)
def test_a_patient_of_one_disease_is_likely_in_one_cohort(cohort: str, facts: tuple[dict, ...]) -> None:
    verdict, cohorts = _cohorts(patient("male"), *organs(), *facts)
    expected = {name: "likely" if name == cohort else "ineligible" for name in ("SLE", "SSc", "IIM", "AAV", "TP")}
    assert (verdict, cohorts) == ("likely", expected)


def test_a_patient_of_two_diseases_is_judged_in_both() -> None:
    # the weak score puts her out of nothing (other organs may be involved), the low BVAS puts her out of vasculitis
    facts = (*lupus(), AAV, resulted(PR3, "positive"), score("bvas_v3", 9))
    verdict, cohorts = _cohorts(patient("male"), *organs(), *facts)
    assert (verdict, cohorts["SLE"], cohorts["AAV"]) == ("likely", "likely", "ineligible")


def test_a_patient_of_none_is_ineligible_because_no_cohort_applies() -> None:
    # 136: superb laboratory values do not make a lupus; rheumatoid arthritis has no cohort here
    verdict, cohorts = _cohorts(patient("male"), *organs(), icd("M05.79", "2020-01-01"))
    assert (verdict, set(cohorts.values())) == ("ineligible", {"ineligible"})


def test_a_record_without_exclusions_is_never_better_than_likely() -> None:
    # 139: every inclusion met or attested
    facts = (patient("male"), *organs(), *lupus())
    missing = [one["linkId"] for one in match(universal("", "", facts, {}))["missing"]]
    found = match(universal("139", "all inclusions attested", facts, {}, given=attested("met", *missing)))
    assert (found["verdict"], found["missing"], found["counts"]["blocking"]) == ("likely", [], 0)
    assert {item["status"] for item in found["items"]} == {"met"}


@cases(
    universal(
        "68",
        "lupus refuted",
        (sle(verification="refuted"),),
        {"SLE1.a": "unmet:evidence", "SLE": "unmet"},
        "ineligible",
    ),
    # the mother's lupus is not the patient's
    universal(
        "70",
        "the mother's lupus",
        (
            {
                "resourceType": "FamilyMemberHistory",
                "status": "completed",
                "patient": {"reference": "Patient/p"},
                "relationship": {"text": "mother"},
                "condition": [{"code": concept("http://snomed.info/sct", "55464009")}],
            },
        ),
        {"SLE1.a": "unmet:no-record"},
        "ineligible",
    ),
    universal("71", "drug-induced lupus M32.0", (icd("M32.0"),), {"SLE1.a": "unmet:no-record"}, "ineligible"),
    universal(
        "73", "lupus in words only", (condition({"text": "SLE"}),), {"SLE1.a": "unknown:unusable"}, "possible"
    ),
    universal(
        "73", "lupus in words only, accepted by the site", (condition({"text": "SLE"}),), {"SLE1.a": "met"}, OPEN,
        given={"text": "accept"},
    ),
)  # fmt: skip
def test_gates(situation: Situation) -> None:
    check(situation)
