"""Every golden case gives the answer that is kept of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.cases import CASES, decisions, expected_decisions, match, name_of, read, worded


def _differences(expected: dict, found: dict) -> list[str]:
    lines = [
        f"{key}: expected {expected[key]}, received {found[key]}"
        for key in ("verdict", "missing", "unmet")
        if expected[key] != found[key]
    ]
    for link_id in sorted({*expected["items"], *found["items"]}):
        wanted, received = expected["items"].get(link_id), found["items"].get(link_id)
        if wanted != received:
            lines.append(f"{link_id}: expected {wanted}, received {received}")
    return lines


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_decisions(case: Path) -> None:
    differences = _differences(expected_decisions(read(case, "expected.json")), decisions(match(case)))
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_wordings(case: Path) -> None:
    """What is said to the coordinator; ``python -m tests.golden.update`` renews it after a change that was meant."""
    expected = read(case, "expected.json")
    assert worded(expected, match(case)) == expected


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_order_of_records_does_not_matter(case: Path) -> None:
    """Files and servers give the same records in any order; not even a word of a match may hang on it."""
    assert match(case, backwards=True) == match(case)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_case_is_described(case: Path) -> None:
    assert (case / "description.md").read_text(encoding="utf-8").startswith("# ")


def test_there_is_a_case_of_every_verdict() -> None:
    verdicts = {read(case, "expected.json")["verdict"] for case in CASES}
    assert verdicts >= {"eligible", "likely", "possible", "ineligible"}


def test_update_keeps_decisions() -> None:
    # whatever a match says, renewing wordings never touches a status, a basis, a verdict or what is listed
    expected = read(CASES[0], "expected.json")
    nonsense = {"why": "x", "missing": [], "items": [{"linkId": expected["items"][0]["linkId"], "reason": "y"}]}
    renewed = worded(expected, nonsense)
    assert renewed["why"] == "x"
    assert expected_decisions(renewed) == expected_decisions(expected)
