"""One synthetic patient's record: small functions that write R4 resources the way different departments do.

Nothing here depends on the clock, on hash order or on the machine: every number comes from the arguments or from a
random generator seeded with the patient's identifier, so the same seed gives the same bytes everywhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from trialmatch.demo.vocabulary import (
    ANALYTES,
    CONDITIONS,
    DRUGS,
    FINDINGS,
    NYHA,
    NYHA_CLASS,
    OXYGEN_FLOW,
    PROCEDURES,
    RESULTS,
    SCORES,
    UCUM,
    VACCINES,
    Analyte,
    Code,
    Scale,
)

Json = dict[str, Any]

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_RECORD = {"coding": [{"system": f"{TERMINOLOGY}/v2-0203", "code": "MR"}]}
GIVEN_NAMES = (
    "Ada", "Bela", "Cleo", "Dora", "Emil", "Fina", "Gita", "Hugo", "Ines", "Jona", "Kaya", "Lior", "Mina", "Nilo",
    "Olga", "Pari", "Qiu", "Rosa", "Sami", "Tara", "Ugo", "Vera", "Wim", "Xenia", "Yuna", "Zeno",
)  # fmt: skip


def coding(code: Code) -> Json:
    """A Coding of a (system, code, display) triple."""
    return {"system": code[0], "code": code[1], "display": code[2]}


def concept(codes: Iterable[Code], text: str | None = None) -> Json:
    """A CodeableConcept of several codings, of a text, or of both."""
    result: Json = {"coding": [coding(code) for code in codes]}
    if not result["coding"]:
        del result["coding"]
    if text:
        result["text"] = text
    return result


def status_of(system: str, code: str) -> Json:
    """A CodeableConcept of one of HL7's status code systems (``condition-clinical``, …)."""
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code}]}


def quantity(value: float, unit: str, code: str | None = None, comparator: str | None = None) -> Json:
    """A Quantity; without ``code`` it is the bare text unit of a laboratory that does not know UCUM."""
    result: Json = {"value": value}
    if comparator:
        result["comparator"] = comparator
    if unit:
        result["unit"] = unit
    if code:
        result |= {"system": UCUM, "code": code}
    return result


def number(value: float, decimals: int) -> float | int:
    """A value as printed with that many decimals; an integer where there are none."""
    return round(value, decimals) if decimals else round(value)


class Chart:
    """The record of one patient, in the order in which it was written.

    ``house`` is how this patient's laboratory prints: ``si`` (SI units in UCUM), ``us`` (conventional units in UCUM),
    or ``loose`` (conventional units as text only, ``K/uL``, ``mg/dl``).
    """

    def __init__(self, patient: str, seed: int, serial: int, *, gender: str, birth: str, house: str = "si") -> None:
        self.id = patient
        self.gender = gender
        self.house = house
        self.rng = random.Random(f"{seed}/{patient}")  # a str seeds through SHA-512, not through hash()
        self.resources: list[Json] = []
        self._used: set[str] = set()
        self.patient: Json = {
            "resourceType": "Patient",
            "id": patient,
            "meta": {
                "security": [{"system": f"{TERMINOLOGY}/v3-ActReason", "code": "HTEST", "display": "test health data"}]
            },
            "identifier": [{"type": _RECORD, "system": "urn:demo-hospital:mrn", "value": f"DEMO-{serial:04d}"}],
            "active": True,
            "name": [{"family": "Demopatient", "given": [GIVEN_NAMES[serial % len(GIVEN_NAMES)]]}],
            "gender": gender,
            "birthDate": birth,
        }
        self.resources.append(self.patient)

    # plumbing

    def add(self, kind: str, name: str, **fields: Any) -> Json:
        """Append a resource about this patient, with an identifier made of the patient's and ``name``."""
        suffix, number_ = name, 2
        while f"{kind}/{suffix}" in self._used:
            suffix, number_ = f"{name}-{number_}", number_ + 1
        self._used.add(f"{kind}/{suffix}")
        who = "patient" if kind in ("Immunization", "AllergyIntolerance") else "subject"
        resource: Json = {"resourceType": kind, "id": f"{self.id}-{suffix}"}
        if kind != "Medication":
            resource[who] = {"reference": f"Patient/{self.id}"}
        resource |= {key: value for key, value in fields.items() if value is not None}
        self.resources.append(resource)
        return resource

    def drop(self, *names: str) -> None:
        """Take out again what a standard record holds: resources whose identifier goes on with one of ``names``."""
        starts = tuple(f"{self.id}-{name}" for name in names)
        self.resources = [r for r in self.resources if not r["id"].startswith(starts)]

    def near(self, value: float, spread: float = 0.08) -> float:
        """A value that differs by up to ``spread`` from the given one."""
        return value * (1 + spread * (2 * self.rng.random() - 1))

    # diagnoses, procedures, encounters

    def condition(
        self,
        key: str | None,
        onset: str | None = None,
        *,
        end: str | None = None,
        clinical: str | None = None,
        verification: str | None = "confirmed",
        text: str | None = None,
        onset_text: str | None = None,
        recorded: str | None = None,
    ) -> Json:
        """A diagnosis: coded by ``key``, or text only; ``onset_text`` is prose where a date should be."""
        if verification in ("refuted", "entered-in-error"):
            clinical = None  # FHIR: what is not there has no clinical status
        else:
            clinical = clinical or ("resolved" if end else "active")
        return self.add(
            "Condition",
            f"dx-{key or 'text'}",
            clinicalStatus=status_of("condition-clinical", clinical) if clinical else None,
            verificationStatus=status_of("condition-ver-status", verification) if verification else None,
            category=[status_of("condition-category", "problem-list-item")],
            code=concept(CONDITIONS[key] if key else (), text),
            onsetDateTime=onset,
            onsetString=onset_text,
            abatementDateTime=end,
            recordedDate=recorded,
        )

    def procedure(
        self,
        key: str | None,
        performed: str | None = None,
        *,
        status: str = "completed",
        text: str | None = None,
        performed_text: str | None = None,
    ) -> Json:
        """A procedure on a date; ``performed_text`` is prose ("autumn 2025")."""
        return self.add(
            "Procedure",
            f"proc-{key or 'text'}",
            status=status,
            code=concept([PROCEDURES[key]] if key else (), text),
            performedDateTime=performed,
            performedString=performed_text,
        )

    def encounter(self, day: str, text: str = "Rheumatology outpatient clinic") -> Json:
        """A visit on one day."""
        return self.add(
            "Encounter",
            f"visit-{day}",
            status="finished",
            **{"class": {"system": f"{TERMINOLOGY}/v3-ActCode", "code": "AMB", "display": "ambulatory"}},
            type=[{"text": text}],
            period={"start": f"{day}T08:00:00+01:00", "end": f"{day}T11:30:00+01:00"},
        )

    # observations

    def observation(self, name: str, code: Json, day: str, value: Json, **fields: Any) -> Json:
        """An Observation; ``value`` is the ``value[x]`` as a one-entry object, ``fields`` go in as they are."""
        fields = {"status": "final", "effectiveDateTime": f"{day}T08:15:00+01:00"} | fields
        category = fields.pop("kind", "laboratory")
        fields["category"] = [status_of("observation-category", category)]
        return self.add("Observation", f"{name}-{day}", code=code, **fields, **value)

    def lab(
        self,
        key: str,
        value: float,
        day: str,
        *,
        house: str | None = None,
        ranged: bool = True,
        comparator: str | None = None,
        kind: str = "laboratory",
        **fields: Any,
    ) -> Json:
        """A quantitative result; ``value`` is in SI units and is printed in the units of the house, with its range."""
        analyte, house = ANALYTES[key], house or self.house
        scale = analyte.si if house == "si" else analyte.us

        def printed(amount: float) -> Json:
            shown = number(amount * scale.factor, scale.decimals)
            return quantity(shown, scale.loose) if house == "loose" else quantity(shown, scale.unit, scale.unit)

        limits = self._limits(analyte, printed) if ranged else None
        result = printed(value)
        if comparator:
            result = {"value": result.pop("value"), "comparator": comparator} | result
        return self.observation(
            key,
            self._lab_code(analyte, scale),
            day,
            {"valueQuantity": result},
            kind=kind,
            referenceRange=limits,
            **fields,
        )

    def _limits(self, analyte: Analyte, printed: Any) -> list[Json] | None:
        low, high = analyte.men if self.gender == "male" else analyte.women
        limits = {end: printed(value) for end, value in (("low", low), ("high", high)) if value is not None}
        return [limits] if limits else None

    @staticmethod
    def _lab_code(analyte: Analyte, scale: Scale) -> Json:
        return concept([("http://loinc.org", scale.code, scale.display)], analyte.text)

    def finding(self, key: str, result: str, day: str, *, form: str = "coded", **fields: Any) -> Json:
        """A qualitative result in a form laboratories use: ``coded``, ``flag`` (interpretation), or ``text``."""
        code = concept([FINDINGS[key]])
        if form == "coded":
            return self.observation(key, code, day, {"valueCodeableConcept": concept([RESULTS[result]])}, **fields)
        if form == "text":
            return self.observation(key, code, day, {"valueString": result}, **fields)
        flag = {"positive": "POS", "negative": "NEG"}[result]
        interpretation = [status_of("v3-ObservationInterpretation", flag)]
        return self.observation(key, code, day, {}, interpretation=interpretation, **fields)

    def score(self, key: str, value: float, day: str, **fields: Any) -> Json:
        """A clinical score; scores have local codes, since none of them has a standard one that labs agree on."""
        return self.observation(
            key,
            concept([SCORES[key]]),
            day,
            {"valueQuantity": quantity(value, "{score}", "{score}")},
            kind="survey",
            **fields,
        )

    def grades(self, day: str, grades: Sequence[tuple[str, str]]) -> Json:
        """A BILAG-2004 panel: one component a system, its grade as text."""
        parts = [{"code": {"text": system}, "valueString": grade} for system, grade in grades]
        return self.observation("bilag2004", concept([SCORES["bilag2004"]]), day, {"component": parts}, kind="survey")

    def nyha(self, grade: str, day: str) -> Json:
        """The NYHA functional class as an Observation."""
        value = {"valueCodeableConcept": concept([NYHA[grade]])}
        return self.observation("nyha", concept([NYHA_CLASS]), day, value, kind="exam")

    def saturation(self, value: float, day: str, oxygen: float | None = 0) -> Json:
        """Pulse oximetry; ``oxygen`` is the flow in L/min as a component, none where nobody wrote it down."""
        flow = None
        if oxygen is not None:
            flow = [{"code": concept([OXYGEN_FLOW]), "valueQuantity": quantity(oxygen, "L/min", "L/min")}]
        return self.lab("spo2", value, day, kind="vital-signs", component=flow)

    # medication

    def dose(
        self,
        amount: float | None,
        times: int = 1,
        *,
        every: str = "d",
        route: str | None = "oral",
        text: str | None = None,
    ) -> Json:
        """A dosage of ``amount`` mg ``times`` times a day (or week); without amount only its text."""
        result: Json = {"text": text or f"{amount} mg, {times} x per {'day' if every == 'd' else 'week'}"}
        if amount is not None:
            result["timing"] = {"repeat": {"frequency": times, "period": 1, "periodUnit": every}}
            result["doseAndRate"] = [{"doseQuantity": quantity(amount, "mg", "mg")}]
        if route:
            result["route"] = {"text": route}
        return result

    def order(
        self,
        drug: str | None,
        start: str,
        end: str | None = None,
        *,
        dose: Json | None = None,
        status: str | None = None,
        intent: str = "order",
        text: str | None = None,
        medication: Json | None = None,
        **fields: Any,
    ) -> Json:
        """A MedicationRequest from ``start`` to ``end`` (open while active)."""
        bounds = {"start": start, "end": end} if end else {"start": start}
        dose = dose or {"text": "as prescribed"}
        timing = dose.get("timing", {"repeat": {}})
        dose = dose | {"timing": {"repeat": {"boundsPeriod": bounds} | timing["repeat"]}}
        medication = medication or {"medicationCodeableConcept": concept(DRUGS[drug] if drug else (), text)}
        return self.add(
            "MedicationRequest",
            f"rx-{drug or 'text'}-{start}",
            status=status or ("completed" if end else "active"),
            intent=intent,
            authoredOn=start,
            dosageInstruction=[dose],
            **medication,
            **fields,
        )

    def statement(
        self, drug: str | None, start: str | None, end: str | None = None, *,
        dose: Json | None = None, status: str | None = None, text: str | None = None, **fields: Any,
    ) -> Json:  # fmt: skip
        """A MedicationStatement: what the patient was found to take, or not to take."""
        period = {key: value for key, value in (("start", start), ("end", end)) if value}
        return self.add(
            "MedicationStatement",
            f"taking-{drug or 'text'}-{start or 'undated'}",
            status=status or ("completed" if end else "active"),
            medicationCodeableConcept=concept(DRUGS[drug] if drug else (), text),
            effectivePeriod=period or None,
            dosage=[dose] if dose else None,
            **fields,
        )

    def infusion(self, drug: str, day: str, amount: float, status: str = "completed") -> Json:
        """A MedicationAdministration of ``amount`` mg on one day."""
        return self.add(
            "MedicationAdministration",
            f"given-{drug}-{day}",
            status=status,
            medicationCodeableConcept=concept(DRUGS[drug]),
            effectiveDateTime=f"{day}T10:00:00+01:00",
            dosage={"route": {"text": "intravenous"}, "dose": quantity(amount, "mg", "mg")},
        )

    def dispense(self, drug: str, day: str, days: int) -> Json:
        """A MedicationDispense of a supply for ``days`` days."""
        return self.add(
            "MedicationDispense",
            f"supply-{drug}-{day}",
            status="completed",
            medicationCodeableConcept=concept(DRUGS[drug]),
            whenHandedOver=f"{day}T15:00:00+01:00",
            daysSupply=quantity(days, "d", "d"),
        )

    def medication(self, drug: str) -> Json:
        """A Medication of its own, to be referenced."""
        return self.add("Medication", f"med-{drug}", status="active", code=concept(DRUGS[drug]))

    def vaccine(self, key: str, day: str, status: str = "completed") -> Json:
        """An Immunization given, or not done."""
        return self.add(
            "Immunization",
            f"vaccine-{key}",
            status=status,
            vaccineCode=concept([VACCINES[key]]),
            occurrenceDateTime=day,
        )

    def allergy(self, drug: str | None, text: str, verification: str = "confirmed") -> Json:
        """An allergy or intolerance to a drug, coded or as text."""
        return self.add(
            "AllergyIntolerance",
            f"allergy-{drug or 'text'}",
            clinicalStatus=status_of("allergyintolerance-clinical", "active") if verification != "refuted" else None,
            verificationStatus=status_of("allergyintolerance-verification", verification),
            type="intolerance",
            category=["medication"],
            code=concept(DRUGS[drug] if drug else (), text),
        )
