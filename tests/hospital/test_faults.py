"""Every way in which a server fails: what came is kept, what did not come is said, and nothing of a patient is told."""

from __future__ import annotations

import gzip
import time
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import pytest
from trialmatch.errors import PatientMissing, SourceTimeout, SourceUnavailable
from trialmatch.fhir.hospital.server import fetch
from trialmatch.usecases.match import Engine, Question, match_patient

from tests.hospital import faults
from tests.hospital.conftest import Start, settings
from tests.hospital.faults import Fault
from tests.hospital.material import condition, observation, patient
from tests.hospital.server import Hospital

NOBODY = {"fhir_retries": 1}


def hospital_of(start: Start, **how) -> Hospital:
    """Five results and two diagnoses, two records a page."""
    resources = [patient(), *(observation(f"o{number}") for number in range(5)), condition("c0"), condition("c1")]
    return start(resources, **{"page": 2, **how})


def loop(following: str) -> str:
    return following.split("&page=")[0] + "&page=0"


def elsewhere(following: str) -> str:
    return following.replace("127.0.0.1", "127.0.0.2")


def another_port(following: str) -> str:
    return "http://127.0.0.1:1/fhir/" + following.split("/fhir/")[1]


#: Name → (the fault of Observation searches, state, words of the detail, how many of the five Observations came).
CASES: dict[str, tuple[Fault | list[Fault], str, str, int]] = {
    "401": (faults.status(401), "failed", "refuses access (401)", 0),
    "403": (faults.status(403), "failed", "refuses access (403)", 0),
    "404": (faults.status(404), "failed", "knows no such thing (404)", 0),
    "410": (faults.status(410), "failed", "knows no such thing any more (410)", 0),
    "500": (faults.status(500), "failed", "it fails (500)", 0),
    "429 for good": (faults.status(429), "failed", "asks for fewer requests (429)", 0),
    "503 for good": (faults.status(503), "failed", "is not available (503)", 0),
    "redirect": (faults.status(302, Location="http://127.0.0.2/"), "failed", "redirects elsewhere (302)", 0),
    "no content": (faults.answers(b""), "failed", "its answer is empty", 0),
    "malformed": (faults.answers(b'{"resourceType": "Bundle", "entry": [{'), "failed", "no JSON", 0),
    "not UTF-8": (faults.answers(b'{"resourceType": "Bundle", "id": "\xff"}'), "failed", "no JSON", 0),
    "nested": (faults.answers(b'{"a":' * 100_000), "failed", "no JSON", 0),
    "a page": (faults.answers(b"<!doctype html><p>Down", "text/html"), "failed", "a page or XML, no JSON", 0),
    "XML": (faults.answers(b"<Bundle/>", "application/fhir+xml"), "failed", "a page or XML, no JSON", 0),
    "a list": (faults.answers(b"[]"), "failed", "its answer is no resource", 0),
    "another resource": (faults.answers({"resourceType": "Patient"}), "failed", "no Bundle", 0),
    "entries are none": (faults.answers({"resourceType": "Bundle", "entry": 5}), "failed", "could not be read", 0),
    "only an outcome": (faults.status(200), "failed", "answers with an error (OperationOutcome)", 0),
    "JSON by another name": (faults.called("text/html"), "complete", "", 5),
    "gzip": (faults.zipped(), "complete", "", 5),
    "no gzip": (faults.zipped(b"no gzip at all"), "failed", "broke off", 0),
    "reset at once": (faults.reset(0), "failed", "broke off", 0),
    "reset halfway": (faults.reset(), "failed", "broke off", 0),
    "reset, then fine": ([faults.reset(), faults.reset(0)], "complete", "", 5),
    "503, then fine": ([faults.status(503), faults.status(502)], "complete", "", 5),
    "page 2 fails": ([faults.fine(), faults.status(500), faults.fine()], "partial", "it fails (500)", 2),
    "page 2 is slow": ([faults.fine(), faults.slow(9)], "partial", "does not answer in time", 2),
    "loop": (faults.next_page(loop), "partial", "go round in circles", 2),
    "next elsewhere": (faults.next_page(elsewhere), "partial", "leads to another origin", 2),
    "next at another port": (faults.next_page(another_port), "partial", "leads to another origin", 2),
    "next is no URL": (faults.next_page("http://[::1"), "partial", "its link is no URL", 2),
    "next is a file": (faults.next_page("file:///etc/passwd"), "partial", "leads to another origin", 2),
    "error beside entries": ([faults.remarks("error")], "partial", "its answer is not whole", 5),
    "fatal beside entries": ([faults.remarks("fatal")], "partial", "its answer is not whole", 5),
    "error, no entries": (faults.remarks("error", keep=False), "failed", "answers with an error", 0),
    "warning": (faults.remarks("warning"), "complete", "the server remarks: not-supported", 5),
    "fewer than it says": (faults.changed(lambda page: page.update(total=9)), "partial", "it gives fewer records", 5),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_a_fault_of_one_type(engine: Engine, start: Start, name: str) -> None:
    fault, state, words, count = CASES[name]
    hospital = hospital_of(start, faults={"Observation": fault})
    records = fetch(hospital.url, "p", settings(fhir_retries=2, fhir_timeout=1.0))
    source = records.source("Observation")
    came = {record.resource["id"] for record in records.by_type.get("Observation", ())}
    assert (source.state, len(came)) == (state, count)
    assert words in (source.detail or "")
    answer = match_patient(engine, records, "p", Question(date(2026, 3, 1), everything=True), hospital.url)
    assert answer.complete is (state == "complete")
    told = [line for line in answer.problems if line.startswith(f"{hospital.url}/Observation: ")]
    assert len(told) == (state != "complete")
    assert not any(word in line for line in (*answer.problems, source.detail or "") for word in ("Jane", "o0", "/p"))
    others = [one for one in answer.sources if one.type not in ("Observation", "Medication")]
    assert {one.state for one in others} == {"complete"}


def test_a_failed_type_decides_nothing(engine: Engine, start: Start) -> None:
    """ALT ≤ 3 × ULN hangs on Observations, which failed."""
    hospital = hospital_of(start, faults={"Observation": faults.status(500)})
    records = fetch(hospital.url, "p", settings(), engine.needs())
    answer = match_patient(engine, records, "p", Question(date(2026, 3, 1), everything=True), hospital.url)
    missing = {one["basis"] for match in answer.document(datetime.now(UTC))["matches"] for one in match["missing"]}
    assert "source-failed" in missing
    assert "missing-data" not in missing


def test_records_that_come_twice_are_one(start: Start) -> None:
    """A record that moves to the next page while pages are read is no second record."""

    def again(page: dict) -> None:
        page["entry"] = [{"resource": observation("o0")}, *page["entry"]]

    records = fetch(hospital_of(start, faults={"Observation": faults.changed(again)}).url, "p", settings())
    assert records.source("Observation").state == "complete"
    assert len({one.resource["id"] for one in records.by_type["Observation"]}) == 5


def test_an_entry_that_cannot_be_read(start: Start) -> None:
    def spoil(page: dict) -> None:
        page["entry"][0] = "Jane Doe"

    records = fetch(hospital_of(start, faults={"Condition": faults.changed(spoil)}).url, "p", settings())
    assert records.source("Condition").state == "partial"
    assert [one for one in records.problems if "Condition" in one and "Jane" not in one]


# --- the patient's own record


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (faults.status(401), SourceUnavailable, "refuses access"),
        (faults.status(403), SourceUnavailable, "refuses access"),
        (faults.status(404), PatientMissing, "no such patient"),
        (faults.status(410), PatientMissing, "no such patient"),
        (faults.status(500), SourceUnavailable, "fails"),
        (faults.status(503), SourceUnavailable, "not available"),
        (faults.answers(b"<html>maintenance"), SourceUnavailable, "no JSON"),
        (faults.answers({"resourceType": "Bundle"}), SourceUnavailable, "no Patient"),
        (faults.slow(5), SourceTimeout, "in time"),
        (faults.reset(0), SourceUnavailable, "broke off"),
    ],
)
def test_a_patient_that_cannot_be_had(start: Start, fault: Fault, error: type[Exception], words: str) -> None:
    hospital = hospital_of(start, faults={"Patient": fault})
    with pytest.raises(error, match=words) as told:
        fetch(hospital.url, "p", settings(fhir_timeout=0.5, **NOBODY))
    assert str(told.value).startswith(f"{hospital.url}: ")


def test_searches_end_with_a_patient_that_cannot_be_had(start: Start) -> None:
    """Nobody waits for answers that are of no use any more."""
    slow = {kind: faults.slow(5) for kind in ("Condition", "Observation", "Procedure")}
    hospital = hospital_of(start, faults={"Patient": faults.status(404), **slow})
    begun = time.monotonic()
    with pytest.raises(PatientMissing):
        fetch(hospital.url, "p", settings(fhir_timeout=5.0))
    assert time.monotonic() - begun < 4  # not the five seconds


# --- repeating


def asked_for_conditions(hospital: Hospital) -> int:
    return len(hospital.asked("Condition"))


@pytest.mark.parametrize("code", [408, 429, 502, 503, 504])
def test_what_may_pass_is_asked_for_again(start: Start, code: int) -> None:
    hospital = hospital_of(start, faults={"Condition": [faults.status(code)]})
    assert fetch(hospital.url, "p", settings()).source("Condition").state == "complete"
    assert asked_for_conditions(hospital) == 2


@pytest.mark.parametrize("code", [401, 403, 404, 409, 410, 500, 505])
def test_what_will_not_pass_is_asked_for_once(start: Start, code: int) -> None:
    hospital = hospital_of(start, faults={"Condition": faults.status(code)})
    assert fetch(hospital.url, "p", settings()).source("Condition").state == "failed"
    assert asked_for_conditions(hospital) == 1


def test_it_is_asked_again_as_often_as_the_setting_says(start: Start) -> None:
    hospital = hospital_of(start, faults={"Condition": faults.status(503)})
    fetch(hospital.url, "p", settings(fhir_retries=2))
    assert asked_for_conditions(hospital) == 3


@pytest.mark.parametrize("as_date", [False, True])
def test_the_server_says_when_to_come_again(start: Start, as_date: bool) -> None:
    """An HTTP date has whole seconds, so that the wait of two may be one and a bit."""
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if as_date else "1"
    hospital = hospital_of(start, faults={"Condition": [faults.status(429, Retry_After=when)]})
    begun = time.monotonic()
    assert fetch(hospital.url, "p", settings()).source("Condition").state == "complete"
    assert time.monotonic() - begun >= 0.9


def test_a_server_that_says_to_come_again_too_late(start: Start) -> None:
    """An hour is beyond the time for the whole patient: said at once, not after waiting."""
    hospital = hospital_of(start, faults={"Condition": faults.status(429, Retry_After="3600")})
    begun = time.monotonic()
    patiently = settings(fhir_timeout=15.0, fhir_total_timeout=60.0)
    assert fetch(hospital.url, "p", patiently).source("Condition").detail == "it asks for fewer requests (429)"
    assert time.monotonic() - begun < 20  # far from the hour, and from the time for the whole patient
    assert asked_for_conditions(hospital) == 1


# --- limits


def test_the_time_for_one_answer(start: Start) -> None:
    hospital = hospital_of(start, faults={"Condition": faults.slow(9), "Observation": faults.drip()})
    begun = time.monotonic()
    records = fetch(hospital.url, "p", settings(fhir_timeout=0.5))
    assert time.monotonic() - begun < 7  # not the nine seconds
    for kind in ("Condition", "Observation"):
        assert records.source(kind).state == "failed"
        assert "does not answer in time (fhir_timeout)" in str(records.source(kind).detail)


def test_the_time_for_all_answers(start: Start) -> None:
    """Each page takes 1 s; the third would come after 2.6 s."""
    hospital = hospital_of(start, faults={"Observation": faults.slow(1)})
    records = fetch(hospital.url, "p", settings(fhir_total_timeout=2.6))
    source = records.source("Observation")
    assert (source.state, source.truncated) == ("partial", True)
    assert "(fhir_total_timeout)" in str(source.detail)
    assert len(records.by_type["Observation"]) == 4
    assert records.source("Condition").state == "complete"


def test_the_size_of_answers(start: Start) -> None:
    hospital = hospital_of(start, faults={"Condition": faults.gigantic(2_000_000)})
    records = fetch(hospital.url, "p", settings(fhir_bytes=1_000_000))
    assert records.source("Condition").state == "failed"
    assert "larger than allowed (fhir_bytes)" in str(records.source("Condition").detail)
    assert records.source("Observation").state == "complete"


def test_the_size_of_answers_that_are_compressed(start: Start) -> None:
    """A hundred megabytes of nothing are a hundred kilobytes on the way."""
    bomb = gzip.compress(b" " * 100_000_000)
    hospital = hospital_of(start, faults={"Condition": faults.zipped(bomb)})
    records = fetch(hospital.url, "p", settings(fhir_bytes=1_000_000))
    assert "(fhir_bytes)" in str(records.source("Condition").detail)


def test_the_size_of_all_pages_of_a_search(start: Start) -> None:
    hospital = hospital_of(start, faults={"Observation": faults.gigantic(400_000)})
    records = fetch(hospital.url, "p", settings(fhir_bytes=1_000_000))
    assert records.source("Observation").state == "partial"
    assert "(fhir_bytes)" in str(records.source("Observation").detail)


def test_the_number_of_pages(start: Start) -> None:
    records = fetch(hospital_of(start).url, "p", settings(fhir_pages=2))
    source = records.source("Observation")
    assert (source.state, source.detail) == ("partial", "it has more than 2 pages (fhir_pages)")
    assert len(records.by_type["Observation"]) == 4


def test_the_number_of_entries(start: Start) -> None:
    source = fetch(hospital_of(start).url, "p", settings(fhir_entries=3)).source("Observation")
    assert (source.state, source.detail) == ("partial", "it has more than 3 entries (fhir_entries)")


def test_an_endless_search_ends(start: Start) -> None:
    """Every page has another next link and nothing new."""
    turn = iter(range(10_000))

    def ever(page: dict) -> None:
        page["link"] = [{"relation": "next", "url": f"Observation?patient=p&turn={next(turn)}"}]

    hospital = hospital_of(start, faults={"Observation": faults.changed(ever)})
    source = fetch(hospital.url, "p", settings(fhir_pages=20)).source("Observation")
    assert (source.state, source.detail) == ("partial", "it has more than 20 pages (fhir_pages)")


# --- links


@pytest.mark.parametrize(
    "relative",
    [
        lambda following: following.split("/fhir/")[1],
        lambda following: "/fhir/" + following.split("/fhir/")[1],
        lambda following: "?" + following.split("?")[1],
        lambda following: following.replace("http://", "http://user:word@"),
    ],
)
def test_links_that_leave_something_out(start: Start, relative) -> None:
    """Relative links are relative to the search; credentials in a link are not sent."""

    def change(page: dict) -> None:
        for link in page["link"]:
            if link["relation"] == "next":
                link["url"] = relative(link["url"])

    hospital = hospital_of(start, faults={"Observation": faults.changed(change)})
    records = fetch(hospital.url, "p", settings())
    assert records.source("Observation").state == "complete"
    assert len(records.by_type["Observation"]) == 5
    assert not any("Authorization" in one.headers for one in hospital.log)


def test_a_token_does_not_follow_a_link_elsewhere(start: Start) -> None:
    other = start([])
    hospital = hospital_of(start, faults={"Observation": faults.next_page(f"{other.url}/Observation?page=2")})
    records = fetch(hospital.url, "p", settings(), bearer="secret")
    assert records.source("Observation").state == "partial"
    assert other.log == []
