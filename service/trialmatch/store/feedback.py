"""Cards of CDS Hooks and what clinicians made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select

from trialmatch.store.database import Store
from trialmatch.store.tables import card_feedback, cards

#: Outcomes of https://cds-hooks.hl7.org/2.0/#feedback.
ACCEPTED, OVERRIDDEN = "accepted", "overridden"


@dataclass(frozen=True)
class Card:
    """A card that was shown: its ``uuid``, for whom, about which study, and the fingerprint of its evidence."""

    uuid: str
    patient: str
    study: str
    fingerprint: str


def show(store: Store, shown: Iterable[Card], *, at: datetime) -> None:
    """Keep which cards have been shown, so that feedback on them is understood."""
    rows = [{**asdict(card), "at": at} for card in shown]
    if rows:
        with store.writing(lasting=False) as connection:
            connection.execute(insert(cards), rows)


def patients(store: Store, uuids: Iterable[str]) -> dict[str, str]:
    """Whom cards were about, as far as they have been shown."""
    with store.reading() as connection:
        return dict(connection.execute(select(cards.c.uuid, cards.c.patient).where(cards.c.uuid.in_(set(uuids)))).all())


def give(store: Store, uuid: str, outcome: str, feedback: dict[str, Any], *, at: datetime) -> bool:
    """Keep the feedback on a card (the whole entry, as it came); False where no such card was shown."""
    with store.writing() as connection:
        if connection.execute(select(1).where(cards.c.uuid == uuid)).first() is None:
            return False
        connection.execute(insert(card_feedback).values(card=uuid, outcome=outcome, feedback=feedback, at=at))
        return True


def overridden(store: Store, patient: str) -> frozenset[tuple[str, str]]:
    """Studies with the fingerprints of the evidence on which a clinician has overridden a card about this patient.

    A card with the same evidence would only repeat it, and stays quiet.
    The newest feedback on cards with the same evidence decides: an acceptance after an override ends it.
    """
    newest = (
        select(func.max(card_feedback.c.number))
        .join_from(card_feedback, cards)
        .where(cards.c.patient == patient)
        .group_by(cards.c.study, cards.c.fingerprint)
    )
    query = (
        select(cards.c.study, cards.c.fingerprint)
        .join_from(card_feedback, cards)
        .where(card_feedback.c.number.in_(newest), card_feedback.c.outcome == OVERRIDDEN)
    )
    with store.reading() as connection:
        return frozenset((study, fingerprint) for study, fingerprint in connection.execute(query))


def given(store: Store, patient: str) -> list[dict[str, Any]]:
    """All feedback on a patient's cards, as it came, oldest first."""
    query = (
        select(card_feedback.c.feedback)
        .join_from(card_feedback, cards)
        .where(cards.c.patient == patient)
        .order_by(card_feedback.c.number)
    )
    with store.reading() as connection:
        return list(connection.execute(query).scalars())
