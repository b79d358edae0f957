"""Public patients, synthetic or de-identified; tested where the environment names a folder of them."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from trialmatch.config import Settings
from trialmatch.fhir.patient.sources import from_path
from trialmatch.usecases.match import Answer, Engine, Question, match_patient

from tests.harness import NOW, flat

FOLDER = Path(os.environ.get("TRIALMATCH_SHARED", "")) / "patients" / "public-58"
pytestmark = pytest.mark.skipif(
    not os.environ.get("TRIALMATCH_SHARED") or not FOLDER.is_dir(),
    reason="TRIALMATCH_SHARED names no folder with public patients",
)


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    engine = Engine.start(Settings.read({}))
    records = from_path(FOLDER)
    question = Question(date(2026, 3, 1), everything=True)
    return {one: match_patient(engine, records, one, question, "public") for one in sorted(records.patients())}


def test_all_of_them_match(answers: dict[str, Answer]) -> None:
    assert len(answers) == 58
    for answer in answers.values():
        assert answer.complete, answer.problems
        assert len(answer.document(NOW)["matches"]) == len(answer.studies.matchable)


def test_a_man_with_arthritis_on_methotrexate(answers: dict[str, Answer]) -> None:
    """Born 1985, rheumatoid arthritis and methotrexate since 2018-08-12, no laboratory result of the last 90 days."""
    document = answers["4e122e91-c63f-4112-a778-6ccf5abfd6f2"].document(NOW)
    match = next(one for one in document["matches"] if one["study"]["id"] == "NCT07161193")
    assert match["verdict"] == "possible"
    assert {one["id"]: one["verdict"] for one in match["cohorts"]}["RA"] == "possible"
    items = flat(match["items"])
    assert (items["6.1"]["status"], items["6.9.a1"]["status"]) == ("met", "met")
    assert "2759 days" in items["6.9.a1"]["reason"]  # 2018-08-12 to 2026-03-01, first and last day counted
    assert items["E13.a"]["basis"] == "missing-data"


def test_a_woman_who_has_died(answers: dict[str, Answer]) -> None:
    """Died in 2013, with rheumatoid arthritis since 1973."""
    document = answers["e65aa207-9ec7-493e-987b-b2c686f1af10"].document(NOW)
    assert {one["verdict"] for one in document["matches"]} == {"ineligible"}
    assert all(one["why"].startswith("The patient is deceased.") for one in document["matches"])
    assert all(one["missing"] == [] for one in document["matches"])


def test_a_man_with_ointment_and_cyclosporine(answers: dict[str, Answer]) -> None:
    """Hydrocortisone cream, which is not systemic; cyclosporine once, under a code nobody maps; methotrexate."""
    document = answers["c79b748f-a792-4aea-bca5-c7c9c5b188cd"].document(NOW)
    match = next(one for one in document["matches"] if one["study"]["id"] == "NCT06892145")
    assert match["verdict"] == "ineligible"
    items = flat(match["items"])
    assert items["I3.a"]["basis"] == "no-record"
    assert items["I3.c1.b"]["basis"] == "no-record"  # the cream breaks no silence about glucocorticoids
    assert items["I3.c1.c"]["basis"] == "unusable"  # two drugs, if the words of the one are to be trusted
    assert [one["display"] for one in items["I3.c1.c"]["evidence"]] == ["cycloSPORINE 50 MG Oral Capsule"]
