"""Chapter 4, second part: that there is a record."""

from __future__ import annotations

from tests.spec.criteria import (
    LOINC,
    RECORDED,
    RXNORM,
    SNOMED,
    allergy,
    coded,
    coding,
    diagnosis,
    exclude,
    exposure,
    immunization,
    kind,
    procedure,
    within,
)
from tests.spec.model import Fact, Section, met, row, rule, unknown, unmet
from tests.spec.record import (
    allergic,
    condition,
    denied,
    dispensed,
    given,
    ordered,
    performed,
    raw,
    took,
    vaccinated,
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
    until = f" to {end}" if end else ", still" if status.startswith("on-") else f", {status}"
    return raw(f"in another study from {start}{until}", resourceType="ResearchSubject",
               status=status, period=period, study={"display": "Another study"})


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
            "A diagnosis whose display contradicts its code",
            "The code says lupus, the display rheumatoid arthritis. Neither is believed.",
            diagnosis("sle"),
            row(unknown("unusable"), condition("sle", "2020-01-01").but("{}, displayed as “Rheumatoid arthritis”",
                code={
                "coding": [{"system": SNOMED, "code": "55464009", "display": "Rheumatoid arthritis"}]})),
            row(met(), condition("sle", "2020-01-01").but("{}, displayed as “SLE - Systemic lupus erythematosus”",
                code={
                "coding": [{"system": SNOMED, "code": "55464009", "display": "SLE - Systemic lupus erythematosus"}]})),
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
            "No known allergy",
            "“No known allergy” is evidence that there is none, whatever the criterion names; “no known drug allergy” "
            "is that for drugs only. Neither is it where it is refuted or over; not confirmed, it is provisional.",
            exclude(allergy("hydroxychloroquine")),
            row(met(evidence=1), denied("no known allergy")),
            row(met(evidence=1), denied("no known drug allergy")),
            row(unknown("no-record"), denied("no known food allergy"), why="it says nothing of drugs"),
            row(unknown("provisional"), denied("no known allergy", "unconfirmed")),
            row(unknown("no-record"), denied("no known allergy", "refuted"), why="so there is one, nobody says which"),
            row(unknown("no-record"), denied("no known allergy", clinical="inactive"), why="it is no longer so"),
            row(unmet(evidence=1), denied("no known allergy"), allergic("hydroxychloroquine")),
        ),
        rule(
            "No known allergy, and a code",
            "The same where the criterion names a code directly.",
            exclude(allergy(coded(coding(RXNORM, "5521")))),
            row(met(), denied("no known allergy")),
            row(met(), denied("no known drug allergy")),
            row(unknown("no-record"), denied("no known food allergy")),
        ),
        rule(
            "No known drug allergy, and no drug",
            "Anaphylaxis may come from anything.",
            exclude(allergy("anaphylaxis")),
            row(met(), denied("no known allergy")),
            row(unknown("no-record"), denied("no known drug allergy")),
        ),
        rule(
            "No known allergy, and any allergy",
            "The statement that there is none is no allergy.",
            exclude(kind("AllergyIntolerance", RECORDED)),
            row(met(), denied("no known allergy")),
            row(unknown("no-record"), denied("no known drug allergy"), why="there may be others"),
            row(unmet(), allergic("hydroxychloroquine")),
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
            row(unknown("imprecise"), subject_of_study(None, status="withdrawn"), why="nobody knows since when"),
            row(unknown("imprecise"), subject_of_study(None)),
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
            row(unknown("imprecise"), raw("inpatient stay from 2024-01-10, finished", resourceType="Encounter",
                                          status="finished", **{"class": {"system": ACT, "code": "IMP"}},
                                          period={"start": "2024-01-10"}), why="it ended on some day since"),
            row(met(), raw("inpatient stay from 2024-01-10, in progress", resourceType="Encounter",
                           status="in-progress", **{"class": {"system": ACT, "code": "IMP"}},
                           period={"start": "2024-01-10"})),
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
