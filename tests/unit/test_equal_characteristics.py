"""Equal characteristics are validated and read once; what is said of studies is what looking at each would say."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest
from trialmatch.config import BASE, Settings
from trialmatch.errors import FaultyStudy
from trialmatch.fhir.study import characteristics, r5, repeats
from trialmatch.fhir.study import studies as study_files
from trialmatch.fhir.study.leaves import content
from trialmatch.fhir.study.studies import Definition, StudySet
from trialmatch.terminology import mappings

SETTINGS = Settings.read({})
TERMINOLOGY = mappings.load(SETTINGS)

Json = dict[str, Any]


def _event(concept: str = "stroke", **more: Any) -> Json:
    typed = {
        "type": {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "Condition"}]},
        "valueCodeableConcept": {"coding": [{"system": f"{BASE}/CodeSystem/concept", "code": concept}]},
    }
    return {"definitionByTypeAndValue": typed, **more}


def _group(*members: Json, code: str = "any-of") -> Json:
    return {"definitionByCombination": {"code": code, "characteristic": list(members)}}


def _numbered(entries: list[Json], prefix: str = "") -> list[Json]:
    """The entries with linkIds and words of their own."""
    for number, entry in enumerate(entries, start=1):
        entry.setdefault("linkId", f"{prefix}{number}")
        entry.setdefault("description", f"criterion {prefix}{number}")
        _numbered(entry.get("definitionByCombination", {}).get("characteristic", []), f"{prefix}{number}.")
    return entries


def _study(name: str, *entries: Json) -> list[Json]:
    eligibility = {"eligibility": {"reference": f"EvidenceVariable/{name}-e"}}
    return [
        {"resourceType": "ResearchStudy", "id": name, "status": "active", "recruitment": eligibility},
        {
            "resourceType": "EvidenceVariable",
            "id": f"{name}-e",
            "status": "active",
            "characteristic": _numbered(copy.deepcopy(list(entries))),
        },
    ]


def _load(resources: list[Json], lenient: bool = False) -> StudySet:
    definitions = [Definition("here", one) for one in resources]
    return study_files.load(definitions, TERMINOLOGY, SETTINGS, lenient=lenient)


def _faults(*resources: Json) -> list[str]:
    with pytest.raises(FaultyStudy) as raised:
        _load(list(resources))
    return raised.value.lines


def test_equal_questions_of_different_studies_are_one_leaf() -> None:
    first, second = _load([*_study("a", _event("stroke")), *_study("b", _event("hiv"), _event("stroke"))]).studies
    assert first.items and second.items
    assert first.items[0].leaf is second.items[1].leaf
    assert [item.text for item in second.items] == ["criterion 1", "criterion 2"]
    assert second.items[0].leaf != second.items[1].leaf


def test_an_exclusion_asks_what_an_inclusion_asks() -> None:
    (study,) = _load(_study("a", _event(), _event(exclude=True))).studies
    assert study.items and study.items[0].leaf is study.items[1].leaf
    assert [item.exclude for item in study.items] == [False, True]


def test_an_extension_makes_another_leaf() -> None:
    silent = {"extension": [{"url": f"{BASE}/StructureDefinition/absence", "valueCode": "absent"}]}
    (study,) = _load(_study("a", _event(), _event(**silent))).studies
    assert study.items and [item.leaf.absent for item in study.items] == [False, True]  # type: ignore[union-attr]


def test_a_window_around_another_characteristic_is_that_of_its_own_study() -> None:
    window = {"timeFromEvent": [{"eventId": "1"}]}
    a, b = (_study(name, _event(disease), _event(**window)) for name, disease in (("a", "hiv"), ("b", "sle")))
    studies = _load([*a, *b]).studies
    anchors = [study.items[1].leaf.windows[0].anchor for study in studies if study.items]  # type: ignore[union-attr]
    assert [anchor[0].keys for anchor in anchors] == [("hiv",), ("sle",)]


def test_a_fault_is_told_wherever_it_stands() -> None:
    lines = _faults(*_study("a", _event("nowhere")), *_study("b", _event(), _event("nowhere")))
    assert [line.split(": concept")[0] for line in lines] == [
        "here: EvidenceVariable/a-e.characteristic[0].definitionByTypeAndValue.valueCodeableConcept.coding[0].code",
        "here: EvidenceVariable/b-e.characteristic[1].definitionByTypeAndValue.valueCodeableConcept.coding[0].code",
    ]
    lines = _faults(*_study("a", _event(foreign=1)), *_study("b", _event(), _event(foreign=1)))
    assert [line.split(": not valid R5")[0] for line in lines] == [
        "here: EvidenceVariable/a-e.characteristic[0].foreign",
        "here: EvidenceVariable/b-e.characteristic[1].foreign",
    ]


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        # what might be taken for the mark of something valid
        (lambda entries: entries[0].update(linkId=0), "characteristic[0].linkId"),
        (lambda entries: entries[0].update(description=0), "characteristic[0].description"),
        (lambda entries: entries[0].update(linkId="a_b"), "characteristic[0].linkId"),
        (
            lambda entries: entries[1]["definitionByCombination"].update(characteristic=2),
            "characteristic[1].definitionByCombination.characteristic",
        ),
        (
            lambda entries: entries[1]["definitionByCombination"]["characteristic"][0].update(linkId=""),
            "characteristic[1].definitionByCombination.characteristic[0].linkId",
        ),
    ],
)
def test_what_is_not_valid_is_not_taken_for_what_is(spoil: Callable[[list[Json]], None], place: str) -> None:
    entries = (_event("hiv"), _group(_event("hiv"), _event("stroke")))
    sound, spoilt = _study("a", *entries), _study("b", *entries)
    spoil(spoilt[1]["characteristic"])
    assert _faults(*sound, *spoilt)[0].startswith(f"here: EvidenceVariable/b-e.{place}: not valid R5")


def test_nesting_too_deep_is_told_of_what_is_known_too() -> None:
    deep = _event()
    for _ in range(SETTINGS.study_depth):
        deep = _group(deep)
    (line,) = _faults(*_study("a", _event()), *_study("b", deep))
    assert line.startswith("here: EvidenceVariable/b-e.characteristic[0].") and "nested 65 deep" in line


def test_no_bytes_stand_for_two_values() -> None:
    assert content([1, "a", {"b": 1.5}]) == b'[1,"a",{"b":1.5}]'
    assert content([1]) != content([1.0]) != content([True])
    assert content([float("nan")]) is None and content([None]) is None and content([2**70]) is None


VALUES = (
    None, 0, 3, -1, "x", "", "a_b", "1", [], {}, [None], [{}], True, 1.5, {"a": 1},
    {"reference": "EvidenceVariable/hbv-infection"},
)  # fmt: skip


def _places(value: Any) -> list[tuple[Any, Any]]:
    """All elements, each as what holds it and its name or position there."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        holder = pending.pop()
        for key, inner in holder.items() if isinstance(holder, dict) else enumerate(holder):
            found.append((holder, key))
            if isinstance(inner, dict | list):
                pending.append(inner)
    return found


def _spoilt(resources: list[Json], chance: random.Random) -> list[Json]:
    """Resources with some elements replaced, left out, repeated or swapped; some resources there twice."""
    found = copy.deepcopy(resources)
    for _ in range(chance.choice((1, 1, 2, 4))):
        places = _places(found)
        holder, key = chance.choice(places)
        how = chance.choice(("another", "another", "none", "repeated", "borrowed"))
        if how == "another":
            holder[key] = copy.deepcopy(chance.choice(VALUES))
        elif how == "none":
            del holder[key]
        elif how == "repeated" and isinstance(holder, list):
            holder.insert(chance.randrange(len(holder) + 1), copy.deepcopy(holder[key]))
        else:
            other, name = chance.choice([place for place in places if isinstance(place[0], dict)])
            holder[key] = copy.deepcopy(other.get(name))
    found += copy.deepcopy(chance.sample(found, chance.choice((0, 0, 1, len(found)))))
    return [one for one in found if isinstance(one, dict)]


def _outcome(resources: list[Json], lenient: bool) -> Any:
    try:
        found = _load(resources, lenient)
    except FaultyStudy as problem:
        return problem.lines
    return found.studies, found.warnings, found.digest


def test_as_if_each_were_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    window = {"timeFromEvent": [{"eventId": "1"}, {"quantity": {"value": 1}}]}
    sound = [
        *_study("a", _event(), _group(_event("hiv"), _event(**window)), {"definitionId": "1"}),
        *_study("b", _event("hiv"), _event(), _group(_event("hiv"), _event()), _event("nowhere")),
        *[one.resource for one in study_files.shipped() if one.resource["id"].startswith(("not-", "hbv"))],
    ]
    asked = [(_spoilt(sound, chance), chance.random() < 0.4) for _ in range(150)]
    once = [_outcome(resources, lenient) for resources, lenient in asked]
    monkeypatch.setattr(repeats, "validate_once", r5.validate)
    monkeypatch.setattr(characteristics, "asked", lambda raw, definition, extensions: None)
    assert once == [_outcome(resources, lenient) for resources, lenient in asked]
    assert sum(isinstance(one, tuple) for one in once) >= 5 and sum(isinstance(one, list) for one in once) >= 50
