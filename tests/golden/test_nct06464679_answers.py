"""NCT06464679: a person's answers make its likely patients eligible, and one answer of them not."""

from __future__ import annotations

import json

import pytest

from tests.golden.cases import FOLDER
from tests.harness import match_bundle

STUDY = "NCT06464679"
COHORTS = ("pSS", "SSc", "IIM", "RA")


def _answer(link_id: str, answer: str = "met") -> dict[str, str]:
    return {"study": STUDY, "linkId": link_id, "answer": answer, "by": "Dr A", "at": "2026-02-27"}


def _match(cohort: str, answers: list[dict[str, str]]) -> dict:
    bundle = json.loads((FOLDER / STUDY / f"{cohort}-likely" / "bundle.json").read_text(encoding="utf-8"))
    return match_bundle(bundle, "p", study_ids=[STUDY], attestations=answers)["matches"][0]


@pytest.mark.parametrize("cohort", COHORTS)
def test_all_that_is_missing_answered(cohort: str) -> None:
    missing = [one["linkId"] for one in _match(cohort, [])["missing"]]
    found = _match(cohort, [_answer(link_id) for link_id in missing])
    assert (found["verdict"], found["missing"]) == ("eligible", [])
    assert {one["id"]: one["verdict"] for one in found["cohorts"]}[cohort] == "eligible"


@pytest.mark.parametrize("cohort", COHORTS)
def test_one_refusal(cohort: str) -> None:
    assert _match(cohort, [_answer("C4", "unmet")])["verdict"] == "ineligible"
