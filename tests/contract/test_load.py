"""The demo hospital on a server: ``python -m trialmatch.demo.load``."""

from __future__ import annotations

import pytest
import requests
from trialmatch.demo.load import NotLoaded, load, main, wait

from tests.contract.conftest import Server
from tests.hospital.server import Hospital


def test_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "URL" in capsys.readouterr().err


def test_a_server_that_does_not_answer() -> None:
    with pytest.raises(NotLoaded, match="does not answer"):
        wait("http://127.0.0.1:9/fhir", patience=0.1)  # the port of “discard”, on which nobody listens


def test_a_server_that_does_not_take_it() -> None:
    """The scripted server knows no transactions."""
    with Hospital([]) as hospital, pytest.raises(NotLoaded, match="does not take the records"):
        load(hospital.url, [{"resourceType": "Patient", "id": "p"}])


@pytest.mark.slow
def test_loading_again_changes_nothing(real: Server, capsys: pytest.CaptureFixture[str]) -> None:
    def count() -> int:
        return requests.get(f"{real.url}/Observation?_summary=count&_count=0", timeout=60).json()["total"]

    before = count()
    assert main([real.url]) == 0
    assert count() == before
    assert capsys.readouterr().out == f"{real.url} holds the 2672 records\n"
