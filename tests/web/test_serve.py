"""The service in its own processes: workers agree, a stop lets running requests end, patience has an end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from flask import request
from trialmatch.demo.server import create_app as demo_hospital

from tests.web.process import PATIENCE, Running, free_port, running, start
from tests.web.world import AS_OF, LIKELY, patient_bundle, served, study_bundle

pytestmark = pytest.mark.slow

IDP = "https://idp.example"
MATCHES = f"/api/v1/patients/{LIKELY}/matches?as_of={AS_OF}"


@pytest.fixture(scope="module")
def slow_hospital() -> Iterator[str]:
    """The demo hospital, which takes two seconds to find a patient."""
    hospital = demo_hospital()

    @hospital.before_request
    def _wait() -> None:
        if request.path.startswith("/fhir/Patient/"):
            time.sleep(2)

    with served(hospital) as url:
        yield f"{url}/fhir"


@pytest.fixture(scope="module")
def service(slow_hospital: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service of two workers."""
    folder = tmp_path_factory.mktemp("serve")
    with running(folder, fhir_server=slow_hospital, request_timeout=3, body_bytes=1_000_000) as one:
        yield one


def _each_worker(service: Running, path: str) -> Iterator[requests.Response]:
    """Answers on many new connections: both workers get some."""
    for _ in range(40):
        yield requests.get(f"{service.url}{path}", timeout=PATIENCE, headers={"Connection": "close"})


def test_all_workers_match_what_was_added_to_one(service: Running) -> None:
    added = requests.post(f"{service.url}/api/v1/studies", json=study_bundle(), timeout=PATIENCE)
    assert added.status_code == 201
    time.sleep(1.1)  # “within a second”
    for answer in _each_worker(service, "/api/v1/studies"):
        assert "trial-1" in [one["id"] for one in answer.json()]


def test_metrics_are_those_of_all_workers(service: Running) -> None:
    def live() -> float:
        text = requests.get(f"{service.url}/metrics", timeout=PATIENCE).text
        found = re.search(r'trialmatch_requests_total\{method="GET",path="/health/live",status="200"\} (\S+)', text)
        return float(found[1]) if found else 0.0

    before = live()
    assert all(answer.ok for answer in _each_worker(service, "/health/live"))
    assert live() - before == 40


def test_the_log_is_lines_of_json_with_one_for_each_request(service: Running) -> None:
    answer = requests.get(f"{service.url}{MATCHES}", timeout=PATIENCE)
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    mine = [line for line in lines if line.get("request") == answer.headers["X-Request-ID"]]
    assert [line["event"] for line in mine] == ["request"]
    assert LIKELY not in service.log.read_text()


def _raw(service: Running, text: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE)
    connection.sendall(text)
    return connection


def _all(connection: socket.socket) -> bytes:
    received = b""
    while some := connection.recv(65536):
        received += some
    return received


def test_a_request_that_does_not_come_in_is_given_up(service: Running) -> None:
    """Sixteen connections that never finish their headers: more than there are threads. The service goes on."""
    begun = time.monotonic()
    hanging = [_raw(service, b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ") for _ in range(16)]
    answer = requests.get(f"{service.url}/health/live", timeout=PATIENCE)
    assert answer.ok
    assert time.monotonic() - begun < 3 + 20  # request_timeout, and the machine may be busy
    for connection in hanging:
        connection.close()


def test_a_body_that_breaks_off_is_the_callers_fault(service: Running) -> None:
    head = b"POST /api/v1/matches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with _raw(service, head + b"Content-Length: 100\r\n\r\n{") as connection:
        assert _all(connection).startswith(b"HTTP/1.1 400 ")
    with _raw(service, head + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\nzz\r\n') as connection:
        assert _all(connection).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(("size", "connection"), [(60_000, "keep-alive"), (900_000, "close")])
def test_an_answer_before_the_end_of_a_body_says_whether_the_connection_goes_on(
    service: Running, size: int, connection: str
) -> None:
    """No such path: nobody reads the body. A client that was told to go on can go on."""
    head = b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with _raw(service, head + b"Content-Length: %d\r\n\r\n" % size) as one:
        one.sendall(b" " * size + b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answers = _all(one)
    assert answers.startswith(b"HTTP/1.1 404 ") and b"\r\nConnection: %s\r\n" % connection.encode() in answers
    assert (b"HTTP/1.1 200 OK" in answers) == (connection == "keep-alive")


#: What is no HTTP, each with the status that it ends with, and with somebody's name where gunicorn would repeat it.
UNREADABLE = {
    b"GET /patients/Erika Mustermann HTTP/1.1\r\nHost: a\r\n\r\n": 400,
    b"GET /patients/Mustermann\x00 HTTP/1.1\r\nHost: a\r\n\r\n": 400,
    b"Mustermann\x01 / HTTP/1.1\r\nHost: a\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nMustermann Erika: a\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a\r\nExpect: Mustermann\r\n\r\n": 417,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Mustermann\r\n\r\n": 501,
    b"GET /Mustermann" + b"a" * 8190 + b" HTTP/1.1\r\nHost: a\r\n\r\n": 414,
    b"GET / HTTP/1.1\r\n" + b"Mustermann: a\r\n" * 101 + b"\r\n": 431,
}


@pytest.mark.parametrize(("text", "status"), UNREADABLE.items(), ids=map(str, UNREADABLE.values()))
def test_what_is_no_http_is_a_problem_like_others(service: Running, text: bytes, status: int) -> None:
    """It never reaches the application: its words are neither in the answer nor in the log."""
    with _raw(service, text) as connection:
        head, _, body = _all(connection).decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    assert headers["Content-Type"] == "application/problem+json"
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    problem = json.loads(body)
    assert (problem["status"], problem["requestId"]) == (status, headers["X-Request-ID"])
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    mine = [line for line in lines if line.get("request") == problem["requestId"]]
    assert [(line["event"], line["status"]) for line in mine] == [("unreadable request", status)]
    assert "Mustermann" not in head + body + service.log.read_text()
    metrics = requests.get(f"{service.url}/metrics", timeout=PATIENCE).text
    assert f'trialmatch_requests_total{{method="(other)",path="(none)",status="{status}"}}' in metrics


def test_a_chunked_body_has_the_same_limit(service: Running) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        yield json.dumps(patient_bundle()).encode()
        for _ in range(size // 1000):
            yield b" " * 1000

    def status(size: int) -> int:
        return requests.post(
            f"{service.url}/api/v1/matches",
            data=chunks(size),
            headers={"Content-Type": "application/json", "Connection": "close"},
            timeout=PATIENCE,
        ).status_code

    assert status(100_000) == 200
    assert status(1_000_000) == 413


def test_running_requests_end_before_it_stops(slow_hospital: str, tmp_path: Path) -> None:
    """SIGTERM in the middle of four requests: each gets its whole answer, new ones are not taken."""
    with running(tmp_path, fhir_server=slow_hospital) as service, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(requests.get, f"{service.url}{MATCHES}", timeout=PATIENCE) for _ in range(4)]
        time.sleep(1)
        assert not any(one.done() for one in asked)
        code = service.stop()
        assert [one.result().json()["patient"] for one in asked] == [f"Patient/{LIKELY}"] * 4
        assert code == 0
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{service.url}/health/live", timeout=PATIENCE)


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        before = service.workers()
        os.kill(before[0], signal.SIGKILL)
        until = time.monotonic() + PATIENCE
        while (len(now := service.workers()) < 2 or before[0] in now) and time.monotonic() < until:
            time.sleep(0.1)
        assert before[0] not in service.workers()
        assert all(answer.ok for answer in _each_worker(service, "/health/ready"))
        assert service.stop() == 0


@pytest.mark.parametrize(
    ("words", "settings", "said"),
    [
        (["--host", "0.0.0.0"], {}, "--host 0.0.0.0: without TRIALMATCH_ISSUERS"),
        (["--port", "0"], {}, "--port"),
        ([], {"rate_limit": "often"}, "TRIALMATCH_RATE_LIMIT"),
        ([], {"database": "mysql://nowhere"}, "TRIALMATCH_DATABASE"),
        ([], {"workers": "many"}, "TRIALMATCH_WORKERS"),
        ([], {"frame_ancestors": "none"}, "TRIALMATCH_FRAME_ANCESTORS"),
        (
            [],
            {"login_client": "a", "login_issuer": IDP, "public_url": IDP, "login_key": __file__},
            "TRIALMATCH_LOGIN_KEY",
        ),
    ],
)
def test_a_wrong_configuration_ends_it_at_once(
    tmp_path: Path, words: list[str], settings: dict[str, str], said: str
) -> None:
    process = start(tmp_path, *words, **{"port": free_port(), "database": f"sqlite:///{tmp_path / 's'}", **settings})
    assert process.stdout is not None
    with process.stdout:
        assert process.wait(PATIENCE) == 2
    log = (tmp_path / "log").read_text()
    assert said in log
    assert len(log.splitlines()) == 1


def test_a_folder_for_the_metrics_that_is_none_ends_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every request would fail when it is counted."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "nowhere"))
    process = start(tmp_path, port=free_port(), database=f"sqlite:///{tmp_path / 's'}")
    assert process.stdout is not None
    with process.stdout:
        assert process.wait(PATIENCE) == 2
    assert (tmp_path / "log").read_text().startswith("PROMETHEUS_MULTIPROC_DIR: ")


def test_misspelt_settings_are_told(tmp_path: Path) -> None:
    with running(tmp_path, workers=1, login_allow="groups=coordinators") as service:
        first = json.loads(service.log.read_text().splitlines()[0])
    assert (first["level"], first["names"]) == ("warning", ["TRIALMATCH_LOGIN_ALLOW"])
    assert "coordinators" not in service.log.read_text()


def test_what_is_loaded_but_should_be_looked_at_is_told(tmp_path: Path) -> None:
    """A site's map to a concept that is nowhere: nothing rests on it, most likely since it is misspelt."""
    (tmp_path / "site").mkdir()
    element = [{"code": "KREA", "target": [{"code": "creatinin"}]}]
    target = "https://trialmatch.example.org/fhir/CodeSystem/concept"
    group = {"source": "urn:lab", "target": target, "element": element}
    (tmp_path / "site" / "map.json").write_text(json.dumps({"resourceType": "ConceptMap", "group": [group]}))
    with running(tmp_path, workers=1, mappings=str(tmp_path / "site")) as service:
        first = json.loads(service.log.read_text().splitlines()[0])
    (line,) = first["warnings"]
    assert first["level"] == "warning"
    assert "map.json: group[0].element[0].target[0].code: warning: “creatinin” is no concept of the mappings" in line


def test_an_address_that_is_taken_ends_it_at_once(service: Running, tmp_path: Path) -> None:
    process = start(tmp_path, port=service.port, database=f"sqlite:///{tmp_path / 's'}")
    assert process.stdout is not None
    with process.stdout:
        assert process.wait(PATIENCE) == 2
    assert "expected a free address" in (tmp_path / "log").read_text()
