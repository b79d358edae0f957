"""The smallest R4 resources that situations need. Every function returns a plain dict; dates are ISO 8601 strings.

Codes are standard ones (LOINC, SNOMED CT, ICD-10-CM, RxNorm, CVX, UCUM), so that the shipped mappings are tested along.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
UCUM = "http://unitsofmeasure.org"
SCORES = "urn:local:trial-score"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"

PATIENT = "p"
SUBJECT = {"reference": f"Patient/{PATIENT}"}
AS_OF = "2026-03-01"
#: a day on which results are fresh at AS_OF
FRESH = "2026-02-20"


def concept(system: str, code: str, display: str | None = None) -> Json:
    """A CodeableConcept of one code."""
    coding = {"system": system, "code": code}
    return {"coding": [coding if display is None else {**coding, "display": display}]}


def patient(gender: str | None = "female", born: str | None = "1986-05-10", **more: Any) -> Json:
    """A Patient; None leaves an element out."""
    fields = {"gender": gender, "birthDate": born, **more}
    known = {key: value for key, value in fields.items() if value is not None}
    return {"resourceType": "Patient", "id": PATIENT, **known}


def amount(value: float, unit: str, comparator: str | None = None, ucum: bool = True) -> Json:
    """A Quantity; ``ucum`` false gives the unit in words only."""
    quantity: Json = {"value": value, "unit": unit}
    if ucum:
        quantity |= {"system": UCUM, "code": unit}
    return quantity if comparator is None else {**quantity, "comparator": comparator}


def observation(code: Json, value: Json | None = None, date: str = FRESH, **more: Any) -> Json:
    """A final Observation. ``value`` is ``{"value…": …}``; ``more`` adds or replaces elements."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": code,
        "subject": SUBJECT,
        "effectiveDateTime": date,
        **(value or {}),
        **more,
    }


def measured(
    loinc: str,
    value: float,
    unit: str,
    *,
    low: float | None = None,
    high: float | None = None,
    date: str = FRESH,
    comparator: str | None = None,
    **more: Any,
) -> Json:
    """A laboratory result with a number and, where given, its reference range in the same unit."""
    bounds = {name: amount(bound, unit) for name, bound in (("low", low), ("high", high)) if bound is not None}
    if bounds:
        more["referenceRange"] = [bounds]
    return observation(concept(LOINC, loinc), {"valueQuantity": amount(value, unit, comparator)}, date, **more)


def interpreted(code: str) -> list[Json]:
    """``interpretation`` of one HL7 code (POS, NEG, ND …)."""
    return [concept(INTERPRETATION, code)]


def resulted(loinc: str, polarity: str, date: str = FRESH, **more: Any) -> Json:
    """A qualitative result: ``positive`` or ``negative``, as a SNOMED CT qualifier."""
    code, display = {"positive": ("10828004", "Positive"), "negative": ("260385009", "Negative")}[polarity]
    value = {"valueCodeableConcept": concept(SNOMED, code, display)}
    return observation(concept(LOINC, loinc), value, date, **more)


def score(name: str, value: float, date: str = FRESH, unit: str = "{score}", high: float | None = None) -> Json:
    """A score under the hospital's local code; ``high`` tells its scale."""
    scale = {} if high is None else {"referenceRange": [{"low": amount(0, unit), "high": amount(high, unit)}]}
    return observation(concept(SCORES, name), {"valueQuantity": amount(value, unit)}, date, **scale)


def sledai_2k(value: int, date: str = FRESH) -> Json:
    """A SLEDAI-2K total; there is no standard code for it, so the project's local one."""
    return observation(concept(SCORES, "sledai_2k"), {"valueQuantity": amount(value, "{score}")}, date)


def weight(value: float, unit: str = "kg", date: str = FRESH) -> Json:
    """A body weight."""
    return measured("29463-7", value, unit, date=date)


def condition(
    code: Json,
    onset: str | None = None,
    ended: str | None = None,
    *,
    clinical: str = "active",
    verification: str = "confirmed",
    **more: Any,
) -> Json:
    """A Condition of the patient."""
    status = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    certainty = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    dates = {"onsetDateTime": onset, "abatementDateTime": ended}
    return {
        "resourceType": "Condition",
        "clinicalStatus": concept(status, clinical),
        "verificationStatus": concept(certainty, verification),
        "code": code,
        "subject": SUBJECT,
        **{name: value for name, value in dates.items() if value is not None},
        **more,
    }


def icd(code: str, onset: str | None = None, ended: str | None = None, **more: Any) -> Json:
    """A Condition by ICD-10-CM code."""
    return condition(concept(ICD10CM, code), onset, ended, **more)


def sle(**more: Any) -> Json:
    """Systemic lupus erythematosus since 2019: the disease of the trial."""
    return condition(concept(SNOMED, "55464009"), "2019-04-01", **more)


def procedure(snomed: str, performed: Json, status: str = "completed") -> Json:
    """A Procedure; ``performed`` is ``{"performed…": …}``."""
    code = concept(SNOMED, snomed)
    return {"resourceType": "Procedure", "status": status, "code": code, "subject": SUBJECT, **performed}


def immunization(cvx: str, date: str, status: str = "completed") -> Json:
    """An Immunization by CVX code."""
    return {
        "resourceType": "Immunization",
        "status": status,
        "vaccineCode": concept(CVX, cvx),
        "patient": SUBJECT,
        "occurrenceDateTime": date,
    }


def daily(value: float, unit: str = "mg") -> list[Json]:
    """``dosageInstruction`` / ``dosage`` of one dose a day."""
    return [
        {
            "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [{"doseQuantity": amount(value, unit)}],
        }
    ]


def ordered(rxnorm: str, since: str, *, status: str = "active", intent: str = "order", **more: Any) -> Json:
    """A MedicationRequest for a RxNorm ingredient."""
    return {
        "resourceType": "MedicationRequest",
        "status": status,
        "intent": intent,
        "medicationCodeableConcept": concept(RXNORM, rxnorm),
        "subject": SUBJECT,
        "authoredOn": since,
        **more,
    }


def stated(rxnorm: str, since: str, until: str | None = None, *, status: str = "active", **more: Any) -> Json:
    """A MedicationStatement about a stretch of taking a RxNorm ingredient."""
    period = {"start": since} if until is None else {"start": since, "end": until}
    return {
        "resourceType": "MedicationStatement",
        "status": status,
        "medicationCodeableConcept": concept(RXNORM, rxnorm),
        "subject": SUBJECT,
        "effectivePeriod": period,
        **more,
    }


def in_trial(start: str, end: str | None = None, status: str = "off-study") -> Json:
    """Participation in another trial (R4 ResearchSubject)."""
    period = {"start": start} if end is None else {"start": start, "end": end}
    return {
        "resourceType": "ResearchSubject",
        "status": status,
        "period": period,
        "study": {"display": "Another trial"},
        "individual": SUBJECT,
    }


def record(*resources: Json) -> Json:
    """The resources as a Bundle, with an ``id`` each and a Patient (a woman of 39 years) where none is given."""
    if not any(resource["resourceType"] == "Patient" for resource in resources):
        resources = (patient(), *resources)
    entries = []
    for number, resource in enumerate(resources, start=1):
        entries.append({"resource": {"id": f"{resource['resourceType'].lower()}-{number}", **resource}})
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}
