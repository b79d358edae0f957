"""The log: one JSON object a line, enough to find a fault with, nothing of a patient."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from trialmatch.web import logs

from tests.web.world import AS_OF, LIKELY, Json, app_of, patient_bundle


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the log has, as ``trialmatch serve`` configures it; everything as before afterwards."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.getLogger()
    handlers, level, before = list(root.handlers), root.level, structlog.get_config()
    logs.configure()
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)
    vars(logs.log).pop("bind", None)  # where structlog keeps how it was configured at the first line


def _lines(stream: io.StringIO) -> list[Json]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_request_is_a_line(hospital: str, tmp_path: Path, written: io.StringIO) -> None:
    client = app_of(tmp_path, fhir_server=hospital).test_client()
    answer = client.get(f"/api/v1/patients/{LIKELY}/matches?as_of={AS_OF}&study=NCT06892145")
    (line,) = [one for one in _lines(written) if one["event"] == "request"]
    assert line["request"] == answer.headers["X-Request-ID"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/patients/{patient}/matches", 200)
    assert line["ms"] > 0
    assert set(line) == {"event", "level", "logger", "method", "ms", "path", "request", "status", "timestamp"}


def test_nothing_of_a_patient_is_in_it(hospital: str, tmp_path: Path, written: io.StringIO) -> None:
    """Good and bad calls: neither the id, nor a query, nor a value of the records."""
    client = app_of(tmp_path, fhir_server=hospital).test_client()
    client.get(f"/api/v1/patients/{LIKELY}/matches?as_of={AS_OF}&study=secret-study")
    client.get("/api/v1/patients/secret-patient/matches")
    client.get("/secret-path?secret-query=1")
    client.post("/api/v1/matches", json=patient_bundle())
    broken = patient_bundle()
    broken["entry"][0]["resource"]["birthDate"] = "secret-birthday"
    broken["entry"].append({"resource": {"resourceType": "Observation", "subject": "secret-subject"}})
    client.post("/api/v1/matches?patient=secret-patient", json=broken)
    client.post("/api/v1/matches", data=b'{"secret": ', content_type="application/json")
    text = written.getvalue()
    assert len(_lines(written)) >= 6
    for value in (LIKELY, "secret", "1991-06-03", "Creatinine", AS_OF):
        assert value not in text


def test_an_internal_error_tells_its_kind_and_place(
    tmp_path: Path, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the patient is called Jane")

    monkeypatch.setattr("trialmatch.web.api.matches.from_bundle", fail)
    client = app_of(tmp_path).test_client()
    answer = client.post("/api/v1/matches", json=patient_bundle())
    (line,) = [one for one in _lines(written) if one["event"] == "failure"]
    assert (line["error"], line["status"], line["level"]) == ("RuntimeError", 500, "error")
    assert line["request"] == answer.get_json()["requestId"]
    assert line["place"].startswith("web/api/matches.py:")
    assert "Jane" not in written.getvalue()
    monkeypatch.setenv("TRIALMATCH_DEBUG", "1")
    client.post("/api/v1/matches", json=patient_bundle())
    assert "Jane" in _lines(written)[-2]["traceback"]  # asked for, with the warning of docs/settings.md


def test_a_store_that_is_down_is_told_to_whom_it_concerns(
    tmp_path: Path, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trialmatch.errors import StoreUnavailable
    from trialmatch.store import audit

    def full(*_: Any) -> None:
        raise StoreUnavailable("sqlite:///place.sqlite: its disk is full")

    monkeypatch.setattr(audit, "record", full)
    app_of(tmp_path).test_client().post("/api/v1/matches", json=patient_bundle())
    (line,) = [one for one in _lines(written) if one["event"] == "failure"]
    assert line["detail"] == "sqlite:///place.sqlite: its disk is full"


def test_of_libraries_only_the_words_are_kept(written: io.StringIO) -> None:
    library = logging.getLogger("some.library")
    library.warning("cannot read %s", "/fhir/Patient/secret")
    library.warning(f"cannot read {'secret'}")
    try:
        raise ValueError("secret")
    except ValueError:
        library.exception("failed on %s", "secret")
    first, second, third = _lines(written)
    assert (first["event"], first["logger"], first["level"]) == ("cannot read %s", "some.library", "warning")
    assert second["event"] == "a message that may hold anything; TRIALMATCH_DEBUG shows it"
    assert (third["event"], third["error"]) == ("failed on %s", "ValueError")
    assert "secret" not in written.getvalue()
