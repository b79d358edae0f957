"""What persons have confirmed: kept in versions, honoured by every match, and never lost between two writers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from threading import Barrier

from flask.testing import FlaskClient
from trialmatch.store import attestations
from trialmatch.store.database import Store
from trialmatch.usecases.match import Question
from trialmatch.web.app import create_app
from trialmatch.web.service import Service, patient_key

from tests.harness import flat
from tests.web.world import AS_OF, LIKELY, Json, app_of, bearer, issued, patient_bundle, settings_of

URL = f"/api/v1/patients/{LIKELY}/attestations"
NEW = {"If-None-Match": "*"}

#: NCT06892145 asks for consent in its first criterion, I1.
CONSENT = {"judgement": "consent", "answer": "met", "by": "Dr. Ada", "at": "2026-02-27"}


def _given(*entries: Json) -> Json:
    return {"attestations": list(entries)}


def _consent(document: Json) -> Json:
    (match,) = [one for one in document["matches"] if one["study"]["id"] == "NCT06892145"]
    return flat(match["items"])["I1"]


def test_nobody_has_confirmed_anything_yet(fresh: FlaskClient) -> None:
    answer = fresh.get(URL)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"0"')
    assert answer.get_json() == {
        "patient": f"Patient/{LIKELY}", "version": 0, "by": None, "at": None, "attestations": [],
    }  # fmt: skip


def test_a_version_follows_the_other(fresh: FlaskClient) -> None:
    first = fresh.put(URL, json=_given(CONSENT), headers=NEW)
    assert (first.status_code, first.headers["ETag"]) == (200, '"1"')
    assert first.get_json()["attestations"] == [CONSENT]
    assert first.get_json()["by"] == "local"
    read = fresh.get(URL)
    assert read.get_json() == first.get_json()
    second = fresh.put(URL, json=_given(), headers={"If-Match": read.headers["ETag"]})
    assert (second.status_code, second.headers["ETag"]) == (200, '"2"')
    assert fresh.get(URL).get_json()["attestations"] == []


def test_what_is_known_is_not_sent_again(fresh: FlaskClient) -> None:
    etag = fresh.put(URL, json=_given(CONSENT), headers=NEW).headers["ETag"]
    assert fresh.get(URL, headers={"If-None-Match": etag}).status_code == 304
    assert fresh.get(URL, headers={"If-None-Match": '"0"'}).status_code == 200


def test_what_was_read_may_be_replaced(fresh: FlaskClient) -> None:
    """Also nothing: what GET gives as its ETag is what PUT takes."""
    etag = fresh.get(URL).headers["ETag"]
    assert fresh.put(URL, json=_given(CONSENT), headers={"If-Match": etag}).get_json()["version"] == 1
    assert fresh.put(URL, json=_given(CONSENT), headers={"If-Match": etag}).status_code == 412
    assert fresh.put(URL, json=_given(), headers={"If-Match": fresh.get(URL).headers["ETag"]}).status_code == 200


def test_conditions(fresh: FlaskClient) -> None:
    """Without a condition 428, with one that does not hold 412: and nothing has changed then."""
    assert fresh.put(URL, json=_given(CONSENT)).status_code == 428
    assert fresh.put(URL, json=_given(CONSENT), headers={"If-Match": "*"}).status_code == 412  # there is none yet
    assert fresh.get(URL).get_json()["version"] == 0
    fresh.put(URL, json=_given(CONSENT), headers=NEW)
    assert fresh.put(URL, json=_given(), headers=NEW).status_code == 412
    assert fresh.put(URL, json=_given(), headers={"If-Match": '"2"'}).status_code == 412
    assert fresh.put(URL, json=_given(), headers={"If-Match": 'W/"1"'}).status_code == 412  # RFC 9110 section 13.1.1
    assert fresh.get(URL).get_json()["attestations"] == [CONSENT]
    assert fresh.put(URL, json=_given(), headers={"If-Match": '"7", "1"'}).status_code == 200
    assert fresh.put(URL, json=_given(CONSENT), headers={"If-Match": "*"}).status_code == 200


def test_of_two_who_write_at_once_one_is_told(fresh: FlaskClient) -> None:
    fresh.put(URL, json=_given(), headers=NEW)
    start, names = Barrier(4), ["a", "b", "c", "d"]

    def write(name: str) -> int:
        client = fresh.application.test_client()
        start.wait()
        return client.put(URL, json=_given({**CONSENT, "by": name}), headers={"If-Match": '"1"'}).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(write, names))
    assert sorted(statuses) == [200, 412, 412, 412]
    kept = fresh.get(URL).get_json()
    assert kept["version"] == 2
    assert [one["by"] for one in kept["attestations"]] == [names[statuses.index(200)]]


def test_null_is_as_if_absent(fresh: FlaskClient) -> None:
    fresh.put(URL, json=_given({**CONSENT, "study": None, "until": None}), headers=NEW)
    assert fresh.get(URL).get_json()["attestations"] == [CONSENT]


def test_who_handed_it_in_is_the_caller(hospital: str, tmp_path: Path) -> None:
    client = app_of(tmp_path, fhir_server=hospital, **issued(tmp_path)).test_client()
    written = client.put(URL, json=_given(CONSENT), headers={**NEW, **bearer(subject="nurse-3")})
    assert written.get_json()["by"] == "nurse-3"
    assert written.get_json()["attestations"][0]["by"] == "Dr. Ada"


def test_every_match_honours_it(fresh: FlaskClient) -> None:
    query = {"as_of": AS_OF}
    before = fresh.get(f"/api/v1/patients/{LIKELY}/matches", query_string=query).get_json()
    assert _consent(before)["basis"] == "judgement"
    fresh.put(URL, json=_given(CONSENT), headers=NEW)
    live = fresh.get(f"/api/v1/patients/{LIKELY}/matches", query_string=query).get_json()
    sent = fresh.post("/api/v1/matches", json=patient_bundle(), query_string=query).get_json()
    for document in (live, sent):
        assert (_consent(document)["status"], _consent(document)["basis"]) == ("met", "attested")


def test_it_holds_from_its_day_to_its_last(fresh: FlaskClient) -> None:
    """Given on 27 February, until 15 March: in force on both days, not before and not after."""
    fresh.put(URL, json=_given({**CONSENT, "until": "2026-03-15"}), headers=NEW)
    seen = {}
    for day in ("2026-02-26", "2026-02-27", "2026-03-15", "2026-03-16"):
        document = fresh.get(f"/api/v1/patients/{LIKELY}/matches", query_string={"as_of": day}).get_json()
        seen[day] = _consent(document)["basis"]
    assert seen == {
        "2026-02-26": "judgement", "2026-02-27": "attested", "2026-03-15": "attested", "2026-03-16": "judgement",
    }  # fmt: skip


def test_an_answer_to_a_merged_patient_counts(store: Store, tmp_path: Path) -> None:
    """What was confirmed under the old id is about the same person."""
    service: Service = create_app(settings_of(tmp_path), store=store).extensions["trialmatch"]
    attestations.put(store, "old", [CONSENT], by="nurse-3", at=service.now(), expected=0)
    bundle = patient_bundle()
    link = {"type": "replaced-by", "other": {"reference": f"Patient/{LIKELY}"}}
    bundle["entry"].append({"resource": {"resourceType": "Patient", "id": "old", "link": [link]}})
    client = create_app(settings_of(tmp_path), store=store).test_client()
    document = client.post("/api/v1/matches", json=bundle, query_string={"as_of": AS_OF}).get_json()
    assert _consent(document)["basis"] == "attested"


def test_an_answer_is_of_one_hospital_only(hospital: str, store: Store, tmp_path: Path) -> None:
    """Another server's patient of the same id is somebody else."""
    app = create_app(settings_of(tmp_path, fhir_server="https://hospital.example/fhir"), store=store)
    service: Service = app.extensions["trialmatch"]
    attestations.put(store, LIKELY, [CONSENT], by="nurse-3", at=service.now(), expected=0)
    question = Question(date.fromisoformat(AS_OF))
    with app.test_request_context(environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        found = service.match_from_hospital(LIKELY, question, server=hospital, why="a test")
        assert _consent(found.document(service.now()))["basis"] == "judgement"
        attestations.put(store, patient_key(LIKELY, hospital), [CONSENT], by="x", at=service.now(), expected=0)
        found = service.match_from_hospital(LIKELY, question, server=hospital, why="a test")
        assert _consent(found.document(service.now()))["basis"] == "attested"


def test_what_is_not_as_the_caller_has_it_is_not_sent_along(fresh: FlaskClient) -> None:
    """RFC 9110 section 13.1.1 lets a read be conditional too: one that fails is an error like others, without data."""
    fresh.put(URL, json=_given(CONSENT), headers=NEW)
    answer = fresh.get(URL, headers={"If-Match": '"7"'})
    assert (answer.status_code, answer.content_type) == (412, "application/problem+json")
    assert (answer.get_json()["title"], b"Ada" in answer.data) == ("Precondition Failed", False)
    assert answer.headers["Cache-Control"] == "no-store" and "Content-Security-Policy" in answer.headers
    assert fresh.get(URL, headers={"If-Match": '"1"'}).get_json()["version"] == 1
