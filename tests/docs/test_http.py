"""The page of the HTTP interface is what the service says of itself, and tells every error."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from trialmatch.errors import TrialmatchError
from trialmatch.store.database import Store
from trialmatch.web.app import create_app

from tests.docs.http import MEANINGS, PAGE, Json, document, operations_of, problem_classes, render
from tests.web.world import hospital_served, settings_of


@pytest.fixture(scope="module")
def hospital() -> Iterator[str]:
    """The base URL of the demo hospital."""
    with hospital_served() as url:
        yield url


@pytest.fixture(scope="module")
def described() -> Json:
    """The OpenAPI document."""
    return document()


def test_the_page_is_fresh(described: Json) -> None:
    assert PAGE.read_text("utf-8") == render(described), "docs/http.md is stale: run make docs"


def test_every_operation_and_status_is_told(described: Json) -> None:
    page = render(described)
    for path, method, one in operations_of(described):
        assert f"### {method} `{path}`" in page
        assert {int(status) for status in one["responses"] if int(status) >= 400} <= MEANINGS.keys(), path


def test_every_error_is_told(described: Json) -> None:
    page = render(described)
    assert len(problem_classes()) > 8
    for kind in problem_classes():
        assert issubclass(kind, TrialmatchError)
        assert kind.http_status in MEANINGS or kind.http_status == 500
        slug = "-".join(_parts(kind.__name__)).lower()
        assert f"/problems/{slug}`" in page


def test_every_operation_has_a_name_of_its_own(described: Json) -> None:
    """Generated clients have a function of this name: it stays what it was."""
    names = [one["operationId"] for _, _, one in operations_of(described)]
    assert len(names) == len(set(names)) == 20
    assert {"matchPatient", "matchBundle", "matchTrials", "addStudy", "askForPrescreen"} <= set(names)


def _calls(page: str) -> list[list[str]]:
    """The calls of curl that the page prints, as their arguments."""
    block = page.split("```sh\n")[1].split("```")[0].replace("\\\n", "")
    return [shlex.split(call) for call in re.findall(r"^curl (.*?)(?=\n\n|\n#|\Z)", block, re.MULTILINE | re.DOTALL)]


def test_first_calls_work_as_they_are_printed(hospital: str, tmp_path: Path) -> None:
    """Each is sent as curl would send it, in this order; the last one answers what the page prints."""
    settings = settings_of(tmp_path, fhir_server=hospital)
    with Store.open(settings) as store:
        client = create_app(settings, store=store, clock=lambda: datetime(2026, 3, 1, 9, tzinfo=UTC)).test_client()
        answers = []
        for arguments in _calls(PAGE.read_text("utf-8")):
            headers, method, body, address = {}, None, None, ""
            rest = iter(arguments)
            for one in rest:
                if one == "-H":
                    name, _, value = next(rest).partition(": ")
                    headers[name] = value
                elif one == "-d":
                    body = next(rest)
                elif one == "-X":
                    method = next(rest)
                elif one != "-s":
                    address = one.removeprefix("localhost:8000")
            method = method or ("POST" if body else "GET")
            answers.append(client.open(address, method=method, headers=headers, data=body))
    patient, fhir, bundle, attested, wrong = answers
    assert [one.status_code for one in answers] == [200, 200, 200, 200, 422]
    assert patient.json["matches"][0]["study"]["id"] == "NCT06892145"
    assert fhir.json["entry"][0]["resource"]["resourceType"] == "ResearchStudy"
    assert bundle.json["patient"] == "Patient/p"
    assert attested.json["attestations"][0]["by"] == "Dr Example"
    printed = json.loads(PAGE.read_text("utf-8").split("```json\n")[1].split("```")[0])
    assert wrong.json | {"requestId": printed["requestId"]} == printed


def _parts(name: str) -> list[str]:
    words: list[str] = []
    for letter in name:
        if letter.isupper():
            words.append(letter)
        else:
            words[-1] += letter
    return words
