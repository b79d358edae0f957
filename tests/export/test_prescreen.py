"""``trialmatch prescreen URL``: from the command line to the results, against the scripted server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from trialmatch.cli.main import main
from trialmatch.config import Settings
from trialmatch.demo import INDEX_DATE, hospital_path
from trialmatch.fhir.bulk.export import Server
from trialmatch.fhir.bulk.request import Request
from trialmatch.fhir.patient.sources import from_path
from trialmatch.prescreen.export import Exported

from tests.export.server import Answer, BulkServer, serving
from tests.prescreen.hospital import matched, screened, shipped

Json = dict[str, Any]


def demo() -> dict[str, list[Json]]:
    """The demo hospital as files of an export, Observations in two."""
    files = {}
    for path in sorted(Path(str(hospital_path())).glob("*.ndjson")):
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        kind = path.name.split(".")[0]
        if kind == "Observation":
            files["Observation-1"], files["Observation-2"] = lines[::2], lines[1::2]
        else:
            files[f"{kind}-1"] = lines
    return files


@pytest.fixture
def bulk() -> Iterator[BulkServer]:
    with serving(BulkServer(demo(), polls=0)) as server:
        yield server


def prescreen(source: object, out: Path, *more: object) -> Result:
    arguments = ["prescreen", source, "--out", out, "--as-of", INDEX_DATE, "--jobs", 1, *more]
    return CliRunner().invoke(main, [str(one) for one in arguments])


def rows(out: Path) -> list[Json]:
    """What the run found, apart from places in files: in an order of its own."""
    found = pq.read_table(out / "matches.parquet").to_pylist()
    for row in found:
        row["evidence"] = sorted(row["evidence"])
    return sorted(found, key=lambda row: (row["patient"], row["rank"]))


def run_of(out: Path) -> Json:
    found: Json = json.loads((out / "run.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """What comes of the files themselves."""
    out = tmp_path_factory.mktemp("files") / "out"
    assert prescreen(hospital_path(), out).exit_code == 0
    return rows(out)


def test_an_export_gives_what_the_files_give(bulk: BulkServer, expected: list[Json], tmp_path: Path) -> None:
    done = prescreen(bulk.url, tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert rows(tmp_path / "out") == expected
    assert run_of(tmp_path / "out")["export"] == {
        "server": bulk.url,
        "transactionTime": "2026-03-01T00:00:00Z",
        "since": None,
        "observationsByCode": False,
        "kept": None,
    }
    assert not (tmp_path / "out" / ".export").exists()
    assert "Fetching " in done.stderr
    assert bulk.removed


def test_a_group(bulk: BulkServer, expected: list[Json], tmp_path: Path) -> None:
    assert prescreen(f"{bulk.url}/Group/lupus", tmp_path / "out").exit_code == 0
    assert [one.path for one in bulk.of("$export")] == ["/fhir/Group/lupus/$export"]
    assert rows(tmp_path / "out") == expected


def test_a_type_that_came_partially_is_incomplete(bulk: BulkServer, tmp_path: Path) -> None:
    """Half of the results cannot be fetched: nothing is concluded from there being none, and the code is 5."""
    bulk.scripts = [lambda asked: Answer(404) if asked.path.endswith("/Observation-2") else None]
    done = prescreen(bulk.url, tmp_path / "out")
    assert done.exit_code == 5
    run = run_of(tmp_path / "out")
    assert run["state"] == "incomplete"
    assert run["partial"] == {"Observation": "a file of the export could not be fetched"}
    assert "Observation-2: a file of the export is refused (404); what hangs on it is unknown" in done.stderr


@pytest.mark.parametrize(("status", "words"), [(403, "refuses access"), (404, "offers no $export")])
def test_a_server_that_refuses(bulk: BulkServer, tmp_path: Path, status: int, words: str) -> None:
    bulk.scripts = [lambda asked: Answer(status)]
    done = prescreen(bulk.url, tmp_path / "out")
    assert done.exit_code == 4
    assert words in done.stderr
    assert not (tmp_path / "out" / "run.json").exists()


def test_the_next_night_asks_for_what_has_changed(bulk: BulkServer, tmp_path: Path) -> None:
    first = prescreen(bulk.url, tmp_path / "one", "--keep-export", tmp_path / "kept-one")
    assert first.exit_code == 0, first.output
    assert run_of(tmp_path / "one")["export"]["kept"] == str(tmp_path / "kept-one")
    # A candidate has died since: the Patient is all that the server gives.
    before = rows(tmp_path / "one")
    patient = before[0]["patient"].removeprefix("Patient/")
    people = demo()["Patient-1"]
    (changed,) = [one for one in people if one["id"] == patient]
    changed = {**changed, "deceasedBoolean": True, "meta": {"lastUpdated": "2026-03-01T08:00:00Z", "versionId": "9"}}
    with serving(BulkServer({"Patient-1": [changed]}, polls=0)) as night:
        # the same server: the export of the first night is laid under at the address of the second
        state = tmp_path / "kept-one" / "export.json"
        state.write_text(state.read_text("utf-8").replace(bulk.url, night.url), "utf-8")
        second = prescreen(
            night.url, tmp_path / "two", "--since", tmp_path / "one", "--keep-export", tmp_path / "kept-two"
        )
        assert night.of("$export")[0].query["_since"] == ["2026-03-01T00:00:00Z"]
    assert second.exit_code == 0, second.output
    assert rows(tmp_path / "two") == [row for row in before if row["patient"] != f"Patient/{patient}"]
    run = run_of(tmp_path / "two")
    assert run["export"]["since"] == "2026-03-01T00:00:00Z"
    changes = (tmp_path / "two" / "changes.csv").read_text("utf-8-sig").splitlines()[1:]
    assert {line.split(",")[1] for line in changes} == {f"Patient/{patient}"}


def test_without_a_kept_export_everything_is_asked_for(bulk: BulkServer, expected: list[Json], tmp_path: Path) -> None:
    assert prescreen(bulk.url, tmp_path / "one").exit_code == 0
    done = prescreen(bulk.url, tmp_path / "two", "--since", tmp_path / "one")
    assert done.exit_code == 0
    assert "kept no export" in done.stderr
    assert all("_since" not in one.query for one in bulk.of("$export"))
    assert rows(tmp_path / "two") == expected


def test_an_export_for_other_criteria_is_not_gone_on_from(bulk: BulkServer, tmp_path: Path) -> None:
    """The earlier one asked for what one study needs; what the others need would be missing."""
    one = prescreen(bulk.url, tmp_path / "one", "--keep-export", tmp_path / "kept", "--study", "NCT06892145")
    assert one.exit_code == 0
    done = prescreen(bulk.url, tmp_path / "two", "--since", tmp_path / "one")
    assert done.exit_code == 0
    assert "for other criteria" in done.stderr
    assert all("_since" not in one.query for one in bulk.of("$export"))


def test_a_broken_export_is_gone_on_with(bulk: BulkServer, expected: list[Json], tmp_path: Path) -> None:
    """The run is interrupted while it fetches; --resume asks for no second export and for no file twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trialmatch.prescreen.engine.find", _interrupted)
        assert prescreen(bulk.url, tmp_path / "out").exit_code != 0
    assert (tmp_path / "out" / ".export" / "export.json").exists()
    done = prescreen(bulk.url, tmp_path / "out", "--resume")
    assert done.exit_code == 0, done.output
    assert len(bulk.of("$export")) == 1
    assert len(bulk.of("/Observation-1")) == 1
    assert rows(tmp_path / "out") == expected


def _interrupted(folder: Path) -> None:
    raise KeyboardInterrupt


def test_an_export_of_yesterday_is_not_taken_for_one_of_today(bulk: BulkServer, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trialmatch.prescreen.engine.find", _interrupted)
        prescreen(bulk.url, tmp_path / "out")
    assert prescreen(bulk.url, tmp_path / "out").exit_code == 0
    assert len(bulk.of("$export")) == 2


def test_a_folder_in_use_keeps_no_export(bulk: BulkServer, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(hospital_path(), kept)
    done = prescreen(bulk.url, tmp_path / "out", "--keep-export", kept)
    assert done.exit_code == 2
    assert "not empty; expected a new folder, or --resume" in done.stderr
    assert not bulk.asked


def test_a_token_that_ran_out_is_renewed(bulk: BulkServer) -> None:
    """In the middle of a long export; the second token is one that the first was given up for."""
    bulk.scripts = [lambda asked: Answer(401) if asked.headers.get("authorization") != "Bearer new" else None]
    refused: list[str] = []

    def renew(token: str) -> str:
        refused.append(token)
        return "new"

    server = Server(bulk.url, Settings(), lambda: "old", renew=renew)
    assert server.send("GET", f"{bulk.url}/files/Patient-1", {}).status_code == 200
    assert refused == ["old"]


def test_a_token_that_is_refused_for_good(bulk: BulkServer) -> None:
    bulk.scripts = [lambda asked: Answer(401)]
    server = Server(bulk.url, Settings(), lambda: "old", renew=lambda refused: "new")
    assert server.send("GET", f"{bulk.url}/files/Patient-1", {}).status_code == 401
    assert len(bulk.asked) == 2


@pytest.mark.parametrize("scope", ["", "/", "/Group/a", "/Patient", "/Patient/$export", "/Group/a/$export", "/$export"])
def test_tokens_are_those_of_the_server(scope: str) -> None:
    """Whoever is exported, the server's SMART configuration is at its own address."""
    assert Request(f"https://a.example/fhir{scope}", ("Patient",)).base == "https://a.example/fhir"


def test_silence_about_unknown_codes_decides_nothing(tmp_path: Path) -> None:
    """Observations that were asked for by code: as for a patient whom the live client fetched so."""
    engine, source = shipped(), Path(str(hospital_path()))
    plain = screened(engine, source, tmp_path / "plain").rows
    done = screened(engine, source, tmp_path / "out", narrowed=frozenset({"Observation"})).rows
    records = from_path(source)
    records.source("Observation").narrowed = True
    for patient in sorted(records.patients()):
        person, expected = matched(engine, records, patient)
        assert done.get(person, []) == expected
    assert done != plain


def test_the_run_hears_how_observations_were_asked_for(
    bulk: BulkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []

    def narrow(*given: Any, **more: Any) -> Exported:
        shutil.copytree(hospital_path(), tmp_path / "x")
        return Exported(tmp_path / "x", "2026-03-01T00:00:00Z", narrowed=True)

    def listen(order: Any, *given: Any) -> None:
        heard.append((order.narrowed, order.export["observationsByCode"]))
        raise KeyboardInterrupt

    monkeypatch.setattr("trialmatch.prescreen.from_server.export", narrow)
    monkeypatch.setattr("trialmatch.prescreen.engine.run", listen)
    prescreen(bulk.url, tmp_path / "out")
    assert heard == [(frozenset({"Observation"}), True)]
