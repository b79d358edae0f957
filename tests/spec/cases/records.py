"""Chapter 4, second part: that there is a record, and which codes mean a concept."""

from __future__ import annotations

from tests.spec.criteria import (
    BASE,
    ICD10CM,
    LOINC,
    RECORDED,
    RXNORM,
    SNOMED,
    TYPES,
    allergy,
    coded,
    coding,
    concept,
    diagnosis,
    exclude,
    exposure,
    immunization,
    kind,
    leaf,
    measured,
    procedure,
    quantity,
    times,
    within,
)
from tests.spec.model import Fact, Section, met, row, rule, unknown, unmet
from tests.spec.record import (
    allergic,
    alt,
    condition,
    dispensed,
    given,
    lab,
    ordered,
    performed,
    raw,
    took,
    vaccinated,
    worded,
)

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"

BY_REFERENCE = {"reference": "#m1"}
CONTAINED = raw(
    "order of a contained Medication, methotrexate, 2026-01-10",
    resourceType="MedicationRequest", status="active", intent="order", authoredOn="2026-01-10",
    medicationReference=BY_REFERENCE,
    contained=[{"resourceType": "Medication", "id": "m1", "code": {"coding": [{"system": RXNORM, "code": "6851"}]}}],
)


def subject_of_study(end: str | None, start: str = "2025-06-01", status: str = "off-study") -> Fact:
    """Participation in another study."""
    period = {"start": start} | ({"end": end} if end else {})
    return raw(f"in another study from {start}" + (f" to {end}" if end else ", still"), resourceType="ResearchSubject",
               status=status, period=period, study={"display": "Another study"})


def ordered_in_words(text: str) -> Fact:
    """An order of a drug without a code."""
    return ordered("prednisone", "2026-01-10").but(f"order in words only: “{text}”",
        medicationCodeableConcept={"text": text})


LABORATORY = "https://hospital.example.org/lab"
LOCAL_ALT = alt(40).but("{} under the local code GPT", code={"coding": [{"system": LABORATORY, "code": "GPT"}]})
SITE_MAP = {
    "resourceType": "ConceptMap",
    "url": "https://hospital.example.org/fhir/ConceptMap/lab",
    "status": "active",
    "group": [{
        "source": LABORATORY,
        "target": f"{BASE}/CodeSystem/concept",
        "element": [{"code": "GPT", "target": [{"code": "alt", "equivalence": "equivalent"}]}],
    }],
}

KINDS = Section(
    "Diagnoses, procedures, drugs and other records",
    """
With a `type` of `http://hl7.org/fhir/fhir-types` a criterion asks that there is such a record. `Condition`,
`Procedure`, `Immunization` and `AllergyIntolerance` look at that resource; `MedicationRequest` looks at exposure to a
drug, from MedicationRequest, MedicationStatement, MedicationAdministration and MedicationDispense alike. `value[x]`
is a CodeableConcept: a concept, or a code. `ResearchSubject`, `Encounter`, `ImagingStudy` and `DocumentReference` ask
that there is one (in the window); their value is a CodeableConcept of their kind, or `true`.

Without a window the question is "ever, up to the as-of date".
""",
    rules=(
        rule(
            "A diagnosis",
            "A confirmed diagnosis counts, also one that has ended: without a window, once is ever.",
            diagnosis("sle"),
            row(met(evidence=1), condition("sle", "2020-01-01")),
            row(met(), condition("sle M32.10", "2020-01-01"), why="by any code of the concept"),
            row(met(), condition("sle", "2010-01-01", "2015-01-01"), why="resolved"),
            row(met(), condition("sle", verification=None), why="no date, and no verification status"),
            row(unknown("no-record"), condition("rheumatoid arthritis", "2020-01-01"),
                why="another disease says nothing of it"),
            row(unknown("no-record"), condition("sle", "2026-03-02"), why="dated after the as-of date"),
        ),
        rule(
            "A family's disease",
            "Family history is not the patient's.",
            diagnosis("sle"),
            row(unknown("no-record"), raw("family history: the mother has SLE", resourceType="FamilyMemberHistory",
                                          status="completed", relationship={"text": "mother"},
                                          condition=[{"code": {"coding": [{"system": SNOMED, "code": "55464009"}]}}])),
        ),
        rule(
            "A procedure",
            "One that was done.",
            procedure("coronary-revascularisation"),
            row(met(), performed("cabg", "2019-05-05")),
            row(unknown("no-record")),
        ),
        rule(
            "An immunization",
            "The concept `live-vaccine` holds live vaccines only.",
            immunization("live-vaccine"),
            row(met(), vaccinated("laiv", "2026-02-01")),
            row(met(), vaccinated("mmr", "1990-01-01")),
            row(unknown("no-record"), vaccinated("zoster recombinant", "2026-02-15"), why="not a live vaccine"),
        ),
        rule(
            "An allergy",
            "By the allergen's concept.",
            allergy("hydroxychloroquine"),
            row(met(), allergic("hydroxychloroquine")),
            row(unmet(), allergic("hydroxychloroquine", "refuted"), why="evidence of absence"),
            row(unknown("provisional"), allergic("hydroxychloroquine", "unconfirmed")),
            row(unknown("no-record"), took("hydroxychloroquine", "2025-01-01"), why="taking it is no allergy"),
        ),
        rule(
            "An exposure",
            "Order, statement, administration and dispense all count.",
            exposure("methotrexate"),
            row(met(), ordered("methotrexate", "2026-01-10")),
            row(met(), took("methotrexate", "2026-01-10")),
            row(met(), given("methotrexate", "2026-01-10")),
            row(met(), dispensed("methotrexate", "2026-01-10", 28)),
            row(met(), CONTAINED, why="the drug by reference"),
            row(unknown("no-record"), took("azathioprine", "2026-01-10")),
        ),
        rule(
            "Another study",
            "ResearchSubject: participation overlaps the window, or does not.",
            exclude(within(kind("ResearchSubject", RECORDED), -1, 0, "mo")),
            row(met(), subject_of_study("2026-01-15")),
            row(unmet(), subject_of_study("2026-02-15")),
            row(unmet(), subject_of_study(None, status="on-study")),
            row(unknown("no-record")),
        ),
        rule(
            "An encounter of a kind",
            "By its class or type.",
            within(kind("Encounter", coded(coding(ACT, "IMP"))), -6, 0, "mo"),
            row(met(), raw("inpatient stay, 2026-01-10 to 2026-01-14", resourceType="Encounter", status="finished",
                           **{"class": {"system": ACT, "code": "IMP"}},
                               period={"start": "2026-01-10", "end": "2026-01-14"})),
            row(unmet(), raw("inpatient stay, 2024-01-10 to 2024-01-14", resourceType="Encounter", status="finished",
                             **{"class": {"system": ACT, "code": "IMP"}},
                                 period={"start": "2024-01-10", "end": "2024-01-14"})),
            row(unknown("no-record"), raw("outpatient visit, 2026-01-10", resourceType="Encounter", status="finished",
                                          **{"class": {"system": ACT, "code": "AMB"}}, period={"start": "2026-01-10"})),
        ),
        rule(
            "An imaging study",
            "That there is one; what it shows is a person's to judge.",
            within(kind("ImagingStudy", coded(coding(DICOM, "CT"))), -3, 0, "mo"),
            row(met(), raw("CT, 2026-02-01", resourceType="ImagingStudy", status="available", started="2026-02-01",
                           modality=[{"system": DICOM, "code": "CT"}])),
            row(unknown("no-record"), raw("MR, 2026-02-01", resourceType="ImagingStudy", status="available",
                started="2026-02-01",
                                          modality=[{"system": DICOM, "code": "MR"}])),
        ),
        rule(
            "A document",
            "By its type, or any.",
            kind("DocumentReference", coded(coding(LOINC, "11488-4"))),
            row(met(), raw("consultation note, 2026-02-01", resourceType="DocumentReference", status="current",
                date="2026-02-01T10:00:00Z",
                           type={"coding": [{"system": LOINC, "code": "11488-4"}]})),
            row(unknown("no-record")),
        ),
    ),
)

CODES = Section(
    "Concepts and codes",
    """
`{base}/CodeSystem/concept` names what criteria talk about: `alt`, `sle`, `hydroxychloroquine`; and groups such as
`immunosuppressant`, which are unions of others. The codes behind a concept are a ValueSet
(`{base}/ValueSet/<concept>`) in `mappings/`: LOINC, SNOMED CT, ICD-10-CM, RxNorm, ATC, CVX, each with source and
version. A site lays a folder of its own over them: more ValueSets, or ConceptMaps from its local codes. A criterion
may also name a code of a standard directly, or a ValueSet by `valueReference`. ICD-10-CM codes bring their
descendants along; SNOMED CT codes only those descendants that the mappings (or a terminology server) list.
""",
    rules=(
        rule(
            "A code directly",
            "Exactly that code is meant, not the others of the concept that holds it.",
            diagnosis(coded(coding(SNOMED, "84114007"))),
            row(met(), condition("heart failure", "2020-01-01")),
            row(unknown("no-record"), condition("congestive heart failure", "2020-01-01"),
                why="another code of the same concept"),
        ),
        rule(
            "The concept that holds both",
            "Named as a concept, each of its codes does.",
            diagnosis("heart-failure"),
            row(met(), condition("heart failure", "2020-01-01")),
            row(met(), condition("congestive heart failure", "2020-01-01")),
            row(met(), condition("heart failure I50.9", "2020-01-01")),
        ),
        rule(
            "A ValueSet by reference",
            "As good as the concept.",
            diagnosis({"valueReference": {"reference": f"{BASE}/ValueSet/heart-failure"}}),
            row(met(), condition("congestive heart failure", "2020-01-01")),
            row(unknown("no-record"), condition("stroke", "2020-01-01")),
        ),
        rule(
            "Descendants in ICD-10-CM",
            "A category stands for everything below it.",
            diagnosis(coded(coding(ICD10CM, "I50"))),
            row(met(), condition("heart failure I50.9", "2020-01-01")),
            row(unknown("no-record"), condition("heart failure", "2020-01-01"), why="a SNOMED CT code is not below it"),
        ),
        rule(
            "What a value set leaves out: drug-induced lupus",
            "M32.0 is under M32 and not systemic lupus erythematosus. It never counts as lupus.",
            diagnosis("sle"),
            row(unknown("no-record"), condition("drug-induced lupus", "2020-01-01")),
            row(met(), condition("drug-induced lupus", "2020-01-01"), condition("sle M32.10", "2022-01-01")),
        ),
        rule(
            "What a value set leaves out: the cornea",
            "Z94.7 is under Z94, and not the transplant that trials exclude.",
            exclude(diagnosis("transplant")),
            row(unknown("no-record"), condition("corneal transplant", "2020-01-01")),
            row(unmet(), condition("kidney transplant", "2020-01-01")),
        ),
        rule(
            "A result by its code",
            "Exactly that code again.",
            leaf(coding(LOINC, "1742-6"), times("<=", 3)),
            row(met(), alt(40)),
            row(unknown("missing-data"), lab("alt with p-5'-p", 40, "U/L", high=40)),
        ),
        rule(
            "A code borrows the unit rules of its concept",
            "LOINC 14682-9 is creatinine, so its molar mass is known (1 mg/dL = 88.4 µmol/L).",
            leaf(coding(LOINC, "14682-9"), quantity("<=", 1.5, "mg/dL")),
            row(met(), lab("creatinine (molar)", 132.6, "umol/L"), why="1.5 mg/dL"),
            row(unmet(), lab("creatinine (molar)", 132.7, "umol/L")),
            row(unknown("missing-data"), lab("creatinine", 1, "mg/dL"), why="the other code of the concept"),
        ),
        rule(
            "Several codings in one type",
            "They are synonyms.",
            leaf([coding(LOINC, "1742-6"), coding(LOINC, "1743-4")], times("<=", 3)),
            row(met(), alt(40)),
            row(met(), lab("alt with p-5'-p", 40, "U/L", high=40)),
        ),
        rule(
            "A resource type among them",
            "It selects the kind of record.",
            leaf([concept("heart-failure"), coding(TYPES, "Condition")], coded(concept("heart-failure"))),
            row(met(), condition("heart failure", "2020-01-01")),
            row(unknown("no-record")),
        ),
        rule(
            "A group concept",
            "`immunosuppressant` is the union of its drugs.",
            exposure("immunosuppressant"),
            row(met(), took("azathioprine", "2025-01-01")),
            row(met(), took("mycophenolate mofetil", "2025-01-01")),
            row(unknown("no-record"), took("hydroxychloroquine", "2025-01-01")),
        ),
        rule(
            "A record in words only",
            "Words that equal a concept's name are a hint: the leaf is `unusable` until somebody looks, never met and "
            "never silent. A setting lets them count.",
            diagnosis("sle"),
            row(unknown("unusable"), worded("Systemic lupus erythematosus", "2020-01-01")),
            row(met(), worded("Systemic lupus erythematosus", "2020-01-01"), settings={"text": "accept"}),
            row(unknown("no-record"), worded("Lupus pernio", "2020-01-01"), why="other words"),
        ),
        rule(
            "A drug in words only",
            "Free text of drugs holds strength and form, so the name as a word in it is enough for a hint.",
            exclude(exposure("prednisone")),
            row(unknown("unusable"), ordered_in_words("Prednisone 5 mg tablets")),
            row(unknown("no-record"), ordered_in_words("Prednicarbate ointment")),
        ),
        rule(
            "A local code",
            "A ConceptMap in the site's folder makes it count; without one it says nothing.",
            measured("alt", times("<=", 3)),
            row(unknown("missing-data"), LOCAL_ALT),
            row(met(), LOCAL_ALT, mappings=(SITE_MAP,)),
        ),
    ),
)

