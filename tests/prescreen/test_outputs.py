"""The files of a run: their columns, as documented; safe in a spreadsheet; valid FHIR; a page that stands alone."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fhir.resources.R4B.researchsubject import ResearchSubject
from trialmatch.demo import hospital_path
from trialmatch.prescreen import attrition, outputs
from trialmatch.prescreen.engine import CHANGES as SINCE
from trialmatch.prescreen.engine import OUTPUTS
from trialmatch.prescreen.since import CHANGED, CHANGES
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import Screened, folder_of, screened
from tests.prescreen.people import condition, hemoglobin, person, three

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "prescreening.md").read_text("utf-8")


@pytest.fixture(scope="module")
def demo(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Screened:
    return screened(engine, hospital_path(), tmp_path_factory.mktemp("demo") / "out")


def test_the_files_are_those_that_are_told(demo: Screened) -> None:
    assert {path.name for path in demo.out.iterdir()} == {*OUTPUTS, "run.json"}
    assert set(demo.run["outputs"]) == set(OUTPUTS)
    for name in (*OUTPUTS, *SINCE, "run.json"):
        assert f"`{name}`" in PAGE


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("matches.parquet", outputs.MATCHES),
        ("findings.parquet", outputs.FINDINGS),
        ("attrition.parquet", attrition.COLUMNS),
    ],
)
def test_columns_are_documented(demo: Screened, file: str, columns: tuple[tuple[str, object, str], ...]) -> None:
    assert pq.read_schema(demo.out / file).names == [name for name, _, _ in columns]
    for name, _, meaning in columns:
        if name.startswith("unknown_"):
            continue  # one row of the page speaks of all of them
        assert f"| `{name}` | {meaning} |" in PAGE, name


def test_the_columns_of_the_logs_are_documented() -> None:
    for name, _, meaning in CHANGED:
        assert f"| `{name}` | {meaning} |" in PAGE, name
    assert ", ".join(f"`{name}`" for name in outputs.LOG) in PAGE
    assert ", ".join(f"`{name}`" for name in CHANGES) in PAGE


def test_what_run_json_holds_is_documented(demo: Screened) -> None:
    """Each of its keys has a row in the table, and so has each of its counts."""
    told = PAGE.split("### run.json")[1].split("\n\n## ")[0]
    keys = "".join(re.findall(r"^\| (`.*?) \|", told, re.MULTILINE))
    assert re.findall(r"`(\w+)`", keys) == [*demo.run]
    for name in demo.run["counts"]:
        assert f"`{name}`" in told


def test_the_log_is_the_rows_for_people(demo: Screened) -> None:
    with (demo.out / "screening-log.csv").open(encoding="utf-8-sig", newline="") as stream:
        logged = list(csv.DictReader(stream))
    assert (demo.out / "screening-log.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    rows = [row for rows in demo.rows.values() for row in rows]
    assert len(logged) == len(rows)
    by_key = {(row["patient"], row["study"]): row for row in rows}
    for line in logged:
        row = by_key[line["patient"], line["study"]]
        assert (line["verdict"], line["reason"]) == (row["verdict"], row["reason"])
        assert float(line["score"]) == row["score"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1", "' =1"),
        ("a\nb\x00", "a b "),
        ("Patient/x", "Patient/x"),
        (3, 3),
    ],
)
def test_no_cell_is_a_formula(value: object, cell: object) -> None:
    assert outputs.cell(value) == cell


def test_candidates_are_valid_fhir(demo: Screened) -> None:
    lines = (demo.out / "candidates.ndjson").read_bytes().splitlines()
    assert len(lines) == sum(len(rows) for rows in demo.rows.values()) > 0
    found = [json.loads(line) for line in lines]
    for one in found:
        subject = ResearchSubject.model_validate(one)
        assert subject.status == "candidate"
    assert len({one["id"] for one in found}) == len(found)
    told = {(one["individual"]["reference"], one["study"]["reference"]) for one in found}
    assert told == {(patient, f"ResearchStudy/{row['study']}") for patient, rows in demo.rows.items() for row in rows}


def test_extensions_of_candidates_may_stand_there(demo: Screened) -> None:
    """A FHIR validator asks the definition of each extension for the elements it may be on."""
    defined = {}
    for path in (ROOT / "profiles" / "structuredefinitions").glob("*.json"):
        resource = json.loads(path.read_text("utf-8"))
        defined[resource["url"]] = {one["expression"] for one in resource.get("context", ())}
    found = [json.loads(line) for line in (demo.out / "candidates.ndjson").read_bytes().splitlines()]
    urls = {extension["url"] for one in found for extension in one["extension"]}
    assert urls
    for url in urls:
        assert "ResearchSubject" in defined[url], url


def test_attrition_adds_up(demo: Screened) -> None:
    rows = pq.read_table(demo.out / "attrition.parquet").to_pylist()
    for study in {row["study"] for row in rows}:
        mine = [row for row in rows if row["study"] == study]
        count = {row["stage"]: row["patients"] for row in mine if row["stage"] != "criterion"}
        aside = sum(count[name] for name in ("no-record-of-disease", "deceased", "age-or-sex"))
        assert count["patients"] == aside + count["judged"] == demo.counts()["patients"]
        assert count["judged"] == sum(count[name] for name in ("eligible", "likely", "possible", "ineligible"))
        criteria = [row for row in mine if row["stage"] == "criterion"]
        for row in criteria:
            assert row["met"] + row["unmet"] + row["unknown"] == row["patients"] == count["judged"]
        left = [row["remain"] for row in criteria if row["remain"] is not None]
        assert left == sorted(left, reverse=True)
        if left:
            assert left[-1] == count["judged"] - count["ineligible"]
        kept = [row for rows in demo.rows.values() for row in rows if row["study"] == study]
        assert len(kept) == count["judged"] - count["ineligible"]
        for row in criteria:  # what is missing, counted over the rows themselves
            if any(row["linkId"] == one["parent"] for one in criteria):
                continue
            assert row["blocks"] == sum(row["linkId"] in one["missing"] for one in kept), row["linkId"]


def test_what_happened_to_three(engine: Engine, tmp_path: Path) -> None:
    """Ann is judged; Cleo has no lupus, Dora has died, Eve is 17 (the study is for adults)."""
    resources = [
        *three()[:1],
        condition("c1", "ann"),
        person("cleo"),
        person("dora", deceasedBoolean=True),
        condition("c2", "dora"),
        person("eve", "2008-03-02"),
        condition("c3", "eve"),
    ]
    done = screened(engine, folder_of(tmp_path / "in", resources), tmp_path / "out", study_ids=("NCT06892145",))
    (study,) = done.run["studies"]
    assert study["setAside"] == {"no-record-of-disease": 1, "deceased": 1, "age-or-sex": 1}
    assert (study["judged"], study["possible"]) == (1, 1)


class Links(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "data", "action") and value and not value.startswith("#"):
                self.fetched.append(value)


def test_the_page_stands_alone(demo: Screened) -> None:
    text = (demo.out / "attrition.html").read_text("utf-8")
    page = Links()
    page.feed(text)
    assert page.fetched == []
    assert "script" not in page.tags
    assert not re.search(r"url\(|@import", text)
    assert page.tags.count("h1") == 1
    for study in [{"id": one} for one in demo.run["undetermined"]] + demo.run["studies"]:
        assert study["id"] in text


def test_a_page_with_hostile_words(engine: Engine, tmp_path: Path) -> None:
    """Nothing of a study or a record becomes markup."""
    from dataclasses import replace

    evil = replace(engine.studies.get("NCT06892145"), title="<script>alert(1)</script>")
    own = replace(engine, studies=replace(engine.studies, studies=(evil,)))
    done = screened(own, folder_of(tmp_path / "in", three()), tmp_path / "out")
    assert "<script>" not in (done.out / "attrition.html").read_text("utf-8")


def test_what_changed_overnight(engine: Engine, tmp_path: Path) -> None:
    """Ann's ALT falls from 9 to 1.1 × ULN; Bea's diagnosis is new; Fay stays as she is and is not told."""
    alt = {"system": "http://loinc.org", "code": "1742-6", "display": "Alanine aminotransferase in Serum"}
    unit = {"unit": "U/L", "system": "http://unitsofmeasure.org", "code": "U/L"}

    def result(value: float, day: str) -> dict[str, object]:
        return hemoglobin(
            f"alt-{day}",
            "ann",
            value,
            day,
            code={"coding": [alt]},
            valueQuantity={"value": value, **unit},
            referenceRange=[{"high": {"value": 40, **unit}}],
        )

    before = [person(one) for one in ("ann", "bea", "fay")]
    before += [condition("c1", "ann"), condition("c3", "fay"), result(360, "2026-02-01")]
    after = [*before, condition("c2", "bea"), result(44, "2026-02-25")]
    only = {"study_ids": ("NCT06892145",)}
    first = screened(engine, folder_of(tmp_path / "one", before), tmp_path / "first", **only)
    assert set(first.rows) == {"Patient/fay"}  # 9 × ULN is unmet
    source = folder_of(tmp_path / "two", after)
    second = screened(engine, source, tmp_path / "second", since=first.out, **only)
    assert second.summary.changes is not None
    told = {change.patient: change for change in second.summary.changes}
    assert set(told) == {"Patient/ann", "Patient/bea"}
    assert (told["Patient/ann"].before, told["Patient/ann"].now) == ("ineligible", "possible")
    assert "360 → 44 U/L" in told["Patient/ann"].because
    assert (told["Patient/bea"].before, told["Patient/bea"].now) == ("set aside", "possible")
    assert "I3.a" in told["Patient/bea"].because
    with (second.out / "changes.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert {row["patient"] for row in csv.DictReader(stream)} == set(told)
    again = screened(engine, source, tmp_path / "third", since=second.out, **only)
    assert again.summary.changes == []
