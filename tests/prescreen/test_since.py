"""What changed since an earlier run: whose verdict is another one, and because of which fact."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from trialmatch.errors import BadInput, UsageError
from trialmatch.prescreen.since import CHANGED, CHANGES, Change
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import Screened, engine_of, folder_of, screened
from tests.prescreen.people import LOINC, condition, hemoglobin, person
from tests.spec.criteria import aged, diagnosis, gate, measured, named, quantity, valid_for

Json = dict[str, Any]

SLE = named("I1", gate(diagnosis("sle")))
ADULT = named("I2", aged(18, 65))
HEMOGLOBIN = named("I3", measured("hemoglobin", quantity(">=", 10, "g/dL")))
CREATININE = named("I4", measured("creatinine", quantity("<=", 2, "mg/dL")))
CRITERIA = [SLE, ADULT, HEMOGLOBIN, CREATININE]


def creatinine(identity: str, whose: str, value: float, day: str = "2026-02-20", **more: Any) -> Json:
    """A result in mg/dL."""
    amount = {"value": value, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}
    code = {"coding": [{"system": LOINC, "code": "2160-0", "display": "Creatinine [Mass/volume] in Serum or Plasma"}]}
    return hemoglobin(identity, whose, value, day, code=code, valueQuantity=amount, **more)


def fit(name: str, **more: Any) -> list[Json]:
    """Somebody who meets all four criteria."""
    records = [condition(f"c-{name}", name), hemoglobin(f"h-{name}", name, 12), creatinine(f"k-{name}", name, 1)]
    return [person(name, **more), *records]


def without(resources: list[Json], *ids: str) -> list[Json]:
    return [one for one in resources if one["id"] not in ids]


class Nights:
    """Two nights of one hospital."""

    def __init__(self, folder: Path, criteria: list[Json] = CRITERIA, *more: list[Json]) -> None:
        self.folder, self.engine = folder, engine_of([criteria, *more])

    def first(self, resources: list[Json], **given: Any) -> Screened:
        self.before = screened(self.engine, folder_of(self.folder / "in-1", resources), self.folder / "out-1", **given)
        return self.before

    def second(self, resources: list[Json], engine: Engine | None = None, **given: Any) -> dict[str, Change]:
        source = folder_of(self.folder / "in-2", resources)
        self.now = screened(engine or self.engine, source, self.folder / "out-2", since=self.before.out, **given)
        assert self.now.summary.changes is not None
        return {change.patient.removeprefix("Patient/"): change for change in self.now.summary.changes}


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path)


def told(change: Change) -> tuple[str, str]:
    return change.before, change.now


def test_verdicts_that_change(nights: Nights) -> None:
    """Ann's hemoglobin rises over the limit of 10, Bea's diagnosis is new, Cleo's hemoglobin falls below it.

    Eve's creatinine was entered in error; Dora stays as she is and is not told.
    """
    before = [one for name in ("ann", "bea", "cleo", "dora", "eve") for one in fit(name)]
    before = [*without(before, "h-ann", "c-bea", "k-bea"), hemoglobin("h-ann", "ann", 9.8)]
    after = [
        *without(before, "k-eve"),
        hemoglobin("h-ann-2", "ann", 10.4, "2026-02-27"),
        condition("c-bea", "bea"),
        hemoglobin("h-cleo-2", "cleo", 8.7, "2026-02-27"),
        creatinine("k-eve", "eve", 1, status="entered-in-error"),
    ]
    assert set(nights.first(before).rows) == {"Patient/cleo", "Patient/dora", "Patient/eve"}
    changed = nights.second(after)
    assert {name: told(change) for name, change in changed.items()} == {
        "ann": ("ineligible", "eligible"),
        "bea": ("set aside", "possible"),
        "cleo": ("eligible", "ineligible"),
        "eve": ("eligible", "possible"),
    }
    assert changed["ann"].because.startswith("I3 ")
    assert changed["ann"].because.endswith(" 9.8 → 10.4 g/dL")
    assert changed["cleo"].because.endswith(" 12 → 8.7 g/dL")
    assert changed["bea"].because.startswith("I1 ")
    assert "→" not in changed["bea"].because  # of somebody set aside nothing is known that could have been another
    assert changed["eve"].because.startswith("I4 ")
    assert changed["eve"].because.endswith(" 1 mg/dL → nothing that counts")
    assert [change.patient for change in nights.now.summary.changes or ()] == [  # best first
        "Patient/ann",
        "Patient/bea",
        "Patient/eve",
        "Patient/cleo",
    ]


def test_the_two_files(nights: Nights) -> None:
    """One row a change; the Parquet file has the facts in columns besides."""
    before = [*without(fit("ann"), "h-ann"), hemoglobin("h-ann", "ann", 9.8), *fit("dora")]
    nights.first(before)
    nights.second([*before, hemoglobin("h-ann-2", "ann", 10.4, "2026-02-27")])
    out = nights.now.out
    assert {"changes.csv", "changes.parquet"} <= set(nights.now.run["outputs"])
    table = pq.read_table(out / "changes.parquet")
    assert table.schema.names == [name for name, _, _ in CHANGED]
    assert table.schema.field("facts").type == pa.list_(
        pa.struct([(name, pa.string()) for name in ("linkId", "text", "before", "now", "shownBefore", "shownNow")])
    )
    (row,) = table.to_pylist()
    with (out / "changes.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert list(csv.DictReader(stream)) == [{name: row[name] for name in CHANGES}]
    (fact,) = row["facts"]
    assert (fact["linkId"], fact["before"], fact["now"]) == ("I3", "unmet", "met")
    assert fact["shownBefore"].endswith(" 9.8 g/dL")
    assert fact["shownNow"].endswith(" 10.4 g/dL")


def test_a_quiet_night(nights: Nights) -> None:
    """Both files are there and have no rows."""
    nights.first(fit("ann"))
    assert nights.second(fit("ann")) == {}
    assert pq.read_table(nights.now.out / "changes.parquet").num_rows == 0
    with (nights.now.out / "changes.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert list(csv.reader(stream)) == [list(CHANGES)]


def test_a_study_that_was_not_in_the_earlier_run(tmp_path: Path) -> None:
    """Study-1 is new: its candidates are told as such, its ineligible patients not at all."""
    nights = Nights(tmp_path, CRITERIA, CRITERIA)
    resources = [*fit("ann"), *without(fit("bea"), "h-bea"), hemoglobin("h-bea", "bea", 6)]
    nights.first(resources, study_ids=("study-0",))
    changed = nights.second(resources)
    assert [(one.study, one.patient) for one in nights.now.summary.changes or ()] == [("study-1", "Patient/ann")]
    assert told(changed["ann"]) == ("not screened", "eligible")
    assert changed["ann"].because == "the study was not in the earlier run"


def test_a_study_that_is_no_longer_asked_for(tmp_path: Path) -> None:
    nights = Nights(tmp_path, CRITERIA, CRITERIA)
    nights.first(fit("ann"))
    assert nights.second(fit("ann"), study_ids=("study-0",)) == {}


def test_candidates_who_are_not_judged_any_longer(nights: Nights) -> None:
    """Each for a reason of its own; Ann's records stay behind without their Patient."""
    before = [one for name in ("ann", "bea", "cleo", "dora", "eve", "fay") for one in fit(name)]
    assert len(nights.first(before).rows) == 6
    link = [{"type": "replaced-by", "other": {"reference": "Patient/fay"}}]
    after = [
        *without(before, "ann", "bea", "cleo", "c-dora", "eve"),
        person("bea", deceasedDateTime="2026-02-28"),
        person("cleo", link=link),
        person("eve", "1955-04-12"),
    ]
    changed = nights.second(after)
    assert {name: told(change) for name, change in changed.items()} == {
        "ann": ("eligible", "not there"),
        "bea": ("eligible", "set aside"),
        "cleo": ("eligible", "not there"),
        "dora": ("eligible", "set aside"),
        "eve": ("eligible", "set aside"),
    }
    assert changed["ann"].because == "no such Patient is there any longer"
    assert changed["bea"].because == "deceased"
    assert changed["cleo"].because == "replaced by Patient/fay, who is looked at instead"
    assert changed["dora"].because.startswith("no record any longer of what the study must find on record (before: I1 ")
    assert changed["eve"].because == "age or sex outside the study's limits"
    (fact,) = changed["dora"].facts
    assert (fact["linkId"], fact["before"], fact["now"], fact["shownNow"]) == ("I1", "met", None, None)
    order = [one.patient for one in nights.now.summary.changes or ()]
    assert order == [f"Patient/{name}" for name in ("bea", "dora", "eve", "ann", "cleo")]


def test_a_criterion_that_is_new(nights: Nights) -> None:
    """It stands in the middle, so that every letter behind it moves; leaves are compared by their linkIds.

    Hemoglobin and creatinine are met for all. The new limit of 16 g/dL stops Bea, who has 17.
    """
    before = [*fit("ann"), *without(fit("bea"), "h-bea"), hemoglobin("h-bea", "bea", 17)]
    nights.first(before)
    new = named("I2.1", measured("hemoglobin", quantity("<=", 16, "g/dL")))
    changed = nights.second(before, engine_of([[SLE, ADULT, new, HEMOGLOBIN, CREATININE]]))
    assert {name: told(change) for name, change in changed.items()} == {"bea": ("eligible", "ineligible")}
    assert changed["bea"].because.startswith("I2.1 ")
    assert changed["bea"].because.endswith(" 17 g/dL; a new criterion, unmet")
    (fact,) = changed["bea"].facts
    assert (fact["linkId"], fact["before"], fact["now"], fact["shownBefore"]) == ("I2.1", None, "unmet", None)


def test_a_criterion_that_is_gone(nights: Nights) -> None:
    before = [*without(fit("ann"), "h-ann"), hemoglobin("h-ann", "ann", 9.8)]
    nights.first(before)
    changed = nights.second(before, engine_of([[SLE, ADULT, CREATININE]]))
    assert told(changed["ann"]) == ("ineligible", "eligible")
    assert changed["ann"].because == "I3: no longer a criterion"


def test_a_limit_that_is_another(nights: Nights) -> None:
    """The record is as it was; the study asks for 9 g/dL and no longer for 10."""
    before = [*without(fit("ann"), "h-ann"), hemoglobin("h-ann", "ann", 9.8)]
    nights.first(before)
    lower = named("I3", measured("hemoglobin", quantity(">=", 9, "g/dL")))
    changed = nights.second(before, engine_of([[SLE, ADULT, lower, CREATININE]]))
    words = " 9.8 g/dL, as before; unmet → met because of other studies or other details of the records"
    assert changed["ann"].because.endswith(words)


def test_time_that_passes(tmp_path: Path) -> None:
    """A hemoglobin of 20 February is good for 14 days: on 1 March it counts, on 8 March it is too old."""
    nights = Nights(
        tmp_path, [SLE, ADULT, named("I3", valid_for(measured("hemoglobin", quantity(">=", 10, "g/dL")), 14))]
    )
    nights.first(fit("ann"))
    changed = nights.second(fit("ann"), as_of=date(2026, 3, 8))
    assert told(changed["ann"]) == ("eligible", "possible")
    assert " 12 g/dL, as before; met → unknown because of another day of screening" in changed["ann"].because


def test_what_could_not_be_read(nights: Nights) -> None:
    """A line that is no JSON makes Conditions incomplete; without it nothing is on record of Bea, and that counts."""
    resources = [*fit("ann"), *without(fit("bea"), "c-bea")]
    folder = folder_of(nights.folder / "in-1", resources)
    with (folder / "Condition.ndjson").open("a") as stream:
        stream.write("{oops\n")
    nights.before = screened(nights.engine, folder, nights.folder / "out-1")
    assert set(nights.before.rows) == {"Patient/ann", "Patient/bea"}
    changed = nights.second(resources)
    assert told(changed["bea"]) == ("possible", "set aside")
    assert changed["bea"].because == "no record any longer of what the study must find on record"


def test_files_of_changes_do_not_outlive_their_run(nights: Nights) -> None:
    nights.first(fit("ann"))
    nights.second(fit("bea"))
    again = screened(nights.engine, nights.folder / "in-2", nights.now.out)
    assert not [path.name for path in again.out.glob("changes.*")]


@pytest.mark.parametrize("name", ["run.json", "findings.parquet"])
def test_what_is_no_earlier_run(nights: Nights, name: str) -> None:
    """Said before anything is read where it can be, in one line always."""
    nights.first(fit("ann"))
    path = nights.before.out / name
    path.write_bytes(b"PAR1 or not")
    with pytest.raises(BadInput, match=rf"{name}: cannot be read \(.*\); expected what a finished prescreen left"):
        nights.second(fit("ann"))
    path.unlink()
    with pytest.raises(UsageError, match=rf"no finished run is there \({name} is missing\)"):
        nights.second(fit("ann"))


def test_an_earlier_run_whose_leaves_do_not_fit(nights: Nights) -> None:
    nights.first([*without(fit("ann"), "h-ann"), hemoglobin("h-ann", "ann", 9.8)])
    path = nights.before.out / "run.json"
    run = json.loads(path.read_bytes())
    run["studies"][0]["leaves"].pop()
    path.write_text(json.dumps(run))
    with pytest.raises(BadInput, match="cannot be read"):
        nights.second(fit("ann"))
