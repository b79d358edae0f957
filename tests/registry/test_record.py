"""What is taken from a record's fields, and what is said of one that is none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from fhir.resources.bundle import Bundle
from trialmatch.errors import BadInput
from trialmatch.fhir.searchset import research_study
from trialmatch.registry.drafts import bundle, draft
from trialmatch.registry.record import EXPECTED, records

from tests.registry.full import FULL
from tests.registry.material import Json, drafted, lines, loaded, record, terminology


def _study(data: Json) -> Json:
    return next(one for one in drafted(data).resources if one["resourceType"] == "ResearchStudy")


def test_every_field_that_is_read() -> None:
    study = _study(FULL)
    assert study["id"] == "NCT00000042"
    assert study["status"] == "draft"
    assert [one["value"] for one in study["identifier"]] == ["NCT00000042", "EX-42", "2026-000042-42"]
    assert study["title"] == "Examplinib in Lupus"
    assert [one["value"] for one in study["label"]] == [
        "A Randomised Trial of Examplinib in Systemic Lupus Erythematosus",
        "EXAMPLE",
    ]
    assert study["phase"]["coding"][0]["code"] == "phase-1-phase-2"
    assert [one["text"] for one in study["studyDesign"]] == ["INTERVENTIONAL", "RANDOMIZED", "PARALLEL"]
    assert study["primaryPurposeType"]["coding"][0]["code"] == "treatment"
    first, second = study["condition"]
    assert (first["coding"][0]["code"], first["text"]) == ("sle", "Systemic Lupus Erythematosus (SLE)")
    assert second == {"text": "Lupus Nephritis, Refractory"}
    assert study["keyword"] == [{"text": "lupus"}]
    assert study["description"] == "Doses of 5 mg*.\n\n*once a day"
    assert study["period"] == {"start": "2026-01-15", "end": "2028-06"}
    assert study["progressStatus"][0]["state"]["coding"][0]["code"] == "recruiting"
    assert study["recruitment"]["targetNumber"] == 48
    assert [(one["role"]["coding"][0]["code"], one["name"]) for one in study["associatedParty"]] == [
        ("lead-sponsor", "Example Institute"),
        ("collaborator", "Sample University"),
        ("general-contact", "Study desk"),
    ]
    assert [one["display"] for one in study["site"]] == ["Example Hospital", "Musterstadt, Germany"]
    assert [one["display"] for one in study["protocol"]] == ["Examplinib", "Placebo"]
    contained = {one["id"]: one for one in study["contained"]}
    assert contained["site-1"]["address"] == {
        "city": "Sampleton", "state": "Ohio", "postalCode": "43004", "country": "United States",
    }  # fmt: skip
    assert contained["site-1"]["position"] == {"longitude": -82.8, "latitude": 40.01}
    assert [one["title"] for one in contained["arm-1"]["action"]] == ["Examplinib", "Background therapy"]
    assert [one["title"] for one in contained["arm-2"]["action"]] == ["Background therapy"]
    assert contained["contact-1"]["telecom"][0] == {"system": "phone", "value": "555-0100"}


def test_age_and_sex_stand_before_the_text() -> None:
    assert lines(drafted(FULL))[:3] == ["R1 age 18..70 a", "R2 sex female", "I1 Condition sle"]


def test_it_is_valid_r5_and_renders_as_r4() -> None:
    Bundle.model_validate(bundle([drafted(FULL)]))
    (study,) = loaded(FULL).studies
    assert study.matched is False
    assert research_study(study)["sponsor"]["display"] == "Example Institute"


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        (["NA"], "n-a"), (["EARLY_PHASE1"], "early-phase-1"), (["PHASE1"], "phase-1"), (["PHASE2"], "phase-2"),
        (["PHASE2", "PHASE3"], "phase-2-phase-3"), (["PHASE3"], "phase-3"), (["PHASE4"], "phase-4"),
    ],
)  # fmt: skip
def test_phases(phases: list[str], expected: str) -> None:
    data = record("x")
    data["protocolSection"]["designModule"] = {"phases": phases}
    assert _study(data)["phase"]["coding"][0]["code"] == expected


def test_what_has_no_code_keeps_its_words() -> None:
    data = record("x")
    data["protocolSection"]["designModule"] = {"phases": ["PHASE9"]}
    data["protocolSection"]["statusModule"] = {"overallStatus": "SUSPENDED", "whyStopped": "Funding"}
    study = _study(data)
    assert study["phase"] == {"text": "PHASE9"}
    assert study["progressStatus"][0]["state"] == {"text": "SUSPENDED"}
    assert study["whyStopped"] == {"text": "Funding"}
    loaded(data)


@pytest.mark.parametrize("text", [None, "", " \n "])
def test_no_eligibility_at_all(text: str | None) -> None:
    """The form that the language has for it."""
    data = record(text)
    study = _study(data)
    assert "recruitment" not in study
    assert "eligibility not in source record" in [one["text"] for one in study["note"]]
    assert len(drafted(data).resources) == 1
    (read,) = loaded(data).studies
    assert read.items is None


def test_elements_that_are_null_are_not_there() -> None:
    data = record("Inclusion Criteria:\n\n* HIV negative", minimumAge=None, studyPopulation=None)
    data["protocolSection"]["designModule"] = None
    assert lines(drafted(data)) == ["I1 hiv-test negative"]


def test_a_page_of_records() -> None:
    page = {"studies": [record("x", "NCT00000001"), record("y", "NCT00000002")], "nextPageToken": "t"}
    made = bundle(draft(one, terminology()) for one in records(page, "page.json"))
    assert [one["resource"]["id"] for one in made["entry"]] == [
        "NCT00000001", "NCT00000001-eligibility", "NCT00000002", "NCT00000002-eligibility",
    ]  # fmt: skip
    Bundle.model_validate(made)


_HERE = "r.json: protocolSection"


def _faults(data: Any) -> list[str]:
    with pytest.raises(BadInput) as refused:
        records(data, "r.json")
    return refused.value.lines


def _changed(path: str, value: Any) -> Json:
    data = copy.deepcopy(FULL)
    *above, last = path.split(".")
    holder = data["protocolSection"]
    for name in above:
        holder = holder[int(name)] if isinstance(holder, list) else holder[name]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return data


OTHERS = [
    ([], "r.json: an array"),
    ("x", "r.json: a string"),
    ({}, "r.json: no protocolSection and no studies"),
    ({"FullStudiesResponse": {"FullStudies": []}}, "r.json: a record of the registry's old API (version 1)"),
    ({"Study": {"ProtocolSection": {}}}, "r.json: a record of the registry's old API (version 1)"),
    ({"resourceType": "ResearchStudy"}, "r.json: a FHIR resource"),
]


@pytest.mark.parametrize(("data", "found"), OTHERS, ids=[found for _, found in OTHERS])
def test_what_is_no_record(data: Any, found: str) -> None:
    assert _faults(data) == [f"{found}; expected {EXPECTED}"]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"studies": {}}, "r.json: studies: an object; expected an array of records"),
        ({"studies": []}, "r.json: studies: no study; expected at least one record"),
        ({"studies": [7]}, "r.json: studies[0]: a number; expected an object"),
        ({"protocolSection": 7}, "r.json: protocolSection: a number; expected an object"),
        (
            _changed("identificationModule.nctId", "NCT1"),
            f"{_HERE}.identificationModule.nctId: another value; expected NCT and eight digits",
        ),
        (
            _changed("identificationModule.briefTitle", ...),
            f"{_HERE}.identificationModule.briefTitle: none; expected a word",
        ),
        (
            _changed("eligibilityModule.sex", "BOTH"),
            f"{_HERE}.eligibilityModule.sex: another value; expected ALL, FEMALE, MALE",
        ),
        (
            _changed("eligibilityModule.minimumAge", "18"),
            f"{_HERE}.eligibilityModule.minimumAge: another value; expected a number and Years, Months, Weeks, Days, "
            "Hours or Minutes, or N/A",
        ),
        (
            _changed("eligibilityModule.eligibilityCriteria", ["Inclusion"]),
            f"{_HERE}.eligibilityModule.eligibilityCriteria: an array; expected a string of at most 40000 characters",
        ),
        (
            _changed("contactsLocationsModule.locations.0.geoPoint", {"lat": "north", "lon": 1}),
            f"{_HERE}.contactsLocationsModule.locations[0].geoPoint.lat: another value; expected degrees",
        ),
        (
            _changed("designModule.enrollmentInfo.count", -1),
            f"{_HERE}.designModule.enrollmentInfo.count: another value; expected a whole number, 0 or more",
        ),
        (
            _changed("conditionsModule.conditions", "Lupus"),
            f"{_HERE}.conditionsModule.conditions: a string; expected an array",
        ),
    ],
)
def test_elements_of_a_wrong_shape(data: Any, line: str) -> None:
    assert _faults(data) == [line]


def test_every_fault_is_told() -> None:
    first, second = _changed("eligibilityModule.sex", 1), _changed("statusModule", [])
    assert len(_faults({"studies": [first, second]})) == 2


def test_a_study_twice() -> None:
    (line,) = _faults({"studies": [FULL, FULL]})
    where = "r.json: studies[1].protocolSection.identificationModule.nctId"
    assert line == f"{where}: NCT00000042 again (first in studies[0]); expected each study once"
