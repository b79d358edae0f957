"""How much one request may bring."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from trialmatch.web.limits import within

from tests.web.world import Json, app_of, patient_bundle


@pytest.mark.parametrize(
    ("data", "depth"),
    [(1, 0), ([], 1), ({}, 1), ([1, [2]], 2), ({"a": {"b": []}}, 3), ([[], [[], [[]]]], 4)],
)
def test_depth_is_counted_in_levels(data: Any, depth: int) -> None:
    assert within(data, depth)
    if depth:
        assert not within(data, depth - 1)


def test_a_body_is_taken_up_to_its_limit(tmp_path: Path) -> None:
    body = orjson.dumps(patient_bundle())
    client = app_of(tmp_path, body_bytes=len(body)).test_client()
    asked: Json = {"content_type": "application/json", "data": body}
    assert client.post("/api/v1/matches", **asked).status_code == 200
    asked["data"] = body + b" "
    refused = client.post("/api/v1/matches", **asked)
    assert (refused.status_code, refused.content_type) == (413, "application/problem+json")


def _nested(levels: int) -> bytes:
    """A Bundle in which the deepest value is ``levels`` deep: the Bundle, its entries, the entry are three."""
    inner = b"[" * (levels - 3) + b"]" * (levels - 3)
    return b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":%s}]}' % inner


def test_a_body_nests_up_to_its_limit(tmp_path: Path) -> None:
    client = app_of(tmp_path, body_depth=20).test_client()
    asked: Json = {"content_type": "application/json", "data": _nested(20)}
    assert client.post("/api/v1/matches", **asked).status_code == 422  # it holds no patient
    asked["data"] = _nested(21)
    refused = client.post("/api/v1/matches", **asked)
    assert refused.status_code == 413
    assert refused.get_json()["detail"] == "nested too deep; expected at most 20 levels"


def test_a_bundle_has_entries_up_to_its_limit(tmp_path: Path) -> None:
    bundle = patient_bundle()
    client = app_of(tmp_path, body_entries=len(bundle["entry"])).test_client()
    assert client.post("/api/v1/matches", json=bundle).status_code == 200
    bundle["entry"].append({"resource": {"resourceType": "Observation"}})
    assert client.post("/api/v1/matches", json=bundle).status_code == 413


def test_deeper_than_any_parser(client: FlaskClient) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    assert client.post("/api/v1/matches", data=deep, content_type="application/json").status_code in (400, 413)
    bomb = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    assert client.post("/api/v1/studies", data=bomb, content_type="application/json").status_code in (400, 413)


def test_a_byte_order_mark_is_passed_over(client: FlaskClient) -> None:
    body = b"\xef\xbb\xbf" + orjson.dumps(patient_bundle())
    assert client.post("/api/v1/matches", data=body, content_type="application/json").status_code == 200


@pytest.mark.parametrize("packing", ["gzip", "br", "gzip, identity", "x"])
def test_a_packed_body_is_refused_as_that(client: FlaskClient, packing: str) -> None:
    asked: Json = {"content_type": "application/json", "headers": {"Content-Encoding": packing}}
    refused = client.post("/api/v1/matches", data=gzip.compress(orjson.dumps(patient_bundle())), **asked)
    assert (refused.status_code, refused.content_type) == (415, "application/problem+json")
    assert refused.get_json()["detail"] == "Content-Encoding: a packed body; expected one as it is"


def test_a_body_that_says_that_it_is_not_packed(client: FlaskClient) -> None:
    asked: Json = {"json": patient_bundle(), "headers": {"Content-Encoding": "identity"}}
    assert client.post("/api/v1/matches", **asked).status_code == 200
