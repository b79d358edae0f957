"""The loop behind all requests: shared by threads, not by processes, and gone with the process."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import time
from contextlib import ExitStack

import pytest
from trialmatch.errors import SourceTimeout
from trialmatch.fhir.hospital.background import background
from trialmatch.fhir.hospital.server import fetch
from trialmatch.fhir.hospital.transport import Client, checked

from tests.hospital import faults
from tests.hospital.conftest import Start, settings
from tests.hospital.material import condition, observation, patient


def run(code: str, url: str) -> subprocess.CompletedProcess[str]:
    """A program of its own, given a server's URL."""
    program = [sys.executable, "-X", "dev", "-c", textwrap.dedent(code), url]
    return subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)


# asyncio's warnings that a step took long, which -X dev turns on, say how busy the machine is.
FETCH = """
import logging, sys
logging.getLogger("asyncio").setLevel(logging.ERROR)
from trialmatch.config import Settings
from trialmatch.fhir.hospital.server import fetch
def one():
    return len(fetch(sys.argv[1], "p", Settings.read({})).by_type["Condition"])
"""


@pytest.mark.slow
def test_a_program_ends_with_nothing_left_open(start: Start) -> None:
    """With -X dev, Python complains about sessions, loops and sockets that are not closed."""
    done = run(FETCH + "print(one())", start([patient(), condition("c")]).url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


@pytest.mark.slow
def test_a_program_ends_while_an_answer_is_awaited(start: Start) -> None:
    """The CapabilityStatement may be under way when the program is done."""
    hospital = start([patient(), condition("c")], faults={"metadata": faults.slow(20)})
    begun = time.monotonic()
    done = run(FETCH + "print(one())", hospital.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert time.monotonic() - begun < 15


@pytest.mark.slow
def test_a_process_that_forks(start: Start) -> None:
    """Parent and children each fetch: before the fork, after it, and the parent again after its children are gone."""
    code = """
    import os, warnings
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)  # Python >= 3.12
    print(one(), flush=True)
    for _ in range(2):
        child = os.fork()
        if not child:
            print(one() + one(), flush=True)
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
    print(one(), flush=True)
    """
    done = run(FETCH + textwrap.dedent(code), start([patient(), condition("c")]).url)
    assert (done.returncode, done.stdout.split()) == (0, ["1", "2", "2", "1"])
    assert done.stderr == ""


@pytest.mark.slow
def test_a_program_that_is_interrupted_does_not_wait(start: Start) -> None:
    code = """
    import os, signal, threading
    threading.Timer(4, os.kill, (os.getpid(), signal.SIGINT)).start()
    one()
    """
    hospital = start([patient()], faults={"Patient": faults.slow(25)})
    begun = time.monotonic()
    done = run(FETCH + textwrap.dedent(code), hospital.url)
    assert time.monotonic() - begun < 20  # not the 25 seconds
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")


def test_a_server_that_accepts_no_connection() -> None:
    """Its queue of connections is full: the time for a connection is over long before that for an answer."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        begun = time.monotonic()
        with pytest.raises(SourceTimeout, match="cannot be reached in time"):
            fetch(f"http://127.0.0.1:{address[1]}/fhir", "p", settings(fhir_connect_timeout=0.2, fhir_retries=1))
        assert time.monotonic() - begun < 3


def test_the_proxy_of_the_environment(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy gets the whole URL; NO_PROXY names who is asked directly."""
    hospital = start([patient()])
    monkeypatch.setenv("http_proxy", hospital.url.removesuffix("/fhir"))
    monkeypatch.setenv("no_proxy", "localhost")
    fetch("http://hospital.invalid/fhir", "p", settings())
    assert {one.headers["Host"] for one in hospital.log} == {"hospital.invalid"}
    hospital.log.clear()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    fetch(hospital.url, "p", settings())
    assert {one.headers["Host"] for one in hospital.log} == {f"127.0.0.1:{hospital.port}"}


def test_fhirpys_own_calls(start: Start) -> None:
    """The client is fhirpy's: reading, searching, sorting and following pages work as its documentation says."""
    hospital = start([patient(), *(observation(f"o{number}", day=f"2026-02-1{number}") for number in range(5))], page=2)

    async def calls() -> tuple[str, list[str], list[str]]:
        client = Client(checked(hospital.url), settings(), background().session)
        read = await client.get("Patient", "p")
        found = client.resources("Observation").search(patient="p").sort("-date")
        return read["id"], [one["id"] for one in await found.fetch()], [one["id"] for one in await found.fetch_all()]

    assert background().run(calls()) == ("p", ["o4", "o3"], ["o4", "o3", "o2", "o1", "o0"])
