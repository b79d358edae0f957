"""NCT06892145: conditions, procedures, vaccines, other trials."""

from __future__ import annotations

from tests.situations.builders import (
    LOINC,
    SNOMED,
    SUBJECT,
    concept,
    condition,
    icd,
    immunization,
    in_trial,
    observation,
    procedure,
    sle,
)
from tests.situations.situation import OPEN, Situation, cases, check

SLE, SEIZURE, EPILEPSY, NYHA = "55464009", "91175000", "G40.909", "93124-6"
NYHA_II, NYHA_III = "421704003", "420913000"
BCC, MELANOMA, CERVIX_IN_SITU, BREAST, PROSTATE = "C44.91", "C43.9", "D06.9", "C50.911", "C61"
CABG, HEART_FAILURE = "232717009", "I50.9"
RECOMBINANT_ZOSTER, LIVE_INFLUENZA, MMR = "187", "149", "03"


def _seizure(day: str) -> dict:
    return condition(concept(SNOMED, SEIZURE), day)


def _nyha(code: str, day: str) -> dict:
    return observation(concept(LOINC, NYHA), {"valueCodeableConcept": concept(SNOMED, code)}, day)


def _relative(code: dict) -> dict:
    """An illness of the patient's mother."""
    relation = concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH")
    return {
        "resourceType": "FamilyMemberHistory",
        "status": "completed",
        "patient": SUBJECT,
        "relationship": relation,
        "condition": [{"code": code}],
    }


@cases(
    # refuted is evidence of absence
    Situation(
        "68",
        "SLE with verificationStatus refuted",
        (condition(concept(SNOMED, SLE), verification="refuted"),),
        {"I3.a": "unmet:evidence", "I3": "unmet"},
        "ineligible",
    ),
    # the patient's own record is silent about lupus, and the gate takes silence as absence: never met by a relative's
    Situation(
        "70",
        "the mother's SLE only",
        (_relative(concept(SNOMED, SLE)),),
        {"I3.a": "unmet:no-record"},
        "ineligible",
    ),
    Situation(
        "70",
        "family history coded as a diagnosis (Z82.69, Z82.0), and the mother's epilepsy",
        (icd("Z82.69"), icd("Z82.0"), _relative(concept(SNOMED, "84757009"))),
        {"I3.a": "unmet:no-record", "E10": "unknown", "E10.a": "unknown:no-record"},
        "ineligible",
    ),
    # drug-induced lupus is not SLE, though its code begins with M32
    Situation("71", "drug-induced lupus (M32.0) only", (icd("M32.0"),), {"I3.a": "unmet:no-record"}, "ineligible"),
    # words alone are a hint for a person, neither a diagnosis nor silence
    Situation(
        "73", 'diagnosis in words only, "SLE"', (condition({"text": "SLE"}),), {"I3.a": "unknown:unusable"}, "possible"
    ),
    # a differential diagnosis is not one yet
    Situation(
        "68",
        "SLE as a provisional diagnosis",
        (condition(concept(SNOMED, SLE), verification="provisional"),),
        {"I3.a": "unknown:provisional"},
        "possible",
    ),
)
def test_diagnosis(situation: Situation) -> None:
    check(situation)


@cases(
    # six calendar months, both ends included; a recorded seizure also breaks the silence about others
    Situation(
        "79",
        "seizure on 2025-09-01",
        (sle(), _seizure("2025-09-01")),
        {"E10": "unmet", "E10.a": "unmet:evidence"},
        "ineligible",
    ),
    Situation(
        "79", "seizure on 2025-08-31", (sle(), _seizure("2025-08-31")), {"E10": "met", "E10.a": "met:evidence"}, OPEN
    ),
    # 6 months before 31 August is the last of February
    Situation(
        "80",
        "screening 2023-08-31, seizure on 2023-02-28",
        (sle(), _seizure("2023-02-28")),
        {"E10": "unmet"},
        "ineligible",
        as_of="2023-08-31",
    ),
    Situation(
        "80",
        "screening 2023-08-31, seizure on 2023-02-27",
        (sle(), _seizure("2023-02-27")),
        {"E10": "met"},
        OPEN,
        as_of="2023-08-31",
    ),
    # a month that lies across the window's edge decides nothing
    Situation(
        "79",
        "seizure some day in 2025",
        (sle(), _seizure("2025")),
        {"E10": "unknown", "E10.a": "unknown:imprecise"},
        "possible",
    ),
    # an old epilepsy says nothing about the last seizure; one that began in the window began with one
    Situation(
        "79",
        "epilepsy since 2010, no seizure dated",
        (sle(), icd(EPILEPSY, "2010-03-01")),
        {"E10": "unknown", "E10.c2": "unknown:judgement"},
        OPEN,
    ),
    Situation("79", "epilepsy since 2026-01-10", (sle(), icd(EPILEPSY, "2026-01-10")), {"E10": "unmet"}, "ineligible"),
    # silence is no proof
    Situation("79", "nothing recorded", (sle(),), {"E10": "unknown", "E10.a": "unknown:no-record"}, "possible"),
)
def test_dates_of_events(situation: Situation) -> None:
    check(situation)


@cases(
    # the class is needed and was never recorded
    Situation(
        "82",
        "heart failure I50.9, no NYHA class",
        (sle(), icd(HEART_FAILURE, "2020-01-01")),
        {"E7.1": "unknown", "E7.1.a2": "unknown:missing-data"},
        "possible",
    ),
    # the current class counts
    Situation(
        "83",
        "heart failure, NYHA III in 2022, NYHA II in 2026-01",
        (sle(), icd(HEART_FAILURE, "2020-01-01"), _nyha(NYHA_III, "2022-05-01"), _nyha(NYHA_II, "2026-01-15")),
        {"E7.1": "met", "E7.1.a2": "met:evidence"},
        OPEN,
    ),
    Situation(
        "83",
        "heart failure, NYHA III in 2026-01",
        (sle(), icd(HEART_FAILURE, "2020-01-01"), _nyha(NYHA_III, "2026-01-15")),
        {"E7.1": "unmet", "E7": "unmet"},
        "ineligible",
    ),
    # no heart failure on record: a person confirms that, nobody needs to grade it
    Situation(
        "82",
        "no heart failure on record, no NYHA class",
        (sle(),),
        {"E7.1": "unknown", "E7.1.b1": "unknown:no-record", "E7.1.a": "met"},
        "possible",
    ),
    # the fact lies before the window and does not trigger; the other kinds of heart disease stay as they are
    Situation(
        "149",
        "CABG completed, performedPeriod 2025-08-20 to 2025-08-20 (window from 2025-09-01)",
        (sle(), procedure(CABG, {"performedPeriod": {"start": "2025-08-20", "end": "2025-08-20"}})),
        {"E7.2.b": "met:evidence"},
        OPEN,
    ),
    Situation(
        "149",
        "CABG completed on 2025-09-01",
        (sle(), procedure(CABG, {"performedDateTime": "2025-09-01"})),
        {"E7.2": "unmet"},
        "ineligible",
    ),
    # a date that cannot be read is a vague date, not a miss
    Situation(
        "149",
        'CABG with performedString "autumn 2025"',
        (sle(), procedure(CABG, {"performedString": "autumn 2025"})),
        {"E7.2.b": "unknown:imprecise"},
        "possible",
    ),
)
def test_heart(situation: Situation) -> None:
    check(situation)


@cases(
    # excepted by its kind; the recorded malignancy also breaks the silence about malignancies
    Situation("85", "basal cell carcinoma of 2026-01, excised", (sle(), icd(BCC, "2026-01-12")), {"E12": "met"}, OPEN),
    # an exception for one tumour is none for another
    Situation(
        "85",
        "basal cell carcinoma and breast cancer, both active",
        (sle(), icd(BCC, "2026-01-12"), icd(BREAST, "2025-05-01")),
        {"E12": "unmet", "E12.a1": "unmet:evidence"},
        "ineligible",
    ),
    # no active lesion and treatment over for more than two years
    Situation(
        "86",
        "melanoma of 2018, cured and treatment ended in 2019",
        (sle(), icd(MELANOMA, "2018-03-01", "2019-06-30", clinical="resolved")),
        {"E12": "met", "E12.a1": "met:evidence"},
        OPEN,
    ),
    # resolved, but nobody knows since when
    Situation(
        "86",
        "melanoma of 2018, resolved, no end recorded",
        (sle(), icd(MELANOMA, "2018-03-01", clinical="resolved")),
        {"E12": "unknown", "E12.a1": "unknown:imprecise"},
        "possible",
    ),
    # exactly two years is not more than two years
    Situation(
        "86",
        "melanoma ended on 2024-03-01",
        (sle(), icd(MELANOMA, "2018-03-01", "2024-03-01", clinical="resolved")),
        {"E12": "unmet"},
        "ineligible",
    ),
    Situation(
        "86",
        "melanoma ended on 2024-02-29",
        (sle(), icd(MELANOMA, "2018-03-01", "2024-02-29", clinical="resolved")),
        {"E12": "met"},
        OPEN,
    ),
    Situation(
        "88",
        "carcinoma in situ of the cervix, treated in 2022",
        (sle(), icd(CERVIX_IN_SITU, "2022-03-01", "2022-06-01", clinical="resolved")),
        {"E12": "met"},
        OPEN,
    ),
    # whether the present one was treated adequately a person must say, and may
    Situation(
        "88",
        "carcinoma in situ of the cervix since 2026-01",
        (sle(), icd(CERVIX_IN_SITU, "2026-01-05")),
        {"E12": "unknown", "E12.b2": "unknown:judgement"},
        OPEN,
    ),
    Situation(
        "88",
        "prostate cancer of 2025, attested as local and after radical surgery",
        (sle(), icd(PROSTATE, "2025-02-01")),
        {"E12": "met", "E12.c2": "met:attested"},
        OPEN,
        given={
            "attestations": [
                {"study": "NCT06892145", "linkId": "E12.c2", "answer": "met", "by": "Dr A", "at": "2026-02-28"}
            ]
        },
    ),
    # silence about malignancies is no proof
    Situation("85", "no malignancy on record", (sle(),), {"E12": "unknown", "E12.e1": "unknown:no-record"}, "possible"),
    Situation(
        "85", "a malignancy that was refuted", (sle(), icd("C80.1", verification="refuted")), {"E12": "met"}, OPEN
    ),
    # a cornea is no solid organ: it neither triggers nor says anything about other transplants
    Situation(
        "89",
        "corneal transplant Z94.7",
        (sle(), icd("Z94.7")),
        {"E9": "unknown", "E9.b": "unknown:no-record"},
        "possible",
    ),
    Situation(
        "89", "kidney transplant Z94.0", (sle(), icd("Z94.0")), {"E9": "unmet", "E9.b": "unmet:evidence"}, "ineligible"
    ),
)
def test_tumours_and_transplants(situation: Situation) -> None:
    check(situation)


@cases(
    # no live vaccine: it says nothing about live ones
    Situation(
        "124",
        "recombinant zoster (CVX 187) two weeks ago",
        (sle(), immunization(RECOMBINANT_ZOSTER, "2026-02-15")),
        {"E13": "unknown:no-record"},
        "possible",
    ),
    # four weeks are 28 days, both ends included
    Situation(
        "124",
        "live influenza (CVX 149) on 2026-02-01, 28 days ago",
        (sle(), immunization(LIVE_INFLUENZA, "2026-02-01")),
        {"E13": "unmet:evidence"},
        "ineligible",
    ),
    Situation(
        "124",
        "live influenza (CVX 149) on 2026-01-31, 29 days ago",
        (sle(), immunization(LIVE_INFLUENZA, "2026-01-31")),
        {"E13": "met:evidence"},
        OPEN,
    ),
    # live vaccines of travellers, too
    *[
        Situation("124", words, (sle(), immunization(cvx, "2026-02-10")), {"E13": "unmet:evidence"}, "ineligible")
        for words, cvx in (("chikungunya", "317"), ("dengue, tetravalent", "56"), ("Ebola", "204"))
    ],
    # not-done is evidence that it was not given
    Situation(
        "124", "MMR not done", (sle(), immunization(MMR, "2026-02-15", "not-done")), {"E13": "met:evidence"}, OPEN
    ),
    # over a month ago: half-lives can only shorten the time that is asked
    Situation(
        "125",
        "other trial ended on 2026-01-15",
        (sle(), in_trial("2025-06-01", "2026-01-15")),
        {"E14": "met", "E14.a": "met:evidence"},
        OPEN,
    ),
    # within the month five half-lives may be shorter: a person decides
    Situation(
        "125",
        "other trial ended on 2026-02-15",
        (sle(), in_trial("2025-06-01", "2026-02-15")),
        {"E14": "unknown", "E14.a": "unmet:evidence", "E14.b": "unknown:not-computable"},
        OPEN,
    ),
)
def test_vaccines_and_other_trials(situation: Situation) -> None:
    check(situation)
