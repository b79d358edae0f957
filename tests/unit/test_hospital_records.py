"""Diagnoses, drugs and other records as real hospitals write them."""

from __future__ import annotations

import pytest
from trialmatch.fhir.patient.sources import from_bundle

from tests.spec.criteria import (
    RECORDED,
    allergy,
    daily_dose,
    diagnosis,
    exclude,
    exposure,
    gate,
    immunization,
    kind,
    lasting,
    within,
)
from tests.spec.record import CVX, RXNORM, SNOMED, UCUM
from tests.unit.hospital import MET, UNMET, Json, condition, dosage, judged, observation, order

ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
ATC_DE = "http://fhir.de/CodeSystem/bfarm/atc"
DOSE_UNITS = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_BMP_DOSIEREINHEIT"
CERTAINTY = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"
CERTAINTIES = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD_DIAGNOSESICHERHEIT"
SLE_SNOMED = {"system": SNOMED, "code": "55464009"}
ACTIVE = {"coding": [{"code": "active"}]}


@pytest.mark.parametrize(
    ("coding", "found"),
    [
        ({"system": ICD10GM, "code": "M32.1"}, MET),
        ({"system": "http://fhir.de/CodeSystem/dimdi/icd-10-gm", "code": "M32.1+"}, MET),
        ({"system": ICD10GM, "code": "M32.1+N08.5*"}, MET),
        ({"system": ICD10, "code": "M32.9"}, MET),
        ({"system": "urn:oid:2.16.840.1.113883.6.3", "code": "M32.9"}, MET),
        ({"system": ICD10, "code": "M32.0"}, ("unmet", "no-record")),  # drug-induced
        ({"system": ICD10GM, "code": "M35.0"}, ("unmet", "no-record")),
        ({"system": "http://h.example/icd", "code": "M32.1"}, ("unmet", "no-record")),
    ],
)
def test_a_diagnosis_in_icd_10(coding: Json, found: tuple[str, str]) -> None:
    """A gate takes silence for absence: lupus in the WHO's or Germany's edition must not be silence."""
    assert judged(gate(diagnosis("sle")), condition(coding, onsetDateTime="2020-01-01")) == found


@pytest.mark.parametrize(
    ("concept", "code", "found"),
    [
        ("stroke-any", "I64", MET),  # ICD-10-CM has no such code
        ("hiv", "B24", MET),
        ("tuberculosis-active", "A16.2", MET),
        ("sepsis", "R65.2", ("unknown", "no-record")),  # SIRS without infection there, severe sepsis in ICD-10-CM
        ("esrd", "I12.0", ("unknown", "no-record")),  # any renal failure there
        ("transplant", "Z94.7", ("unknown", "no-record")),  # the cornea
        ("transplant", "Z94.0", MET),
    ],
)
def test_where_icd_10_and_icd_10_cm_differ(concept: str, code: str, found: tuple[str, str]) -> None:
    record = condition({"system": ICD10, "code": code}, onsetDateTime="2020-01-01")
    assert judged(diagnosis(concept), record) == found


@pytest.mark.parametrize(
    ("mark", "more", "found"),
    [
        ("A", {}, UNMET),
        ("V", {}, ("unknown", "provisional")),
        ("G", {"clinicalStatus": ACTIVE}, MET),
        ("g", {"clinicalStatus": ACTIVE}, MET),
        ("?", {}, ("unknown", "provisional")),
        ("Z", {}, UNMET),
        ("Z", {"clinicalStatus": ACTIVE}, MET),
        ("A", {"verificationStatus": {"coding": [{"code": "confirmed"}]}}, ("unknown", "provisional")),
        ("V", {"verificationStatus": {"coding": [{"code": "confirmed"}]}}, ("unknown", "provisional")),
        ("A", {"verificationStatus": {"coding": [{"code": "refuted"}]}}, UNMET),
    ],
)
@pytest.mark.parametrize("holder", ["coding", "code"])
def test_germany_s_mark_of_certainty(mark: str, more: Json, found: tuple[str, str], holder: str) -> None:
    """Excluded, suspected, certain, or the state after it: beside a SNOMED code, too, and asked for as of today."""
    extension = [{"url": CERTAINTY, "valueCoding": {"system": CERTAINTIES, "code": mark}}]
    marked = {"extension": extension}
    record = condition({"system": ICD10GM, "code": "M32.1"}, SLE_SNOMED, onsetDateTime="2020-01-01", **more)
    {"coding": record["code"]["coding"][0], "code": record["code"]}[holder].update(marked)
    assert judged(within(diagnosis("sle"), 0, 0, "d"), record) == found


def test_a_former_atc_code() -> None:
    """Rituximab until 2021."""
    medication = {"coding": [{"system": ATC_DE, "code": "L01XC02"}]}
    assert judged(exposure("cd20-antibody"), order(medicationCodeableConcept=medication)) == MET


@pytest.mark.parametrize("system", [ATC_DE, "http://fhir.de/CodeSystem/dimdi/atc", "https://www.whocc.no/atc/"])
def test_atc_by_its_other_names(system: str) -> None:
    medication = {"coding": [{"system": system, "code": "L04AX03", "display": "Methotrexat"}]}
    assert judged(exposure("methotrexate"), order(medicationCodeableConcept=medication)) == MET


@pytest.mark.parametrize(
    ("dose", "found"),
    [
        # one "Einzeldosis" (code g in the medication plan's units) of nobody knows how much, not one gram
        ({"value": 1, "unit": "Einzeldosis", "system": DOSE_UNITS, "code": "g"}, ("unknown", "unusable")),
        ({"value": 30, "unit": "mg", "system": "http://h.example/units", "code": "7"}, MET),
        ({"value": 5, "unit": "mg", "system": SNOMED, "code": "258684004"}, UNMET),
    ],
)
def test_a_dose_in_units_of_another_system(dose: Json, found: tuple[str, str]) -> None:
    leaf = daily_dose(exposure("prednisone"), ">=", 20, "mg/d")
    assert judged(leaf, order(dosageInstruction=[dosage(dose)])) == found


def test_a_dose_in_german_tablets() -> None:
    """Two tablets of 20 mg a day are 40 mg; what is not active has no strength."""
    ingredients = [
        {
            "itemCodeableConcept": {"coding": [{"system": RXNORM, "code": "8640"}]},
            "isActive": True,
            "strength": {
                "numerator": {"value": 20, "unit": "mg", "system": UCUM, "code": "mg"},
                "denominator": {"value": 1, "unit": "Tablette"},
            },
        },
        {"itemCodeableConcept": {"text": "Lactose-Monohydrat"}, "isActive": False},
    ]
    stock = {"resourceType": "Medication", "id": "x", "ingredient": ingredients}
    written = order(contained=[stock], medicationReference={"reference": "#x"})
    del written["medicationCodeableConcept"]
    dose = {"value": 2, "unit": "Stück", "system": DOSE_UNITS, "code": "1"}
    leaf = daily_dose(exposure("prednisone"), ">=", 40, "mg/d")
    assert judged(leaf, written | {"dosageInstruction": [dosage(dose)]}) == MET


@pytest.mark.parametrize(("limit", "found"), [(80, MET), (81, UNMET)])
def test_a_dose_given_several_times(limit: int, found: tuple[str, str]) -> None:
    """Ordered, calculated and administered amount stand side by side; 2 mL of unknown strength say nothing."""
    rates = [
        {"type": {"text": "admin-amount"}, "doseQuantity": {"value": 2, "unit": "mL", "system": UCUM, "code": "mL"}},
        {"type": {"text": "calculated"}, "doseQuantity": {"value": 80, "unit": "mg", "system": UCUM, "code": "mg"}},
        {"type": {"text": "ordered"}, "doseQuantity": {"value": 80, "unit": "mg", "system": UCUM, "code": "mg"}},
    ]
    dosage = {"timing": {"code": {"text": "Q24H"}}, "doseAndRate": rates}
    leaf = daily_dose(exposure("prednisone"), ">=", limit, "mg/d")
    assert judged(leaf, order(dosageInstruction=[dosage])) == found


@pytest.mark.parametrize(
    ("repeat", "found"),
    [
        ([{"boundsDuration": {"value": 3, "unit": "month", "system": UCUM, "code": "mo"}}], UNMET),
        ([{"boundsDuration": {"value": 4, "unit": "mo", "system": UCUM, "code": "mo"}}], MET),
        ([{"boundsDuration": {"value": 1, "unit": "a", "system": UCUM, "code": "a"}}], MET),
        ([{"boundsRange": {"low": {"value": 80, "code": "d"}, "high": {"value": 90, "code": "d"}}}], UNMET),
        ([{"boundsRange": {"low": {"value": 12, "code": "wk"}, "high": {"value": 15, "code": "wk"}}}],
         ("unknown", "imprecise")),
        ([{"boundsDuration": {"value": 8, "code": "wk"}}] * 2, UNMET),  # one beside the other
    ],
)
def test_how_long_an_order_is_for(repeat: list[Json], found: tuple[str, str]) -> None:
    """An active order of 2025 that is bounded ends there; asked are 100 days."""
    dosages = [{"timing": {"repeat": one}} for one in repeat]
    written = order(authoredOn="2025-01-01", dosageInstruction=dosages)
    assert judged(lasting(exposure("prednisone"), ">=", 100, "d"), written) == found


def test_a_taper_one_after_the_other() -> None:
    """Two weeks, and two weeks after them, are four weeks."""
    steps = [{"sequence": n, "timing": {"repeat": {"boundsDuration": {"value": 2, "code": "wk"}}}} for n in (1, 2)]
    written = order(authoredOn="2025-01-01", dosageInstruction=steps)
    assert judged(lasting(exposure("prednisone"), ">=", 28, "d"), written) == MET
    assert judged(lasting(exposure("prednisone"), ">=", 29, "d"), written) == UNMET


@pytest.mark.parametrize(
    ("supply", "found"),
    [
        ({"value": 30, "unit": "Day"}, UNMET),
        ({"value": 5, "code": "wk"}, MET),
        ({"value": 90}, MET),
        ({"value": 34, "unit": "Tag(e)"}, UNMET),
        ({"value": 14, "unit": "日"}, UNMET),
    ],
)
def test_the_supply_of_a_dispense(supply: Json, found: tuple[str, str]) -> None:
    drug = {"coding": [{"system": RXNORM, "code": "8640"}]}
    dispense = {"resourceType": "MedicationDispense", "id": "d", "status": "completed", "daysSupply": supply,
                "whenHandedOver": "2025-06-01", "medicationCodeableConcept": drug}
    assert judged(lasting(exposure("prednisone"), ">=", 35, "d"), dispense) == found


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"intent": "plan", "reportedBoolean": True}, ("unknown", "provisional")),
        ({"intent": "plan", "reportedReference": {"reference": "Patient/p"}}, ("unknown", "provisional")),
        ({"intent": "plan", "reportedBoolean": False}, ("unknown", "no-record")),
        ({"intent": "proposal", "reportedBoolean": True}, ("unknown", "no-record")),
        ({"intent": "plan", "reportedBoolean": True, "status": "draft"}, ("unknown", "no-record")),
        ({"intent": "plan", "reportedBoolean": True, "doNotPerform": True}, ("unknown", "no-record")),
        ({"intent": "order", "reportedBoolean": True}, MET),
    ],
)
def test_what_a_patient_reports_to_take(parts: Json, found: tuple[str, str]) -> None:
    """US Core writes it as a plan that is reported: no mere plan, and not certain."""
    assert judged(exposure("prednisone"), order(**parts)) == found


def test_a_soft_gel_capsule_is_swallowed() -> None:
    words = {"coding": [{"system": RXNORM, "code": "3008"}], "text": "cyclosporine 100 mg gel cap"}
    assert judged(exposure("cyclosporine"), order(medicationCodeableConcept=words)) == MET
    ointment = words | {"text": "cyclosporine 1 mg/g gel"}
    assert judged(exposure("cyclosporine"), order(medicationCodeableConcept=ointment)) == ("unknown", "no-record")


def test_a_drug_whose_name_is_its_code() -> None:
    """Some systems give the name as the code: a hint, as words are."""
    named = {"coding": [{"system": "http://h.example/medication-name", "code": "PredniSONE"}]}
    assert judged(exposure("prednisone"), order(medicationCodeableConcept=named)) == ("unknown", "unusable")


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("no-known-allergies", MET),
        ("no-known-medication-allergies", MET),
        ("no-known-food-allergies", ("unknown", "no-record")),
        ("no-allergy-info", ("unknown", "no-record")),
    ],
)
def test_no_known_allergy_in_a_patient_summary(code: str, found: tuple[str, str]) -> None:
    """The International Patient Summary has codes of its own."""
    system = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
    record = {"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/p"},
              "code": {"coding": [{"system": system, "code": code}]}}
    assert judged(exclude(allergy("hydroxychloroquine")), record) == found


@pytest.mark.parametrize("words", ["Systemic lupus erythematosus, unspecified", "Systemischer Lupus erythematodes"])
def test_a_disease_in_the_words_of_its_codes(words: str) -> None:
    """A gate does not take a lupus for absent that stands there under a local code, in the words of ICD-10."""
    local = {"system": "http://h.example/diagnosis", "code": "4711", "display": words}
    assert judged(gate(diagnosis("sle")), condition(local)) == ("unknown", "unusable")


def test_a_vaccine_code_without_its_zero() -> None:
    vaccine = {"coding": [{"system": CVX, "code": "3"}]}
    record = {"resourceType": "Immunization", "id": "i", "status": "completed", "vaccineCode": vaccine,
              "occurrenceDateTime": "2026-02-15", "patient": {"reference": "Patient/p"}}
    assert judged(immunization("live-vaccine"), record) == MET


@pytest.mark.parametrize(
    ("end", "found"),
    [("2026-02-01T18:00:00Z", MET), ("2026-02-02T08:00:00Z", MET), ("2026-02-05T08:00:00Z", ("unknown", "imprecise"))],
)
def test_an_infusion_over_days(end: str, found: tuple[str, str]) -> None:
    """100 mg in four days are not 100 mg a day."""
    record = {"resourceType": "MedicationAdministration", "id": "a", "status": "completed",
              "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "8640"}]},
              "effectivePeriod": {"start": "2026-02-01T08:00:00Z", "end": end},
              "dosage": {"dose": {"value": 100, "unit": "mg", "system": UCUM, "code": "mg"}}}
    assert judged(daily_dose(exposure("prednisone"), ">=", 50, "mg/d"), record) == found


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_document_that_was_withdrawn(status: str) -> None:
    """DocumentReference has a second status, that of the document."""
    record = {"resourceType": "DocumentReference", "id": "d", "status": "current", "docStatus": status}
    assert judged(kind("DocumentReference", RECORDED), record) == ("unknown", "no-record")


@pytest.mark.parametrize("outer", [False, True])
def test_one_page_of_several(outer: bool) -> None:
    """A searchset with a next page is not all there is: its silence, and its newest result, decide nothing."""
    page: Json = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "next", "url": "http://h/2"}],
                  "entry": [{"resource": observation("1742-6", subject={"reference": "Patient/p"})},
                            {"resource": {"resourceType": "Patient", "id": "p"}}]}
    whole = {"resourceType": "Bundle", "type": "batch-response", "entry": [{"resource": page}]} if outer else page
    records = from_bundle(whole, "bundle")
    assert records.source("Condition").state == "partial" and records.source("Observation").truncated
    assert [problem.partition(": ")[2] for problem in records.problems] == [
        f"{'entry[0]: ' if outer else ''}Bundle.link: a next page; expected all pages in one Bundle"
    ]
    assert from_bundle(page, "page", page=True).source("Condition").state == "complete"

