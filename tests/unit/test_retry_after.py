"""What ``Retry-After`` says (RFC 9110, "Retry-After")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from trialmatch.fhir.hospital.retry_after import seconds


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("9" * 5000, 999_999_999.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),  # has passed
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("Wed, 21 Oct 20150 07:28:00 GMT", None),
    ],
)
def test_what_is_said(said: str | None, expected: float | None) -> None:
    assert seconds(said) == expected


def test_a_date_to_come() -> None:
    said = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 < (seconds(said) or 0) <= 90
