"""What was not sent along is fetched from the EHR's server with the token of the call, and from nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from trialmatch.config import Settings
from trialmatch.demo import hospital_path
from trialmatch.store import audit
from trialmatch.web.cds.records import allowed

from tests.cds.ehr import Ehr
from tests.hospital.faults import status
from tests.hospital.server import Hospital, outcome, resources_of
from tests.web.world import service_of

Json = dict[str, Any]

LIKELY, MISSING = "lupus-likely-01", "lupus-missing-01"
SECRET = "a-token-that-nobody-may-see"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hospital, Flask]]:
    """A hospital, and a service that may ask it."""
    with Hospital(resources_of(hospital_path()), page=20) as hospital:
        settings = {"fhir_allowed": hospital.url, "fhir_retries": 0, "rate_limit": "100000 per minute"}
        yield hospital, service_of(tmp_path_factory.mktemp("fetching"), **settings)


@pytest.fixture
def fetching(served: tuple[Hospital, Flask]) -> Ehr:
    """An EHR whose hospital works, and has not been asked anything yet."""
    hospital, app = served
    hospital.log.clear()
    hospital.faults.clear()
    return Ehr(app.test_client(), hospital)


@pytest.fixture
def stranger() -> Iterator[Hospital]:
    """A server that no setting names."""
    with Hospital([]) as hospital:
        yield hospital


def summaries(ehr: Ehr, patient: str, **changes: Any) -> list[str]:
    return [card["summary"] for card in ehr.cards(patient, **changes)]


def with_server(ehr: Ehr, **more: Any) -> Json:
    """Fields of a call with the hospital's server and a token."""
    return {"fhirServer": ehr.hospital.url, "fhirAuthorization": ehr.authorization(SECRET), **more}


@pytest.mark.parametrize("prefetch", [None, {}], ids=["no prefetch", "empty prefetch"])
def test_everything_can_be_fetched(fetching: Ehr, prefetch: Json | None) -> None:
    expected = summaries(fetching, MISSING)
    assert not fetching.hospital.log
    assert summaries(fetching, MISSING, **with_server(fetching), prefetch=prefetch) == expected
    assert {one.target for one in fetching.hospital.log} >= {"Patient", "Observation", "Condition", "MedicationRequest"}
    assert all(one.headers.get("Authorization") == f"Bearer {SECRET}" for one in fetching.hospital.log)


def test_only_what_is_absent_is_fetched(fetching: Ehr) -> None:
    prefetch = fetching.prefetch(MISSING)
    expected = summaries(fetching, MISSING)
    del prefetch["conditions"], prefetch["procedures"]
    assert summaries(fetching, MISSING, **with_server(fetching, prefetch=prefetch)) == expected
    assert {one.target for one in fetching.hospital.log} - {"metadata"} == {"Condition", "Procedure"}


def test_what_the_ehr_said_it_cannot_give_is_not_asked_for_again(fetching: Ehr) -> None:
    """“… to prevent the CDS Service from incurring an unneeded follow-up query.”"""
    prefetch = {**fetching.prefetch(MISSING), "allergies": outcome("forbidden")}
    del prefetch["procedures"]
    cards = fetching.cards(MISSING, **with_server(fetching, prefetch=prefetch))
    assert {one.target for one in fetching.hospital.log} - {"metadata"} == {"Procedure"}
    assert cards and all("could be obtained (AllergyIntolerance)" in card["detail"] for card in cards)


def test_a_first_page_is_completed(fetching: Ehr) -> None:
    """The Observations of lupus-likely-01 do not fit on one page of 20."""
    key = fetching.discover() and fetching.key("Observation")
    prefetch = fetching.prefetch(LIKELY)
    expected = summaries(fetching, LIKELY)
    page = fetching.page(key, LIKELY)
    assert len(page["entry"]) == 20 and page["total"] > 20
    assert summaries(fetching, LIKELY, **with_server(fetching, prefetch={**prefetch, key: page})) == expected
    assert len(fetching.hospital.asked("Observation")) > 1
    assert {one.target for one in fetching.hospital.log} - {"metadata"} == {"Observation"}


def test_a_server_without_a_token_is_asked_without_one(fetching: Ehr) -> None:
    """An open server for trying things out, such as that of the CDS Hooks sandbox."""
    assert summaries(fetching, MISSING, fhirServer=fetching.hospital.url, prefetch={}) == summaries(fetching, MISSING)
    assert all("Authorization" not in one.headers for one in fetching.hospital.log)


# --- what cannot be had


@pytest.mark.parametrize("code", [401, 403, 404, 500])
def test_a_server_that_does_not_give_the_patient_is_412(fetching: Ehr, code: int) -> None:
    fetching.hospital.faults["Patient"] = status(code)
    refused = fetching.view(MISSING, 412, **with_server(fetching, prefetch={}))
    said = refused.json["issue"][0]["diagnostics"]
    assert said.startswith("fhirServer: ") and MISSING not in refused.text and SECRET not in refused.text


def test_a_server_that_is_not_there_is_412(tmp_path: Path, demo: Hospital) -> None:
    gone = "http://127.0.0.1:9/fhir"
    ehr = Ehr(service_of(tmp_path, fhir_allowed=gone, fhir_retries=0).test_client(), demo)
    ehr.view(MISSING, 412, fhirServer=gone, fhirAuthorization=ehr.authorization(), prefetch={})


def test_a_server_that_gives_none_of_what_is_absent_is_412(fetching: Ehr) -> None:
    prefetch = fetching.prefetch(MISSING)
    del prefetch["conditions"]
    fetching.hospital.faults["Condition"] = status(403)
    refused = fetching.view(MISSING, 412, **with_server(fetching, prefetch=prefetch))
    assert "it gives none of Condition" in refused.json["issue"][0]["diagnostics"]


def test_a_server_that_keeps_a_part_back_leaves_it_open_and_the_card_says_so(fetching: Ehr) -> None:
    fetching.hospital.faults["Immunization"] = status(403)
    cards = fetching.cards(MISSING, **with_server(fetching, prefetch={}))
    assert cards and all("could be obtained (Immunization)" in card["detail"] for card in cards)


# --- who may be asked


def test_a_server_that_no_setting_names_is_never_contacted(fetching: Ehr, stranger: Hospital) -> None:
    call = {"fhirServer": stranger.url, "fhirAuthorization": fetching.authorization(SECRET), "prefetch": {}}
    refused = fetching.view(MISSING, 412, **call)
    assert "fhirServer is none of those that may be asked" in refused.json["issue"][0]["diagnostics"]
    assert not stranger.log and not fetching.hospital.log


def test_not_even_for_a_page_of_what_was_prefetched(fetching: Ehr, stranger: Hospital) -> None:
    """A next link to another place in the prefetch: the EHR's own server is asked instead."""
    prefetch = fetching.prefetch(LIKELY)
    link = [{"relation": "next", "url": f"{stranger.url}/Condition?page=2"}]
    prefetch["conditions"] = {**prefetch["conditions"], "link": link}
    assert summaries(fetching, LIKELY, **with_server(fetching, prefetch=prefetch))
    assert not stranger.log and fetching.hospital.asked("Condition")


@pytest.mark.parametrize("where", ["http://127.0.0.1:{port}/fhir", "http://localhost:{port}", "http://[::1]:{port}/"])
def test_a_server_pointing_inward_is_refused(fetching: Ehr, stranger: Hospital, where: str) -> None:
    url = where.format(port=stranger.port)
    fetching.view(MISSING, 412, fhirServer=url, fhirAuthorization=fetching.authorization(SECRET), prefetch={})
    assert not stranger.log


ALLOWED = "https://ehr.example/fhir/r4 https://open.example"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ehr.example/fhir/r4", True),
        ("https://ehr.example/fhir/r4/", True),
        ("https://EHR.example:443/fhir/r4", True),
        ("https://ehr.example/fhir/r4/tenant-7", True),
        ("https://open.example/any/path", True),
        ("https://hospital.example/fhir", True),  # fhir_server itself
        ("https://ehr.example/fhir", False),
        ("https://ehr.example/fhir/r4x", False),
        ("https://ehr.example/fhir/r4/../../admin", False),
        ("https://ehr.example/fhir/r4/%2e%2e/admin", False),
        ("https://ehr.example/fhir/r4//admin", False),
        ("https://ehr.example/fhir/r4?x=1", False),
        ("https://ehr.example/fhir/r4#x", False),
        ("http://ehr.example/fhir/r4", False),
        ("https://ehr.example:8443/fhir/r4", False),
        ("https://ehr.example.evil.example/fhir/r4", False),
        ("https://user@ehr.example/fhir/r4", False),
        ("https://evil.example/https://ehr.example/fhir/r4", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("http://[::ffff:127.0.0.1]/fhir", False),
        ("file:///etc/passwd", False),
    ],
)
def test_which_servers_are_allowed(url: str, expected: bool) -> None:
    settings = Settings.read({}, fhir_server="https://hospital.example/fhir", fhir_allowed=ALLOWED)
    assert allowed(url, settings) is expected


def test_without_settings_no_server_is() -> None:
    assert not allowed("https://ehr.example/fhir", Settings.read({}))


# --- tokens and traces


def test_no_token_and_no_patient_in_logs_or_answers(
    fetching: Ehr, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fetching.hospital.faults["Condition"] = status(500)
    answers = [
        fetching.view(MISSING, **with_server(fetching, prefetch={})),
        fetching.view(MISSING, 412, **{**with_server(fetching, prefetch={}), "fhirServer": "https://x.example"}),
        fetching.view("nobody-7", 412, **with_server(fetching, prefetch={})),
    ]
    printed = "".join(capfd.readouterr()) + caplog.text
    for answer in answers:
        assert SECRET not in answer.text
    assert printed and SECRET not in printed and MISSING not in printed and "nobody-7" not in printed


def test_every_call_that_read_a_patient_is_in_the_audit_log(fresh: Ehr) -> None:
    """Prefetched, fetched, and tried: three AuditEvents about the patient; a call that brought nothing read nothing."""
    fresh.cards(MISSING)
    fresh.cards(MISSING, **with_server(fresh, prefetch={}))
    fresh.view(MISSING, 412, prefetch={})
    fresh.hospital.faults["Patient"] = status(403)
    fresh.view(MISSING, 412, **with_server(fresh, prefetch={}))
    store = fresh.client.application.extensions["trialmatch"].store
    found = audit.events(store, MISSING)
    assert [one["purposeOfEvent"][0]["text"] for one in found] == ["POST /cds-services/trial-match"] * 3
    assert [one["outcome"] == "0" for one in found] == [True, True, False]


def test_a_namesake_on_another_server_is_somebody_else(tmp_path: Path, demo: Hospital) -> None:
    """What was set aside for a patient of one server says nothing of the same id on another."""
    own = "https://fhir.hospital.example/r4"
    ehr = Ehr(service_of(tmp_path, fhir_server=own, fhir_allowed=demo.url).test_client(), demo)
    (first, *_) = ehr.cards(MISSING, fhirServer=own)
    ehr.override(first)
    there = {"fhirServer": demo.url}
    assert first["summary"] not in summaries(ehr, MISSING, fhirServer=own)
    assert first["summary"] in summaries(ehr, MISSING, **there)
