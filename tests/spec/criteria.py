"""Short ways to write characteristics of an R5 EvidenceVariable. Every function returns a plain dict."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

BASE = "https://trialmatch.example.org/fhir"
UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
TYPES = "http://hl7.org/fhir/fhir-types"
CONCEPT = f"{BASE}/CodeSystem/concept"
LIMIT_OF_NORMAL = "http://hl7.org/fhir/characteristic-offset"
LIMIT_OF_NORMAL_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/characteristic-offset"


# -- values ----------------------------------------------------------------------------------------------------------


def amount(value: float, unit: str, comparator: str = "=") -> Json:
    """A Quantity in a UCUM unit; no ``comparator`` element for "equal"."""
    quantity: Json = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    return quantity if comparator == "=" else {**quantity, "comparator": comparator}


def quantity(comparator: str, value: float, unit: str) -> Json:
    """``value[x]`` as a Quantity."""
    return {"valueQuantity": amount(value, unit, comparator)}


def between(low: float | None, high: float | None, unit: str) -> Json:
    """``value[x]`` as a Range, either end of which may be open."""
    ends = {"low": low, "high": high}
    return {"valueRange": {end: amount(value, unit) for end, value in ends.items() if value is not None}}


def times(comparator: str, factor: float, limit: str = "UNL", system: str = LIMIT_OF_NORMAL) -> Json:
    """``value[x]`` as a multiple of the upper (UNL) or lower (LNL) limit of normal."""
    unit = "× ULN" if limit == "UNL" else "× LLN"
    multiple = {"value": factor, "unit": unit, "system": system, "code": limit, "comparator": comparator}
    return {"valueQuantity": multiple}


def coded(*codings: Json, text: str | None = None) -> Json:
    """``value[x]`` as a CodeableConcept."""
    concept_: Json = {}
    if codings:
        concept_["coding"] = list(codings)
    if text is not None:
        concept_["text"] = text
    return {"valueCodeableConcept": concept_}


def coding(system: str, code: str) -> Json:
    """A Coding."""
    return {"system": system, "code": code}


def concept(key: str) -> Json:
    """A Coding of the concept code system."""
    return coding(CONCEPT, key)


def result(code: str) -> Json:
    """``value[x]``: a ``positive`` or ``negative`` result."""
    return coded(coding(f"{BASE}/CodeSystem/result", code))


def grade(letter: str) -> Json:
    """``value[x]``: a grade such as BILAG's A to E."""
    return coded(text=letter)


POSITIVE, NEGATIVE = result("positive"), result("negative")
RECORDED: Json = {"valueBoolean": True}


# -- leaves ----------------------------------------------------------------------------------------------------------


def leaf(type_: Json | list[Json], value: Json, **more: Any) -> Json:
    """A characteristic with ``definitionByTypeAndValue``."""
    codings = type_ if isinstance(type_, list) else [type_]
    return {"definitionByTypeAndValue": {"type": {"coding": codings}, **value}, **more}


def age(comparator: str, years: float) -> Json:
    """Age in completed years."""
    return leaf(coding(LOINC, "30525-0"), quantity(comparator, years, "a"))


def aged(low: float | None, high: float | None) -> Json:
    """Age in a range of completed years, ends included."""
    return leaf(coding(LOINC, "30525-0"), between(low, high, "a"))


def sex(code: str) -> Json:
    """Administrative sex."""
    return leaf(coding(LOINC, "46098-0"), coded(coding("http://hl7.org/fhir/administrative-gender", code)))


def measured(what: str, value: Json) -> Json:
    """A result of a concept."""
    return leaf(concept(what), value)


def kind(type_: str, value: Json | str) -> Json:
    """A record of a resource type: about a concept, or with any ``value[x]``."""
    return leaf(coding(TYPES, type_), coded(concept(value)) if isinstance(value, str) else value)


def diagnosis(value: Json | str) -> Json:
    """A Condition."""
    return kind("Condition", value)


def procedure(value: Json | str) -> Json:
    """A Procedure."""
    return kind("Procedure", value)


def immunization(value: Json | str) -> Json:
    """An Immunization."""
    return kind("Immunization", value)


def allergy(value: Json | str) -> Json:
    """An AllergyIntolerance."""
    return kind("AllergyIntolerance", value)


def exposure(value: Json | str) -> Json:
    """An exposure to a drug."""
    return kind("MedicationRequest", value)


def judgement(code: str, about: str | None = None) -> Json:
    """A statement that a person has to judge, perhaps about a concept."""
    codings = [coding(f"{BASE}/CodeSystem/judgement", code)]
    if about is not None:
        codings.append(concept(about))
    return {"definitionCodeableConcept": {"coding": codings}}


def text_only(words: str) -> Json:
    """A criterion that is printed and nothing more."""
    return {"description": words}


# -- groups ----------------------------------------------------------------------------------------------------------


def combination(code: str, members: tuple[Json, ...], threshold: int | None = None) -> Json:
    """A characteristic with ``definitionByCombination``."""
    group: Json = {"code": code}
    if threshold is not None:
        group["threshold"] = threshold
    return {"definitionByCombination": {**group, "characteristic": list(members)}}


def all_of(*members: Json) -> Json:
    """Every member."""
    return combination("all-of", members)


def any_of(*members: Json) -> Json:
    """Some member."""
    return combination("any-of", members)


def at_least(threshold: int, *members: Json) -> Json:
    """No fewer than ``threshold`` members."""
    return combination("at-least", members, threshold)


def at_most(threshold: int, *members: Json) -> Json:
    """No more than ``threshold`` members."""
    return combination("at-most", members, threshold)


# -- what can be said about any of them ------------------------------------------------------------------------------


def named(link_id: str, characteristic: Json) -> Json:
    """With its printed number."""
    return {**characteristic, "linkId": link_id}


def exclude(characteristic: Json) -> Json:
    """Negated."""
    return {**characteristic, "exclude": True}


def marked(characteristic: Json, extension: str, **value: Any) -> Json:
    """With one of the language's extensions."""
    own = {"url": f"{BASE}/StructureDefinition/{extension}", **value}
    return {**characteristic, "extension": [*characteristic.get("extension", []), own]}


def gate(characteristic: Json) -> Json:
    """Silence counts as absent."""
    return marked(characteristic, "absence", valueCode="absent")


def open_list(characteristic: Json) -> Json:
    """The printed list ends in "etc."."""
    return marked(characteristic, "open-list", valueBoolean=True)


def applicability(characteristic: Json) -> Json:
    """Says whom the criterion does not concern."""
    return marked(characteristic, "applicability", valueBoolean=True)


def valid_for(characteristic: Json, value: float, unit: str = "d") -> Json:
    """How old a value may be."""
    return marked(characteristic, "validity", valueDuration=amount(value, unit))


def printed_as(characteristic: Json, as_: str) -> Json:
    """Which list of the record it stands in."""
    return marked(characteristic, "printed-as", valueCode=as_)


def reading(characteristic: Json, code: str, note: str | None = None) -> Json:
    """How sure the authors were of the printed text."""
    read = marked(characteristic, "reading", valueCode=code)
    return read if note is None else {**read, "note": [{"text": note}]}


def cohort(name: str, characteristic: Json) -> Json:
    """A cohort of a basket trial."""
    return marked(characteristic, "cohort", valueString=name)


def daily_dose(characteristic: Json, comparator: str, value: float, unit: str) -> Json:
    """Only exposures at such a daily dose."""
    return marked(characteristic, "daily-dose", valueQuantity=amount(value, unit, comparator))


def by_mechanism(characteristic: Json) -> Json:
    """Counts mechanisms instead of ingredients."""
    return marked(characteristic, "distinct-by", valueCode="mechanism")


def method(characteristic: Json, code: str) -> Json:
    """How one result is chosen among several."""
    own = characteristic["definitionByTypeAndValue"]
    chosen = {**own, "method": [{"coding": [coding(f"{BASE}/CodeSystem/method", code)]}]}
    return {**characteristic, "definitionByTypeAndValue": chosen}


def offset(characteristic: Json, limit: str) -> Json:
    """The value is added to the limit of normal instead of multiplied with it."""
    own = characteristic["definitionByTypeAndValue"]
    added = {**own, "offset": {"coding": [coding(LIMIT_OF_NORMAL, limit)]}}
    return {**characteristic, "definitionByTypeAndValue": added}


def anchored(characteristic: Json, anchor: str) -> Json:
    """At an anchor, without a window."""
    return {**characteristic, "timeFromEvent": [{"eventCodeableConcept": anchor_code(anchor)}]}


def anchor_code(anchor: str) -> Json:
    """An anchor as a CodeableConcept."""
    return {"coding": [coding(f"{BASE}/CodeSystem/anchor", anchor)]}


def within(characteristic: Json, low: float, high: float, unit: str, anchor: str | None = "screening") -> Json:
    """In a window around an anchor; bounds included, negative is before. ``anchor`` None leaves the anchor out."""
    window: Json = {"range": {"low": amount(low, unit), "high": amount(high, unit)}}
    if anchor is not None:
        window = {"eventCodeableConcept": anchor_code(anchor), **window}
    return {**characteristic, "timeFromEvent": [window]}


def around(characteristic: Json, link_id: str, low: float, high: float, unit: str) -> Json:
    """In a window around the event that another characteristic dates."""
    window = {"eventId": link_id, "range": {"low": amount(low, unit), "high": amount(high, unit)}}
    return {**characteristic, "timeFromEvent": [window]}


def when(characteristic: Json, comparator: str, value: float, unit: str, anchor: str = "screening") -> Json:
    """At a distance from an anchor: ``>= -6 mo`` is at most six months before it."""
    window = {"eventCodeableConcept": anchor_code(anchor), "quantity": amount(value, unit, comparator)}
    return {**characteristic, "timeFromEvent": [window]}


def lasting(characteristic: Json, comparator: str, value: float, unit: str) -> Json:
    """For a duration."""
    return {**characteristic, "durationQuantity": amount(value, unit, comparator)}


def counted(characteristic: Json, comparator: str, value: int) -> Json:
    """A number of instances."""
    return {**characteristic, "instancesQuantity": amount(value, "1", comparator)}


# -- resources -------------------------------------------------------------------------------------------------------


def block(id_: str, *characteristics: Json) -> Json:
    """A shared block of criteria: an EvidenceVariable of its own."""
    return {
        "resourceType": "EvidenceVariable",
        "id": id_,
        "url": f"{BASE}/EvidenceVariable/{id_}",
        "status": "active",
        "characteristic": list(characteristics),
    }


def study(*characteristics: Json, extra: tuple[Json, ...] = (), **more: Any) -> Json:
    """A Bundle of one ResearchStudy and its EvidenceVariable, as authored (nothing is filled in)."""
    research: Json = {
        "resourceType": "ResearchStudy",
        "id": "SPEC-1",
        "url": f"{BASE}/ResearchStudy/SPEC-1",
        "title": "A study",
        "status": "active",
        "recruitment": {"eligibility": {"reference": "EvidenceVariable/spec-1-eligibility"}},
        **more,
    }
    resources = [research, block("spec-1-eligibility", *characteristics), *extra]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}
