"""What is older than the settings allow is removed, and nothing younger."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from trialmatch.config import Settings
from trialmatch.errors import UsageError
from trialmatch.store import attestations, audit, feedback, retention, runs, studies, tokens
from trialmatch.store.database import Store
from trialmatch.store.retention import Purged
from trialmatch.store.tables import audit_patients, card_feedback, metadata

from tests.store.times import NOW, days

SETTINGS = Settings(retention_days=100, audit_retention_days=1000)
NOTHING = Purged(attestations=0, cards=0, audit=0, tokens=0, sessions=0, runs=())
ANSWER = {"study": "NCT1", "linkId": "I1", "answer": "met", "by": "Dr A", "at": "2026-03-01"}


def rows(store: Store, name: str) -> int:
    """How many rows a table has."""
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one())


def put(store: Store, patient: str, day: float) -> None:
    """Answers given on a day counted from NOW."""
    attestations.put(store, patient, [ANSWER], by="Dr A", at=NOW + days(day), expected=None)


def test_an_empty_store_has_nothing_to_remove(store: Store) -> None:
    assert retention.purge(store, SETTINGS, NOW) == NOTHING


def test_answers_go_when_they_are_too_old(store: Store) -> None:
    """Given on day 0 and kept for 100 days: there on day 100, gone a moment later."""
    put(store, "p1", 0)
    put(store, "p2", 1)
    assert retention.purge(store, SETTINGS, NOW + days(100)) == NOTHING
    assert attestations.held(store, "p1").version == 1
    assert retention.purge(store, SETTINGS, NOW + days(100.001)).attestations == 1
    assert attestations.held(store, "p1").version == 0
    assert attestations.held(store, "p2").version == 1


def test_replaced_answers_stay_as_long_as_they_were_in_force_in_time(store: Store) -> None:
    """Versions of days 0, 60 and 90. On day 150 the first, replaced on day 60, was in force within 100 days (since day
    50) and stays; on day 161 it goes, and the second, replaced on day 90, stays; on day 191 all have gone."""
    for day in (0, 60, 90):
        put(store, "p1", day)
    left = []
    for day in (150, 161, 190, 191):
        retention.purge(store, SETTINGS, NOW + days(day))
        left.append([held.version for held in attestations.history(store, "p1")])
    assert left == [[3, 2, 1], [3, 2], [3, 2], []]


def test_versions_go_on_counting_after_older_ones_have_gone(store: Store) -> None:
    for day in (0, 60, 90):
        put(store, "p1", day)
    retention.purge(store, SETTINGS, NOW + days(161))
    assert attestations.put(store, "p1", [], by="Dr A", at=NOW + days(161), expected=3).version == 4


def test_cards_go_with_their_feedback(store: Store) -> None:
    feedback.show(store, [feedback.Card("u1", "p1", "NCT1", "x")], at=NOW)
    feedback.show(store, [feedback.Card("u2", "p2", "NCT1", "x")], at=NOW + days(1))
    for uuid in ("u1", "u2"):
        feedback.give(store, uuid, feedback.OVERRIDDEN, {"card": uuid}, at=NOW + days(2))
    assert retention.purge(store, SETTINGS, NOW + days(100)).cards == 0
    assert retention.purge(store, SETTINGS, NOW + days(101)).cards == 1
    assert (rows(store, "cards"), rows(store, card_feedback.name)) == (1, 1)
    assert not feedback.overridden(store, "p1") and feedback.overridden(store, "p2")


def test_runs_go_and_are_named(store: Store) -> None:
    """So that whoever keeps their results can remove them too."""
    old, new = (runs.create(store, {}, by="Dr A", at=NOW + days(day)) for day in (0, 1))
    assert retention.purge(store, SETTINGS, NOW + days(101)).runs == (old.id,)
    assert runs.listed(store) == [new]


def test_the_audit_log_has_a_setting_of_its_own(store: Store) -> None:
    for day in (0, 1):
        recorded = (NOW + days(day)).isoformat()
        entity = [{"what": {"reference": "Patient/p1"}}]
        audit.record(store, {"resourceType": "AuditEvent", "id": str(day), "recorded": recorded, "entity": entity})
    assert retention.purge(store, SETTINGS, NOW + days(1000)) == NOTHING
    assert retention.purge(store, SETTINGS, NOW + days(1001)).audit == 1
    assert [one["id"] for one in audit.events(store, "p1")] == ["1"]
    assert rows(store, audit_patients.name) == 1


def test_tokens_go_when_they_have_run_out(store: Store) -> None:
    tokens.first_use(store, "https://ehr.example", "a", NOW)
    assert retention.purge(store, SETTINGS, NOW + days(0.001)).tokens == 1


def test_studies_are_about_nobody_and_stay(store: Store) -> None:
    studies.add(store, {"resourceType": "ResearchStudy", "id": "NCT1"}, by="Dr A", at=NOW)
    assert retention.purge(store, SETTINGS, NOW + days(9999)) == NOTHING
    assert studies.revision(store) == 1


def test_a_longer_time_protects_again_what_is_still_there(store: Store) -> None:
    put(store, "p1", 0)
    retention.purge(store, SETTINGS, NOW + days(90))
    longer = Settings(retention_days=1000)
    assert retention.purge(store, longer, NOW + days(200)) == NOTHING
    assert attestations.held(store, "p1").version == 1


def test_much_is_removed_little_by_little(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven of ten events are old, two go at a time: all seven go, and each is counted once."""
    monkeypatch.setattr(retention, "_FEW", 2)
    for day in range(10):
        audit.record(store, {"resourceType": "AuditEvent", "recorded": (NOW + days(day)).isoformat()})
    assert retention.purge(store, SETTINGS, NOW + days(1006.5)).audit == 7
    assert len(audit.events(store)) == 3


def test_a_million_days_are_for_ever(store: Store) -> None:
    put(store, "p1", 0)
    for_ever = Settings(retention_days=1_000_000, audit_retention_days=999_999_999)
    assert retention.purge(store, for_ever, NOW + days(100_000)) == NOTHING


def test_once_an_hour_is_often_enough(store: Store) -> None:
    assert retention.due(store, NOW)
    retention.purge(store, SETTINGS, NOW)
    assert not retention.due(store, NOW + days(0.999 / 24))
    assert retention.due(store, NOW + days(1 / 24))


def test_a_clock_that_was_ahead_does_not_end_it(store: Store) -> None:
    """A machine that believed for a minute to be ten years on: nobody waits these ten years for the next time."""
    retention.purge(store, SETTINGS, NOW + days(3650))
    assert retention.due(store, NOW)
    retention.purge(store, SETTINGS, NOW)
    assert not retention.due(store, NOW + days(0.5 / 24))


@pytest.mark.parametrize("name", ["retention_days", "audit_retention_days"])
@pytest.mark.parametrize("days", ["0", "-1", "soon"])
def test_a_time_that_is_none_is_refused(name: str, days: str) -> None:
    with pytest.raises(UsageError, match=f"TRIALMATCH_{name.upper()}"):
        Settings.read({f"TRIALMATCH_{name.upper()}": days})
