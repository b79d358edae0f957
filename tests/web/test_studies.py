"""Adding studies: checked as a whole, matched by every worker, and never at the cost of what others have."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from trialmatch.config import BASE
from trialmatch.store import studies
from trialmatch.store.database import Store
from trialmatch.web.app import create_app
from trialmatch.web.service import Service

from tests.web.world import AS_OF, LIKELY, Json, patient_bundle, settings_of, study_bundle

URL = "/api/v1/studies"
SHIPPED = ["CD19-BCMA-SLE-Wuhan-Union", "NCT06464679", "NCT06892145", "NCT07161193", "Universal-CD19-BCMA-autoimmune"]


def _ids(client: FlaskClient) -> list[str]:
    return [one["id"] for one in client.get(URL).get_json()]


def _matched(client: FlaskClient, **query: Any) -> list[str]:
    asked = {"as_of": AS_OF, "all": "true", **query}
    document = client.post("/api/v1/matches", json=patient_bundle(), query_string=asked).get_json()
    return sorted(one["study"]["id"] for one in document["matches"])


def test_the_shipped_studies_are_listed(client: FlaskClient) -> None:
    found = client.get(URL)
    assert found.status_code == 200
    assert _ids(client) == SHIPPED
    one = client.get(f"{URL}/NCT06892145").get_json()
    assert {name: one[name] for name in found.get_json()[2]} == found.get_json()[2]
    assert [item["linkId"] for item in one["items"]][:3] == ["I1", "I2", "I3"]


def test_an_added_study_is_matched_at_once(fresh: FlaskClient) -> None:
    added = fresh.post(URL, json=study_bundle(), content_type="application/fhir+json")
    assert added.status_code == 201
    assert added.headers["Location"] == "/api/v1/studies/trial-1"
    shown = fresh.get(added.headers["Location"])
    assert shown.get_json() == added.get_json()
    assert shown.headers["ETag"] == added.headers["ETag"]
    assert [item["linkId"] for item in shown.get_json()["items"]] == ["1", "2", "3"]
    assert _ids(fresh) == sorted([*SHIPPED, "trial-1"])
    assert _matched(fresh) == sorted([*SHIPPED, "trial-1"])


def test_a_study_that_would_list_everybody_is_taken_with_a_warning(fresh: FlaskClient) -> None:
    """As ``studies check`` says it; the second time the disease is marked, and there is nothing to say."""
    bundle = study_bundle()
    (criteria,) = (e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "EvidenceVariable")
    mark = criteria["characteristic"][1].pop("extension")
    added = fresh.post(URL, json=bundle)
    assert added.status_code == 201
    (warning,) = added.get_json()["warnings"]
    assert warning.startswith("EvidenceVariable/trial-1-criteria: no disease gate")
    assert "warnings" not in fresh.get(f"{URL}/trial-1").get_json()
    criteria["characteristic"][1]["extension"] = mark
    replaced = fresh.post(URL, json=bundle, headers={"If-Match": added.headers["ETag"]})
    assert (replaced.status_code, "warnings" in replaced.get_json()) == (200, False)


def test_another_worker_matches_it_within_a_second(fresh: FlaskClient, store: Store, tmp_path: Path) -> None:
    other = create_app(settings_of(tmp_path), store=store).test_client()
    fresh.post(URL, json=study_bundle())
    until = time.monotonic() + 2
    while "trial-1" not in _ids(other) and time.monotonic() < until:
        time.sleep(0.1)
    assert "trial-1" in _matched(other)


def test_it_is_there_after_a_restart(fresh: FlaskClient, store: Store, tmp_path: Path) -> None:
    etag = fresh.post(URL, json=study_bundle()).headers["ETag"]
    again = create_app(settings_of(tmp_path), store=store).test_client()
    assert again.get(f"{URL}/trial-1").headers["ETag"] == etag


def test_a_draft_is_kept_and_not_matched(fresh: FlaskClient) -> None:
    added = fresh.post(URL, json=study_bundle(status="draft"))
    assert (added.status_code, added.get_json()["status"], added.get_json()["matched"]) == (201, "draft", False)
    assert _matched(fresh) == SHIPPED
    refused = fresh.get(f"/api/v1/patients/{LIKELY}/matches", query_string={"study": "trial-1"})
    assert refused.status_code == 422
    assert "its status is draft" in refused.get_json()["detail"]
    active = fresh.post(URL, json=study_bundle(), headers={"If-Match": added.headers["ETag"]})
    assert (active.status_code, active.headers["ETag"] != added.headers["ETag"]) == (200, True)
    assert "trial-1" in _matched(fresh)


def test_a_study_is_replaced_by_who_has_read_it(fresh: FlaskClient) -> None:
    first = fresh.post(URL, json=study_bundle()).headers["ETag"]
    assert fresh.post(URL, json=study_bundle()).status_code == 409
    assert fresh.post(URL, json=study_bundle(), headers={"If-Match": '"77"'}).status_code == 412
    assert fresh.post(URL, json=study_bundle("trial-2"), headers={"If-Match": first}).status_code == 412
    changed = study_bundle(title="Another title")
    second = fresh.post(URL, json=changed, headers={"If-Match": first})
    assert (second.status_code, second.get_json()["title"]) == (200, "Another title")
    assert fresh.post(URL, json=study_bundle(), headers={"If-Match": first}).status_code == 412
    assert fresh.post(URL, json=study_bundle(), headers={"If-Match": "*"}).status_code == 422


def test_what_a_replaced_study_had_is_gone(fresh: FlaskClient) -> None:
    """The criteria of the first version had another id, which another study may have now."""
    first = study_bundle()
    first["entry"][1]["resource"]["id"] = "old-criteria"
    first["entry"][0]["resource"]["recruitment"]["eligibility"]["reference"] = "EvidenceVariable/old-criteria"
    etag = fresh.post(URL, json=first).headers["ETag"]
    assert fresh.post(URL, json=study_bundle(), headers={"If-Match": etag}).status_code == 200
    other = study_bundle("trial-2")
    other["entry"][1]["resource"]["id"] = "old-criteria"
    other["entry"][0]["resource"]["recruitment"]["eligibility"]["reference"] = "EvidenceVariable/old-criteria"
    assert fresh.post(URL, json=other).status_code == 201


def test_every_fault_is_told_with_its_path(fresh: FlaskClient) -> None:
    bundle = study_bundle()
    criteria = bundle["entry"][1]["resource"]["characteristic"]
    del criteria[0]["linkId"]
    criteria[1]["definitionByTypeAndValue"]["valueCodeableConcept"]["coding"][0]["code"] = "no-such-concept"
    refused = fresh.post(URL, json=bundle)
    assert refused.status_code == 422
    problem = refused.get_json()
    assert problem["title"] == "Faulty study"
    paths = {one["path"] for one in problem["errors"]}
    assert len(problem["errors"]) >= 2
    assert any(path.startswith("body: EvidenceVariable/trial-1-criteria.characteristic[0]") for path in paths)
    assert any(path.startswith("body: EvidenceVariable/trial-1-criteria.characteristic[1]") for path in paths)
    assert _ids(fresh) == SHIPPED


def _value_set(url: str, **changes: Any) -> Json:
    include = [{"system": "http://snomed.info/sct", "concept": [{"code": "55464009"}]}]
    return {"resourceType": "ValueSet", "id": "set", "url": url, "compose": {"include": include}, **changes}


def _with(*resources: Json) -> Json:
    bundle = study_bundle()
    bundle["entry"] += [{"resource": one} for one in resources]
    return bundle


FAULTY = {
    "two studies": (_with(study_bundle("trial-2")["entry"][0]["resource"]), "Bundle.entry"),
    "no study": ({**study_bundle(), "entry": study_bundle()["entry"][1:]}, "Bundle.entry"),
    "a patient": (_with({"resourceType": "Patient", "id": "p"}), "Bundle.entry[2].resource.resourceType"),
    "no resource": ({**study_bundle(), "entry": [7]}, "Bundle.entry[0].resource"),
    "an id that is none": (_with(_value_set("https://site.example/x") | {"id": "a b"}), "Bundle.entry[2].resource.id"),
    "twice": (_with(study_bundle()["entry"][1]["resource"]), "Bundle.entry[2].resource.id"),
    "a concept of the mappings": (_with(_value_set(f"{BASE}/ValueSet/sle")), "Bundle.entry[2].resource.url"),
    "no value set": (_with(_value_set("https://site.example/x", compose=3)), "ValueSet/set.compose"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_what_an_addition_may_not_be(client: FlaskClient, name: str) -> None:
    bundle, path = FAULTY[name]
    refused = client.post(URL, json=bundle)
    assert refused.status_code == 422, refused.text
    assert [one["path"] for one in refused.get_json()["errors"]] == [f"body: {path}"]
    assert _ids(client) == SHIPPED


@pytest.mark.parametrize("url", [["https://site.example/x"], {}, 7])
def test_a_url_that_is_no_string(client: FlaskClient, url: Any) -> None:
    refused = client.post(URL, json=study_bundle(url=url))
    assert refused.status_code == 422, refused.text
    assert refused.get_json()["errors"][0]["path"] == "body: ResearchStudy/trial-1.url"


def test_a_study_with_a_value_set_of_its_own(fresh: FlaskClient) -> None:
    url = "https://site.example/fhir/ValueSet/lupus"
    bundle = _with(_value_set(url))
    gate = bundle["entry"][1]["resource"]["characteristic"][1]["definitionByTypeAndValue"]
    gate["valueCodeableConcept"] = {"coding": [{"system": f"{BASE}/CodeSystem/concept", "code": url}]}
    assert fresh.post(URL, json=bundle).status_code == 201
    document = fresh.post(
        "/api/v1/matches", json=patient_bundle(), query_string={"as_of": AS_OF, "study": "trial-1"}
    ).get_json()
    assert document["matches"][0]["items"][1]["status"] == "met"


def _taken() -> dict[str, Json]:
    """Bundles that would touch what another study has."""
    own_block = study_bundle("trial-2")
    own_block["entry"][1]["resource"]["id"] = "trial-1-criteria"
    shipped_block = study_bundle("trial-2")
    shipped_block["entry"][1]["resource"]["id"] = "hbv-infection"
    url = study_bundle("trial-2", url="https://trialmatch.example.org/fhir/ResearchStudy/NCT06892145")
    number = study_bundle("trial-2", identifier=[{"system": "https://clinicaltrials.gov", "value": "NCT06892145"}])
    return {
        "a shipped study": study_bundle("NCT06892145"),
        "an added block": own_block,
        "a shipped block": shipped_block,
        "a url": url,
        "a registry number": number,
    }


@pytest.mark.parametrize("name", sorted(_taken()))
def test_what_others_have_is_theirs(fresh: FlaskClient, name: str) -> None:
    fresh.post(URL, json=study_bundle())
    before = fresh.get(f"{URL}/NCT06892145").get_json()
    assert fresh.post(URL, json=_taken()[name]).status_code == 409
    assert fresh.get(f"{URL}/NCT06892145").get_json() == before
    assert _ids(fresh) == sorted([*SHIPPED, "trial-1"])


def test_a_study_that_can_no_longer_be_read_is_left_out(store: Store, tmp_path: Path) -> None:
    """Added by an earlier version, say: the others go on."""
    broken = study_bundle("broken")
    broken["entry"][1]["resource"]["characteristic"][0]["definitionByTypeAndValue"]["type"] = {"coding": []}
    service: Service = create_app(settings_of(tmp_path), store=store).extensions["trialmatch"]
    studies.add(store, broken, by="x", at=service.now())
    studies.add(store, study_bundle(), by="x", at=service.now())
    client = create_app(settings_of(tmp_path), store=store).test_client()
    assert _ids(client) == sorted([*SHIPPED, "trial-1"])
    again = client.post(URL, json=study_bundle("broken"), headers={"If-Match": '"1"'})
    assert again.status_code == 200  # and can be put right
    assert "broken" in _ids(client)


def test_two_workers_add_at_once_what_does_not_go_together(
    fresh: FlaskClient, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker adds a study with a block of the same id, just after ours was found to be fine."""
    other = create_app(settings_of(tmp_path), store=store).test_client()
    rival = study_bundle("rival")
    rival["entry"][1]["resource"]["id"] = "trial-1-criteria"
    rival["entry"][0]["resource"]["recruitment"]["eligibility"]["reference"] = "EvidenceVariable/trial-1-criteria"
    add, first = studies.add, [True]

    def late(*arguments: Any, **named: Any) -> int:
        if first.pop() if first else False:
            assert other.post(URL, json=rival).status_code == 201
        return add(*arguments, **named)

    monkeypatch.setattr(studies, "add", late)
    assert fresh.post(URL, json=study_bundle()).status_code == 409
    assert _ids(fresh) == sorted([*SHIPPED, "rival"])
    assert fresh.post(URL, json=study_bundle("trial-2")).status_code == 201
