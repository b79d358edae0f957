"""A person with several Patients: who is looked at, and with whose records, however the links were written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trialmatch.fhir.patient.sources import from_path
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import engine_of, folder_of, matched, same
from tests.prescreen.people import condition, hemoglobin, person
from tests.prescreen.test_since import CRITERIA, creatinine

Json = dict[str, Any]


@pytest.fixture(scope="module")
def study() -> Engine:
    return engine_of([CRITERIA])


def link(kind: str, other: str) -> list[Json]:
    return [{"type": kind, "other": {"reference": f"Patient/{other}"}}]


def hospital(old: list[Json], new: list[Json]) -> list[Json]:
    """The diagnosis is on the old Patient, the results are on the new one."""
    people = [person(name, link=links) if links else person(name) for name, links in (("old", old), ("new", new))]
    return [*people, condition("c", "old"), hemoglobin("h", "new", 12), creatinine("k", "new", 1)]


def verdicts(rows: dict[str, list[Json]]) -> dict[str, str]:
    return {patient.removeprefix("Patient/"): found[0]["verdict"] for patient, found in rows.items()}


def test_both_say_so(study: Engine, tmp_path: Path) -> None:
    people = hospital(link("replaced-by", "new"), link("replaces", "old"))
    done = same(study, folder_of(tmp_path / "in", people), tmp_path / "out")
    assert verdicts(done.rows) == {"new": "eligible"}
    assert (done.counts()["patients"], done.counts()["replaced"]) == (1, 1)


def test_only_the_old_one_says_so(study: Engine, tmp_path: Path) -> None:
    """The new one is looked at with the records of both, whichever of them is asked for."""
    source = folder_of(tmp_path / "in", hospital(link("replaced-by", "new"), []))
    done = same(study, source, tmp_path / "out")
    assert verdicts(done.rows) == {"new": "eligible"}
    assert (done.counts()["patients"], done.counts()["replaced"]) == (1, 1)
    assert matched(study, from_path(source), "old") == ("Patient/new", done.rows["Patient/new"])


def test_only_the_new_one_says_so(study: Engine, tmp_path: Path) -> None:
    """The old one does not say that it is no longer used: it is looked at, too, with the diagnosis that it has."""
    done = same(study, folder_of(tmp_path / "in", hospital([], link("replaces", "old"))), tmp_path / "out")
    assert verdicts(done.rows) == {"new": "eligible", "old": "possible"}
    assert (done.counts()["patients"], done.counts()["replaced"]) == (2, 0)


def test_each_says_that_the_other_one_counts(study: Engine, tmp_path: Path) -> None:
    """Nobody is lost: both are looked at with the records of both."""
    people = hospital(link("replaced-by", "new"), link("replaced-by", "old"))
    done = same(study, folder_of(tmp_path / "in", people), tmp_path / "out")
    assert verdicts(done.rows) == {"new": "eligible", "old": "eligible"}
    assert (done.counts()["patients"], done.counts()["replaced"]) == (2, 0)


def test_somebody_leads_to_a_circle(study: Engine, tmp_path: Path) -> None:
    people = [
        *hospital(link("replaced-by", "new"), link("replaced-by", "old")),
        person("x", link=link("replaced-by", "old")),
    ]
    done = same(study, folder_of(tmp_path / "in", people), tmp_path / "out")
    assert set(verdicts(done.rows)) == {"new", "old"}
    assert (done.counts()["patients"], done.counts()["replaced"]) == (2, 1)


def test_the_one_that_counts_is_not_there(study: Engine, tmp_path: Path) -> None:
    people = hospital(link("replaced-by", "gone"), link("replaces", "gone"))
    """Old was replaced by somebody whom new replaced: new has the records of both, and old does not know of new."""
    done = same(study, folder_of(tmp_path / "in", people), tmp_path / "out")
    assert verdicts(done.rows) == {"new": "eligible", "old": "possible"}
    assert (done.counts()["patients"], done.counts()["replaced"]) == (2, 0)


@pytest.mark.parametrize("kind", ["seealso", "refer"])
def test_links_that_do_not_merge(study: Engine, tmp_path: Path, kind: str) -> None:
    done = same(study, folder_of(tmp_path / "in", hospital(link(kind, "new"), link(kind, "old"))), tmp_path / "out")
    assert verdicts(done.rows) == {"old": "possible"}


def test_a_chain(study: Engine, tmp_path: Path) -> None:
    """The oldest was replaced by the old one before that was replaced."""
    old = [*link("replaced-by", "new"), *link("replaces", "oldest")]
    people = [*hospital(old, link("replaces", "old")), person("oldest", link=link("replaced-by", "old"))]
    done = same(study, folder_of(tmp_path / "in", people), tmp_path / "out")
    assert verdicts(done.rows) == {"new": "eligible"}
    assert (done.counts()["patients"], done.counts()["replaced"]) == (1, 2)
