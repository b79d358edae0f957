"""How far a study has come: the state of recruitment, and where people are told of it."""

from __future__ import annotations

from typing import Any

import pytest
from trialmatch.fhir.study.progress import latest
from trialmatch.lines import recruitment


def _state(code: str, **more: Any) -> dict[str, Any]:
    return {"state": {"coding": [{"code": code}]}, **more}


@pytest.mark.parametrize(
    ("progress", "state", "words"),
    [
        ([], None, None),
        ([_state("recruiting")], "recruiting", None),
        ([_state("active")], "active", None),
        ([_state("not-yet-recruiting")], "not-yet-recruiting", "not yet recruiting"),
        ([_state("recruiting"), _state("completed")], "completed", "completed"),
        ([_state("recruiting"), _state("completed", actual=False)], "recruiting", None),  # is still to come
        ([_state("recruiting"), {"state": {"text": "SUSPENDED"}}], "SUSPENDED", "suspended"),  # R5 has no code for it
        ([_state("terminated"), _state("overall-study")], "terminated", "terminated"),
        ([{"state": {"text": " "}}, {"state": {}}, {}], None, None),
    ],
)
def test_the_latest_state_that_has_come_true(progress: list[Any], state: str | None, words: str | None) -> None:
    found = latest({"progressStatus": progress})
    assert (found, recruitment(found)) == (state, words)
