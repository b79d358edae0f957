"""Cards and feedback: a card that was overridden stays quiet until its evidence changes."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError
from trialmatch.store import feedback
from trialmatch.store.database import Store
from trialmatch.store.feedback import ACCEPTED, OVERRIDDEN, Card

from tests.store.times import NOW

CARD = Card("u1", "p1", "NCT1", "evidence-1")
AGAIN = Card("u2", "p1", "NCT1", "evidence-1")
CHANGED = Card("u3", "p1", "NCT1", "evidence-2")


def said(uuid: str, outcome: str) -> dict[str, object]:
    """An entry of CDS Hooks' feedback."""
    reason = {"reason": {"code": "not-now"}, "userComment": "später – µ"}
    return {"card": uuid, "outcome": outcome, "overrideReason": reason, "outcomeTimestamp": "2026-03-01T09:30:00Z"}


def give(store: Store, uuid: str, outcome: str) -> bool:
    """Feedback on a card."""
    return feedback.give(store, uuid, outcome, said(uuid, outcome), at=NOW)


@pytest.fixture
def shown(store: Store) -> Store:
    """A store with cards that have been shown."""
    feedback.show(store, [CARD, Card("u9", "p2", "NCT1", "evidence-1"), Card("u8", "p1", "NCT2", "evidence-1")], at=NOW)
    feedback.show(store, [AGAIN, CHANGED], at=NOW)
    return store


def test_a_card_that_was_only_shown_is_not_quiet(shown: Store) -> None:
    assert feedback.overridden(shown, "p1") == set()


def test_an_overridden_card_is_quiet_for_that_patient_study_and_evidence(shown: Store) -> None:
    assert give(shown, "u1", OVERRIDDEN)
    assert feedback.overridden(shown, "p1") == {("NCT1", "evidence-1")}
    assert feedback.overridden(shown, "p2") == set()


def test_an_accepted_card_is_not_quiet(shown: Store) -> None:
    assert give(shown, "u1", ACCEPTED)
    assert feedback.overridden(shown, "p1") == set()


def test_the_newest_feedback_on_the_same_evidence_decides(shown: Store) -> None:
    """Two clinicians saw the card: one overrides it, the other accepts it, at last the first overrides it again."""
    for uuid, outcome, quiet in (("u1", OVERRIDDEN, True), ("u2", ACCEPTED, False), ("u1", OVERRIDDEN, True)):
        give(shown, uuid, outcome)
        assert (("NCT1", "evidence-1") in feedback.overridden(shown, "p1")) is quiet
    give(shown, "u3", ACCEPTED)  # other evidence
    assert feedback.overridden(shown, "p1") == {("NCT1", "evidence-1")}


def test_all_studies_of_a_patient_are_told(shown: Store) -> None:
    for uuid in ("u1", "u8"):
        give(shown, uuid, OVERRIDDEN)
    assert feedback.overridden(shown, "p1") == {("NCT1", "evidence-1"), ("NCT2", "evidence-1")}


def test_feedback_on_a_card_that_nobody_was_shown_is_not_kept(shown: Store) -> None:
    assert not give(shown, "u7", OVERRIDDEN)
    assert feedback.given(shown, "p1") == []


def test_feedback_is_kept_as_it_came(shown: Store) -> None:
    give(shown, "u1", OVERRIDDEN)
    give(shown, "u3", ACCEPTED)
    give(shown, "u9", ACCEPTED)
    assert feedback.given(shown, "p1") == [said("u1", OVERRIDDEN), said("u3", ACCEPTED)]


def test_no_cards_are_nothing_to_keep(store: Store) -> None:
    feedback.show(store, [], at=NOW)


def test_a_card_is_shown_once(shown: Store) -> None:
    with pytest.raises(IntegrityError):
        feedback.show(shown, [Card("u6", "p1", "NCT1", "x"), CARD], at=NOW)
    assert not give(shown, "u6", ACCEPTED)
