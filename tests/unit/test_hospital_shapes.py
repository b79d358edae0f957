"""Records in the shapes of real servers and national guides: what they say is read, and never more than they say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness import judge
from tests.spec.criteria import (
    amount,
    daily_dose,
    diagnosis,
    exposure,
    gate,
    lasting,
    measured,
    result,
    times,
    within,
)
from tests.spec.record import LOINC, RXNORM, SNOMED, UCUM, patient

Json = dict[str, Any]

ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
ATC_DE = "http://fhir.de/CodeSystem/bfarm/atc"
DOSE_UNITS = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_BMP_DOSIEREINHEIT"
CERTAINTY = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"
CERTAINTIES = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD_DIAGNOSESICHERHEIT"
SLE_SNOMED = {"system": SNOMED, "code": "55464009"}

ACTIVE = {"coding": [{"code": "active"}]}

MET, UNMET = ("met", "evidence"), ("unmet", "evidence")


def _found(leaf: Json, *resources: Json, **more: Any) -> tuple[str, str]:
    """Status and basis of a criterion for a woman of 46 with these records."""
    everybody = patient("1980-01-01", "female").resource
    judged = judge([{"linkId": "1", "description": "the criterion", **leaf}], [everybody, *resources], **more)
    assert not judged.problems
    return judged.items["1"]["status"], judged.items["1"]["basis"]


def _observation(code: str, **parts: Any) -> Json:
    coded = {"coding": [{"system": LOINC, "code": code}]}
    return {"resourceType": "Observation", "id": "o", "status": "final", "code": coded,
            "effectiveDateTime": "2026-02-20", **parts}


def _condition(*codings: Json, **parts: Any) -> Json:
    return {"resourceType": "Condition", "id": "c", "code": {"coding": list(codings)}, **parts}


def _order(code: str = "8640", **parts: Any) -> Json:
    """An order of prednisone (RxNorm 8640), or of another drug."""
    return {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
            "authoredOn": "2026-01-01", "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": code}]},
            **parts}


def _dosage(quantity: Json, **timing: Any) -> Json:
    repeat = {"frequency": 1, "period": 1, "periodUnit": "d"} | timing
    return {"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": quantity}]}


# Results in words


@pytest.mark.parametrize(
    "words",
    [
        "No sample received",
        "QNS - quantity not sufficient",
        "Hemolyzed specimen, no result",
        "Specimen rejected: no label",
        "Cancelled - no specimen",
        "Specimen not found",
        "Sample not present",
        "no informado",
        "No realizado",
        "kein Material",
        "标本溶血, 未检出",
    ],
)
def test_no_result_is_not_a_negative_one(words: str) -> None:
    """A laboratory that got no blood says nothing of HIV."""
    assert _found(measured("hiv-test", result("negative")), _observation("7918-6", valueString=words)) == (
        "unknown",
        "unusable",
    )


@pytest.mark.parametrize(
    "words",
    ["No HIV antibodies detected", "Keine HIV-Antikörper nachgewiesen", "positive, not confirmed", "未见阳性"],
)
def test_what_is_denied_in_other_words_is_not_positive(words: str) -> None:
    """A negation that is not known stands in the way of a positive reading, and is no negative result either."""
    assert _found(measured("hiv-test", result("positive")), _observation("7918-6", valueString=words)) == (
        "unknown",
        "unusable",
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [("no", UNMET), ("HIV 1+2 Ab -", UNMET), ("Negative. Does not exclude early infection", UNMET), ("HIV Ab +", MET)],
)
def test_short_answers(words: str, found: tuple[str, str]) -> None:
    assert _found(measured("hiv-test", result("positive")), _observation("7918-6", valueString=words)) == found


# Numbers


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("0,9 mg/dl", MET),
        ("1,25 mg/dl", UNMET),
        ("<0,5 mg/dl", MET),
        ("0,875 mg/dl", MET),
        ("1,250 mg/dl", ("unknown", "unusable")),  # with thousands it would be 1250
    ],
)
def test_decimal_commas(words: str, found: tuple[str, str]) -> None:
    """A comma is a decimal one where no three digits follow it, or a zero stands before it."""
    creatinine = measured("creatinine", {"valueQuantity": amount(1, "mg/dL", "<=")})
    assert _found(creatinine, _observation("2160-0", valueString=words)) == found


def test_a_range_with_decimal_commas() -> None:
    """1.0 mg/dL is less than 1.5 times 0.9 mg/dL."""
    value = {"value": 1.0, "unit": "mg/dl", "system": UCUM, "code": "mg/dL"}
    record = _observation("2160-0", valueQuantity=value, referenceRange=[{"text": "0,5 - 0,9 mg/dl"}])
    assert _found(measured("creatinine", times("<=", 1.5)), record) == MET


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"unit": "%", "system": SNOMED, "code": "118582008"}, UNMET),
        ({"system": SNOMED, "code": "118582008"}, ("unknown", "unusable")),
        ({"unit": "%", "code": "118582008"}, UNMET),
        ({"unit": "%", "system": "urn:oid:2.16.840.1.113883.6.8", "code": "%"}, UNMET),
        ({"unit": "Prozent", "system": "http://h.example/units", "code": "g"}, ("unknown", "unusable")),
        ({"system": "http://h.example/units", "code": "mg/dL"}, ("unknown", "unusable")),
    ],
)
def test_a_unit_by_the_code_of_another_system(value: Json, found: tuple[str, str]) -> None:
    """SNOMED CT's 118582008 is the per cent sign, and not a factor of a hundred million."""
    record = _observation("10230-1", valueQuantity={"value": 45, **value})
    assert _found(measured("lvef", {"valueQuantity": amount(50, "%", ">=")}), record) == found


@pytest.mark.parametrize(
    ("type_", "found"),
    [
        ({"text": "Normal Range"}, MET),
        ({"text": "Referenzbereich"}, MET),
        ({"coding": [{"code": "therapeutic"}]}, ("unknown", "unusable")),
        ({"text": "Critical"}, ("unknown", "unusable")),
    ],
)
def test_a_range_of_normal_by_its_words(type_: Json, found: tuple[str, str]) -> None:
    value = {"value": 40, "unit": "U/L", "system": UCUM, "code": "U/L"}
    record = _observation("1742-6", valueQuantity=value, referenceRange=[{"type": type_, "high": {"value": 35}}])
    assert _found(measured("alt", times("<=", 3)), record) == found


def test_ranges_by_sex_in_words() -> None:
    """For a woman ALT 100 U/L is more than 3 × 31, for a man it would be less than 3 × 41."""
    value = {"value": 100, "unit": "U/l", "system": UCUM, "code": "U/L"}
    ranges = [
        {"high": {"value": 31}, "appliesTo": [{"text": "Frauen"}]},
        {"high": {"value": 41}, "appliesTo": [{"text": "Männer"}]},
    ]
    record = _observation("1742-6", valueQuantity=value, referenceRange=ranges)
    assert _found(measured("alt", times("<=", 3)), record) == UNMET


# Diagnoses


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
    assert _found(gate(diagnosis("sle")), _condition(coding, onsetDateTime="2020-01-01")) == found


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
    record = _condition({"system": ICD10, "code": code}, onsetDateTime="2020-01-01")
    assert _found(diagnosis(concept), record) == found


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
@pytest.mark.parametrize("holder", ["coding", "code", "condition"])
def test_germany_s_mark_of_certainty(mark: str, more: Json, found: tuple[str, str], holder: str) -> None:
    """Excluded, suspected, certain, or the state after it: beside a SNOMED code, too, and asked for as of today."""
    extension = [{"url": CERTAINTY, "valueCoding": {"system": CERTAINTIES, "code": mark}}]
    marked = {"extension": extension}
    record = _condition({"system": ICD10GM, "code": "M32.1"}, SLE_SNOMED, onsetDateTime="2020-01-01", **more)
    {"coding": record["code"]["coding"][0], "code": record["code"], "condition": record}[holder].update(marked)
    assert _found(within(diagnosis("sle"), 0, 0, "d"), record) == found


# Drugs


@pytest.mark.parametrize("system", [ATC_DE, "http://fhir.de/CodeSystem/dimdi/atc", "https://www.whocc.no/atc/"])
def test_atc_by_its_other_names(system: str) -> None:
    medication = {"coding": [{"system": system, "code": "L04AX03", "display": "Methotrexat"}]}
    assert _found(exposure("methotrexate"), _order(medicationCodeableConcept=medication)) == MET


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
    assert _found(leaf, _order(dosageInstruction=[_dosage(dose)])) == found


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
    order = _order(contained=[stock], medicationReference={"reference": "#x"})
    del order["medicationCodeableConcept"]
    dose = {"value": 2, "unit": "Stück", "system": DOSE_UNITS, "code": "1"}
    leaf = daily_dose(exposure("prednisone"), ">=", 40, "mg/d")
    assert _found(leaf, order | {"dosageInstruction": [_dosage(dose)]}) == MET


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
    assert _found(leaf, _order(dosageInstruction=[dosage])) == found


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
    order = _order(authoredOn="2025-01-01", dosageInstruction=dosages)
    assert _found(lasting(exposure("prednisone"), ">=", 100, "d"), order) == found


def test_a_taper_one_after_the_other() -> None:
    """Two weeks, and two weeks after them, are four weeks."""
    steps = [{"sequence": n, "timing": {"repeat": {"boundsDuration": {"value": 2, "code": "wk"}}}} for n in (1, 2)]
    order = _order(authoredOn="2025-01-01", dosageInstruction=steps)
    assert _found(lasting(exposure("prednisone"), ">=", 28, "d"), order) == MET
    assert _found(lasting(exposure("prednisone"), ">=", 29, "d"), order) == UNMET


@pytest.mark.parametrize(
    ("supply", "found"),
    [({"value": 30, "unit": "Day"}, UNMET), ({"value": 5, "code": "wk"}, MET), ({"value": 90}, MET)],
)
def test_the_supply_of_a_dispense(supply: Json, found: tuple[str, str]) -> None:
    drug = {"coding": [{"system": RXNORM, "code": "8640"}]}
    dispense = {"resourceType": "MedicationDispense", "id": "d", "status": "completed", "daysSupply": supply,
                "whenHandedOver": "2025-06-01", "medicationCodeableConcept": drug}
    assert _found(lasting(exposure("prednisone"), ">=", 35, "d"), dispense) == found


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
    assert _found(exposure("prednisone"), _order(**parts)) == found


def test_a_soft_gel_capsule_is_swallowed() -> None:
    words = {"coding": [{"system": RXNORM, "code": "3008"}], "text": "cyclosporine 100 mg gel cap"}
    assert _found(exposure("cyclosporine"), _order(medicationCodeableConcept=words)) == MET
    ointment = words | {"text": "cyclosporine 1 mg/g gel"}
    assert _found(exposure("cyclosporine"), _order(medicationCodeableConcept=ointment)) == ("unknown", "no-record")


def test_a_drug_whose_name_is_its_code() -> None:
    """Some systems give the name as the code: a hint, as words are."""
    named = {"coding": [{"system": "http://h.example/medication-name", "code": "PredniSONE"}]}
    assert _found(exposure("prednisone"), _order(medicationCodeableConcept=named)) == ("unknown", "unusable")
