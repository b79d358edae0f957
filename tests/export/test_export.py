"""A bulk export against a scripted server: what is asked, how breaks and refusals end, what lies in the folder."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trialmatch.config import Settings
from trialmatch.errors import BadInput, SourceUnavailable
from trialmatch.fhir.bulk.export import Server
from trialmatch.fhir.bulk.request import Request
from trialmatch.fhir.patient.needs import Needs
from trialmatch.prescreen.export import Exported, earlier_time, export

from tests.export.server import Answer, Asked, BulkServer, serving

PATIENTS = [{"resourceType": "Patient", "id": f"p{number}"} for number in range(3)]
RESULTS = [
    {"resourceType": "Observation", "id": f"o{number}", "subject": {"reference": "Patient/p1"}} for number in range(400)
]
FILES = {"Patient-1": PATIENTS, "Observation-1": RESULTS[:150], "Observation-2": RESULTS[150:]}


@pytest.fixture
def bulk() -> Iterator[BulkServer]:
    with serving(BulkServer(dict(FILES))) as server:
        yield server


class Clock:
    """Waits for nobody, and remembers how long it should have."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


def run(bulk: BulkServer, folder: Path, **given: Any) -> tuple[Exported, Clock]:
    clock = Clock()
    settings = Settings(**given.pop("settings", {}))
    server = Server(bulk.url, settings, bearer=lambda: "secret", sleep=clock)
    request = Request(
        given.pop("url", bulk.url), ("Patient", "Observation"), given.pop("filters", ()), given.pop("since", None)
    )
    return export(server, request, folder, **given), clock


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    path = folder / name
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


def test_an_export_lies_in_the_folder_as_the_server_gave_it(bulk: BulkServer, tmp_path: Path) -> None:
    done, clock = run(bulk, tmp_path / "x")
    assert lines(done.folder, "Patient.0000.ndjson") == PATIENTS
    assert lines(done.folder, "Observation.0001.ndjson") + lines(done.folder, "Observation.0002.ndjson") == RESULTS
    assert (done.partial, done.problems, done.transaction_time) == ({}, (), "2026-03-01T00:00:00Z")
    assert clock.waits == [7.0]  # one poll said 202 with Retry-After: 7
    assert bulk.removed
    kick = bulk.of("$export")[0]
    assert kick.headers["prefer"] == "respond-async"
    assert kick.query == {"_outputFormat": ["application/fhir+ndjson"], "_type": ["Patient,Observation"]}
    assert all(one.headers["authorization"] == "Bearer secret" for one in bulk.asked)
    assert not list(done.folder.glob("*.part*"))


def test_the_progress_is_what_the_server_says(bulk: BulkServer, tmp_path: Path) -> None:
    told: list[str] = []
    run(bulk, tmp_path / "x", tell=told.append)
    assert "The server prepares it: half way" in told


def test_compressed_files_stay_compressed(bulk: BulkServer, tmp_path: Path) -> None:
    bulk.compress = True
    done, _ = run(bulk, tmp_path / "x")
    assert lines(done.folder, "Observation.0002.ndjson.gz") == RESULTS[150:]


def test_a_group_is_exported_at_its_own_address(bulk: BulkServer, tmp_path: Path) -> None:
    run(bulk, tmp_path / "x", url=f"{bulk.url}/Group/lupus")
    assert bulk.of("$export")[0].path == "/fhir/Group/lupus/$export"


def test_a_long_list_of_codes_goes_as_a_post(bulk: BulkServer, tmp_path: Path) -> None:
    filters = ("Observation?code=" + ",".join(str(number) for number in range(1_000)),)
    done, _ = run(bulk, tmp_path / "x", filters=filters)
    kick = bulk.of("$export")[0]
    assert kick.method == "POST"
    given = json.loads(kick.body)["parameter"]
    assert {"name": "_typeFilter", "valueString": filters[0]} in given
    # HAPI reads only the first of several _type
    assert [one["valueString"] for one in given if one["name"] == "_type"] == ["Patient,Observation"]
    assert done.narrowed


def test_a_server_that_refuses_filters_gives_everything(bulk: BulkServer, tmp_path: Path) -> None:
    def strict(asked: Asked) -> Answer | None:
        return Answer(400) if "_typeFilter" in asked.query else None

    bulk.scripts = [strict]
    done, _ = run(bulk, tmp_path / "x", filters=("Observation?code=1",))
    assert not done.narrowed
    assert lines(done.folder, "Patient.0000.ndjson") == PATIENTS


def once(path: str, answer: Answer) -> Any:
    """A script that answers so the first time a path is asked for."""
    left = [answer]
    return lambda asked: left.pop() if asked.path.endswith(path) and left else None


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("path", ["$export", "status/1", "files/Observation-1"])
def test_what_fails_in_passing_is_tried_again(bulk: BulkServer, tmp_path: Path, path: str, status: int) -> None:
    bulk.scripts = [once(path, Answer(status, headers={"Retry-After": "11"}))]
    done, clock = run(bulk, tmp_path / "x")
    assert lines(done.folder, "Observation.0001.ndjson") == RESULTS[:150]
    assert 11.0 in clock.waits
    assert done.partial == {}


def test_an_error_that_calls_itself_transient_passes(bulk: BulkServer, tmp_path: Path) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "transient"}]}
    bulk.scripts = [once("status/1", Answer(500, json.dumps(outcome).encode()))]
    done, _ = run(bulk, tmp_path / "x")
    assert done.partial == {}


@pytest.mark.parametrize("tag", [True, False])
@pytest.mark.parametrize("compress", [True, False])
def test_a_break_in_the_middle_is_gone_on_with(bulk: BulkServer, tmp_path: Path, tag: bool, compress: bool) -> None:
    """With a strong validator only the rest is asked for; without one the file is fetched anew."""
    bulk.tag, bulk.compress = tag, compress
    whole = gzip.compress(bulk.files["Observation-1"], mtime=0) if compress else bulk.files["Observation-1"]
    headers = ({"ETag": '"one"'} if tag else {}) | ({"Content-Encoding": "gzip"} if compress else {})
    bulk.scripts = [once("files/Observation-1", Answer(200, whole, headers, cut=100))]
    done, _ = run(bulk, tmp_path / "x")
    assert lines(done.folder, "Observation.0001.ndjson" + (".gz" if compress else "")) == RESULTS[:150]
    assert [one.headers.get("range") for one in bulk.of("Observation-1")] == [None, "bytes=100-" if tag else None]


def test_a_file_that_changed_meanwhile_is_fetched_anew(bulk: BulkServer, tmp_path: Path) -> None:
    old = Answer(200, b'{"resourceType": "Observation", "id": "old"}\n' * 50, {"ETag": '"zero"'}, cut=100)
    bulk.scripts = [once("files/Observation-1", old)]
    done, _ = run(bulk, tmp_path / "x")
    assert lines(done.folder, "Observation.0001.ndjson") == RESULTS[:150]


def test_a_file_that_never_comes_makes_its_type_partial(bulk: BulkServer, tmp_path: Path) -> None:
    bulk.scripts = [lambda asked: Answer(403) if asked.path.endswith("Observation-2") else None]
    done, _ = run(bulk, tmp_path / "x")
    assert done.partial == {"Observation": "a file of the export could not be fetched"}
    assert "refused (403)" in done.problems[0]
    assert not bulk.removed  # a later --resume may still get it


def test_a_file_with_another_number_of_resources_is_said(bulk: BulkServer, tmp_path: Path) -> None:
    bulk.counts["Observation-2"] = 251
    done, _ = run(bulk, tmp_path / "x")
    assert set(done.partial) == {"Observation"}
    assert "250 resources; the server announced 251" in done.problems[0]
    assert len(bulk.of("Observation-2")) == 2  # it was tried once more


def test_nothing_at_all_is_a_failure(bulk: BulkServer, tmp_path: Path) -> None:
    bulk.scripts = [lambda asked: Answer(404) if "/files/" in asked.path else None]
    with pytest.raises(SourceUnavailable, match="refused"):
        run(bulk, tmp_path / "x")


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "refuses access"), (403, "refuses access"), (404, r"offers no \$export"), (500, r"does not give .*500")],
)
def test_a_refused_kick_off(bulk: BulkServer, tmp_path: Path, status: int, words: str) -> None:
    bulk.scripts = [lambda asked: Answer(status)]
    with pytest.raises(SourceUnavailable, match=words) as caught:
        run(bulk, tmp_path / "x")
    assert "secret" not in str(caught.value)


def test_an_export_that_ran_out_is_asked_for_once_more(bulk: BulkServer, tmp_path: Path) -> None:
    bulk.scripts = [once("status/1", Answer(404))]
    done, _ = run(bulk, tmp_path / "x")
    assert len(bulk.of("$export")) == 2
    assert done.partial == {}


def test_an_export_that_is_never_ready_ends(bulk: BulkServer, tmp_path: Path) -> None:
    bulk.polls = 10_000
    with pytest.raises(SourceUnavailable, match="not ready after 3 seconds"):
        run(bulk, tmp_path / "x", settings={"export_timeout": 3.0})


def other_origin(place: str, elsewhere: str) -> Any:
    def script(asked: Asked, bulk: BulkServer) -> Answer | None:
        if place == "status" and asked.path.endswith("$export"):
            return Answer(202, headers={"Content-Location": f"{elsewhere}/status"})
        if place == "file" and asked.path.endswith("status/1") and asked.method == "GET":
            manifest = bulk.manifest()
            manifest["output"][0]["url"] = f"{elsewhere}/Patient"
            return Answer(200, json.dumps(manifest).encode())
        return None

    return script


@pytest.mark.parametrize("elsewhere", ["http://127.0.0.2:9", "http://127.0.0.1:99999"])
@pytest.mark.parametrize("place", ["status", "file"])
def test_another_origin_is_not_followed(bulk: BulkServer, tmp_path: Path, place: str, elsewhere: str) -> None:
    """Nor an address that there cannot be."""
    script = other_origin(place, elsewhere)
    bulk.scripts = [lambda asked: script(asked, bulk)]
    with pytest.raises(SourceUnavailable, match="another origin"):
        run(bulk, tmp_path / "x")


def test_files_of_a_named_host_are_fetched_without_the_token_if_none_is_required(
    bulk: BulkServer, tmp_path: Path
) -> None:
    with serving(BulkServer({"Patient-1": PATIENTS})) as storage:
        there = storage.url.replace("127.0.0.1", "localhost")

        def script(asked: Asked) -> Answer | None:
            if asked.path.endswith("status/1") and asked.method == "GET":
                manifest = bulk.manifest() | {"requiresAccessToken": False}
                manifest["output"] = [{"type": "Patient", "url": f"{there}/files/Patient-1"}]
                return Answer(200, json.dumps(manifest).encode())
            return None

        bulk.scripts = [script]
        done, _ = run(bulk, tmp_path / "x", settings={"export_hosts": "localhost"})
        assert lines(done.folder, "Patient.0000.ndjson") == PATIENTS
        assert "authorization" not in storage.asked[0].headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"<html>",
        b'{"transactionTime": "2026", "output": 7}',
        b'{"transactionTime": "2026", "output": [{"type": "Patient"}]}',
    ],
)
def test_a_manifest_that_is_none(bulk: BulkServer, tmp_path: Path, body: bytes) -> None:
    bulk.scripts = [lambda asked: Answer(200, body) if asked.path.endswith("status/1") else None]
    with pytest.raises(SourceUnavailable, match="manifest"):
        run(bulk, tmp_path / "x")


def test_a_manifest_of_several_pages(bulk: BulkServer, tmp_path: Path) -> None:
    bulk.polls = 0

    def script(asked: Asked) -> Answer | None:
        manifest = bulk.manifest()
        if asked.path.endswith("status/1") and asked.method == "GET":
            manifest["output"] = manifest["output"][:1]
            manifest["link"] = [{"relation": "next", "url": f"{bulk.url}/status/2"}]
        elif asked.path.endswith("status/2"):
            manifest["output"] = manifest["output"][1:]
        else:
            return None
        return Answer(200, json.dumps(manifest).encode())

    bulk.scripts = [script]
    done, _ = run(bulk, tmp_path / "x")
    assert lines(done.folder, "Observation.0002.ndjson") == RESULTS[150:]


def test_pages_of_a_manifest_that_go_round(bulk: BulkServer, tmp_path: Path) -> None:
    def script(asked: Asked) -> Answer | None:
        manifest = bulk.manifest() | {"link": [{"relation": "next", "url": f"{bulk.url}/status/2"}]}
        return Answer(200, json.dumps(manifest).encode()) if "/status/" in asked.path else None

    bulk.scripts = [script]
    with pytest.raises(SourceUnavailable, match="circles"):
        run(bulk, tmp_path / "x")


@pytest.mark.parametrize(("severity", "partial"), [("error", {"Patient", "Observation"}), ("information", set())])
def test_errors_of_the_export_make_every_type_partial(
    bulk: BulkServer, tmp_path: Path, severity: str, partial: set[str]
) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing"}]}
    bulk.files["OperationOutcome-1"] = json.dumps(outcome).encode()
    bulk.counts["OperationOutcome-1"] = 1
    bulk.errors = ["OperationOutcome-1"]
    done, _ = run(bulk, tmp_path / "x")
    assert set(done.partial) == partial
    assert not list(done.folder.glob("OperationOutcome*"))


def test_a_killed_export_goes_on(bulk: BulkServer, tmp_path: Path) -> None:
    """The second run asks neither for an export nor for the files that are there."""

    class Killed(BaseException):
        pass

    def die(asked: Asked) -> Answer | None:
        if asked.path.endswith("Observation-2"):
            bulk.scripts = []
            return Answer(200, bulk.files["Observation-2"], {"ETag": '"one"'}, cut=50)
        return None

    def waits(seconds: float) -> None:
        if not bulk.scripts and bulk.of("Observation-2"):
            raise Killed

    bulk.scripts = [die]
    server = Server(bulk.url, Settings(), sleep=waits)
    request = Request(bulk.url, ("Patient", "Observation"))
    with pytest.raises(Killed):
        export(server, request, tmp_path / "x")
    before = len(bulk.asked)
    done, _ = run(bulk, tmp_path / "x")
    again = bulk.asked[before:]
    assert [(one.path, one.headers.get("range")) for one in again if one.method == "GET"] == [
        ("/fhir/files/Observation-2", "bytes=50-")
    ]
    assert lines(done.folder, "Observation.0002.ndjson") == RESULTS[150:]


def test_a_finished_export_is_not_asked_for_again_but_a_damaged_file_is(bulk: BulkServer, tmp_path: Path) -> None:
    run(bulk, tmp_path / "x")
    before = len(bulk.asked)
    run(bulk, tmp_path / "x")
    assert len(bulk.asked) == before
    (tmp_path / "x" / "Patient.0000.ndjson").write_text("{}\n")
    done, _ = run(bulk, tmp_path / "x")
    assert lines(done.folder, "Patient.0000.ndjson") == PATIENTS


def test_a_folder_with_something_else_is_left_alone(bulk: BulkServer, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        run(bulk, tmp_path)
    run(bulk, tmp_path / "x")
    with pytest.raises(BadInput, match="another export"):
        run(bulk, tmp_path / "x", url=f"{bulk.url}/Group/1")


def test_the_next_night_brings_only_what_changed(bulk: BulkServer, tmp_path: Path) -> None:
    """Of p0–p2, p1 was deleted; o0 has a new version; the other files stay as they are."""
    run(bulk, tmp_path / "first")
    since = earlier_time(tmp_path / "first")
    newer = RESULTS[0] | {"status": "amended"}
    gone = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": "Patient/p1"}}],
    }
    changed = BulkServer({"Observation-9": [newer], "Bundle-1": [gone]}, polls=0)
    changed.deleted = ["Bundle-1"]
    with serving(changed):
        done, _ = run(changed, tmp_path / "second", since=since, earlier=tmp_path / "first")
    assert changed.of("$export")[0].query["_since"] == ["2026-03-01T00:00:00Z"]
    assert lines(done.folder, "Patient.0000.ndjson") == [PATIENTS[0], PATIENTS[2]]
    assert lines(done.folder, "Observation.0001.ndjson") == RESULTS[:150]
    assert lines(done.folder, "Observation.0003.ndjson") == [newer]
    assert lines(tmp_path / "first", "Patient.0000.ndjson") == PATIENTS


def test_an_unfinished_export_is_no_start_for_the_next(bulk: BulkServer, tmp_path: Path) -> None:
    bulk.scripts = [lambda asked: Answer(403) if asked.path.endswith("Observation-2") else None]
    run(bulk, tmp_path / "x")
    with pytest.raises(BadInput, match="no complete export"):
        earlier_time(tmp_path / "x")


def test_only_what_criteria_use_is_asked_for() -> None:
    needs = Needs(("Patient", "Observation", "MedicationRequest"), frozenset({("http://loinc.org", "718-7")}))
    request = Request.of("http://h/fhir", needs)
    assert request.types == ("Patient", "Observation", "MedicationRequest", "Medication")
    assert request.filters == ("Observation?combo-code=http%3A%2F%2Floinc.org%7C718-7",)


def test_where_silence_decides_all_observations_are_asked_for() -> None:
    """A record that only its words connect with such a criterion must not be left out."""
    codes = frozenset({("http://loinc.org", "718-7")})
    assert Request.of("http://h/fhir", Needs(("Patient", "Observation"), codes, frozenset({"swollen"}))).filters == ()


def test_a_server_that_refuses_medications_gives_the_rest(bulk: BulkServer) -> None:
    """As HAPI does of a group; the filters stay."""

    def of_patients_only(asked: Asked) -> Answer | None:
        refused = asked.path.endswith("$export") and "Medication" in asked.query["_type"][0].split(",")
        return Answer(400) if refused else None

    bulk.scripts = [of_patients_only]
    asked = Request(bulk.url, ("Patient", "MedicationRequest", "Medication"), ("Observation?code=1",))
    _, taken = Server(bulk.url, Settings()).kick_off(asked)
    assert taken == Request(bulk.url, ("Patient", "MedicationRequest"), ("Observation?code=1",))


def test_types_that_a_server_has_none_of_are_left_out(bulk: BulkServer, tmp_path: Path) -> None:
    """smart-on-fhir/bulk-data-server names them one at a time; what they might have held is not known."""

    def strict(asked: Asked) -> Answer | None:
        for kind in ("Procedure", "Immunization"):
            if kind in asked.query.get("_type", [""])[0].split(","):
                words = f'The requested resource type "{kind}" is not available on this server'
                outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": words}]}
                return Answer(400, json.dumps(outcome).encode())
        return None

    bulk.scripts = [strict]
    types = ("Patient", "Observation", "Procedure", "Immunization", "Medication")
    request = Request(bulk.url, types, ("Observation?code=1",))
    done = export(Server(bulk.url, Settings(), sleep=Clock()), request, tmp_path / "x")
    assert [one.query["_type"][0] for one in bulk.of("$export")][-1] == "Patient,Observation,Medication"
    assert done.narrowed  # the filter was not what it refused
    assert done.partial == dict.fromkeys(("Immunization", "Procedure"), "the server exports none of it")
    assert f"{bulk.url}/$export: it exports no Procedure; what hangs on it is unknown" in done.problems
    assert earlier_time(tmp_path / "x") == "2026-03-01T00:00:00Z"  # there is nothing more to come


def test_a_server_that_refuses_patients_refuses(bulk: BulkServer, tmp_path: Path) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"details": {"text": "no Patient, no Observation here"}}]}
    bulk.scripts = [lambda asked: Answer(400, json.dumps(outcome).encode())]
    with pytest.raises(SourceUnavailable, match=r"it does not give the export \(400\)"):
        run(bulk, tmp_path / "x")
    assert len(bulk.asked) == 1
