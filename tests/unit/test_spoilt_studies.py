"""Studies with something spoilt are read, or refused in lines that say where, what was found and what is allowed."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trialmatch.config import BASE, Settings
from trialmatch.documents import study_document
from trialmatch.errors import BadInput, FaultyStudy
from trialmatch.fhir.patient.sources import parse
from trialmatch.fhir.study import studies as study_files
from trialmatch.fhir.study.faults import Faults
from trialmatch.fhir.study.studies import StudySet
from trialmatch.terminology import mappings

from tests.harness import faults, study_bundle
from tests.unit.spoiling import spoilt

Json = dict[str, Any]

SETTINGS = Settings.read({})
TERMINOLOGY = mappings.load(SETTINGS)
UCUM = "http://unitsofmeasure.org"
FAULT = re.compile(r"[^\n]+: [^\n]+; (allowed:|expected) [^\n]+")


def _typed(kind: str, **value: Any) -> Json:
    coding = {"system": "http://hl7.org/fhir/fhir-types", "code": kind}
    return {"definitionByTypeAndValue": {"type": {"coding": [coding]}, **value}}


def _about(concept: str) -> Json:
    return {"coding": [{"system": f"{BASE}/CodeSystem/concept", "code": concept}]}


def _extension(name: str, **value: Any) -> Json:
    return {"url": f"{BASE}/StructureDefinition/{name}", **value}


def _amount(value: float, code: str, **more: Any) -> Json:
    return {"value": value, "system": UCUM, "code": code, **more}


def _group(code: str, *members: Json, **more: Any) -> Json:
    return {"definitionByCombination": {"code": code, "characteristic": list(members), **more}}


def _block(name: str, *characteristics: Json) -> Json:
    return {"resourceType": "EvidenceVariable", "id": name, "status": "active", "characteristic": list(characteristics)}


def _taking_in(target: str, **more: Any) -> Json:
    return {"definitionReference": {"reference": target}, **more}


SLE = _typed("Condition", valueCodeableConcept=_about("sle"))
ALT = {
    "definitionByTypeAndValue": {
        "type": _about("alt"),
        "valueQuantity": {
            "value": 3, "comparator": "<=", "system": "http://hl7.org/fhir/characteristic-offset", "code": "UNL",
        },
    }
}  # fmt: skip
EVERYTHING = study_bundle(
    [
        {**SLE, "linkId": "1", "extension": [_extension("absence", valueCode="absent")]},
        {**ALT, "linkId": "2", "extension": [_extension("validity", valueDuration=_amount(30, "d"))]},
        {
            **_typed("MedicationRequest", valueCodeableConcept=_about("glucocorticoid")),
            "linkId": "3",
            "exclude": True,
            "timeFromEvent": [{"eventId": "1", "range": {"low": _amount(-6, "mo"), "high": _amount(0, "mo")}}],
            "durationQuantity": _amount(4, "wk", comparator=">="),
            "instancesQuantity": _amount(1, "1", comparator=">="),
            "extension": [
                _extension("daily-dose", valueQuantity=_amount(10, "mg/d", comparator=">=")),
                _extension("reading", extension=[{"url": "code", "valueCode": "inferred"}]),
            ],
        },
        {"linkId": "4", "definitionId": "3"},
        _taking_in("EvidenceVariable/block", linkId="5"),
        _taking_in("#inner", linkId="6"),
        {**_group("at-least", SLE, _group("any-of", ALT, {"linkId": "7.x"}), threshold=1), "linkId": "7"},
        _typed("Condition", valueReference={"reference": "https://site.example/ValueSet/own"}),
    ],
    blocks=(
        _block("block", {**SLE, "linkId": "a"}, _taking_in(f"{BASE}/EvidenceVariable/hbv-infection", linkId="b")),
        {
            "resourceType": "ValueSet",
            "id": "own",
            "url": "https://site.example/ValueSet/own",
            "compose": {
                "include": [{"system": "http://snomed.info/sct", "concept": [{"code": "1", "display": "One"}]}]
            },
        },
    ),
    groups=({"linkId": "A", "name": "Cohort A"},),
    eligibility_extension=(_extension("exclusions-not-in-record", valueBoolean=True),),
)
EVERYTHING["entry"][1]["resource"]["contained"] = [_block("inner", {**ALT, "linkId": "a"})]

SHIPPED = [
    {"resourceType": "Bundle", "entry": [{"resource": definition.resource}]} for definition in study_files.shipped()
]


def _load(bundle: Any, *, lenient: bool) -> StudySet:
    definitions = study_files.unpacked(bundle, "study.json")
    return study_files.load(definitions, TERMINOLOGY, SETTINGS, lenient=lenient)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([EVERYTHING] * len(SHIPPED) + SHIPPED), st.integers(0, 2**32), st.booleans(), st.booleans())
def test_whatever_is_spoilt_is_read_or_refused(bundle: Json, seed: int, lenient: bool, file: bool) -> None:
    document = spoilt(bundle, random.Random(seed))
    try:
        found = _load(parse(json.dumps(document).encode(), "study.json") if file else document, lenient=lenient)
    except (BadInput, FaultyStudy) as problem:
        assert problem.lines
        for line in problem.lines:
            line.encode()  # it can be written
            assert FAULT.fullmatch(line), line
    else:
        for study in found.studies:
            orjson.dumps(study_document(study))


def test_everything_is_sound() -> None:
    assert faults(EVERYTHING) == []


def _eligibility(*characteristics: Json, **changes: Any) -> Json:
    """A study of which the EvidenceVariable is changed."""
    bundle = study_bundle(list(characteristics))
    bundle["entry"][1]["resource"].update(changes)
    return bundle


HERE = "study.json: EvidenceVariable/eligibility"
R5 = "; allowed: what FHIR R5 defines"


@pytest.mark.parametrize("kind", [["x"], 7, None, "Nothing", ""])
def test_a_contained_resource_of_no_type(kind: Any) -> None:
    (line,) = faults(_eligibility(SLE, contained=[{"resourceType": kind}]))
    assert line.startswith(f"{HERE}.contained[0].resourceType: not valid R5 (")
    assert line.endswith(f", which is no type of resource){R5}")


def test_what_is_no_object_is_told_in_the_words_of_json() -> None:
    assert faults(_eligibility(SLE, contained=[3], note=["x"])) == [
        f"{HERE}.contained[0]: not valid R5 (a number in place of an object){R5}",
        f"{HERE}.note[0]: not valid R5 (a string in place of an object){R5}",
    ]


def test_the_type_of_another_resource_is_told_in_one_line() -> None:
    (line,) = faults(_eligibility({**SLE, "resourceType": "Group"}))
    assert line == f"{HERE}.characteristic[0].resourceType: not valid R5 (the type of another element or resource){R5}"


@pytest.mark.parametrize("lenient", [False, True])
def test_numbers_that_do_not_fit_into_64_bits(lenient: bool) -> None:
    (line,) = faults(_eligibility({**SLE, "note": [{"text": "x", "time": 2**64}]}), lenient=lenient)[:1]
    assert line == (
        f"{HERE}.characteristic[0].note[0].time: a whole number of more than 64 bits; "
        "allowed: a number that fits into 64 bits"
    )
    assert faults(study_bundle([SLE], blocks=({"resourceType": "Basic", "total": 2**64 - 1},))) == []


@pytest.mark.parametrize("lenient", [False, True])
def test_halves_of_surrogate_pairs(lenient: bool) -> None:
    lines = faults(_eligibility({**SLE, "description": "a\ud800"}, **{"a\udfff": 1}), lenient=lenient)
    where, name = f"{HERE}.characteristic[0].description", f"{HERE}: half a surrogate pair in the name of an element"
    assert [line for line in lines if "surrogate" in line] == [
        f"{name}; allowed: names of FHIR R5",
        f"{where}: half a surrogate pair; allowed: a string of Unicode characters",
    ]


def _nested(times: int) -> Json:
    found: Json = {"url": "u", "valueString": "x"}
    for _ in range(times):
        found = {"url": "u", "extension": [found]}
    return found


def test_extensions_that_nest_deeper_than_the_models_bear() -> None:
    assert faults(_eligibility(SLE, extension=[_nested(20)])) == []
    told = f"not valid R5 (nested more than 50 deep){R5}"
    assert faults(_eligibility(SLE, extension=[_nested(100)])) == [f"{HERE}.extension[0].extension: {told}"]
    inside = {**SLE, "extension": [_nested(100)]}
    assert faults(_eligibility(inside)) == [f"{HERE}.characteristic[0].extension[0].extension: {told}"]


def test_contained_criteria_may_nest_as_deep_as_others() -> None:
    deep = {**SLE, "linkId": "leaf"}
    for level in range(61):
        deep = {**_group("all-of", deep), "linkId": str(level)}
    assert faults(_eligibility(_taking_in("#inner"), contained=[_block("inner", deep)])) == []


def test_a_value_set_that_nests_too_deep_to_be_written() -> None:
    codes: Json = {"code": "1"}
    for _ in range(300):
        codes = {"contains": [codes]}
    expanded = {"resourceType": "ValueSet", "id": "v", "url": "https://x/v", "expansion": {"contains": [codes]}}
    (line,) = faults(study_bundle([SLE], blocks=(expanded,)))
    assert line.startswith("study.json: ValueSet/v.expansion.contains[0].contains[0]")
    assert line.endswith("…: nested too deep; allowed: at most 250 objects and arrays inside each other")


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("spoil", [{"extension": None}, {"extension": 3}, {"extension": [{"url": {}}]}])
def test_extensions_that_are_none(spoil: Json, lenient: bool) -> None:
    """Of the characteristic, of one that is the same, and inside an extension of ours."""
    entries: list[Json] = [{**SLE, "linkId": "1", **spoil}, {"linkId": "2", "definitionId": "1"}]
    entries.append({**SLE, "extension": [_extension("reading", valueCode="inferred", **spoil)]})
    for line in faults(_eligibility(*entries), lenient=lenient):
        assert FAULT.fullmatch(line)


@pytest.mark.parametrize("name", ["comparisonGroup", "identifier"])
def test_lists_of_a_study_that_are_none(name: str) -> None:
    bundle = study_bundle([SLE])
    bundle["entry"][0]["resource"][name] = 3
    assert faults(bundle)[0].startswith(f"study.json: ResearchStudy/study.{name}: not valid R5 (")


def test_modifier_extensions_that_are_none() -> None:
    lines = faults(_eligibility({**SLE, "modifierExtension": 3}), lenient=True)
    assert lines == [f"{HERE}.characteristic[0].modifierExtension: one; allowed: none: it could change the meaning"]


@pytest.mark.parametrize("value", [0, 1, "true", 1.0])
def test_only_a_boolean_excludes(value: Any) -> None:
    """What a model takes for true would be an exclusion to its author, and an inclusion to the reader."""
    lines = faults(_eligibility({**SLE, "exclude": value}), lenient=True)
    assert lines == [f"{HERE}.characteristic[0].exclude: a {'string' if value == 'true' else 'number'}; "
                     "allowed: true or false"]  # fmt: skip


@pytest.mark.parametrize("value", [0, "false"])
def test_only_a_boolean_says_whether_it_was_measured(value: Any) -> None:
    entry = _typed("Condition", valueBoolean=value)
    (line,) = faults(_eligibility(entry))
    found = "a string" if value else "a number"
    assert line == (
        f"{HERE}.characteristic[0].definitionByTypeAndValue.valueBoolean: "
        f"not valid R5 ({found} in place of a boolean){R5}"
    )


def test_value_sets_of_another_shape() -> None:
    def told(**changes: Any) -> list[str]:
        value_set = {"resourceType": "ValueSet", "id": "v", "url": "https://x/v", **changes}
        return faults(study_bundle([SLE], blocks=(value_set,)))

    here = "study.json: ValueSet/v"
    assert told(url=3) == [f"{here}.url: a number; allowed: a string"]
    assert told(compose={"include": [{"concept": [{"code": 1}, 2]}]}) == [
        f"{here}.compose.include[0].concept[0].code: a number; allowed: a string",
        f"{here}.compose.include[0].concept[1]: a number; allowed: an object",
    ]
    assert told(compose={"include": [{"valueSet": ["https://x/none"]}]}) == [
        f"{here}.compose.include[0].valueSet[0]: “https://x/none” is nowhere mapped; "
        "allowed: a ValueSet of the mappings or the study"
    ]


def test_value_sets_of_one_study_are_not_there_for_the_next() -> None:
    own = {"resourceType": "ValueSet", "id": "v", "url": "https://x/own", "title": "Own"}
    asking = _typed("Condition", valueReference={"reference": "https://x/own"})
    assert faults(study_bundle([asking], blocks=(own,))) == []
    (line,) = faults(study_bundle([asking]))
    assert line.endswith("“https://x/own” is nowhere mapped; allowed: a ValueSet of the mappings or the study")


def test_value_sets_inside_each_other_without_end() -> None:
    def chain(length: int, last: str) -> tuple[Json, ...]:
        def one(number: int) -> Json:
            target = f"https://chain-{length}/{number + 1}" if number + 1 < length else last
            compose = {"include": [{"valueSet": [target]}]}
            return {"resourceType": "ValueSet", "url": f"https://chain-{length}/{number}", "compose": compose}

        return tuple(map(one, range(length)))

    assert faults(study_bundle([SLE], blocks=chain(40, f"{BASE}/ValueSet/sle"))) == []
    for length, last in ((1_500, f"{BASE}/ValueSet/sle"), (3, "https://chain-3/0")):
        line = faults(study_bundle([SLE], blocks=chain(length, last)))[0]
        assert line == (
            "study.json: ValueSet/.compose: value sets inside each other without end; "
            "allowed: value sets that do not take themselves in, less than 50 deep"
        )


def _doubling(entry: Any, last: Json) -> list[Json]:
    """Thirty characteristics, each of which asks for the next one twice."""
    return [*(entry(number) for number in range(30)), {**last, "linkId": "30"}]


DOUBLING = {
    "references": [_taking_in("EvidenceVariable/b0", linkId="1")],
    "ids": _doubling(
        lambda n: {
            **_group("all-of", *({"linkId": f"{n}{x}", "definitionId": str(n + 1)} for x in "ab")),
            "linkId": str(n),
        },
        SLE,
    ),
    "events": _doubling(lambda n: {**SLE, "linkId": str(n), "timeFromEvent": [{"eventId": str(n + 1)}] * 2}, SLE),
}


@pytest.mark.parametrize("name", DOUBLING)
def test_a_small_file_that_would_be_a_billion_criteria(name: str) -> None:
    blocks = [_block(f"b{n}", *(_taking_in(f"EvidenceVariable/b{n + 1}", linkId=x) for x in "ab")) for n in range(30)]
    asked = (*blocks, _block("b30", {**SLE, "linkId": "a"})) if name == "references" else ()
    bundle = study_bundle(DOUBLING[name], blocks=asked)
    assert f"{HERE}: too many characteristics; allowed: at most 20000 characteristics, those that are taken in again " \
           "counted each time" in faults(bundle)  # fmt: skip


def test_what_cannot_be_read_is_not_read_by_another_way_either() -> None:
    """A window that cannot be read must not be dropped where the same characteristic is meant again."""
    wrong = {**SLE, "linkId": "1", "timeFromEvent": [{"quantity": {"value": 1, "code": "parsec", "system": UCUM}}]}
    found = _load(study_bundle([wrong, {"linkId": "2", "definitionId": "1"}]), lenient=True)
    items = found.studies[0].items or ()
    assert [type(item.leaf).__name__ for item in items] == ["TextLeaf", "TextLeaf"]
    foreign = {**SLE, "linkId": "1", "foreign": 1}
    found = _load(study_bundle([foreign, {"linkId": "2", "definitionId": "1"}]), lenient=True)
    items = found.studies[0].items or ()
    assert [type(item.leaf).__name__ for item in items] == ["TextLeaf", "TextLeaf"]


def test_lines_are_short_and_whole() -> None:
    (line,) = faults(_eligibility(_group("x" * 10_000, SLE)))
    assert line.startswith(f"{HERE}.characteristic[0].definitionByCombination.code: “xxx") and len(line) < 700
    assert "xxx … xxx" in line and line.endswith("xxx”; allowed: all-of, any-of, at-least, at-most")
    assert faults(_eligibility(SLE, **{"a\nb": 1})) == [
        f"{HERE}.a b: not valid R5 (Extra inputs are not permitted){R5}"
    ]


def test_each_fault_is_told_once() -> None:
    told = Faults(lenient=True)
    for _ in range(2):
        told.add("a", "b", "c")
        told.refuse("a", "b", "c")
        told.warn("a", "b")
    other = Faults(faults=["a: b; allowed: c", "new"], warnings=["a: warning: b"])
    told.take(other)
    assert told.faults == ["a: b; allowed: c", "new"]
    assert told.warnings == ["a: b; allowed: c", "a: warning: b"]


@pytest.mark.parametrize("name", ["recruitment", "eligibility"])
def test_json_in_a_string_is_no_object(name: str) -> None:
    """The models of R5 read it, and a study that says so would seem to print no criteria."""
    bundle = study_bundle([SLE])
    (study,) = (one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "ResearchStudy")
    holder = study if name == "recruitment" else study["recruitment"]
    holder[name] = json.dumps(holder[name])
    with pytest.raises(FaultyStudy, match=rf"{name}: a string; allowed: an object"):
        _load(bundle, lenient=True)
