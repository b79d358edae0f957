"""R5 studies rendered for the clients: nothing crashes them, nothing open is dropped, nothing is made up."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from fhir.resources.R4B.researchstudy import ResearchStudy
from trialmatch.config import Settings
from trialmatch.eligibility.criteria import Study
from trialmatch.fhir.study import studies as study_files
from trialmatch.fhir.study.studies import Definition
from trialmatch.terminology import mappings
from trialmatch.usecases.match import Engine
from trialmatch.web.mcode.studies import phase_codes, rendered, sites, statuses

from tests.mcode.material import Json, WouldCrash, is_shown, read_by_client
from tests.web.world import study_bundle

REGISTRY = "https://clinicaltrials.gov"

RICH: Json = {
    "identifier": [{"value": "LOCAL-7"}, {"system": REGISTRY, "value": "NCT12345678"}],
    "phase": {"coding": [{"code": "phase-1-phase-2", "display": "Phase 1/Phase 2"}]},
    "studyDesign": [{"text": "INTERVENTIONAL"}],
    "condition": [{"text": "Lupus"}, {"coding": [{"code": "x", "display": "SLE"}]}, {"coding": [{"system": "urn:x"}]}],
    "keyword": [{"text": "CAR_T"}, {}],
    "description": "What it is about.",
    "period": {"start": "2024-06", "end": "sometime"},
    "progressStatus": [
        {"state": {"coding": [{"code": "not-yet-recruiting"}]}, "actual": True},
        {"state": {"coding": [{"code": "recruiting"}]}, "actual": True},
        {"state": {"coding": [{"code": "completed"}]}, "actual": False},
    ],
    "associatedParty": [
        {"name": "The Sponsor", "role": {"coding": [{"code": "lead-sponsor"}]}},
        {"name": "Dr Ask", "role": {"coding": [{"code": "general-contact"}]}, "party": {"reference": "#ask"}},
    ],
    "contained": [
        {"resourceType": "Practitioner", "id": "ask", "telecom": [{"system": "email", "value": "ask@ehr.example"}]},
        {
            "resourceType": "Location",
            "id": "here",
            "name": "Here",
            "contact": [{"telecom": [{"system": "phone", "value": "555-0100"}, {"system": "email"}]}],
            "position": {"latitude": 42.34, "longitude": -71.1},
            "address": {"postalCode": "02115"},
        },
        {"resourceType": "PlanDefinition", "id": "cells", "status": "active", "title": "Cells",
         "type": {"text": "Biological"}, "subjectCodeableConcept": {"text": "Arm A"}},
        {"resourceType": "PlanDefinition", "id": "rest", "status": "active", "title": "Rest",
         "subjectCodeableConcept": {"text": "No such arm"}},
    ],
    "site": [{"reference": "#here"}, {"display": "There"}, {"reference": "Location/elsewhere"}],
    "comparisonGroup": [
        {"linkId": "a", "name": "Arm A", "type": {"text": "Experimental"}, "intendedExposure": [{"display": "Drug A"}]},
        {"linkId": "b", "name": "Arm B"},
    ],
}  # fmt: skip


def study(**resource: Any) -> Study:
    """A study with some elements, without having passed validation: what comes from a lenient site may be odd."""
    whole = {"id": "trial-1", **copy.deepcopy(resource)}
    return Study("trial-1", "A small trial", "active", None, None, resource=whole)


def read(one: Study) -> Json:
    return read_by_client({"resource": rendered(one), "search": {"mode": "match", "score": 0.5}})


def test_everything_of_a_rich_study_arrives() -> None:
    found = read(study(**RICH))
    assert is_shown(found)
    assert found == {
        "id": "NCT12345678",
        "status": "active",
        "type": "Interventional",
        "phase": "Phase 1/Phase 2",
        "conditions": ["Lupus", "SLE"],
        "keywords": ["CAR T"],
        "likelihood": "possible",
        "sponsor": "The Sponsor",
        "sites": ["Here", "There", "Location/elsewhere"],
        "eligibility": None,
        "arms": {"Arm A": ["Cells", "Drug A"], "Arm B": []},
    }


def test_a_rich_study_is_valid_r4() -> None:
    shown = rendered(study(**RICH), ("A note.",))
    assert ResearchStudy.model_validate(shown)
    assert shown["identifier"][0] == {"use": "official", "system": "http://clinicaltrials.gov", "value": "NCT12345678"}
    assert shown["identifier"][1:] == [{"value": "LOCAL-7"}]
    assert shown["period"] == {"start": "2024-06"}  # “sometime” would crash a client
    assert shown["note"] == [{"text": "A note."}]
    here = next(one for one in shown["contained"] if one["id"] == "here")
    assert here["telecom"] == [{"system": "phone", "value": "555-0100"}]
    telecom = [{"system": "email", "value": "ask@ehr.example"}]
    assert shown["contact"] == [{"name": "Dr Ask", "telecom": telecom}]
    names = [one["id"] for one in shown["contained"]]
    assert len(set(names)) == len(names)
    references = {one["reference"][1:] for key in ("site", "protocol") for one in shown[key]}
    # dom-3: nothing is contained that nobody refers to
    assert references | {shown["sponsor"]["reference"][1:]} == set(names)


def test_a_study_that_says_nothing_neither_crashes_nor_is_dropped() -> None:
    found = read(study())
    assert is_shown(found) and found["id"] == "trial-1"
    assert ResearchStudy.model_validate(rendered(study()))


@pytest.mark.parametrize(
    ("state", "status", "shown"),
    [
        ("recruiting", "active", True),
        ("enrolling-by-invitation", "active", True),
        ("not-yet-recruiting", "active", True),
        ("active-but-not-recruiting", "closed-to-accrual", False),
        ("completed", "completed", False),
        ("terminated", "administratively-completed", False),
        ("withdrawn", "withdrawn", False),
    ],
)
def test_what_is_closed_says_so_and_what_will_open_is_shown(state: str, status: str, shown: bool) -> None:
    one = study(progressStatus=[{"state": {"coding": [{"code": state}]}}], studyDesign=[{"text": "Interventional"}])
    assert read(one)["status"] == status and is_shown(read(one)) is shown
    assert state in statuses(one) and status in statuses(one)


def test_where_the_shown_status_says_less_the_description_says_more() -> None:
    state = [{"state": {"coding": [{"code": "not-yet-recruiting"}]}}]
    assert rendered(study(progressStatus=state, description="About."))["description"] == (
        "Recruitment: not yet recruiting. About."
    )
    assert rendered(study(description="About."))["description"] == "About."


def test_an_observational_study_is_not_called_interventional() -> None:
    found = read(study(studyDesign=[{"text": "Observational"}]))
    assert found["type"] == "Observational" and not is_shown(found)


def test_places_and_phases_for_the_filters() -> None:
    assert [one["id"] for one in sites(study(**RICH))] == ["here"]
    assert phase_codes(study(**RICH)) == ["phase-1-phase-2"]
    assert phase_codes(study(phase={"text": "Phase 2"})) == ["Phase 2"]
    assert phase_codes(study(phase="x")) == [] and phase_codes(study()) == []


def test_printed_criteria_are_the_eligibility() -> None:
    settings = Settings.read({})
    definitions = [Definition("body", entry["resource"]) for entry in study_bundle()["entry"]]
    terminology = mappings.load(settings)
    engine = Engine(settings, terminology, study_files.load(definitions, terminology, settings))
    (one,) = engine.studies.studies
    assert read(one)["eligibility"] == "Inclusion criteria:\n- Adults\n- Systemic lupus erythematosus\n- Consents"


@pytest.mark.parametrize("name", sorted(RICH))
@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [None], [7], [{}], {"coding": 7}, [{"coding": [{}]}]], ids=str)
def test_no_element_of_a_wrong_shape_breaks_it(name: str, value: Any) -> None:
    """Sites that load with --lenient may have anything; each element in turn is of each wrong shape."""
    read(study(**{**RICH, name: value}))


def test_the_reading_itself_can_fail() -> None:
    """The stand-in for the clients refuses what they fail on."""
    good = rendered(study(**RICH))
    for change in (
        {"identifier": [{"system": "x"}]},
        {"enrollment": [{"reference": "#x"}]},
        {"site": [{"display": "x"}]},
        {"condition": [{"coding": []}]},
    ):
        with pytest.raises(WouldCrash):
            read_by_client({"resource": {**good, **change}, "search": {"score": 1}})
