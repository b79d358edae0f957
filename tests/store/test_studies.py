"""Studies that were added: the newest of each counts, the revision tells of every addition."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import select
from trialmatch.errors import BadInput
from trialmatch.store import studies
from trialmatch.store.database import Store
from trialmatch.store.tables import study_additions

from tests.store.times import NOW, days


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    """A Bundle of resources."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def study(name: str, **elements: Any) -> dict[str, Any]:
    """A ResearchStudy."""
    return {"resourceType": "ResearchStudy", "id": name, **elements}


def test_at_first_there_are_none(store: Store) -> None:
    assert (studies.revision(store), studies.definitions(store)) == (0, [])


def test_what_was_added_comes_back_in_its_order(store: Store) -> None:
    eligibility = {"resourceType": "EvidenceVariable", "id": "NCT1", "z": 1, "a": 2}
    assert studies.add(store, bundle(study("NCT1"), eligibility), by="Dr A", at=NOW) == 1
    assert studies.add(store, study("NCT0"), by="Dr B", at=NOW + days(1)) == 2
    assert studies.revision(store) == 2
    assert studies.definitions(store) == [
        ("added studies (revision 1)", study("NCT1")),
        ("added studies (revision 1)", eligibility),
        ("added studies (revision 2)", study("NCT0")),
    ]
    assert list(studies.definitions(store)[1][1]) == ["resourceType", "id", "z", "a"]


def test_a_resource_takes_the_place_of_an_earlier_one(store: Store) -> None:
    """By type and id: the EvidenceVariable with the same id stays, and so does the other study."""
    eligibility = {"resourceType": "EvidenceVariable", "id": "NCT1"}
    studies.add(store, bundle(study("NCT1", version="1"), eligibility, study("NCT2")), by="Dr A", at=NOW)
    studies.add(store, bundle(study("NCT1", version="2"), study("NCT1", version="3")), by="Dr B", at=NOW)
    assert [resource for _, resource in studies.definitions(store)] == [
        eligibility,
        study("NCT2"),
        study("NCT1", version="3"),
    ]


def test_who_added_what_and_when_stays_known(store: Store) -> None:
    studies.add(store, study("NCT1"), by="Dr A", at=NOW)
    studies.add(store, study("NCT1"), by="Dr B", at=NOW + days(1))
    with store.reading() as connection:
        rows = connection.execute(select(study_additions).order_by(study_additions.c.revision)).all()
    assert [tuple(row) for row in rows] == [(1, "Dr A", NOW), (2, "Dr B", NOW + days(1))]


@pytest.mark.parametrize(
    ("added", "place"),
    [
        (bundle(), "Bundle.entry"),
        ({"resourceType": "Bundle"}, "Bundle.entry"),
        (bundle(study("NCT1"), {"resourceType": "ResearchStudy"}), "Bundle.entry[1].resource.id"),
        (bundle(study("NCT1"), {"id": "x"}), "Bundle.entry[1].resource.resourceType"),
        ({"resourceType": "Bundle", "entry": [{"fullUrl": "urn:x"}]}, "Bundle.entry[0].resource.resourceType"),
        ({"resourceType": "ResearchStudy"}, "id"),
        ({}, "resourceType"),
    ],
)
def test_resources_without_type_or_id_are_refused_whole(store: Store, added: dict[str, Any], place: str) -> None:
    with pytest.raises(BadInput) as caught:
        studies.add(store, added, by="Dr A", at=NOW)
    assert str(caught.value).startswith(f"{place}: ")
    assert studies.revision(store) == 0


def test_additions_become_visible_in_the_order_of_their_revisions(store: Store) -> None:
    """Whoever has seen revision 2 has seen 1: an addition waits for one that began before it."""
    done = threading.Event()

    def add() -> None:
        studies.add(store, study("NCT2"), by="Dr B", at=NOW)
        done.set()

    with store.writing(alone="studies"):
        thread = threading.Thread(target=add)
        thread.start()
        assert not done.wait(0.3)
        assert studies.revision(store) == 0
    thread.join(20)
    assert done.is_set() and studies.revision(store) == 1
