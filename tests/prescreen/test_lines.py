"""Lines are found by their numbers: whatever stands around them, and never another one in their place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trialmatch.errors import BadInput
from trialmatch.prescreen import blocks, closer, fetch, shares, survey
from trialmatch.prescreen.blocks import Blocks, Lines
from trialmatch.prescreen.inputs import Input
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import Screened, folder_of, same, screened
from tests.prescreen.people import LOINC, condition, hemoglobin, person, three

ONE = {"study_ids": ("NCT06892145",)}


def input_of(path: Path) -> Input:
    """A file as a run finds it."""
    return Input(path, None, path.stat().st_size, 0)


def ranges_of(path: Path, step: int) -> list[Blocks]:
    """The blocks of a file that is read in ranges of ``step`` bytes."""
    file = input_of(path)
    return [blocks.counted(file, at, min(at + step, file.size)) for at in range(0, file.size, step)]


@given(
    lines=st.lists(st.text("ab", max_size=12), max_size=12),
    ended=st.booleans(),
    block=st.integers(1, 9),
    ranges=st.integers(1, 4),
)
def test_a_line_stands_behind_the_ends_before_it(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], ended: bool, block: int, ranges: int
) -> None:
    """Whatever the blocks: read from its block on, a line begins behind so many ends of lines."""
    path = tmp_path_factory.mktemp("lines") / "x.ndjson"
    path.write_bytes("\n".join(lines).encode() + (b"\n" if lines and ended else b""))
    content = path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", block)
        found = Lines(ranges_of(path, block * ranges))
        true = content.decode().splitlines()
        assert found.count == len(true)
        offsets, ends = found.blocks(np.arange(len(true)))
    for line, offset, before in zip(true, offsets, ends, strict=True):
        assert content[offset : offset + block].count(b"\n") >= before
        assert content[offset:].decode().split("\n")[before] == line
        assert before or offset == 0  # only the first line of a file begins with a block


def test_a_digest_tells_every_change(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson"
    path.write_bytes(b"a" * 100)
    before = blocks.digest_of(ranges_of(path, 30))
    assert before.startswith("xxh128:") and before == blocks.digest_of(ranges_of(path, 30))
    path.write_bytes(b"a" * 99 + b"b")
    assert blocks.digest_of(ranges_of(path, 30)) != before


@pytest.fixture(scope="module")
def plain(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Screened:
    folder = tmp_path_factory.mktemp("plain")
    return screened(engine, folder_of(folder / "in", three()), folder / "out", **ONE)


@pytest.mark.parametrize(
    ("between", "before", "after"),
    [
        (b"\n", b"", b"\n"),
        (b"\n", b"", b""),
        (b"\r\n", b"", b"\r\n"),
        (b"\n\n", b"", b"\n"),
        (b"\n \t\n", b"\n", b"\n\n\n"),
        (b"\n", b"\xef\xbb\xbf", b"\n"),
    ],
    ids=["plain", "no end of the last", "CRLF", "blank between", "blank around", "byte order mark"],
)
@pytest.mark.parametrize("block", [64, 200, 128 << 10])
def test_what_stands_between_lines(
    engine: Engine,
    plain: Screened,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    between: bytes,
    before: bytes,
    after: bytes,
    block: int,
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", block)
    monkeypatch.setattr(shares, "BLOCK", block)
    source = folder_of(tmp_path / "in", three())
    for path in source.iterdir():
        path.write_bytes(before + between.join(path.read_bytes().splitlines()) + after)
    done = same(engine, source, tmp_path / "out", **ONE)
    assert done.rows == plain.rows
    assert done.run["counts"] == plain.run["counts"]


@pytest.mark.parametrize("form", ["plain", "blank lines", "packed", "broken off"])
def test_few_lines_at_a_time(
    engine: Engine, plain: Screened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Whatever way a file is read, what is kept in memory of it is put together again in its order."""
    monkeypatch.setattr(shares, "LINES", 1)
    monkeypatch.setattr(fetch, "LINES", 1)
    source = folder_of(tmp_path / "in", three())
    for path in sorted(source.iterdir()):
        content = path.read_bytes()
        if form == "blank lines":
            path.write_bytes(content.replace(b"\n", b"\n\n"))
        elif form != "plain":
            packed = gzip.compress(content)
            end = -6 if form == "broken off" and path.name.startswith("Observation") else None
            path.with_suffix(".ndjson.gz").write_bytes(packed[:end])
            path.unlink()
    done = same(engine, source, tmp_path / "out", **ONE)
    assert done.rows.keys() == plain.rows.keys()
    assert (done.rows == plain.rows) == (form != "broken off")


@pytest.mark.parametrize(
    "written", ["Patient/\\u0061nn", "Patient\\/ann", "\\u0050atient/ann", "http:\\/\\/a/Patient/ann"]
)
def test_a_reference_that_is_written_in_another_way(
    engine: Engine, plain: Screened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """JSON may escape any character: the diagnosis and the result are Ann's all the same, without a closer look."""
    source = folder_of(tmp_path / "in", three())
    for name in ("Condition", "Observation"):
        path = source / f"{name}.ndjson"
        text = path.read_text("utf-8")
        assert text.count('"Patient/ann"') == 1
        path.write_text(text.replace('"Patient/ann"', f'"{written}"'), "utf-8")
    monkeypatch.setattr(closer, "look", None)
    done = same(engine, source, tmp_path / "out", **ONE)
    assert done.rows == plain.rows


@pytest.mark.parametrize("identity", ["zoë", "a b", "ann\\\\u0062"])
def test_an_id_of_unusual_characters(engine: Engine, tmp_path: Path, identity: str) -> None:
    """FHIR allows none of these (https://hl7.org/fhir/R4/datatypes.html#id); servers keep them all the same."""
    records = [person(identity), condition("c", identity), hemoglobin("o", identity, 12.1)]
    done = same(engine, folder_of(tmp_path / "in", records), tmp_path / "out", **ONE)
    assert list(done.rows) == [f"Patient/{identity}"]


def test_a_diagnosis_that_the_first_records_do_not_have(
    engine: Engine, plain: Screened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is bound beforehand is a matter of speed only."""
    monkeypatch.setattr(survey, "_SAMPLE", 1)
    source = folder_of(tmp_path / "in", three())
    path = source / "Condition.ndjson"
    path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))  # hypertension first
    assert same(engine, source, tmp_path / "out", **ONE).rows == plain.rows


@pytest.mark.parametrize("left", [3, 0], ids=["other lines", "no lines"])
def test_a_file_that_changes_while_it_is_read(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """Another line stands where Ann's result was, or none: nothing is concluded from what is not hers."""
    source = folder_of(tmp_path / "in", three())
    path = source / "Observation.ndjson"
    fetched = fetch.fetch

    def late(*given: object) -> object:
        others = [json.dumps(hemoglobin(f"n{one}", "cleo", 9.0)) + "\n" for one in range(left)]
        path.write_text("".join(others), "utf-8")
        return fetched(*given)

    monkeypatch.setattr("trialmatch.prescreen.reading.fetch", late)
    with pytest.raises(BadInput, match=r"Observation\.ndjson: changed while it was read; expected a file that stays"):
        screened(engine, source, tmp_path / "out", **ONE)
    assert not (tmp_path / "out" / "run.json").exists()


def table_of(files: list[int], lines: list[int], owners: list[int]) -> pa.Table:
    """Lines as the survey tells them."""
    columns = {"file": pa.array(files, pa.uint16()), "line": pa.array(lines, pa.uint32())}
    return pa.table({**columns, "owner": pa.array(owners, pa.uint32())})


def test_rows_of_no_file() -> None:
    assert blocks.by_file(table_of([], [], [])) == {}


def test_rows_by_file() -> None:
    found = blocks.by_file(table_of([1, 1, 65535], [4, 9, 2], [0, 7, 0]))
    assert {number: (rows.lines.tolist(), rows.owners.tolist()) for number, rows in found.items()} == {
        1: ([4, 9], [0, 7]),
        65535: ([2], [0]),
    }


def messy(folder: Path) -> Path:
    """Three patients, and lines that need a closer look: among them a diagnosis of Cleo's and a result of Bea's."""
    mrn = {"system": "urn:mrn", "value": "2"}
    source = folder_of(folder, [*three(), person("dora", identifier=[mrn])])
    more = {
        "Condition": [
            condition("c4", "cleo", subject={"reference": "cleo"}),
            condition("c5", "", subject={"identifier": mrn}),
        ],
        "Observation": [
            hemoglobin("o4", "bea", 9.0, "2026-02-25", subject={"reference": "bea"}),
            {"resourceType": "Observation", "id": "o5", "status": "final"},
            {key: value for key, value in hemoglobin("o6", "ann", 11.0).items() if key != "id"},
            hemoglobin("o7", "", 10.0, subject={"identifier": mrn}),
        ],
        "Patient": [{"resourceType": "Patient", "gender": "female"}],
    }
    for kind, resources in more.items():
        path = source / f"{kind}.ndjson"
        first, *rest = path.read_bytes().splitlines(keepends=True)
        odd = [json.dumps(one).encode() + b"\n" for one in resources]
        path.write_bytes(b"".join([first, b"no json\n", *odd, *rest]))
    return source


@pytest.mark.parametrize("form", ["plain", "blank lines", "packed"])
def test_odd_lines_are_looked_at_alone(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """What comes out is what a closer look at every line gives, and other lines are not parsed again."""
    source = messy(tmp_path / "in")
    for path in source.iterdir():
        content = path.read_bytes()
        if form == "blank lines":
            path.write_bytes(content.replace(b"\n", b"\n\n"))
        elif form == "packed":
            path.with_suffix(".ndjson.gz").write_bytes(gzip.compress(content))
            path.unlink()
    looked = []
    record_of = closer.record_of
    with monkeypatch.context() as patch:
        patch.setattr(closer, "record_of", lambda *given: (looked.append(given[0]), record_of(*given))[1])
        alone = same(engine, source, tmp_path / "alone", **ONE)
    assert len(looked) == 3 + 1 + 3 + 1  # the broken ones and those above, without those that an identifier names
    with monkeypatch.context() as patch:
        patch.setattr(survey, "_ODD", 0)
        whole = screened(engine, source, tmp_path / "whole", **ONE)
    assert alone.rows == whole.rows
    assert alone.run["faults"] == whole.run["faults"]
    factor = 2 if form == "blank lines" else 1
    condition_, *_ = alone.run["faults"]
    assert (condition_["file"].split(".")[0], condition_["line"]) == ("Condition", 1 + factor)
    assert len(alone.run["faults"]) == 4  # three lines that are no JSON, a result of nobody's
    keys = ("patients", "withoutId", "records", "orphans", "candidates")
    assert [alone.counts()[key] for key in keys] == [whole.counts()[key] for key in keys]
    assert alone.counts()["withoutId"] == 1
    assert set(alone.rows) == {f"Patient/{one}" for one in ("ann", "bea", "cleo", "dora")}


@pytest.mark.parametrize("odd", [0, 100_000])
@pytest.mark.parametrize("newest", ["first", "last"])
def test_a_version_that_is_odd(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newest: str, odd: int
) -> None:
    """A result was Ann's and is Bea's in its newest version, which says so without a type: it is Ann's no more."""
    monkeypatch.setattr(survey, "_ODD", odd)
    source = folder_of(tmp_path / "in", three())
    path = source / "Observation.ndjson"
    high = {
        "code": {"coding": [{"system": LOINC, "code": "1742-6"}]},
        "valueQuantity": {"value": 400, "system": "http://unitsofmeasure.org", "code": "U/L"},
        "referenceRange": [{"high": {"value": 40, "code": "U/L"}}],
    }
    before, after = ({"lastUpdated": f"2026-02-2{day}T10:00:00Z"} for day in (7, 8))
    versions = [
        hemoglobin("o9", "ann", 0, "2026-02-27", **high, meta=before),
        hemoglobin("o9", "", 0, "2026-02-27", **high, meta=after, subject={"reference": "bea"}),
    ]
    lines = [json.dumps(one).encode() + b"\n" for one in (versions if newest == "last" else reversed(versions))]
    path.write_bytes(path.read_bytes() + b"".join(lines))
    done = same(engine, source, tmp_path / "out", **ONE)
    assert list(done.rows) == ["Patient/ann"]  # ten times the limit of normal is too much for Bea
    assert done.counts()["repeated"] == 1


@pytest.mark.parametrize("whose", [("cleo", "ann"), ("ann", "cleo")])
def test_of_equally_new_versions_the_last_counts(engine: Engine, tmp_path: Path, whose: tuple[str, str]) -> None:
    """A result is in two files, each time somebody else's, and none is newer: the later file counts."""
    high = {
        "code": {"coding": [{"system": LOINC, "code": "1742-6"}]},
        "valueQuantity": {"value": 400, "system": "http://unitsofmeasure.org", "code": "U/L"},
        "referenceRange": [{"high": {"value": 40, "code": "U/L"}}],
    }
    source = folder_of(tmp_path / "in", three())
    for name, one in zip("ab", whose, strict=True):
        line = json.dumps(hemoglobin("o9", one, 0, "2026-02-27", **high)) + "\n"
        (source / f"Observation.{name}.ndjson").write_text(line, "utf-8")
    done = same(engine, source, tmp_path / "out", **ONE)
    assert ("Patient/ann" in done.rows) == (whose[1] != "ann")  # ten times the limit of normal is too much for Ann


def test_lines_with_one_id_that_are_no_json_after_all(engine: Engine, plain: Screened, tmp_path: Path) -> None:
    """DuckDB takes NaN for a number: of patients who are set aside, such lines pass, twice as well as once."""
    source = folder_of(tmp_path / "in", [*three(), hemoglobin("o1", "ann", 12.1)])
    path = source / "Observation.ndjson"
    line = json.dumps(hemoglobin("o8", "cleo", float("nan"))) + "\n"
    path.write_text(path.read_text("utf-8") + 2 * line, "utf-8")
    done = screened(engine, source, tmp_path / "out", **ONE)
    assert done.rows == plain.rows
    assert done.counts()["repeated"] == 1  # o1, which can be read


def test_the_first_line_of_a_packed_file_is_there_again(engine: Engine, plain: Screened, tmp_path: Path) -> None:
    """It begins with a byte order mark, and the file breaks off behind it, so that all of it is read closely."""
    source = folder_of(tmp_path / "in", three())
    path = source / "Observation.ndjson"
    again = (json.dumps(hemoglobin("o1", "bea", 12.1)) + "\n").encode()
    path.with_name("Observation.2.ndjson.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + again)[:-4])
    done = same(engine, source, tmp_path / "out", **ONE)
    assert done.counts()["repeated"] == 1


def test_an_encounter_that_is_no_json_after_all(engine: Engine, tmp_path: Path) -> None:
    """It is Ann's, so it is found in judging, and the run is done anew knowing of it."""
    visit = {"resourceType": "Encounter", "id": "e1", "status": "finished", "length": {"value": float("nan")}}
    visit["subject"] = {"reference": "Patient/ann"}
    result = hemoglobin("o5", "ann", 12.0, encounter={"reference": "Encounter/e2"})
    source = folder_of(tmp_path / "in", [*three(), visit, result])
    done = screened(engine, source, tmp_path / "out", **ONE)
    assert [(fault["file"], fault["line"]) for fault in done.run["faults"]] == [("Encounter.ndjson", 1)]
