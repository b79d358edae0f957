"""Strategies for criteria: leaves of every kind, groups of them to depth four, and whole situations to judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hypothesis import strategies as st

from tests.generative import patients as p
from tests.generative.dates import AS_OF, anchor_days, windows
from tests.reference import build as b
from tests.reference.vocabulary import BASE, LOINC

Json = dict[str, Any]
Leaves = st.SearchStrategy[Json]

COMPARATORS = st.sampled_from(["<", "<=", ">", ">=", "<=", ">="])
NUMBERED = ""  # linkIds are given once the tree is complete


@st.composite
def lab_leaves(draw: st.DrawFn, concept: str) -> Json:
    """A limit on a measurement, in units, in multiples of a limit of normal, or beyond one."""
    limit: Json = {}
    shape = draw(st.integers(0, 9))
    unit = draw(st.sampled_from(list(p.VALUES[concept])))
    values = p.VALUES[concept][unit]
    method = draw(st.sampled_from([None, None, None, "any", "all", "max", "min"]))
    relative = concept in p.NORMAL and method not in ("max", "min")
    if shape <= 2 and relative:
        multiple = draw(st.sampled_from([0.5, 1, 1.5, 2, 3]))
        limit["valueQuantity"] = b.times_normal(
            multiple, draw(COMPARATORS), draw(st.sampled_from(["UNL", "UNL", "LNL"]))
        )
    elif shape == 3 and relative:
        limit["valueQuantity"] = b.quantity(draw(st.sampled_from(values)), unit, draw(COMPARATORS))
        limit["offset"] = b.codeable("http://hl7.org/fhir/characteristic-offset", draw(st.sampled_from(["UNL", "LNL"])))
    elif shape in (4, 5) and method not in ("max", "min"):
        ends = sorted(draw(st.lists(st.sampled_from(values), min_size=2, max_size=2, unique=True)))
        keep = draw(st.sampled_from([("low", "high"), ("low", "high"), ("low",), ("high",)]))
        limit["valueRange"] = {
            end: b.quantity(v, unit) for end, v in zip(("low", "high"), ends, strict=True) if end in keep
        }
    elif shape == 6 and method is None:
        limit["valueBoolean"] = True
    elif shape == 7 and method is None:
        limit["valueQuantity"] = b.quantity(draw(st.sampled_from(values)), unit)
    else:
        limit["valueQuantity"] = b.quantity(draw(st.sampled_from(values)), unit, draw(COMPARATORS))
    if method:
        limit["method"] = method
    kind = b.concept(concept)
    if draw(st.integers(0, 5)) == 5 and concept != "sledai-2k":
        kind = b.codeable(*draw(p.coded(concept)))  # a standard code itself, and no other code of the concept
    counting = shape == 8 and method is None
    if counting:
        limit["instancesQuantity"] = b.quantity(draw(st.integers(1, 3)), "1", ">=")
    leaf = b.leaf(NUMBERED, kind, **limit)
    return draw(timed(leaf, always=counting, validity=not counting and shape != 6))


@st.composite
def timed(draw: st.DrawFn, leaf: Json, *, always: bool = False, validity: bool = False) -> Json:
    """The leaf with a window, a validity or neither."""
    when = draw(st.integers(0, 3))
    if always or when == 1:
        return leaf | {"timeFromEvent": draw(windows())}
    if validity and when == 2:
        length = draw(st.sampled_from([(30, "d"), (6, "mo"), (1, "a"), (26, "wk")]))
        return b.extended(leaf, "validity", valueDuration=b.quantity(*length))
    return leaf


@st.composite
def change_leaves(draw: st.DrawFn, concept: str) -> Json:
    """A relative or absolute change within a window."""
    if draw(st.booleans()):
        limit, unit = draw(st.sampled_from([(-25, "%"), (-50, "%"), (50, "%"), (-0.5, "1"), (0.25, "1")]))
        method = "relative-change"
    else:
        limit, unit, method = draw(st.sampled_from([-40, -20, 0, 20, 30])), "U/L", "absolute-change"
    leaf = b.leaf(NUMBERED, b.concept(concept), valueQuantity=b.quantity(limit, unit, draw(COMPARATORS)), method=method)
    return draw(timed(leaf))


@st.composite
def sign_leaves(draw: st.DrawFn, concept: str) -> Json:
    """Positive or negative."""
    wanted = b.codeable(f"{BASE}/CodeSystem/result", draw(st.sampled_from(["positive", "negative"])))
    method = draw(st.sampled_from([{}, {}, {"method": "any"}]))
    return draw(timed(b.leaf(NUMBERED, b.concept(concept), valueCodeableConcept=wanted, **method), validity=True))


@st.composite
def class_leaves(draw: st.DrawFn, concept: str) -> Json:
    """A class, by concept."""
    wanted = b.concept(draw(st.sampled_from(["nyha-class-III", "nyha-class-II", "nyha-class-iii-iv"])))
    return draw(timed(b.leaf(NUMBERED, b.concept(concept), valueCodeableConcept=wanted), validity=True))


@st.composite
def grade_leaves(draw: st.DrawFn, concept: str) -> Json:
    """So many organ systems of a grade."""
    wanted = {"text": draw(st.sampled_from(["A", "B"]))}
    least = b.quantity(draw(st.integers(1, 2)), "1", ">=")
    leaf = b.leaf(NUMBERED, b.concept(concept), valueCodeableConcept=wanted, instancesQuantity=least)
    return draw(timed(leaf, always=True))


@st.composite
def clearance_leaves(draw: st.DrawFn, concept: str) -> Json:
    """A creatinine clearance, measured or derived."""
    limit = b.quantity(draw(st.sampled_from([30, 45, 60, 61, 90])), "mL/min", draw(COMPARATORS))
    return b.leaf(NUMBERED, b.concept("creatinine-clearance"), valueQuantity=limit, method="cockcroft-gault")


def record_leaves(kind: str, *, onset: bool = False) -> Callable[[str], Leaves]:
    """That there is a diagnosis, procedure, immunization or allergy, ever or in a window."""

    @st.composite
    def made(draw: st.DrawFn, concept: str) -> Json:
        parts: Json = {"method": "onset"} if onset and draw(st.integers(0, 3)) == 0 else {}
        leaf = b.record_leaf(NUMBERED, kind, concept, **parts)
        if kind != "AllergyIntolerance":
            leaf = draw(timed(leaf))
        return draw(silent(leaf))

    return made


@st.composite
def silent(draw: st.DrawFn, leaf: Json, *, open_list: bool = False) -> Json:
    """The leaf, now and then taking silence as absence, or with an open list."""
    form = draw(st.integers(0, 5))
    if form == 0:
        return b.extended(leaf, "absence", valueCode=draw(st.sampled_from(["absent", "absent", "unknown"])))
    if form == 1 and open_list:
        return b.extended(leaf, "open-list", valueBoolean=True)
    return leaf


@st.composite
def exposure_leaves(draw: st.DrawFn, concept: str) -> Json:
    """Exposure to a drug: at all, for long enough, to enough ingredients."""
    keys = [concept] if concept != "immunosuppressant" else ["immunosuppressant", "immunosuppressant", "mycophenolate"]
    leaf = b.record_leaf(NUMBERED, "MedicationRequest", draw(st.sampled_from(keys)))
    form = draw(st.integers(0, 2))
    if form == 1:
        length = draw(st.sampled_from([(4, "wk"), (28, "d"), (30, "d"), (1, "mo"), (3, "mo"), (12, "wk"), (1, "a")]))
        leaf["durationQuantity"] = b.quantity(*length, ">=")
    elif form == 2:
        leaf["instancesQuantity"] = b.quantity(draw(st.integers(1, 3)), "1", ">=")
    return draw(silent(draw(timed(leaf)), open_list=True))


@st.composite
def dose_leaves(draw: st.DrawFn, concept: str) -> Json:
    """Exposure of at least (or at most) a daily dose, absolute or by body weight."""
    limit = draw(st.sampled_from([(10, "mg/d"), (20, "mg/d"), (0.5, "mg/kg/d"), (1, "mg/kg/d")]))
    leaf = b.record_leaf(NUMBERED, "MedicationRequest", concept)
    leaf = b.extended(
        leaf, "daily-dose", valueQuantity=b.quantity(*limit, draw(st.sampled_from([">=", ">=", ">", "<="])))
    )
    if draw(st.booleans()):
        leaf["durationQuantity"] = b.quantity(*draw(st.sampled_from([(4, "wk"), (30, "d"), (3, "mo")])), ">=")
    return draw(timed(leaf))


@st.composite
def person_leaves(draw: st.DrawFn, concept: str) -> Json:
    """Age or sex."""
    form = draw(st.integers(0, 2))
    if form == 0:
        sex = b.codeable("http://hl7.org/fhir/administrative-gender", draw(st.sampled_from(["female", "male"])))
        return b.leaf(NUMBERED, b.codeable(LOINC, "46098-0"), valueCodeableConcept=sex)
    years = {"low": b.quantity(18, "a"), "high": b.quantity(draw(st.sampled_from([65, 70])), "a")}
    value = {"valueRange": years}
    if form == 2:
        value = {"valueQuantity": b.quantity(draw(st.sampled_from([18, 65, 71])), "a", draw(COMPARATORS))}
    return b.leaf(NUMBERED, b.codeable(LOINC, "30525-0"), **value)


@st.composite
def personal_leaves(draw: st.DrawFn, concept: str) -> Json:
    """What only a person can tell: a judgement, on a concept or not, or plain text."""
    if draw(st.integers(0, 3)) == 0:
        return {"linkId": NUMBERED, "description": "Willing to keep a diary"}
    return b.judgement_leaf(NUMBERED, *draw(st.sampled_from(JUDGEMENTS)))


JUDGEMENTS: list[tuple[str, ...]] = [("consent",), ("response",), ("attribution", "sle"), ("attribution", "stroke")]


@dataclass(frozen=True)
class Topic:
    """Something that criteria and records can both be about."""

    concept: str
    leaves: Callable[[str], Leaves]
    records: Callable[[str, date], p.Records]


PROCEDURES = p.events("Procedure", "code", "performedDateTime")
IMMUNIZATIONS = p.events("Immunization", "vaccineCode", "occurrenceDateTime")
TOPICS: dict[str, Topic] = {
    **{key: Topic(key, lab_leaves, p.measurements) for key in ("alt", "creatinine", "hemoglobin", "spo2", "sledai-2k")},
    "change": Topic("ast", change_leaves, p.series),
    "sign": Topic("ana", sign_leaves, p.signs),
    "class": Topic("nyha", class_leaves, p.classes),
    "grades": Topic("bilag2004", grade_leaves, p.panels),
    "clearance": Topic("creatinine-clearance", clearance_leaves, p.kidneys),
    "sle": Topic("sle", record_leaves("Condition"), p.conditions),
    "stroke": Topic("stroke", record_leaves("Condition", onset=True), p.conditions),
    "procedure": Topic("dialysis", record_leaves("Procedure"), PROCEDURES),
    "immunization": Topic("live-vaccine-mmr", record_leaves("Immunization"), IMMUNIZATIONS),
    "allergy": Topic("methotrexate", record_leaves("AllergyIntolerance"), p.allergies),
    "exposure": Topic("hydroxychloroquine", exposure_leaves, p.exposures),
    "exposures": Topic("immunosuppressant", exposure_leaves, p.exposures),
    "dose": Topic("prednisone", dose_leaves, p.dosed_exposures),
    "person": Topic("patient", person_leaves, p.nothing),
    "judgement": Topic("judgement", personal_leaves, p.nothing),
}
#: Both bring weights and creatinines of their own: only one of each group at a time.
ALIKE = ({"creatinine", "clearance"}, {"clearance", "dose"})


def trees(leaves: Leaves) -> Leaves:
    """Leaves, and groups of them to depth four, each now and then excluded."""

    @st.composite
    def grouped(draw: st.DrawFn, members: Leaves) -> Json:
        found = draw(st.lists(members, min_size=1, max_size=3))
        code = draw(st.sampled_from(["all-of", "any-of", "all-of", "any-of", "at-least", "at-most"]))
        if code == "any-of" and len(found) > 1 and draw(st.integers(0, 3)) == 0:
            gate = draw(person_leaves("patient"))
            found[0] = b.extended(gate, "applicability", valueBoolean=True)
        threshold = draw(st.integers(1, len(found))) if code.startswith("at-") else None
        return b.group(NUMBERED, code, found, threshold)

    def excluded(nodes: Leaves) -> Leaves:
        return st.builds(
            lambda node, yes: {**node, "exclude": True} if yes else node, nodes, st.sampled_from([False, False, True])
        )

    layer = excluded(leaves)
    for _ in range(3):
        layer = excluded(st.one_of(leaves, leaves, grouped(layer)))
    return layer


def numbered(characteristics: list[Json], prefix: str = "") -> list[Json]:
    """The same criteria with linkIds 1, 2, 2.1 …"""
    found = []
    for number, characteristic in enumerate(characteristics, 1):
        named = {**characteristic, "linkId": f"{prefix}{number}", "description": f"Criterion {prefix}{number}"}
        if "definitionByCombination" in named:
            inside = dict(named["definitionByCombination"])
            inside["characteristic"] = numbered(inside["characteristic"], f"{prefix}{number}.")
            named["definitionByCombination"] = inside
        found.append(named)
    return found


@st.composite
def hung_on_an_event(draw: st.DrawFn, characteristics: list[Json]) -> list[Json]:
    """The same criteria, now and then with the window of one hung on the event of another."""
    leaves = [c for c in walk(characteristics) if "definitionByTypeAndValue" in c]
    dating = [c["linkId"] for c in leaves if dates_an_event(c)]
    windowed = [c["linkId"] for c in leaves if "timeFromEvent" in c]
    if not dating or not windowed or draw(st.booleans()):
        return characteristics
    window = draw(windows((None,)))
    window[0]["eventId"] = draw(st.sampled_from(dating))
    return replaced(characteristics, draw(st.sampled_from(windowed)), lambda leaf: {**leaf, "timeFromEvent": window})


def dates_an_event(characteristic: Json) -> bool:
    """Whether a leaf is about something that happened on a day, whenever that was."""
    kind = characteristic["definitionByTypeAndValue"]["type"]["coding"][0]["code"]
    return kind in ("Condition", "Procedure", "Immunization") and "timeFromEvent" not in characteristic


def replaced(characteristics: list[Json], link_id: str, change: Callable[[Json], Json]) -> list[Json]:
    """The criteria with one of them changed."""
    found = []
    for characteristic in characteristics:
        if characteristic["linkId"] == link_id:
            characteristic = change(characteristic)
        elif "definitionByCombination" in characteristic:
            inside = dict(characteristic["definitionByCombination"])
            inside["characteristic"] = replaced(inside["characteristic"], link_id, change)
            characteristic = {**characteristic, "definitionByCombination": inside}
        found.append(characteristic)
    return found


def walk(characteristics: list[Json]) -> Iterator[Json]:
    """Every characteristic, groups and leaves."""
    for characteristic in characteristics:
        yield characteristic
        yield from walk(characteristic.get("definitionByCombination", {}).get("characteristic", []))


@dataclass(frozen=True)
class Situation:
    """Criteria, a record, and the settings of one match; ``parts`` go into a judge as they are."""

    characteristics: list[Json]
    resources: list[Json]
    settings: Json = field(default_factory=dict)


@st.composite
def situations(draw: st.DrawFn, topics: tuple[str, ...] = (), *, lone_leaf: bool = False) -> Situation:
    """A patient and criteria about the same few topics (any, unless named)."""
    as_of = draw(st.sampled_from(AS_OF))
    names = list(topics) or draw(st.lists(st.sampled_from(list(TOPICS)), min_size=1, max_size=3, unique=True))
    for alike in ALIKE:
        if alike <= set(names):
            names.remove(sorted(alike & set(names))[0])
    chosen = [TOPICS[name] for name in names]
    leaves = st.one_of([topic.leaves(topic.concept) for topic in chosen])
    tree = leaves if lone_leaf else trees(leaves)
    characteristics = numbered(draw(st.lists(tree, min_size=1, max_size=1 if lone_leaf else 3)))
    characteristics = draw(hung_on_an_event(characteristics))
    resources = [draw(p.people(as_of))]
    for topic in chosen:
        resources += draw(topic.records(topic.concept, as_of))
    if "sle" in names and draw(st.booleans()):
        resources.append(p.DECOY)
    settings = {
        "as_of": as_of.isoformat(),
        "enrolment": draw(anchor_days(as_of)),
        "infusion": draw(anchor_days(as_of)),
        "attestations": draw(
            attestations([c["linkId"] for c in walk(characteristics) if "definitionByCombination" not in c])
        ),
    }
    return Situation(characteristics, resources, settings)


@st.composite
def attestations(draw: st.DrawFn, link_ids: list[str]) -> list[Json]:
    """What persons have said so far: mostly nothing, else about a leaf or on a judgement."""
    found = []
    for number in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        answer: Json = {"answer": draw(st.sampled_from(["met", "unmet"])), "by": "Dr A"}
        answer["at"] = draw(st.sampled_from([f"2023-0{number + 1}-01", f"2023-0{number + 4}-15", "2026-05-01"]))
        if draw(st.integers(0, 3)) == 0:
            answer["until"] = draw(st.sampled_from(["2023-12-31", "2027-01-01"]))
        if draw(st.booleans()):
            answer["linkId"] = draw(st.sampled_from(link_ids))
        else:
            about = draw(st.sampled_from(JUDGEMENTS))
            answer |= dict(zip(("judgement", "concept"), about, strict=False))
        found.append(answer)
    return found


__all__ = ["TOPICS", "Situation", "numbered", "replaced", "situations", "walk"]
