"""NCT06892145: what the rows mean where the table of situations shows nothing, and traps of this encoding."""

from __future__ import annotations

from tests.situations.builders import (
    LOINC,
    SNOMED,
    concept,
    condition,
    icd,
    observation,
    ordered,
    patient,
    procedure,
    resulted,
    sle,
    sledai_2k,
)
from tests.situations.situation import OPEN, Situation, cases, check

DIALYSIS, NYHA, NYHA_III = "265764009", "93124-6", "420913000"
RITUXIMAB, TISAGENLECLEUCEL = "121191", "1986438"
OLD_INFARCTION, INFARCTION, TP_ANTIBODY, REAGIN = "I25.2", "I21.4", "22587-0", "20507-0"


def _attested(link_id: str, answer: str = "met") -> dict:
    return {"study": "NCT06892145", "linkId": link_id, "answer": answer, "by": "Dr A", "at": "2026-02-27"}


@cases(
    # the window hangs on the infusion, not on screening
    Situation(
        "E2",
        "dialysis on 2026-01-15, infusion planned for 2026-04-10",
        (sle(), procedure(DIALYSIS, {"performedDateTime": "2026-01-15"})),
        {"E2.a1": "unmet:evidence", "E2": "unmet"},
        "ineligible",
        given={"infusion": "2026-04-10"},
    ),
    Situation(
        "E2",
        "dialysis on 2026-01-15, infusion planned for 2026-04-16",
        (sle(), procedure(DIALYSIS, {"performedDateTime": "2026-01-15"})),
        {"E2.a1": "met:evidence", "E2": "unknown"},
        OPEN,
        given={"infusion": "2026-04-16"},
    ),
    Situation(
        "E2",
        "dialysis on 2026-01-15, no infusion planned",
        (sle(), procedure(DIALYSIS, {"performedDateTime": "2026-01-15"})),
        {"E2.a1": "unknown:anchor-unknown"},
        OPEN,
    ),
    # who depends on dialysis today need not be asked when the infusion will be; who no longer does, has to be
    Situation(
        "E2",
        "dependence on dialysis since 2025-06, no infusion planned",
        (sle(), icd("Z99.2", "2025-06-01")),
        {"E2.c": "unmet:evidence", "E2.a2": "unknown:anchor-unknown", "E2": "unmet"},
        "ineligible",
    ),
    Situation(
        "E2",
        "dependence on dialysis until 2026-02-10, no infusion planned",
        (sle(), icd("Z99.2", "2025-06-01", "2026-02-10", clinical="resolved")),
        {"E2.c": "met:evidence", "E2.a2": "unknown:anchor-unknown", "E2": "unknown"},
        OPEN,
    ),
    Situation("E2", "nothing recorded", (sle(),), {"E2.c": "met:no-record", "E2": "unknown"}, OPEN),
    # lupus nephritis by itself never excludes
    Situation(
        "E2", "lupus nephritis (M32.14)", (icd("M32.14", "2021"),), {"I3.a": "met", "E2.b": "unknown:judgement"}, OPEN
    ),
    # active neuropsychiatric lupus: how severe it is a person says; an ended one does not count
    Situation(
        "E1",
        "neuropsychiatric lupus since 2024",
        (sle(), condition(concept(SNOMED, "95644001"), "2024-01-01")),
        {"E1.a": "unmet:evidence", "E1": "unknown"},
        OPEN,
    ),
    Situation(
        "E1",
        "neuropsychiatric lupus 2020 to 2021",
        (sle(), condition(concept(SNOMED, "95644001"), "2020-01-01", "2021-01-01", clinical="resolved")),
        {"E1": "met"},
        OPEN,
    ),
    Situation("E4", "history of CAR-T therapy (Z92.850)", (sle(), icd("Z92.850")), {"E4": "unmet"}, "ineligible"),
    # another cellular therapy need not be a gene-modified one
    Situation("E4", "history of other cellular therapy (Z92.858)", (sle(), icd("Z92.858")), {"E4.c": "unknown"}, OPEN),
    Situation(
        "E4",
        "tisagenlecleucel ordered in 2022",
        (sle(), ordered(TISAGENLECLEUCEL, "2022-05-01", status="completed")),
        {"E4.a": "unmet:evidence", "E4": "unmet"},
        "ineligible",
    ),
    # an antibody is no gene-modified cell
    Situation(
        "E4", "rituximab in 2024", (sle(), ordered(RITUXIMAB, "2024-05-01")), {"E4.a": "unknown:no-record"}, OPEN
    ),
    # any other autoimmune disease counts: one that is over or ruled out does not speak for those that have no code here
    Situation(
        "E5",
        "rheumatoid arthritis refuted, Crohn's disease since 2020",
        (sle(), icd("M06.9", verification="refuted"), icd("K50.90", "2020-01-01")),
        {"E5.a": "unknown:open-list", "E5": "unknown"},
        OPEN,
    ),
    Situation(
        "E5",
        "Sjögren syndrome from 2010 to 2015",
        (sle(), icd("M35.00", "2010-01-01", "2015-01-01", clinical="resolved")),
        {"E5.a": "unknown:open-list", "E5": "unknown"},
        OPEN,
    ),
    # secondary Sjögren needs no systemic treatment by itself: a person says
    Situation(
        "E5",
        "Sjögren syndrome since 2020",
        (sle(), icd("M35.00", "2020-01-01")),
        {"E5.a": "unmet:evidence", "E5": "unknown", "E5.b": "unknown:judgement"},
        OPEN,
    ),
    Situation(
        "E5",
        "Sjögren syndrome, attested to need systemic treatment",
        (sle(), icd("M35.00", "2020-01-01")),
        {"E5.b": "unmet:attested", "E5": "unmet"},
        "ineligible",
        given={
            "attestations": [
                {
                    "judgement": "treatment-need",
                    "concept": "other-autoimmune-disease",
                    "answer": "met",
                    "by": "Dr A",
                    "at": "2026-02-27",
                }
            ]
        },
    ),
    # the treponemal antibody, treated or not; a reagin test is another antibody
    Situation("E6", "TP antibody positive", (sle(), resulted(TP_ANTIBODY, "positive")), {"E6": "unmet"}, "ineligible"),
    Situation("E6", "reagin test positive only", (sle(), resulted(REAGIN, "positive")), {"E6.d": "unknown"}, OPEN),
    # a class without a diagnosed failure asks for the diagnosis
    Situation(
        "E7.1",
        "NYHA III in 2026-01, no heart failure on record",
        (sle(), observation(concept(LOINC, NYHA), {"valueCodeableConcept": concept(SNOMED, NYHA_III)}, "2026-01-15")),
        {"E7.1": "unknown", "E7.1.b1": "unknown:no-record"},
        OPEN,
    ),
    Situation(
        "E7.1",
        "heart failure refuted",
        (sle(), icd("I50.9", verification="refuted")),
        {"E7.1": "met"},
        OPEN,
    ),
    Situation(
        "E7.2",
        "infarction on 2025-12-24",
        (sle(), icd(INFARCTION, "2025-12-24", "2026-01-10", clinical="resolved")),
        {"E7.2.a": "unmet:evidence", "E7": "unmet"},
        "ineligible",
    ),
    # it goes on after its onset, and the onset is what counts
    Situation(
        "E7.2", "infarction of 2020, still active", (sle(), icd(INFARCTION, "2020-02-02")), {"E7.2.a": "met"}, OPEN
    ),
    Situation("E7.2", "old infarction, no date", (sle(), icd(OLD_INFARCTION)), {"E7.2.a": "unknown:imprecise"}, OPEN),
    # a percutaneous intervention need not leave a stent
    Situation(
        "E7.2",
        "percutaneous coronary intervention in 2026-01",
        (sle(), procedure("415070008", {"performedDateTime": "2026-01-10"})),
        {"E7.2.b": "unknown:no-record"},
        OPEN,
    ),
    # an ischaemic cardiomyopathy is not the printed one
    Situation("E7.4", "ischaemic cardiomyopathy I25.5", (sle(), icd("I25.5")), {"E7.4.a": "unknown:no-record"}, OPEN),
    Situation(
        "E8",
        "pneumonia until a week before enrolment",
        (sle(), icd("J18.9", "2026-02-10", "2026-02-22", clinical="resolved")),
        {"E8.a": "unmet:evidence", "E8": "unknown"},
        OPEN,
    ),
    Situation(
        "E8",
        "pneumonia until eight days before enrolment",
        (sle(), icd("J18.9", "2026-02-10", "2026-02-21", clinical="resolved")),
        {"E8": "met"},
        OPEN,
    ),
    Situation(
        "E11", "deep vein thrombosis in 2025-12", (sle(), icd("I82.409", "2025-12-20")), {"E11": "unmet"}, "ineligible"
    ),
    Situation(
        "E11", "deep vein thrombosis of 2019", (sle(), icd("I82.409", "2019-12-20")), {"E11": "met:evidence"}, OPEN
    ),
)
def test_rows(situation: Situation) -> None:
    check(situation)


@cases(
    # an excepted tumour hides no other one
    Situation(
        "E12",
        "basal cell carcinoma, and prostate cancer since 2025",
        (sle(), icd("C44.91", "2026-01-12"), icd("C61", "2025-02-01")),
        {"E12": "unknown", "E12.c2": "unknown:judgement"},
        OPEN,
    ),
    Situation(
        "E12",
        "prostate cancer since 2025, attested as neither local nor operated",
        (sle(), icd("C61", "2025-02-01")),
        {"E12": "unmet", "E12.c2": "unmet:attested"},
        "ineligible",
        given={"attestations": [_attested("E12.c2", "unmet")]},
    ),
    Situation(
        "E12",
        "history of breast cancer (Z85.3), no date",
        (sle(), icd("Z85.3")),
        {"E12": "unknown", "E12.a2.b": "unknown:judgement"},
        OPEN,
    ),
    Situation(
        "E12",
        "history of melanoma (Z85.820), no date, and basal cell carcinoma",
        (sle(), icd("Z85.820"), icd("C44.91", "2026-01-12")),
        {"E12": "unknown", "E12.a2.b": "unknown:judgement"},
        "possible",
    ),
    Situation(
        "E12",
        "breast cancer 2010 to 2015, and basal cell carcinoma of 2026",
        (sle(), icd("C50.911", "2010-01-01", "2015-01-01", clinical="resolved"), icd("C44.91", "2026-01-12")),
        {"E12": "met"},
        OPEN,
    ),
    Situation(
        "E12",
        "nothing recorded, a person says there is none",
        (sle(),),
        {"E12": "met", "E12.e1": "met:attested"},
        OPEN,
        given={"attestations": [_attested("E12.e1")]},
    ),
    Situation(
        "E12",
        "possible breast cancer",
        (sle(), icd("C50.911", "2026-01-01", verification="provisional")),
        {"E12": "unknown", "E12.a1": "unknown:provisional"},
        "possible",
    ),
    Situation(
        "E10",
        "transient ischaemic attack on 2026-01-02",
        (sle(), icd("G45.9", "2026-01-02")),
        {"E10": "unknown", "E10.d2": "unknown:judgement"},
        OPEN,
    ),
    Situation("E10", "stroke of 1999", (sle(), icd("I63.9", "1999-05-05")), {"E10": "met"}, OPEN),
    # epilepsy says nothing about the last seizure, a stroke of 1999 neither
    Situation(
        "E10",
        "stroke of 1999, epilepsy since",
        (sle(), icd("I63.9", "1999-05-05"), icd("G40.909", "1999-08-01")),
        {"E10": "unknown", "E10.c2": "unknown:judgement"},
        OPEN,
    ),
    # fresh, but of a man: nothing about pregnancy matters, his plans do
    Situation(
        "E15",
        "a man who plans to have children",
        (patient("male"), sle(), sledai_2k(9)),
        {"E15.a": "met:not-applicable", "E15.b": "unmet:attested", "E15": "unmet"},
        "ineligible",
        given={"attestations": [_attested("E15.b", "unmet")]},
    ),
    Situation("E15", "a breastfeeding woman", (sle(), icd("Z39.1", "2026-01-01")), {"E15": "unmet"}, "ineligible"),
    Situation(
        "E15",
        "a pregnancy that ended in 2020",
        (sle(), resulted("2118-8", "negative"), icd("O09.90", "2019-05-01", "2020-02-01", clinical="resolved")),
        {"E15.a.2.a": "met"},
        OPEN,
    ),
)
def test_traps(situation: Situation) -> None:
    check(situation)


@cases(
    # a person settles severity; a mental disorder that is not serious is no reason
    Situation(
        "I7",
        "anxiety disorder, attested as not serious",
        (sle(), icd("F41.1", "2020-01-01")),
        {"I7": "met", "I7.a": "unmet:evidence", "I7.b": "met:attested"},
        OPEN,
        given={"attestations": [_attested("I7.b")]},
    ),
    Situation(
        "I7",
        "schizophrenia, attested as serious",
        (sle(), icd("F20.9", "2020-01-01")),
        {"I7": "unmet"},
        "ineligible",
        given={
            "attestations": [
                {
                    "judgement": "severity",
                    "concept": "mental-disorder",
                    "answer": "met",
                    "by": "Dr A",
                    "at": "2026-02-27",
                }
            ]
        },
    ),
    # a lupus that was never classified: denied is denied
    Situation(
        "I3",
        "classification denied",
        (sle(),),
        {"I3.b": "unmet:attested", "I3": "unmet"},
        "ineligible",
        given={
            "attestations": [
                {"judgement": "classification", "concept": "sle", "answer": "unmet", "by": "Dr A", "at": "2026-02-27"}
            ]
        },
    ),
    # intolerance stands in for the whole regimen
    Situation(
        "I3",
        "conventional therapy not tolerated, attested",
        (sle(),),
        {"I3.c": "met", "I3.c1": "unknown"},
        OPEN,
        given={"attestations": [_attested("I3.c2")]},
    ),
)
def test_attested_parts(situation: Situation) -> None:
    check(situation)
