"""One patient's records from a server that answers well: the same as from files, and no more than is needed."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from aiohttp import web
from trialmatch import demo
from trialmatch.errors import BadInput, PatientMissing, SourceUnavailable
from trialmatch.fhir.hospital.server import Given, fetch
from trialmatch.fhir.patient.records import CONTEXT_TYPES, FACT_TYPES, Records
from trialmatch.fhir.patient.sources import from_path
from trialmatch.usecases.match import Engine, Question, match_patient

from tests.harness import NOW
from tests.hospital import faults
from tests.hospital.conftest import Start, settings
from tests.hospital.material import condition, medication, observation, order, patient
from tests.hospital.server import Hospital, Json

QUESTION = Question(date(2026, 3, 1), everything=True)
PATIENT = demo.SHOWCASE[0][0]


def document(engine: Engine, records: Records, identity: str) -> Json:
    return match_patient(engine, records, identity, QUESTION, "here").document(NOW)


def states(records: Records) -> dict[str, str]:
    return {kind: source.state for kind, source in records.sources.items() if source.asked}


def ids(records: Records, kind: str) -> list[str]:
    return sorted(record.resource["id"] for record in records.by_type.get(kind, ()))


def codes_asked(hospital: Hospital) -> set[str]:
    lists = [value for one in hospital.asked("Observation") for value in one.values("combo-code")]
    return {code for listed in lists for code in listed.split(",")}


def test_the_same_document_as_from_files_where_everything_is_asked(engine, demo_resources, start: Start) -> None:
    hospital = start(demo_resources, page=7)
    files = from_path(demo.hospital_path())
    for identity, _ in demo.SHOWCASE:
        fetched = fetch(hospital.url, identity, engine.settings)
        assert document(engine, fetched, identity) == document(engine, files, identity)


def test_the_same_matches_as_from_files_where_only_what_is_needed_is_asked(engine, demo_resources, start) -> None:
    """Sources differ: types that nobody needs are left out, and Observations are counted as they were asked for."""
    hospital = start(demo_resources, page=50)
    files = from_path(demo.hospital_path())
    for identity, _ in demo.SHOWCASE:
        fetched = document(engine, fetch(hospital.url, identity, engine.settings, engine.needs()), identity)
        expected = document(engine, files, identity)
        assert fetched["matches"] == expected["matches"]
        counts = {one["type"]: one["count"] for one in expected["sources"]}
        for source in fetched["sources"]:
            assert source["state"] == "complete"
            assert source["count"] == counts[source["type"]] or source["type"] == "Observation"


def test_what_no_criterion_needs_is_not_asked_for(engine, start: Start) -> None:
    """The shipped studies look at no imaging and no documents; weight 29463-7 is needed, heart rate 8867-4 is not."""
    hospital = start([patient(), observation("w", "29463-7"), observation("h", "8867-4")])
    records = fetch(hospital.url, "p", settings(), engine.needs())
    targets = {one.target for one in hospital.log}
    assert {"ImagingStudy", "DocumentReference"}.isdisjoint(targets)
    assert {"Patient", "Observation", "Condition", "MedicationRequest"} <= targets
    assert ids(records, "Observation") == ["w"]
    answer = match_patient(engine, records, "p", QUESTION, hospital.url)
    assert {"ImagingStudy", "DocumentReference"}.isdisjoint({source.type for source in answer.sources})
    assert answer.complete
    assert next(one.detail for one in answer.sources if one.type == "Observation").startswith("asked for by ")


def test_fewer_studies_need_less(engine: Engine, start: Start) -> None:
    hospital = start([patient()])
    fetch(hospital.url, "p", settings(), engine.needs(("NCT06892145",)))
    fewer = codes_asked(hospital)
    hospital.log.clear()
    fetch(hospital.url, "p", settings(), engine.needs())
    assert fewer < codes_asked(hospital)


def test_records_fetched_for_other_studies_decide_nothing(engine: Engine, start: Start) -> None:
    """Were they taken as complete, a study added meanwhile would find lupus and results “not on record”."""
    hospital = start([patient(), condition("c"), observation("a")])
    other = Engine.of([], settings())
    assert other.needs().types == ("Patient",)
    records = fetch(hospital.url, "p", settings(), other.needs())
    answer = match_patient(engine, records, "p", QUESTION, hospital.url)
    assert not answer.complete
    bases = {one["basis"] for match in answer.document(NOW)["matches"] for one in match["missing"]}
    assert "source-failed" in bases
    assert "no-record" not in bases


def test_every_page_is_followed(engine: Engine, demo_resources: list[Json], start: Start) -> None:
    hospital = start(demo_resources, page=3)
    subject = {"reference": f"Patient/{PATIENT}"}
    there = [one for one in demo_resources if one["resourceType"] == "Observation" and one["subject"] == subject]
    assert len(there) > 9
    records = fetch(hospital.url, PATIENT, settings())
    assert ids(records, "Observation") == sorted(one["id"] for one in there)
    assert records.source("Observation").state == "complete"


def test_searches_run_side_by_side(engine: Engine, start: Start) -> None:
    hospital = start([patient()], delay=0.05)
    fetch(hospital.url, "p", settings(), engine.needs())
    assert hospital.most_at_once >= 11  # all types and the patient, without waiting for the patient


def test_no_more_run_side_by_side_than_allowed(engine: Engine, start: Start) -> None:
    hospital = start([patient()], delay=0.02, release=None)
    fetch(hospital.url, "p", settings(fhir_parallel=3), engine.needs())
    assert hospital.most_at_once <= 4  # and the CapabilityStatement, which is not the patient's


def test_connections_are_used_again(engine: Engine, start: Start) -> None:
    hospital = start([patient()])
    fetch(hospital.url, "p", settings(), engine.needs())
    first = {one.connection for one in hospital.log}
    hospital.log.clear()
    fetch(hospital.url, "p", settings(), engine.needs())
    assert {one.connection for one in hospital.log} <= first


def test_medications_come_along(start: Start) -> None:
    hospital = start([patient(), order("o", "Medication/m"), medication("m")])
    records = fetch(hospital.url, "p", settings())
    assert hospital.asked("MedicationRequest")[0].values("_include") == ["MedicationRequest:medication"]
    assert ids(records, "Medication") == ["m"]
    assert hospital.asked("Medication") == []


@pytest.mark.parametrize("strict", [False, True])
def test_medications_that_do_not_come_along_are_read(start: Start, strict: bool) -> None:
    lacks = frozenset({"_include"})
    hospital = start([patient(), order("o", "Medication/m"), medication("m")], lacks=lacks, strict=strict)
    records = fetch(hospital.url, "p", settings())
    assert ids(records, "Medication") == ["m"]
    assert [one.path for one in hospital.asked("Medication")] == ["/fhir/Medication/m"]
    assert records.source("MedicationRequest").state == "complete"


def test_a_medication_that_cannot_be_had(engine: Engine, start: Start) -> None:
    """Nobody can tell which drug the order is about: its type is not complete."""
    hospital = start([patient(), order("o", "Medication/gone")])
    answer = match_patient(engine, fetch(hospital.url, "p", settings()), "p", QUESTION, hospital.url)
    assert {one.type: one.state for one in answer.sources}["MedicationRequest"] == "partial"
    assert any("refers to no Medication" in line for line in answer.problems)


def test_a_medication_elsewhere_is_not_read(start: Start) -> None:
    hospital = start([patient(), order("o", "http://127.0.0.2:1/fhir/Medication/m")])
    fetch(hospital.url, "p", settings())
    assert hospital.asked("Medication") == []


def test_an_encounter_dates_a_record(engine: Engine, start: Start) -> None:
    """A result without date counts by its visit of 2026-02-10, as from files."""
    visit = {
        "resourceType": "Encounter",
        "id": "v",
        "status": "finished",
        "subject": {"reference": "Patient/p"},
        "period": {"start": "2026-02-10", "end": "2026-02-10"},
    }
    undated = observation("a", encounter={"reference": "Encounter/v"})
    del undated["effectiveDateTime"]
    hospital = start([patient(), visit, undated])
    answer = match_patient(engine, fetch(hospital.url, "p", settings(), engine.needs()), "p", QUESTION, "here")
    (result,) = answer.context.facts.about("Observation", ("alt",))
    assert result.time.lo.date() == date(2026, 2, 10)


def test_a_merged_patient(start: Start) -> None:
    """Old record → new one; both ids are searched, and what the new one replaced besides."""
    old = patient("old", link=[{"type": "replaced-by", "other": {"reference": "Patient/new"}}])
    new = patient(
        "new",
        link=[
            {"type": "replaces", "other": {"reference": "Patient/old"}},
            {"type": "replaces", "other": {"reference": "Patient/older"}},
        ],
    )
    older = patient("older", link=[{"type": "replaces", "other": {"reference": "Patient/oldest"}}])
    records = [condition(f"c-{one}", subject=one) for one in ("old", "new", "older", "oldest", "stranger")]
    hospital = start([old, new, older, *records])
    found = fetch(hospital.url, "old", settings())
    assert ids(found, "Condition") == ["c-new", "c-old", "c-older", "c-oldest"]
    assert found.source("Patient").state == "complete"


def test_patients_that_replace_each_other(start: Start) -> None:
    one = patient("a", link=[{"type": "replaced-by", "other": {"reference": "Patient/b"}}])
    two = patient("b", link=[{"type": "replaced-by", "other": {"reference": "Patient/a"}}])
    assert set(fetch(start([one, two]).url, "a", settings()).patients()) == {"a", "b"}


def test_a_patient_replaced_by_one_who_is_not_there(start: Start) -> None:
    merged = patient(link=[{"type": "replaced-by", "other": {"reference": "Patient/gone"}}])
    with pytest.raises(PatientMissing):
        fetch(start([merged]).url, "p", settings())


@pytest.mark.parametrize(
    "other",
    [
        {"reference": "http://elsewhere.example/fhir/Patient/new"},
        {"reference": "urn:uuid:7c1e0b0a-0000-4000-8000-000000000000"},
        {"identifier": {"value": "4711"}},
        None,
    ],
)
def test_a_patient_merged_into_a_record_elsewhere(start: Start, other: Json | None) -> None:
    """What the other record holds is missing, and that is said; nothing is sent elsewhere."""
    merged = patient(link=[{"type": "replaced-by", "other": other}])
    records = fetch(start([merged, condition("c")]).url, "p", settings())
    assert set(states(records).values()) == {"partial"}
    assert "merged into a record that this server does not name" in str(records.source("Condition").detail)
    assert ids(records, "Condition") == ["c"]
    assert len(records.problems) == 1


def test_a_merged_record_that_cannot_be_read(start: Start) -> None:
    """It may have replaced others, whose records are then missing."""
    whole = patient(link=[{"type": "replaces", "other": {"reference": "Patient/old"}}])
    hospital = start([whole, condition("c", subject="old")], faults={"Patient": [faults.fine(), faults.status(500)]})
    records = fetch(hospital.url, "p", settings())
    assert set(states(records).values()) == {"partial"}
    assert ids(records, "Condition") == ["c"]


def test_what_is_given_is_not_asked_for(engine: Engine, start: Start) -> None:
    hospital = start([patient(), condition("c"), observation("a")])
    records = Records()
    records.add(patient(), "prefetch")
    records.add(condition("given"), "prefetch")
    complete = frozenset({"Patient", "Condition"})
    found = fetch(hospital.url, "p", settings(), engine.needs(), given=Given(records, complete))
    assert {"Patient", "Condition"}.isdisjoint({one.target for one in hospital.log})
    assert ids(found, "Condition") == ["given"]
    assert ids(found, "Observation") == ["a"]
    assert found.source("Condition").state == "complete"


def test_what_is_given_in_part_is_asked_for(engine: Engine, start: Start) -> None:
    hospital = start([patient(), condition("c")])
    records = Records()
    records.add(condition("given"), "prefetch")
    found = fetch(hospital.url, "p", settings(), engine.needs(), given=Given(records))
    assert ids(found, "Condition") == ["c", "given"]


class Source:
    """Gives tokens as :class:`trialmatch.fhir.hospital.backend_services.Tokens` does, one after the other."""

    def __init__(self, *tokens: str | None) -> None:
        self.tokens = list(tokens)
        self.asked: list[tuple[str, str | None]] = []

    def bearer(self, url: str) -> str | None:
        return self.renew(url, None)

    def renew(self, url: str, refused: str | None) -> str | None:
        self.asked.append((url, refused))
        if not self.tokens:
            raise SourceUnavailable("no access token")
        return self.tokens.pop(0)


def guarded(start: Start, good: str) -> Hospital:
    """A server that wants a token for everything."""

    async def check(request: web.Request, proper: faults.Proper) -> web.StreamResponse | None:
        known = request.headers.get("Authorization") == f"Bearer {good}"
        return None if known else web.json_response({"resourceType": "OperationOutcome"}, status=401)

    kinds = ("metadata", "batch", *FACT_TYPES, *CONTEXT_TYPES)
    return start([patient(), condition("c")], faults=dict.fromkeys(kinds, faults.Fault(check, 401)))


@pytest.mark.parametrize("bearer", ["secret", Source("secret")])
def test_the_token_goes_along(start: Start, bearer) -> None:
    hospital = start([patient()])
    fetch(hospital.url, "p", settings(), bearer=bearer)
    assert {one.headers["Authorization"] for one in hospital.log} == {"Bearer secret"}


def test_the_token_is_of_this_server_and_may_be_none(start: Start) -> None:
    hospital, source = start([patient()]), Source(None)
    fetch(hospital.url + "/", "p", settings(), bearer=source)
    assert source.asked == [(hospital.url, None)]
    assert not any("Authorization" in one.headers for one in hospital.log)


def test_a_token_that_has_run_out_is_renewed_once_for_all_requests(start: Start) -> None:
    hospital, source = guarded(start, "new"), Source("old", "new")
    records = fetch(hospital.url, "p", settings(), bearer=source)
    assert source.asked == [(hospital.url, None), (hospital.url, "old")]
    assert {one.state for one in records.sources.values()} == {"complete"}
    assert ids(records, "Condition") == ["c"]


@pytest.mark.parametrize("tokens", [("old", "refused too", "new"), ("old", "old", "new"), ("old",), ("old", None)])
def test_a_token_is_renewed_no_second_time(start: Start, tokens: tuple[str | None, ...]) -> None:
    """Whatever is refused again, or cannot be had, is not a matter of time."""
    hospital, source = guarded(start, "new"), Source(*tokens)
    with pytest.raises(SourceUnavailable, match="401"):
        fetch(hospital.url, "p", settings(), bearer=source)
    assert len(source.asked) == 2


def test_the_token_of_a_call_is_not_renewed(start: Start) -> None:
    hospital = guarded(start, "new")
    with pytest.raises(SourceUnavailable, match="401"):
        fetch(hospital.url, "p", settings(), bearer="old")


def test_credentials_of_the_url_go_along_and_are_never_shown(start: Start) -> None:
    hospital = start([patient(), condition("c")])
    found = fetch(hospital.url.replace("http://", "http://user:word@"), "p", settings())
    assert {one.headers["Authorization"] for one in hospital.log} == {"Basic dXNlcjp3b3Jk"}
    assert "word" not in found.by_type["Condition"][0].place


def test_searches_ask_for_what_is_true_now(start: Start) -> None:
    """HAPI answers a search again from its memory for a minute unless told otherwise."""
    hospital = start([patient()])
    fetch(hospital.url, "p", settings())
    assert {one.headers["Cache-Control"] for one in hospital.log} == {"no-cache"}


def test_from_many_threads_at_once(engine: Engine, start: Start) -> None:
    hospital = start([patient(), observation("a")], delay=0.01)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: fetch(hospital.url, "p", settings(), engine.needs()), range(24)))
    assert all(ids(one, "Observation") == ["a"] and set(states(one).values()) == {"complete"} for one in found)


def test_from_a_thread_that_runs_a_loop(start: Start) -> None:
    hospital = start([patient()])

    async def within() -> Records:
        return fetch(hospital.url, "p", settings())

    with ThreadPoolExecutor(1) as pool:  # a thread of its own: the tests' browser keeps a loop in this one
        assert set(pool.submit(asyncio.run, within()).result().patients()) == {"p"}


def test_an_unknown_patient(start: Start) -> None:
    with pytest.raises(PatientMissing, match="no such patient"):
        fetch(start([patient()]).url, "nobody", settings())


@pytest.mark.parametrize("identity", ["", "..", "a/b", "a?b", "Patient/../metadata", "a,b", "a b"])
def test_what_is_no_id_is_not_asked_for(start: Start, identity: str) -> None:
    hospital = start([patient()])
    with pytest.raises(PatientMissing):
        fetch(hospital.url, identity, settings())
    assert [one for one in hospital.log if one.target != "metadata"] == []


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        fetch("http://127.0.0.1:9/fhir", "p", settings(fhir_retries=1))


@pytest.mark.parametrize("url", ["ftp://hospital.example/fhir", "hospital", "http://", "http://[", "", "http://h:x/"])
def test_no_url(url: str) -> None:
    with pytest.raises(BadInput, match="no URL"):
        fetch(url, "p", settings())
