"""zipCode, travelRadius, phase and recruitmentStatus."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from trialmatch.errors import BadRequest
from trialmatch.web.mcode import places as mcode_places
from trialmatch.web.mcode.query import Query, normal, phases
from trialmatch.web.mcode.trials import _near

from tests.mcode.material import MISSING, PATH, Json, bundle

UNIVERSAL, SLE, BASKET = "Universal-CD19-BCMA-autoimmune", "NCT06892145", "NCT07161193"


def found(client: FlaskClient, *parameters: Json, **texts: str) -> list[str]:
    """The ids of the studies for a query."""
    answer = client.post(PATH, json=bundle(MISSING, *parameters, **texts))
    assert answer.status_code == 200, answer.text
    return [entry["resource"]["id"] for entry in answer.json["entry"]]


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("phase-1", [SLE]),
        ("Phase 1", [SLE]),
        ("PHASE1", [SLE]),
        ("n-a", [BASKET]),
        ("N/A", [BASKET]),
        ("phase-2", []),
        ("any", [UNIVERSAL, SLE, BASKET]),
        ("", [UNIVERSAL, SLE, BASKET]),
    ],
)
def test_phase(client: FlaskClient, phase: str, expected: list[str]) -> None:
    """The record of one study names no phase: it passes no filter."""
    assert found(client, phase=phase) == expected


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["phase-1"], {"phase-1"}),
        (["phase-1-phase-2"], {"phase-1-phase-2", "phase-1", "phase-2"}),
        (["PHASE2/PHASE3"], {"phase-2-phase-3", "phase-2", "phase-3"}),
        (["early-phase-1"], {"early-phase-1"}),
        (["Not Applicable"], {"n-a"}),
        ([], set()),
    ],
)
def test_a_study_of_two_phases_is_of_both(codes: list[str], expected: set[str]) -> None:
    assert phases(codes) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("active", [UNIVERSAL, SLE, BASKET]),  # as the answer calls them
        ("approved", [SLE, BASKET]),  # as R4 calls what will recruit
        ("not-yet-recruiting", [SLE, BASKET]),  # as R5 and ClinicalTrials.gov call it
        ("NOT_YET_RECRUITING", [SLE, BASKET]),
        ("recruiting", []),
        ("completed", []),
        ("all", [UNIVERSAL, SLE, BASKET]),
    ],
)
def test_recruitment_status(client: FlaskClient, status: str, expected: list[str]) -> None:
    assert found(client, recruitmentStatus=status) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("phase", "phase-9"), ("recruitmentStatus", "open"), ("travelRadius", "far"), ("travelRadius", "-1")],
)
def test_values_that_are_none_are_refused_in_words(client: FlaskClient, name: str, value: str) -> None:
    answer = client.post(PATH, json=bundle(MISSING, **{name: value}))
    assert answer.status_code == 400 and answer.json["error"].startswith(f"Parameters.{name}: ")


@pytest.mark.parametrize(
    "parameter",
    [{"valueString": "25"}, {"valueString": " 25.0 "}, {"valueDecimal": 25}, {"valueInteger": 25}, {"valueString": 25}],
    ids=str,
)
def test_a_radius_comes_in_several_ways(parameter: Json) -> None:
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "travelRadius", **parameter}]}
    assert Query.read({"entry": [{"resource": parameters}]}).radius == 25


NONE = [None, 7, {}, {"resource": None}, {"resource": {"resourceType": "Parameters", "parameter": 7}}]


@pytest.mark.parametrize("entry", NONE)
def test_parameters_that_are_none_are_none(entry: Any) -> None:
    assert Query.read({"entry": [entry]}) == Query()


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner), max_leaves=3))
def test_no_value_breaks_the_reading(value: Any) -> None:
    names = ("zipCode", "travelRadius", "phase", "recruitmentStatus")
    parameters = [{"name": name, "valueString": value} for name in names]
    try:
        Query.read({"entry": [{"resource": {"resourceType": "Parameters", "parameter": parameters}}]})
    except BadRequest as refused:
        assert str(refused).startswith("Parameters.")


def test_spellings() -> None:
    assert normal("ACTIVE_NOT_RECRUITING") == "active-but-not-recruiting"
    assert normal("EARLY_PHASE1") == normal("Early Phase 1") == "early-phase-1"


# --- distance

CAMBRIDGE, BOSTON, NEW_YORK = "02139", "02115", "10001"


def site(**address: str) -> Json:
    return {"resourceType": "Location", "address": address}


def position(latitude: float, longitude: float) -> Json:
    return {"resourceType": "Location", "position": {"latitude": latitude, "longitude": longitude}}


def test_known_distances() -> None:
    """Cambridge to New York is 187 miles on the map, Cambridge to the Fenway not three."""
    origin = mcode_places.of_zip(CAMBRIDGE)
    assert origin is not None
    assert mcode_places.miles(origin, mcode_places.of_zip(NEW_YORK)) == pytest.approx(187, abs=2)  # type: ignore[arg-type]
    assert mcode_places.miles(origin, mcode_places.of_zip(BOSTON)) < 3  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["00000", "abcde", "1234", "", "SW1A 1AA", "02139-", "021390", "٠٢١٣٩"])
def test_codes_that_are_none_are_nowhere(code: str) -> None:
    assert mcode_places.of_zip(code) is None


@pytest.mark.parametrize("code", ["02139", " 02139 ", "02139-4307"])
def test_codes_with_their_extension_are_where_the_code_is(code: str) -> None:
    assert mcode_places.of_zip(code) == mcode_places.of_zip(CAMBRIDGE) is not None


@pytest.mark.parametrize(
    ("sites", "radius", "near"),
    [
        ([site(postalCode=BOSTON)], 5, True),
        ([site(postalCode=NEW_YORK)], 5, False),
        ([site(postalCode=NEW_YORK)], 200, True),
        ([site(postalCode=NEW_YORK), site(postalCode=BOSTON)], 5, True),  # one site within reach suffices
        ([site(postalCode=BOSTON, country="United States")], 5, True),
        ([position(42.34, -71.10)], 5, True),
        ([position(40.75, -73.99)], 5, False),
        ([position(40.75, -73.99)], 0, False),
        ([{**position(42.34, -71.10), **site(postalCode=NEW_YORK)}], 5, True),  # a position goes before a postal code
    ],
)
def test_near_and_far(sites: list[Json], radius: float, near: bool) -> None:
    query = Query(zip_code=CAMBRIDGE, radius=radius)
    assert _near(sites, query, mcode_places.of_zip(CAMBRIDGE)) == (near, None)


@pytest.mark.parametrize(
    "sites",
    [
        [],
        [site(city="Luoyang", country="China")],
        [site(postalCode="10001", country="Germany")],  # a postal code of another country is no ZIP code
        [site(postalCode=NEW_YORK), site(city="Boston")],  # the second may be near
        [position(420, 0)],
        [position("42", -71)],  # type: ignore[arg-type]
    ],
)
def test_what_nobody_knows_to_be_far_stays_and_says_so(sites: list[Json]) -> None:
    near, note = _near(sites, Query(zip_code=CAMBRIDGE, radius=5), mcode_places.of_zip(CAMBRIDGE))
    assert near and note is not None and note.startswith("Distance not known")


def test_a_query_whose_place_nobody_knows_filters_nothing_and_says_so(client: FlaskClient) -> None:
    for texts in ({"travelRadius": "5"}, {"travelRadius": "5", "zipCode": "SW1A 1AA"}):
        answer = client.post(PATH, json=bundle(MISSING, **texts)).json
        assert answer["total"] == 3
        for entry in answer["entry"]:
            assert any(note["text"].startswith("Distance not looked at") for note in entry["resource"]["note"])


def test_a_zip_code_without_a_radius_filters_nothing(client: FlaskClient) -> None:
    answer = client.post(PATH, json=bundle(MISSING, zipCode=CAMBRIDGE)).json
    assert answer["total"] == 3
    notes = [note["text"] for entry in answer["entry"] for note in entry["resource"].get("note", ())]
    assert not any("Distance" in note for note in notes)
