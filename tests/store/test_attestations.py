"""Answers: versions that count up, compare-and-swap, a history that stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError
from trialmatch.errors import BadInput, Stale
from trialmatch.store import attestations
from trialmatch.store.attestations import Held
from trialmatch.store.database import Store
from trialmatch.store.tables import attestation_versions

from tests.store import writers
from tests.store.times import NOW, days

MET = {"study": "NCT1", "linkId": "I1", "answer": "met", "by": "Dr A", "at": "2026-03-01"}
UNMET = {"judgement": "able-to-consent", "answer": "unmet", "by": "Dr B", "at": "2026-03-01", "until": "2026-09-01"}


def test_nothing_is_held_at_first(store: Store) -> None:
    assert attestations.held(store, "p1") == Held([], 0, None, None)


def test_what_is_put_is_held_with_who_and_when(store: Store) -> None:
    put = attestations.put(store, "p1", [MET, UNMET], by="Dr A", at=NOW, expected=0)
    assert put == Held([MET, UNMET], 1, "Dr A", NOW)
    assert attestations.held(store, "p1") == put


def test_order_unknown_fields_and_odd_values_stay_as_they_were(store: Store) -> None:
    """A later version of trialmatch may know more fields; this one must hand them on."""
    odd = [{"zeta": {"b": [1, None, True, 0.1, -0.0, 1e300], "a": "µ–\u0000\U0001f9ec"}, "alpha": ""}, MET]
    attestations.put(store, "p1", odd, by="Dr A", at=NOW, expected=0)
    entries = attestations.held(store, "p1").entries
    assert entries == odd
    assert [list(entry) for entry in entries] == [list(entry) for entry in odd]


def test_a_time_is_held_as_the_instant_it_is(store: Store) -> None:
    """09:30 in UTC is 10:30 in Berlin in winter: the same instant, and comes back aware of its zone."""
    from zoneinfo import ZoneInfo

    berlin = NOW.astimezone(ZoneInfo("Europe/Berlin"))
    attestations.put(store, "p1", [], by="Dr A", at=berlin, expected=0)
    at = attestations.held(store, "p1").at
    assert at == NOW and at is not None and at.utcoffset() == days(0)


def test_a_version_that_is_not_the_current_one_is_stale(store: Store) -> None:
    """Expected 0 where 1 is current, 1 where 2 is, and 3 that never was."""
    attestations.put(store, "p1", [MET], by="Dr A", at=NOW, expected=0)
    with pytest.raises(Stale):
        attestations.put(store, "p1", [UNMET], by="Dr B", at=NOW, expected=0)
    attestations.put(store, "p1", [], by="Dr B", at=NOW, expected=1)
    for expected in (1, 3, -1):
        with pytest.raises(Stale):
            attestations.put(store, "p1", [UNMET], by="Dr B", at=NOW, expected=expected)
    assert attestations.held(store, "p1") == Held([], 2, "Dr B", NOW)


def test_a_version_that_never_was_is_stale_from_the_beginning(store: Store) -> None:
    for expected in (1, -1):
        with pytest.raises(Stale):
            attestations.put(store, "p1", [MET], by="Dr A", at=NOW, expected=expected)
    assert attestations.history(store, "p1") == []


def test_without_expectation_the_last_one_wins(store: Store) -> None:
    for number in range(3):
        held = attestations.put(store, "p1", [writers.answer("x", number)], by="Dr A", at=NOW, expected=None)
    assert held.version == 3 and held.entries == [writers.answer("x", 2)]


def test_patients_do_not_touch_each_other(store: Store) -> None:
    attestations.put(store, "p1", [MET], by="Dr A", at=NOW, expected=0)
    assert attestations.put(store, "p2", [UNMET], by="Dr A", at=NOW, expected=0).version == 1
    assert attestations.held(store, "p1").entries == [MET]
    assert attestations.held(store, "P1").version == 0


def test_the_history_tells_every_version_newest_first(store: Store) -> None:
    first = attestations.put(store, "p1", [MET], by="Dr A", at=NOW, expected=0)
    second = attestations.put(store, "p1", [], by="Dr B", at=NOW + days(1), expected=1)
    assert attestations.history(store, "p1") == [second, first]


@pytest.mark.parametrize(
    "statement",
    [
        update(attestation_versions).values(by="somebody else"),
        update(attestation_versions).values(version=attestation_versions.c.version + 1),
        delete(attestation_versions),
        delete(attestation_versions).where(attestation_versions.c.version == 1),
    ],
    ids=["author", "version", "all", "the first"],
)
def test_nobody_rewrites_the_history(store: Store, statement: update | delete) -> None:
    """The database itself refuses, so that no fault of the program can do it."""
    attestations.put(store, "p1", [MET], by="Dr A", at=NOW, expected=0)
    attestations.put(store, "p1", [], by="Dr B", at=NOW, expected=1)
    before = attestations.history(store, "p1")
    with pytest.raises(DBAPIError, match="attestation_versions is append-only"), store.writing() as connection:
        connection.execute(statement)
    assert attestations.history(store, "p1") == before


def test_postgresql_does_not_truncate_the_history_either(postgres_database: str) -> None:
    with Store.open(postgres_database) as store:
        attestations.put(store, "p1", [MET], by="Dr A", at=NOW, expected=0)
        for table in ("attestation_versions", "audit_events CASCADE"):
            with pytest.raises(DBAPIError, match="is append-only"), store.writing() as connection:
                connection.execute(text(f"TRUNCATE {table}"))
        assert attestations.held(store, "p1").version == 1


@pytest.mark.parametrize(
    "entries", [[{"by": "\ud800"}], [{"n": 2**70}], [{"s": {1, 2}}]], ids=["half a character", "huge", "a set"]
)
def test_what_is_no_json_is_refused_whole(store: Store, entries: list[dict[str, object]]) -> None:
    with pytest.raises(BadInput):
        attestations.put(store, "p1", [MET, *entries], by="Dr A", at=NOW, expected=0)
    assert attestations.held(store, "p1").version == 0


def test_a_name_that_no_text_can_hold_is_refused(store: Store) -> None:
    with pytest.raises(BadInput) as caught:
        attestations.put(store, "p1", [MET], by="Dr \ud800", at=NOW, expected=0)
    assert str(caught.value).startswith("what is to be kept: ") and "Dr" not in str(caught.value)


def test_of_two_with_the_same_version_one_wins(store: Store) -> None:
    """Sixteen threads start from version 0 at the same moment: one gets version 1, fifteen hear that they are stale."""

    def put(number: int) -> int | None:
        try:
            entries = [writers.answer("t", number)]
            return attestations.put(store, "p1", entries, by=str(number), at=NOW, expected=0).version
        except Stale:
            return None

    with ThreadPoolExecutor(16) as pool:
        versions = list(pool.map(put, range(16)))
    assert sorted(versions, key=str) == [1] + [None] * 15
    held = attestations.held(store, "p1")
    assert held.by == str(versions.index(1)) and held.entries == [writers.answer("t", versions.index(1))]


def test_threads_that_add_lose_nothing(store: Store) -> None:
    """Eight threads add ten answers each to the same patient: 80 versions, and every answer is there once."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: [writers.add_answer(store, name, number) for number in range(10)], "abcdefgh"))
    held = attestations.held(store, "shared")
    assert held.version == 80
    expected = {f"{name}-{number}" for name in "abcdefgh" for number in range(10)}
    assert len(held.entries) == 80 and {entry["linkId"] for entry in held.entries} == expected
