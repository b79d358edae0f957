"""NCT07161193: diseases, what happened before, and who says so."""

from __future__ import annotations

from functools import partial

import pytest

from tests.situations.autoimmune import (
    STUDY,
    answers,
    disease,
    fits,
)
from tests.situations.builders import (
    ICD10CM,
    SNOMED,
    SUBJECT,
    Json,
    concept,
    condition,
    icd,
    observation,
    sle,
)
from tests.situations.situation import OPEN, Situation, cases, check

On = partial(Situation, study=STUDY)
SLE_CODE = "55464009"


def _family(code: Json) -> Json:
    """A disease of the mother."""
    return {
        "resourceType": "FamilyMemberHistory",
        "status": "completed",
        "patient": SUBJECT,
        "relationship": concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH"),
        "condition": [{"code": code}],
    }


@cases(
    On(
        "68",
        "lupus refuted",
        (sle(verification="refuted"),),
        {"SLE.gate": "unmet:evidence", "SLE": "unmet", "cohorts": "unmet"},
        "ineligible",
    ),
    # a mother's disease is not the patient's, whether as family history or as a diagnosis code of one
    On(
        "70",
        "the mother has lupus",
        (_family(concept(SNOMED, SLE_CODE)),),
        {"SLE.gate": "unmet:no-record"},
        "ineligible",
    ),
    On(
        "70",
        "the mother has epilepsy",
        (sle(), _family(concept(ICD10CM, "G40.909")), icd("Z82.0")),
        {"E4.a": "unknown:no-record", "E4": "unknown"},
        OPEN,
    ),
    On("71", "drug-induced lupus only", (icd("M32.0", "2020"),), {"SLE.gate": "unmet:no-record"}, "ineligible"),
    On(
        "73",
        "“SLE” in words, without a code",
        (condition({"text": "SLE"}),),
        {"SLE.gate": "unknown:unusable", "SLE": "unknown", "IIM.gate": "unmet"},
        "possible",
    ),
    On(
        "73",
        "“SLE” in words, at a site that lets words count",
        (condition({"text": "SLE"}, "2019"),),
        {"SLE.gate": "met:evidence"},
        "possible",
        given={"text": "accept"},
    ),
    # a suspected disease is neither a candidate's nor nobody's
    On(
        "68",
        "lupus suspected (differential diagnosis)",
        (sle(verification="differential"),),
        {"SLE.gate": "unknown:provisional"},
        "possible",
    ),
    # the diagnosis has to be six months old by its onset; one that was only recorded lately may be older
    On(
        "1.3",
        "RA since 2025-09-01: six months today",
        (icd("M05.9", "2025-09-01"),),
        {"6.3": "met:evidence"},
        OPEN,
    ),
    On("1.3", "RA since 2025-09-02", (icd("M05.9", "2025-09-02"),), {"6.3": "unmet:evidence"}, "ineligible"),
    On(
        "1.3",
        "RA recorded on 2026-01-10, onset not said",
        (icd("M05.9", recordedDate="2026-01-10"),),
        {"RA.gate": "met:evidence", "6.3": "unknown:imprecise"},
        "possible",
    ),
    On(
        "1.3",
        "RA recorded on 2025-07-10, onset not said",
        (icd("M05.9", recordedDate="2025-07-10"),),
        {"6.3": "met:evidence"},
        OPEN,
    ),
    On(
        "1.3",
        "lupus since 2019, its nephritis since January",
        (sle(), icd("M32.14", "2026-01-10")),
        {"1.3": "met:evidence"},
        OPEN,
    ),
    # what belongs to the family of the disease but is not the form that is printed stays open
    On(
        "2.7",
        "necrotizing myopathy (G72.49) only",
        (icd("G72.49", "2022"),),
        {"IIM.gate": "met:evidence", "2.7.a": "unknown:no-record", "2.7": "unknown"},
        OPEN,
    ),
    On("2.7", "inclusion body myositis only", (icd("G72.41", "2022"),), {"IIM.gate": "unmet"}, "ineligible"),
    On(
        "5.7",
        "psoriasis of a form not said (L40.9)",
        (icd("L40.9", "2012"),),
        {"Psoriasis.gate": "met:evidence", "5.7.a": "unknown:no-record", "5.7": "unknown"},
        OPEN,
    ),
    On(
        "3.7",
        "systemic sclerosis with lung involvement (M34.81)",
        (icd("M34.81", "2020"),),
        {"SSc.gate": "met:evidence", "3.7.b": "met", "3.7": "unknown"},
        OPEN,
    ),
    On(
        "3.7",
        "systemic sclerosis, nothing of the lung on record",
        (disease("SSc"),),
        {"3.7.b1": "unknown:no-record", "3.7.b2": "unknown:judgement", "3.7": "unknown"},
        OPEN,
    ),
)
def test_diseases(situation: Situation) -> None:
    check(situation)


@cases(
    On(
        "74",
        "tuberculosis from 2022-01 to 2022-11-30",
        (*fits("SLE"), icd("A15.0", "2022-01", "2022-11-30", clinical="resolved")),
        {"E3.a": "met:evidence", "E3": "met"},
        "likely",
    ),
    On(
        "74",
        "tuberculosis that ended on 2023-03-01, three years ago today",
        (*fits("SLE"), icd("A15.0", "2022-01", "2023-03-01", clinical="resolved")),
        {"E3.a": "unmet:evidence", "E3": "unmet"},
        "ineligible",
    ),
    On(
        "76",
        "latent tuberculosis, IGRA positive",
        (sle(), icd("Z22.7", "2024"), observation({"text": "IGRA"}, {"valueString": "positive"})),
        {"E3.a": "unknown:no-record", "E3.b": "met", "E3": "unknown"},
        OPEN,
    ),
    # an undated history says that there was one, not when
    On(
        "77",
        "history of tuberculosis (Z86.11), no dates",
        (*fits("SLE"), icd("Z86.11")),
        {"E3.b1": "unmet:evidence", "E3.b2": "unknown:not-computable", "E3": "unknown"},
        "likely",
    ),
    # three years before 29 February 2024 begin on 28 February 2021
    On(
        "80",
        "screening 2024-02-29, tuberculosis until 2021-02-28",
        (sle(), icd("A15.0", "2020-06-01", "2021-02-28", clinical="resolved")),
        {"E3.a": "unmet:evidence", "E3": "unmet"},
        "ineligible",
        as_of="2024-02-29",
    ),
    On(
        "80",
        "screening 2024-02-29, tuberculosis until 2021-02-27",
        (sle(), icd("A15.0", "2020-06-01", "2021-02-27", clinical="resolved")),
        {"E3.a": "met:evidence", "E3": "met"},
        OPEN,
        as_of="2024-02-29",
    ),
    # "history of": however long ago, and whether it is over
    On("E4", "concussion in 1999", (sle(), icd("S06.0X0A", "1999", "1999")), {"E4.a": "unmet", "E4": "unmet"}),
    On("E4", "transient ischemic attack in 2011", (sle(), icd("G45.9", "2011")), {"E4": "unmet"}, "ineligible"),
    On(
        "E4",
        "a fever cramp in childhood, nothing else",
        (*fits("SLE"), icd("R56.00", "1989")),
        {"E4.b1": "unmet:evidence", "E4.b2": "unknown:judgement", "E4": "unknown"},
        "likely",
    ),
    On("E5", "long QT syndrome", (sle(), icd("I45.81", "2018")), {"E5": "unmet"}, "ineligible"),
    On(
        "E5",
        "atrial fibrillation: how severe, a person says",
        (*fits("SLE"), icd("I48.0", "2020")),
        {"E5.b1": "unmet:evidence", "E5.b2": "unknown:judgement", "E5": "unknown"},
        "likely",
    ),
    # "other significant cardiac disorders" names none: an infarction ruled out does not speak for the valves
    On(
        "E5",
        "infarction ruled out, aortic stenosis",
        (*fits("SLE"), icd("I21.9", verification="refuted"), icd("I35.0", "2022")),
        {"E5.b1": "unknown:open-list", "E5": "unknown"},
        "likely",
    ),
    On("E6", "pneumonia now", (*fits("SLE"), icd("J18.9", "2026-02-20")), {"E6": "unmet"}, "ineligible"),
    On(
        "E6",
        "pneumonia last year",
        (*fits("SLE"), icd("J18.9", "2025-02-01", "2025-02-20", clinical="resolved")),
        {"E6": "met"},
        "likely",
    ),
    On(
        "E6",
        "urinary tract infection now: complicated?",
        (*fits("SLE"), icd("N39.0", "2026-02-20")),
        {"E6.a": "unknown:no-record", "E6.b2": "unknown:judgement", "E6": "unknown"},
        "likely",
    ),
    On(
        "E6",
        "streptococcal pharyngitis now",
        (*fits("SLE"), icd("J02.0", "2026-02-26")),
        {"E6.a": "unknown:no-record", "E6.b": "met", "E6": "unknown"},
        "likely",
    ),
    On("E8", "HIV infection on record, no test", (sle(), icd("B20", "2010")), {"E8": "unmet"}, "ineligible"),
    On("E10", "common variable immunodeficiency", (sle(), icd("D83.9", "2010")), {"E10": "unmet"}, "ineligible"),
    # expected in patients who are treated for these diseases
    On(
        "E10",
        "immunodeficiency due to drugs",
        (*fits("SLE"), icd("D84.821", "2024")),
        {"E10.a": "unknown:no-record", "E10.b2": "unknown:judgement", "E10": "unknown"},
        "likely",
    ),
)
def test_history(situation: Situation) -> None:
    check(situation)


@pytest.mark.parametrize(("answer", "status"), [("met", "met"), ("unmet", "unmet")])
def test_a_classification_is_said_once_for_every_trial(answer: str, status: str) -> None:
    # by judgement the answer serves 3.7 and 3.9, and any other trial that asks the same; the older criteria do not
    said = {"judgement": "classification", "concept": "systemic-sclerosis", "answer": answer, "by": "Dr A"}
    given = {"attestations": [{**said, "at": "2026-02-27"}]}
    rows = {"3.7.a": f"{status}:attested", "3.9.b1": f"{status}:attested", "3.9.b2": "unknown:not-computable"}
    verdict = "likely" if answer == "met" else "ineligible"
    check(On("T17", "systemic sclerosis by the criteria of 2013", tuple(fits("SSc")), rows, verdict, given=given))


def test_the_criteria_of_1980_alone_are_not_enough() -> None:
    given = {"attestations": [*answers("3.9.b2"), *answers("3.7.a", answer="unmet")]}
    rows = {"3.9": "met", "3.7": "unmet", "SSc": "unmet"}
    check(
        On(
            "T17",
            "systemic sclerosis by the criteria of 1980 only",
            tuple(fits("SSc")),
            rows,
            "ineligible",
            given=given,
        )
    )
