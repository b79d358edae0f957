"""What a server's ``Retry-After`` asks for (RFC 9110, "Retry-After"): a number of seconds, or a date."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: More digits than these are not read: no server means more than thirty years.
_DIGITS = 9


def seconds(retry_after: str | None) -> float | None:
    """How long to wait, in seconds; None where it says nothing that is understood."""
    said = (retry_after or "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:_DIGITS])
    try:
        moment = parsedate_to_datetime(said)
    except (ValueError, TypeError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((aware - datetime.now(UTC)).total_seconds(), 0.0)
