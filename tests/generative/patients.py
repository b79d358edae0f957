"""Strategies for what a hospital could have recorded about a patient, one topic at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from hypothesis import strategies as st

from tests.generative.dates import date_texts, days, neighbourhoods
from tests.reference import build as b
from tests.reference.measurements import time_of
from tests.reference.vocabulary import CODES, ICD10, LOINC, SNOMED

Json = dict[str, Any]
Records = st.SearchStrategy[list[Json]]

#: Per measurement: its units with values that lie on, below and above the limits that criteria draw.
VALUES: dict[str, dict[str, list[float]]] = {
    "alt": {"U/L": [10, 40, 60.8, 91.2, 91.3, 100, 120, 120.5, 200], "ukat/L": [0.5, 1.52, 2, 2.1]},
    "creatinine": {"mg/dL": [0.5, 1, 1.2, 1.9, 2, 2.4], "umol/L": [44.2, 88.4, 106.08, 168, 176.8, 212.16]},
    "hemoglobin": {"g/L": [62, 80, 90, 95, 100], "g/dL": [6.2, 8, 9, 9.5, 10]},
    "spo2": {"%": [88, 92, 95, 99], "1": [0.88, 0.92, 0.95]},
    "sledai-2k": {"{score}": [0, 6, 7, 8, 9, 12]},
    "ast": {"U/L": [20, 40, 50, 80, 100], "ukat/L": [0.5, 1, 2]},
}
#: Upper and lower limits of normal, in one of the units.
NORMAL: dict[str, list[tuple[str, float, float]]] = {
    "alt": [("U/L", 5, 40), ("U/L", 5, 30.4), ("ukat/L", 0.1, 0.5)],
    "creatinine": [("umol/L", 45, 84), ("umol/L", 44.2, 88.4), ("mg/dL", 0.5, 1.2)],
    "hemoglobin": [("g/L", 120, 160), ("g/dL", 8, 16)],
}
USELESS_UNIT = {"alt": "mm", "creatinine": "mm", "hemoglobin": "mm", "spo2": "mm", "ast": "mm"}
#: Silence is one case among many others, so most topics have something on record.
FEW = st.sampled_from([1, 2, 3, 1, 2, 0])
FINAL = ["final", "final", "final", "amended", "corrected"]
OTHER = ["preliminary", "registered", "entered-in-error", "cancelled"]


def coded(concept: str) -> st.SearchStrategy[tuple[str, str]]:
    """One of the concept's codes."""
    return st.sampled_from(sorted(CODES[concept]))


@st.composite
def quantities(draw: st.DrawFn, concept: str, *, usable: bool = False, bounds: bool = True) -> Json:
    """A value with its unit; now and then none, one that does not convert, or a value that is itself a bound."""
    unit = draw(st.sampled_from(list(VALUES[concept])))
    found = b.quantity(draw(st.sampled_from(VALUES[concept][unit])), unit)
    flaw = draw(st.integers(0, 11))
    if flaw == 11 and bounds and not usable:
        found["comparator"] = draw(st.sampled_from(["<", "<=", ">", ">="]))
    if flaw == 10 and concept in USELESS_UNIT and not usable:
        if draw(st.booleans()):
            return {"value": found["value"]}
        return b.quantity(found["value"], USELESS_UNIT[concept])
    return found


@st.composite
def measurements(draw: st.DrawFn, concept: str, as_of: date) -> list[Json]:
    """Up to three results; a preliminary one is usable and of a day of its own, as the language asks only of these."""
    found: list[Json] = []
    taken_days: list[str] = []
    near = draw(neighbourhoods(as_of))
    for number in range(draw(FEW)):
        status = draw(st.sampled_from(FINAL * 2 + OTHER))
        firm = status in ("preliminary", "registered")
        taken = draw(date_texts(as_of, near=near, vague=not firm, timed=True))
        parts: Json = {"valueQuantity": draw(quantities(concept, usable=firm))}
        if concept in NORMAL and (firm or draw(st.integers(0, 5)) < 5):
            unit, low, high = draw(st.sampled_from(NORMAL[concept]))
            parts["low"], parts["high"] = b.quantity(low, unit), b.quantity(high, unit)
        elif not firm and draw(st.integers(0, 4)) == 0:
            parts = {
                "dataAbsentReason": b.codeable("http://terminology.hl7.org/CodeSystem/data-absent-reason", "unknown")
            }
        taken_days.append(taken[:10])
        undated = draw(st.integers(0, 19)) == 19 and not firm
        found.append(b.observation(f"{concept}-{number}", *draw(coded(concept)), taken, status, **parts))
        if undated:
            del found[-1]["effectiveDateTime"]
            continue
        odd = found[-1] | draw(oddities(taken))
        found[-1] = {key: value for key, value in odd.items() if value is not None}
    for result in found:
        if result["status"] in ("preliminary", "registered") and taken_days.count(day_in(result)) > 1:
            result["status"] = "final"
    if concept == "spo2":
        found = [draw(st.sampled_from([o, in_a_panel(o)])) for o in found]
    return found


def day_in(observation: Json) -> str:
    """The day, month or year of a result."""
    return (time_of(observation) or "")[:10]


@st.composite
def oddities(draw: st.DrawFn, taken: str | None) -> Json:
    """Now and then: about somebody else, dated by a period or by when it was issued."""
    odd = draw(st.integers(0, 19))
    if odd == 0:
        return {"subject": {"reference": "Patient/mother"}}
    if odd == 1:
        return {"focus": [{"reference": "Patient/fetus"}]}
    if odd == 2 and taken and len(taken) > 10:
        return {"effectiveDateTime": None, "issued": taken}
    if odd == 3 and taken and len(taken) > 10:
        return {"effectiveDateTime": None, "effectivePeriod": {"start": "2020-01-01T10:00:00Z", "end": taken}}
    return {}


def in_a_panel(observation: Json) -> Json:
    """The same result as a component of a vital signs panel."""
    inside = ("code", "valueQuantity", "referenceRange", "dataAbsentReason")
    panel = {key: value for key, value in observation.items() if key not in inside}
    component = {key: observation[key] for key in inside if key in observation}
    return {**panel, "code": b.codeable(LOINC, "85353-1"), "component": [component]}


@st.composite
def series(draw: st.DrawFn, concept: str, as_of: date) -> list[Json]:
    """Results of different days without any doubt about their time or status, for changes over time."""
    taken = draw(st.lists(days(as_of, future=False), max_size=4, unique=True))
    return [
        b.observation(
            f"{concept}-{n}",
            *draw(coded(concept)),
            day.isoformat(),
            draw(st.sampled_from(FINAL)),
            valueQuantity=draw(quantities(concept, bounds=False)),
        )
        for n, day in enumerate(taken)
    ]


SIGNS: list[Json] = [
    *({"valueString": text} for text in ("Reactive", "Non-reactive", "not detected", "阳性", "1:320", "1:80", "1:40")),
    *({"valueString": text} for text in ("discussed with the ward", "Indeterminate")),
    *(
        {"valueCodeableConcept": b.codeable(SNOMED, code)}
        for code in ("10828004", "260385009", "260373001", "260415000")
    ),
    *(
        {"interpretation": [b.codeable("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", code)]}
        for code in ("POS", "NEG", "IND")
    ),
]


@st.composite
def signs(draw: st.DrawFn, concept: str, as_of: date) -> list[Json]:
    """Positive, negative, equivocal and unreadable results, some of which contradict themselves."""
    found = []
    near = draw(neighbourhoods(as_of))
    for number in range(draw(FEW)):
        result = dict(draw(st.sampled_from(SIGNS)))
        if (
            draw(st.integers(0, 3)) == 3
            and "interpretation" not in result
            and result.get("valueString", "1:")[:2] == "1:"
        ):
            result |= draw(st.sampled_from(SIGNS[-3:-1]))
        taken = draw(date_texts(as_of, near=near, timed=True))
        found.append(
            b.observation(f"{concept}-{number}", *draw(coded(concept)), taken, draw(st.sampled_from(FINAL)), **result)
        )
    return found


@st.composite
def classes(draw: st.DrawFn, concept: str, as_of: date) -> list[Json]:
    """NYHA classes as coded results."""
    near = draw(neighbourhoods(as_of))
    keys = st.sampled_from(["nyha-class-I", "nyha-class-II", "nyha-class-III", "nyha-class-IV"])
    return [
        b.observation(
            f"nyha-{n}",
            *draw(coded(concept)),
            draw(date_texts(as_of, near=near)),
            valueCodeableConcept=b.codeable(*draw(keys.flatmap(coded))),
        )
        for n in range(draw(FEW))
    ]


@st.composite
def panels(draw: st.DrawFn, concept: str, as_of: date) -> list[Json]:
    """BILAG panels of different days, a grade for each of some organ systems."""
    grades = st.lists(st.sampled_from(["A", "B", "B", "C", "D", "E", "see letter"]), min_size=1, max_size=4)
    found = []
    for number, day in enumerate(draw(st.lists(days(as_of), max_size=2, unique=True))):
        parts = [{"code": {"text": f"system {n}"}, "valueString": grade} for n, grade in enumerate(draw(grades))]
        found.append(b.observation(f"panel-{number}", *draw(coded(concept)), day.isoformat(), component=parts))
    return found


@st.composite
def kidneys(draw: st.DrawFn, concept: str, as_of: date) -> list[Json]:
    """What a creatinine clearance is made of; now and then one that was measured."""
    found = [o for o in draw(measurements("creatinine", as_of)) if "comparator" not in o.get("valueQuantity", {})]
    found += draw(weights(as_of))
    if draw(st.integers(0, 4)) == 4:
        value = b.quantity(draw(st.sampled_from([45, 60, 61])), "mL/min")
        found.append(b.observation("clearance", LOINC, "2164-2", as_of.isoformat(), valueQuantity=value))
    return found


@st.composite
def weights(draw: st.DrawFn, as_of: date) -> list[Json]:
    """No, one or two recent body weights."""
    found = []
    for number in range(draw(st.sampled_from([1, 1, 2, 0]))):
        value = draw(st.sampled_from([b.quantity(50, "kg"), b.quantity(70, "kg"), b.quantity(82500, "g")]))
        day = as_of.replace(day=1, month=as_of.month - number)
        found.append(b.observation(f"weight-{number}", LOINC, "29463-7", day.isoformat(), valueQuantity=value))
    return found


@st.composite
def conditions(draw: st.DrawFn, concept: str, as_of: date) -> list[Json]:
    """Diagnoses: confirmed, doubted, refuted, retracted; active, ended, ended at an unknown time, undated."""
    found = []
    for number in range(draw(FEW)):
        verification = draw(
            st.sampled_from(
                ["confirmed"] * 4 + [None, "refuted", "entered-in-error", "provisional", "differential", "unconfirmed"]
            )
        )
        onset, end = sorted([draw(date_texts(as_of)), draw(date_texts(as_of))])
        parts: Json = {"onsetDateTime": onset} if draw(st.integers(0, 6)) else {}
        if not parts and draw(st.booleans()):
            parts = {"recordedDate": draw(days(as_of, future=False)).isoformat()}
        if verification == "refuted":
            parts = {}
        ending = draw(st.sampled_from(["active", "resolved", "abated"]))
        if ending == "abated" and "onsetDateTime" in parts and end <= as_of.isoformat():
            parts |= {"abatementDateTime": end, "clinical": "resolved"}
        elif verification != "refuted":
            parts["clinical"] = "resolved" if ending == "resolved" else "active"
        found.append(b.condition(f"{concept}-{number}", *draw(coded(concept)), verification, **parts))
    return found


def events(kind: str, element: str, dated: str) -> Callable[[str, date], Records]:
    """Procedures or immunizations: completed, not done, retracted."""

    @st.composite
    def made(draw: st.DrawFn, concept: str, as_of: date) -> list[Json]:
        found = []
        for number in range(draw(FEW)):
            status = draw(st.sampled_from(["completed", "completed", "completed", "not-done", "entered-in-error"]))
            parts = {dated: draw(date_texts(as_of))} if draw(st.integers(0, 9)) else {}
            found.append(b.record(kind, f"{concept}-{number}", status, (element, *draw(coded(concept))), **parts))
        return found

    return made


@st.composite
def allergies(draw: st.DrawFn, concept: str, as_of: date) -> list[Json]:
    """Allergies to a drug: confirmed, doubted, refuted, retracted."""
    found = []
    for number in range(draw(FEW)):
        status = draw(st.sampled_from(["confirmed", "confirmed", "unconfirmed", "refuted", "entered-in-error"]))
        record = b.condition(f"{concept}-allergy-{number}", *draw(coded(concept)), None)
        system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
        record |= {"resourceType": "AllergyIntolerance", "verificationStatus": b.codeable(system, status)}
        record["patient"] = record.pop("subject")
        found.append(record)
    return found


ORDER = ["active", "active", "completed", "completed", "stopped", "draft", "cancelled", "entered-in-error"]
STATEMENT = ["active", "active", "completed", "completed", "stopped", "intended", "not-taken", "entered-in-error"]


@st.composite
def exposures(draw: st.DrawFn, concept: str, as_of: date, *, dosed: bool = False) -> list[Json]:
    """Orders, statements and administrations: with and without an end, a dose, a start."""
    found = []
    for number in range(draw(FEW)):
        code = draw(coded(concept))
        start, end = sorted([draw(date_texts(as_of)), draw(date_texts(as_of))])
        has_start, has_end = draw(st.integers(0, 9)) > 0, draw(st.booleans())
        kind = draw(st.sampled_from(["MedicationRequest", "MedicationStatement", "MedicationAdministration"]))
        parts: Json = {}
        if kind == "MedicationAdministration" and not dosed:
            status = draw(st.sampled_from(["completed", "completed", "not-done", "entered-in-error"]))
            parts = {"effectiveDateTime": start} if has_start else {}
        elif kind == "MedicationStatement" and not dosed:
            status = draw(st.sampled_from(STATEMENT))
            period = ({"start": start} if has_start else {}) | ({"end": end} if has_end and has_start else {})
            parts = {"effectivePeriod": period} if period else {}
        else:
            kind = "MedicationRequest"
            status = draw(st.sampled_from(ORDER))
            parts = {"authoredOn": start} if has_start else {}
            parts["intent"] = draw(st.sampled_from(["order"] * 5 + ["plan", "proposal", "instance-order"]))
            if draw(st.integers(0, 9)) == 0:
                parts["doNotPerform"] = True
            dosage = draw(doses()) if dosed else {}
            if has_end and has_start:
                timing = dosage.setdefault("timing", {}).setdefault("repeat", {})
                timing["boundsPeriod"] = {"start": start, "end": end}
            parts |= {"dosageInstruction": [dosage]} if dosage else {}
        found.append(b.drug(kind, f"{concept}-{number}", status, *code, **parts))
    return found


@st.composite
def doses(draw: st.DrawFn) -> Json:
    """A dosage of tablets of 5 to 60 mg; now and then without dose, unit or frequency."""
    flaw = draw(st.integers(0, 9))
    if flaw == 0:
        return {"text": "take as directed"}
    amount = b.quantity(draw(st.sampled_from([5, 10, 20, 35, 60])), "mg")
    if flaw == 1:
        del amount["code"], amount["unit"], amount["system"]
    repeat: Json = {
        "frequency": draw(st.sampled_from([1, 2])),
        "period": draw(st.sampled_from([1, 2])),
        "periodUnit": "d",
    }
    if flaw == 2:
        repeat = {}
    dosage: Json = {"doseAndRate": [{"doseQuantity": amount}]}
    return {**dosage, "timing": {"repeat": repeat}} if repeat else dosage


@st.composite
def dosed_exposures(draw: st.DrawFn, concept: str, as_of: date) -> list[Json]:
    """Orders with doses, and the weight that a dose by the kilogram needs."""
    return draw(exposures(concept, as_of, dosed=True)) + draw(weights(as_of))


@st.composite
def people(draw: st.DrawFn, as_of: date) -> Json:
    """The patient: born on a day on which a year is completed today or tomorrow, in a month, in a year, or unknown."""
    years = draw(st.sampled_from([17, 18, 40, 65, 70, 71]))
    month_day = draw(st.sampled_from([(as_of.month, 1), (3, 2), (2, 28), (12, 31), (1, 1)]))
    born: str | None = date(as_of.year - years, *month_day).isoformat()
    if draw(st.integers(0, 9)) == 9:
        born = "2000-02-29"
    form = draw(st.integers(0, 9))
    born = {9: None, 8: born[:4], 7: born[:7]}.get(form, born)
    return b.patient(
        birthDate=born, gender=draw(st.sampled_from(["female", "male", "female", "male", "unknown", None]))
    )


def nothing(concept: str, as_of: date) -> Records:
    """No records: the topic is about the patient, or about what only a person knows."""
    return st.just([])


#: Drug-induced lupus must not be taken for lupus.
DECOY = b.condition("decoy", ICD10, "M32.0", clinical="active")
