"""The page of a prescreen: how far it is, what came of it, who may see it, and who is on record for seeing whom."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from trialmatch.demo import hospital_path
from trialmatch.errors import StoreUnavailable
from trialmatch.store import audit, runs
from trialmatch.store.runs import Run
from trialmatch.web.app import create_app
from trialmatch.web.pages import prescreen as pages_prescreen
from trialmatch.web.prescreens import results as prescreen_results

from tests.web.prescreened import TRIAL, asked_for, carried_out, here, under_way, write_export
from tests.web.world import AS_OF, Json, app_of, bearer, issued, settings_of, study_bundle

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def prescreening(folder: Path, **changes: Any) -> Flask:
    """A service that may prescreen what is under a folder, on the day of the demo; the hospital is never asked."""
    for name in ("kept", "exports"):
        (folder / name).mkdir(exist_ok=True)
    settings = settings_of(
        folder, prescreen_sources=str(folder / "exports"), prescreen_dir=str(folder / "kept"), prescreen_jobs=1,
        fhir_server="http://127.0.0.1:9/fhir", rate_limit="100000 per minute", **changes,
    )  # fmt: skip
    app = create_app(settings, clock=lambda: NOW.astimezone(settings.zone))
    if not changes:
        assert app.test_client().post("/api/v1/studies", json=study_bundle(TRIAL)).status_code == 201
    return app


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder = tmp_path_factory.mktemp("prescreening")
    write_export(folder / "exports" / "small")
    return prescreening(folder)


@pytest.fixture(scope="module")
def exports(app: Flask) -> Path:
    return Path(str(here(app).settings.prescreen_sources))


@pytest.fixture(scope="module")
def done(app: Flask, exports: Path) -> Run:
    """A prescreen of the small hospital that has ended."""
    run = carried_out(app, exports / "small")
    assert run.state == "done", run.progress
    return run


@pytest.fixture
def clean(app: Flask) -> Iterator[None]:
    """No prescreen is left waiting for other tests."""
    yield
    for run in runs.listed(here(app).store):
        runs.cancel(here(app).store, run.id, at=here(app).now())


def words(answer: Any) -> str:
    """What a page says, on one line."""
    main = re.search(r"<main.*</main>", answer.text, re.DOTALL)
    assert main is not None
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main[0])).split())


def seen(app: Flask, since: int) -> list[Json]:
    """What was written to the audit after so many entries."""
    return audit.events(here(app).store)[since:]


def patients_of(event: Json) -> list[str]:
    found = [one["what"].get("reference", "") for one in event["entity"]]
    return [one.removeprefix("Patient/") for one in found if one]


def test_what_came_of_it(app: Flask, client: FlaskClient, done: Run) -> None:
    """The numbers are those of the table in tests/web/prescreened.py."""
    answer = client.get(f"/prescreens/{done.id}")
    assert answer.status_code == 200
    said = words(answer)
    assert said.startswith("Prescreen as of 2026-03-01 Finished asked for by this computer on 2026-03-01 09:30, ended")
    assert "6 patients 3 may qualify for a study 1 study 0 lines could not be read" in said
    assert "A small trial" in said
    assert "All patients 6 Judged 3 50 % of all May qualify 3 100 % of those" in said
    assert "Eligible 0 Likely 2 Possible 1" in said
    assert (
        "Set aside before: 1 without a record that the study must find, such as its disease; 1 deceased;"
        " 1 of another age or sex." in said
    )
    assert "Ruled out" not in said
    assert "1 ada Likely 1 open point Nothing is unmet and no data are missing; 1 point needs a person." in said
    links = re.findall(r'href="(/patients/[^"]*)"', answer.text)
    assert links == [f"/patients/{name}?study={TRIAL}" for name in ("ada", "bea", "cleo")]
    assert f'href="/studies/{TRIAL}"' in answer.text
    assert "prescreen.js" not in answer.text  # nothing more will come


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_bars_are_as_long_as_the_numbers_say(client: FlaskClient, done: Run) -> None:
    """Of six: three judged are a half; two likely a third, and one possible a sixth after it."""
    page = client.get(f"/prescreens/{done.id}").text
    bars = re.findall(r'class="b-(\w+)" x="([\d.]+)" width="([\d.]+)"', page)
    assert bars == [
        ("all", "0.0", "100.0"), ("all", "0.0", "50.0"), ("likely", "0.0", "33.333"), ("possible", "33.333", "16.667"),
    ]  # fmt: skip


def test_whoever_looks_is_on_record_with_whom_they_saw(app: Flask, client: FlaskClient, done: Run) -> None:
    before = len(audit.events(here(app).store))
    client.get(f"/prescreens/{done.id}")
    (event,) = seen(app, before)
    assert (event["action"], event["outcome"]) == ("R", "0")
    assert event["purposeOfEvent"][0]["text"] == "page /prescreens/{run}"
    assert event["entity"][0]["what"] == {"identifier": {"value": done.id}}
    assert patients_of(event) == ["ada", "bea", "cleo"]  # nobody else is named on the page


def test_only_those_on_the_page_are_on_record(
    app: Flask, client: FlaskClient, done: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages_prescreen, "ON_A_PAGE", 2)
    before = len(audit.events(here(app).store))
    first = client.get(f"/prescreens/{done.id}?study={TRIAL}")
    second = client.get(f"/prescreens/{done.id}?study={TRIAL}&page=2")
    assert "1 to 2 of 3" in words(first) and "3 to 3 of 3" in words(second)
    assert f'href="/prescreens/{done.id}?study={TRIAL}&amp;page=2"' in first.text and 'rel="prev"' not in first.text
    assert f'href="/prescreens/{done.id}?study={TRIAL}&amp;page=1"' in second.text and 'rel="next"' not in second.text
    assert [patients_of(one) for one in seen(app, before)] == [["ada", "bea"], ["cleo"]]
    for odd, place in (("0", 1), ("x", 1), ("-1", 1), ("99", 3), ("9" * 50, 1)):
        assert f"{place} to " in words(client.get(f"/prescreens/{done.id}?study={TRIAL}&page={odd}"))


def test_nothing_is_shown_that_is_not_on_record(
    client: FlaskClient, done: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(audit, "record", full)
    for path in ("", "/screening-log.csv"):
        answer = client.get(f"/prescreens/{done.id}{path}")
        assert answer.status_code == 503 and "ada" not in answer.text


def test_the_best_come_first_as_in_the_screening_log(tmp_path: Path) -> None:
    """Of the demo hospital all 116 rows, study by study: the log's order and the page's are the same."""
    app = prescreening(tmp_path, session_minutes=30)
    source = tmp_path / "exports" / "demo"
    source.mkdir()
    for file in hospital_path().glob("*.ndjson"):
        (source / file.name).write_bytes(file.read_bytes())
    run = carried_out(app, source, studies=[])
    settings = here(app).settings
    with (prescreen_results.results(settings, run) / "screening-log.csv").open(encoding="utf-8-sig") as stream:
        log = list(csv.DictReader(stream))
    studies = {row["study"] for row in log}
    found = prescreen_results.ranked(settings, run, dict.fromkeys(studies, range(1000)))
    assert len(log) == sum(map(len, found.values())) > 100
    for study in studies:
        assert [row["patient"] for row in found[study]] == [row["patient"] for row in log if row["study"] == study]
    some = prescreen_results.ranked(settings, run, {"NCT06892145": range(3, 5)})
    assert some == {"NCT06892145": found["NCT06892145"][3:5]}
    assert prescreen_results.ranked(settings, run, {}) == {}

    page = words(app.test_client().get(f"/prescreens/{run.id}"))
    assert page.index("NCT06892145 26") < page.index("NCT07161193 38")  # eleven are likely for the former
    assert "Their record prints no criteria, so nobody was judged: CD19-BCMA-SLE-Wuhan-Union" in page


@pytest.mark.usefixtures("clean")
def test_a_prescreen_that_waits(app: Flask, client: FlaskClient, exports: Path) -> None:
    run = asked_for(app, exports / "small")
    before = len(audit.events(here(app).store))
    answer = client.get(f"/prescreens/{run}")
    assert "Waiting asked for by this computer on 2026-03-01 09:30 Patients" in words(answer)
    assert "It begins when those before it have ended." in words(answer)
    assert "Look again every 5 seconds" in words(answer) and "prescreen.js" in answer.text
    assert seen(app, before) == []  # it tells of no patient


@pytest.mark.usefixtures("clean")
def test_a_prescreen_under_way(app: Flask, client: FlaskClient, exports: Path) -> None:
    run = under_way(app, exports / "small", "reading 1 of 2 MB, 3 MB/s")
    said = words(client.get(f"/prescreens/{run.id}"))
    assert "Under way" in said and "reading 1 of 2 MB, 3 MB/s last heard of at 09:30:00" in said
    assert "ended" not in said


def test_a_prescreen_that_failed_says_why(app: Flask, client: FlaskClient, exports: Path) -> None:
    (exports / "empty").mkdir(exist_ok=True)
    run = carried_out(app, exports / "empty")
    answer = client.get(f"/prescreens/{run.id}")
    assert answer.status_code == 200
    assert "Failed" in words(answer) and "What it was to read is not as it has to be." in words(answer)
    assert "no NDJSON in it; expected files named like" in words(answer)


@pytest.mark.parametrize(
    ("code", "told"),
    [(4, "The hospital’s server could not be reached, or refused."), (1, "The service could not carry it out.")],
)
@pytest.mark.usefixtures("clean")
def test_whose_fault_it_was(app: Flask, client: FlaskClient, exports: Path, code: int, told: str) -> None:
    run = under_way(app, exports / "small")
    ended = {"words": "<b>it</b> broke", "exit": code}
    runs.update(here(app).store, run, at=here(app).now(), state="failed", progress=ended)
    answer = client.get(f"/prescreens/{run.id}")
    assert told in words(answer) and "&lt;b&gt;it&lt;/b&gt; broke" in answer.text


@pytest.mark.usefixtures("clean")
def test_a_prescreen_that_was_cancelled(app: Flask, client: FlaskClient, exports: Path) -> None:
    run = asked_for(app, exports / "small")
    runs.cancel(here(app).store, run, at=here(app).now())
    assert "It was cancelled before it ended." in words(client.get(f"/prescreens/{run}"))


def test_a_prescreen_that_could_not_read_everything(app: Flask, client: FlaskClient, exports: Path) -> None:
    """A line of Condition: its silence proves nothing any more, so fay is judged as well, and possible."""
    source = write_export(exports / "spoiled")
    with (source / "Condition.ndjson").open("ab") as stream:
        stream.write(b"{oops\n")
        stream.write(b'{"resourceType": "Condition", "id": "x", "subject": {"reference": "Patient/nobody"}}\n')
    run = carried_out(app, source)
    said = words(client.get(f"/prescreens/{run.id}"))
    assert "Finished, but incomplete" in said
    assert "Not everything could be read" in said and "Condition : some lines could not be read" in said
    assert "1 line could not be read 1 record is about nobody who is there" in said
    assert "Likely 2 Possible 2" in said and "4 fay Possible" in said


def test_results_that_are_gone(app: Flask, client: FlaskClient, exports: Path) -> None:
    run = carried_out(app, exports / "small")
    prescreen_results.remove(here(app).settings, [run.id])
    answer = client.get(f"/prescreens/{run.id}")
    assert answer.status_code == 200 and "Its results are not there any more." in words(answer)
    assert client.get(f"/prescreens/{run.id}/screening-log.csv").status_code == 404


@pytest.mark.parametrize("path", ["nothing", "{run}?study=nothing", "{run}/run.json", "{run}/changes.csv", "../api"])
def test_what_is_not_there(client: FlaskClient, done: Run, path: str) -> None:
    answer = client.get(f"/prescreens/{path.format(run=done.id)}", headers={"Accept": "text/html"})
    assert answer.status_code == 404 and "<h1>" in answer.text and "ada" not in answer.text


def test_another_day_is_looked_at_on_the_match_page_too(app: Flask, client: FlaskClient, exports: Path) -> None:
    """In 2033, dora is eighteen; whoever follows her link sees her as of then."""
    run = carried_out(app, exports / "small", asOf="2033-06-01")
    answer = client.get(f"/prescreens/{run.id}")
    assert f'href="/patients/dora?study={TRIAL}&amp;as_of=2033-06-01"' in answer.text


def test_files(app: Flask, client: FlaskClient, done: Run) -> None:
    out = prescreen_results.results(here(app).settings, done)
    before = len(audit.events(here(app).store))
    log = client.get(f"/prescreens/{done.id}/screening-log.csv")
    assert log.data == (out / "screening-log.csv").read_bytes()
    assert log.headers["Content-Disposition"] == f"attachment; filename=prescreen-{done.id}-screening-log.csv"
    assert (log.mimetype, log.headers["Cache-Control"]) == ("text/csv", "no-store")
    (event,) = seen(app, before)
    assert event["purposeOfEvent"][0]["text"] == "page /prescreens/{run}/screening-log.csv"
    assert patients_of(event) == ["ada", "bea", "cleo"]

    counts = client.get(f"/prescreens/{done.id}/attrition.html")
    assert counts.data == (out / "attrition.html").read_bytes()
    policy = counts.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "style-src 'unsafe-inline'" in policy and "script-src" not in policy
    assert counts.headers["Cache-Control"] == "no-store"
    assert len(seen(app, before)) == 1  # it counts, and names nobody
    assert "unsafe-inline" not in client.get(f"/prescreens/{done.id}").headers["Content-Security-Policy"]


def test_whoever_sees_what_has_changed_has_seen_those_who_left(
    app: Flask, client: FlaskClient, done: Run, exports: Path
) -> None:
    """The next night bea has died: she is no candidate any more, but the file of changes names her."""
    source = write_export(exports / "next")
    people = (source / "Patient.ndjson").read_text("utf-8")
    (source / "Patient.ndjson").write_text(people.replace('"bea",', '"bea", "deceasedBoolean": true,'), "utf-8")
    run = carried_out(app, source, since=done.id)
    page = client.get(f"/prescreens/{run.id}")
    assert f'Compared with</dt><dd><a href="/prescreens/{done.id}">' in page.text and "changes.csv" in page.text
    before = len(audit.events(here(app).store))
    file = client.get(f"/prescreens/{run.id}/changes.csv")
    assert "Patient/bea" in file.text and "Patient/ada" not in file.text
    (event,) = seen(app, before)
    assert patients_of(event) == ["bea"]


def test_words_of_others_stay_words(app: Flask, client: FlaskClient, exports: Path) -> None:
    """A title, a cohort and an id that are no words of ours; an id that no path can hold leads nowhere."""
    evil = "<img src=x onerror=alert(1)>"
    assert app.test_client().post("/api/v1/studies", json=study_bundle("evil", title=evil)).status_code == 201
    source = write_export(exports / "evil", ({"id": evil, "birthDate": "1980-05-01"},), (evil,))
    answer = client.get(f"/prescreens/{carried_out(app, source, studies=['evil']).id}")
    assert "<img" not in answer.text and "&lt;img" in answer.text
    assert 'href="/patients/' not in answer.text


def test_who_may_see_it(tmp_path: Path) -> None:
    """With the scope of prescreens; only whoever may see matches too is led to them."""
    app = app_of(
        tmp_path, prescreen_dir=str(tmp_path), fhir_server="http://127.0.0.1:9/fhir", **issued(tmp_path)
    )
    service = here(app)
    run = runs.create(service.store, {"source": "hospital", "studies": [], "asOf": AS_OF}, by="x", at=service.now()).id
    client = app.test_client()
    for path in (f"/prescreens/{run}", f"/prescreens/{run}/screening-log.csv", f"/prescreens/{run}/attrition.html"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=bearer()).status_code == 403
    assert "all of the hospital’s server" in words(
        client.get(f"/prescreens/{run}", headers=bearer("trialmatch/prescreen"))
    )
    both = client.get("/", headers=bearer("trialmatch/match.read trialmatch/prescreen")).text
    assert f'href="/prescreens/{run}"' in both
    assert f"/prescreens/{run}" not in client.get("/", headers=bearer()).text


def test_without_the_scope_of_matches_nothing_leads_to_them(tmp_path: Path, done: Run, app: Flask) -> None:
    own = here(app).settings
    kept = {name: getattr(own, name) for name in ("prescreen_dir", "fhir_server", "database")}
    settings = settings_of(tmp_path, **kept, **issued(tmp_path))
    others = create_app(settings).test_client()
    answer = others.get(f"/prescreens/{done.id}", headers=bearer("trialmatch/prescreen"))
    assert "ada" in answer.text and 'href="/patients/' not in answer.text and 'href="/studies/' not in answer.text
    both = others.get(f"/prescreens/{done.id}", headers=bearer("trialmatch/prescreen trialmatch/match.read"))
    assert 'href="/patients/ada' in both.text


@pytest.mark.usefixtures("clean")
def test_the_start_page_lists_states_in_words(app: Flask, client: FlaskClient) -> None:
    store, later = here(app).store, NOW + timedelta(minutes=1)
    order = {"source": "hospital", "studies": [], "asOf": AS_OF}
    for code in (0, 5):  # how the command ends when all, or not all, could be read
        runs.create(store, order, by=f"night-{code}", at=later)
        run = runs.claim(store, at=later)
        assert run is not None
        runs.update(store, run, at=later, state="done", progress={"words": "done", "exit": code})
    said = words(client.get("/"))
    assert "2026-03-01 09:31 Finished night-0" in said
    assert "2026-03-01 09:31 Finished, but incomplete night-5" in said


def test_times_are_the_sites(tmp_path: Path) -> None:
    app = prescreening(tmp_path, timezone="Asia/Tokyo")
    asked = {"source": "hospital", "studies": [], "asOf": "2026-03-01"}
    run = runs.create(here(app).store, asked, by="worklist", at=NOW + timedelta(hours=8))
    said = words(app.test_client().get(f"/prescreens/{run.id}"))
    assert "asked for by worklist on 2026-03-02 02:30" in said
