"""The printed rows of a study are found by their linkIds, and counted by how far they are computed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from trialmatch.config import Settings
from trialmatch.eligibility.rows import computable, printed_rows
from trialmatch.usecases.match import Engine

ROWS = Path(__file__).parents[1] / "situations"
STUDIES = {
    "nct07161193": "NCT07161193",
    "nct06892145": "NCT06892145",
    "nct06464679": "NCT06464679",
    "universal": "Universal-CD19-BCMA-autoimmune",
}


@pytest.mark.parametrize("name", STUDIES)
def test_rows_are_the_printed_ones(name: str) -> None:
    study = Engine.start(Settings.read({})).studies.get(STUDIES[name])
    with (ROWS / f"rows_{name}.csv").open(encoding="utf-8") as file:
        printed = [row["linkId"] for row in csv.DictReader(file)]
    assert sorted(row.link_id for row in printed_rows(study)) == sorted(printed)


def test_how_far_a_row_is_computed() -> None:
    study = Engine.start(Settings.read({})).studies.get("NCT06892145")
    found = {row.link_id: computable(row) for row in printed_rows(study)}
    assert (found["I2"], found["I9"], found["I1"]) == ("computable", "partly", "not")
