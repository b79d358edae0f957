"""Instants for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

#: Some morning.
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def days(number: float) -> timedelta:
    """A number of days."""
    return timedelta(days=number)
