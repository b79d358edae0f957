"""``match --fhir``: a server that answers, one that keeps a type back, one that refuses, one with several pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.conftest import AS_OF, Run

PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1985-04-01"}
LUPUS = {
    "resourceType": "Condition",
    "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "55464009"}]},
    "onsetDateTime": "2019-05-01",
}


class _Hospital(BaseHTTPRequestHandler):
    """Answers from ``behaviour``: what to hold back, whether to refuse."""

    behaviour: dict[str, Any] = {}  # noqa: RUF012 - set anew for each server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        kind, _, identity = url.path.removeprefix("/fhir/").partition("/")
        if self.behaviour.get("refuses") or kind in self.behaviour.get("without", ()):
            issue = {"severity": "error", "code": "forbidden"}
            self._answer(403, {"resourceType": "OperationOutcome", "issue": [issue]})
        elif identity:
            known = identity == "p"
            self._answer(200 if known else 404, PATIENT if known else {"resourceType": "OperationOutcome", "issue": []})
        else:
            self._answer(200, self._page(kind, int(parse_qs(url.query).get("page", ["0"])[0])))

    def _page(self, kind: str, number: int) -> dict[str, Any]:
        pages = [[{**LUPUS, "id": "a"}], [{**LUPUS, "id": "b"}]] if kind == "Condition" else [[]]
        host = self.headers["Host"]
        following = [{"relation": "next", "url": f"http://{host}/fhir/{kind}?page={number + 1}"}]
        page = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in pages[number]]}
        return page | ({"link": following} if number + 1 < len(pages) else {})

    def _answer(self, status: int, resource: dict[str, Any]) -> None:
        body = json.dumps(resource).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hospital() -> Iterator[str]:
    """The URL of a hospital's server; tests say in ``_Hospital.behaviour`` how it behaves."""
    _Hospital.behaviour = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hospital)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/fhir"
    server.shutdown()
    server.server_close()


def test_every_page_is_followed(run: Run, hospital: str) -> None:
    done = run("match", "Patient/p", "--fhir", hospital, "--as-of", AS_OF, "--format", "json", "--study", "NCT06892145")
    assert (done.exit_code, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    counts = {one["type"]: one["count"] for one in document["sources"]}
    assert counts["Condition"] == 2
    assert document["matches"][0]["verdict"] == "possible"


def test_a_type_that_is_kept_back(run: Run, hospital: str) -> None:
    _Hospital.behaviour = {"without": ("Observation",)}
    done = run("match", "p", "--fhir", hospital, "--as-of", AS_OF, "--study", "NCT06892145")
    assert done.exit_code == 5
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{hospital}/Observation: ")
    assert "INCOMPLETE  Observation (failed" in " ".join(done.stdout.split(" "))
    assert "Not given by the source" in done.stdout


def test_unknown_patient(run: Run, hospital: str) -> None:
    wrong = run("match", "q", "--fhir", hospital)
    assert (wrong.exit_code, wrong.stdout) == (3, "")
    assert wrong.stderr.startswith(f"{hospital}: no such patient")


def test_a_server_that_refuses(run: Run, hospital: str) -> None:
    _Hospital.behaviour = {"refuses": True}
    wrong = run("match", "p", "--fhir", hospital)
    assert (wrong.exit_code, wrong.stdout) == (4, "")
    (line,) = wrong.stderr.splitlines()
    assert line.startswith(f"{hospital}: refuses access")


def test_no_url(run: Run) -> None:
    wrong = run("match", "p", "--fhir", "hospital")
    assert wrong.exit_code in (2, 3)
    assert len(wrong.stderr.splitlines()) == 1
