"""What is fetched of a record decides as the whole record does, whatever the criteria."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from trialmatch.config import Settings
from trialmatch.fhir.hospital.capabilities import Capabilities
from trialmatch.fhir.hospital.searches import Plan

from tests.generative.studies import Situation, situations, walk
from tests.harness import judge, patient_bundle
from tests.hospital.server import Hospital
from tests.hospital.test_needs import TERMINOLOGY, needs_of
from tests.reference import build as b

Json = dict[str, Any]

LOINC_OID = "urn:oid:2.16.840.1.113883.6.1"


@st.composite
def hospital_like(draw: st.DrawFn) -> Situation:
    """A situation whose results are coded as hospitals do, in other spellings of LOINC or in words alone.

    Leaves about results now and then take silence as absence.
    """
    situation = draw(situations())
    resources = [_recoded(one, draw(st.integers(0, 3))) for one in situation.resources]
    characteristics = [_silent(one, draw) for one in situation.characteristics]
    return Situation(characteristics, resources, situation.settings)


def _recoded(resource: Json, form: int) -> Json:
    """As it is, with LOINC's OID, in words, or with a local code and words."""
    codings = resource.get("code", {}).get("coding", [])
    if resource["resourceType"] != "Observation" or form == 0 or not codings:
        return resource
    if form == 1:
        return {**resource, "code": {"coding": [{**coding, "system": LOINC_OID} for coding in codings]}}
    name = next((c.get("display") for c in codings if c.get("display")), None) or _name(codings[0])
    local = {"coding": [{"system": "urn:local", "code": "X", "display": name}]}
    return {**resource, "code": {"text": name} if form == 2 else local}


def _name(coding: Json) -> str:
    held = TERMINOLOGY.sets.concepts(coding.get("system", ""), coding.get("code", ""))
    return TERMINOLOGY.label(min(held, key=len)) if held else "something"


def _silent(characteristic: Json, draw: st.DrawFn) -> Json:
    if "definitionByCombination" in characteristic:
        inside = dict(characteristic["definitionByCombination"])
        inside["characteristic"] = [_silent(one, draw) for one in inside["characteristic"]]
        return {**characteristic, "definitionByCombination": inside}
    about = characteristic.get("definitionByTypeAndValue", {}).get("type", {}).get("coding", [{}])[0].get("system", "")
    if about.endswith("/CodeSystem/concept") and "extension" not in characteristic and draw(st.booleans()):
        return b.extended(characteristic, "absence", valueCode="absent")
    return characteristic


def fetched(situation: Situation) -> list[Json]:
    """What a server gives of a record that is asked for what the criteria need."""
    needs = needs_of(*situation.characteristics)
    resources = [entry["resource"] for entry in patient_bundle(situation.resources)["entry"]]
    server = Hospital(resources)
    plan = Plan(needs, Settings.read({}, fhir_page_size=1000), Capabilities(), 30)
    found = {}
    for kind in needs.types:
        way = plan.way(kind, "p")
        assert way is not None
        queries = () if kind == "Patient" else (*way.queries, *([way.hints] if way.hints else []))
        for query in queries:
            status, bundle = server.resource("GET", [query.kind], list(query.params))
            assert status == 200
            found |= {id(entry["resource"]): entry["resource"] for entry in bundle.get("entry", ())}
    context = [one for one in resources if one["resourceType"] in ("Patient", "Medication")]
    return [*context, *(one for one in resources if id(one) in found)]


@given(hospital_like())
def test_what_is_fetched_decides_as_the_whole_record_does(situation: Situation) -> None:
    """Every item has the same status, and the study the same verdict: hints are all that may be missing."""
    assume(any("definitionByTypeAndValue" in one for one in walk(situation.characteristics)))
    whole = judge(situation.characteristics, situation.resources, **situation.settings)
    part = judge(situation.characteristics, fetched(situation), **situation.settings)
    assert {key: one["status"] for key, one in part.items.items()} == {
        key: one["status"] for key, one in whole.items.items()
    }
    assert (part.verdict, part.match["score"]) == (whole.verdict, whole.match["score"])
    for key, one in part.items.items():
        if one["basis"] != whole.items[key]["basis"]:
            assert (one["basis"], whole.items[key]["basis"]) == ("missing-data", "unusable")
