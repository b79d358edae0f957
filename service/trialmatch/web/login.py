"""Who sits before a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trialmatch.web.callers import Caller
from trialmatch.web.security import caller


@dataclass(frozen=True)
class Access:
    """How a patient's records are reached: ``server`` and ``bearer`` None mean the settings' hospital."""

    server: str | None = None
    bearer: str | None = None


def recognise() -> None:
    """Find out who asks for a page."""
    caller()


def shown() -> dict[str, Any]:
    """What every page says of who is signed in."""
    return {"who": None, "can_leave": False}


def access_to(patient_id: str) -> Access:
    """How the caller reaches a patient."""
    return Access()


def signature(who: Caller) -> str:
    """Under what name a caller's answers are kept."""
    return who.subject
