"""Whatever is sent: an answer that is documented, and never an error of the service itself.

Schemathesis makes requests from the OpenAPI document, good and bad, and holds every answer against it. Real Bundles
with a few elements replaced get deeper than what a generator makes up.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from trialmatch.demo.server import create_app as demo_hospital

from tests.web.process import free_port
from tests.web.world import AS_OF, Json, app_of, bearer, issued, patient_bundle, served, study_bundle

#: The same examples in every run; no deadline, since a busy machine is no fault.
_STEADY = {"derandomize": True, "deadline": None, "suppress_health_check": list(HealthCheck)}

#: What a schema allows and we refuse all the same: unknown studies and patients, versions that are not the current one.
_REFUSALS = ["2xx", 304, 401, 403, 404, 409, 412, 422, 428]

_CALLER = bearer("trialmatch/match.read trialmatch/study.write")


# The document has to be there when tests are collected: one test for each operation. The hospital comes later.
_port, _folder = free_port(), TemporaryDirectory(prefix="trialmatch-")
_app = app_of(
    Path(_folder.name),
    fhir_server=f"http://127.0.0.1:{_port}/fhir",
    rate_limit="1000000 per second",
    **issued(Path(_folder.name)),
)
_checks = {"positive_data_acceptance": {"expected-statuses": _REFUSALS}}
_schema = schemathesis.openapi.from_wsgi(
    "/openapi.json", _app, config=schemathesis.Config.from_dict({"checks": _checks})
)


@pytest.fixture(scope="module", autouse=True)
def _hospital() -> Iterator[None]:
    with served(demo_hospital(), _port):
        yield


@_schema.parametrize()
@settings(max_examples=10, **_STEADY)  # type: ignore[arg-type]
def test_every_answer_is_as_documented(case: schemathesis.Case) -> None:
    case.call_and_validate(headers=_CALLER)


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places in JSON, the whole included."""
    yield path
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in inner:
        yield from _paths(value, (*path, name))


_TEXTS = ["", " ", "\x00", "😀", "9" * 400, "0000-00-00", "2026-13-45T99:99:99Z", "9999-12-31", "1e999", "#", "urn:"]
_NAMES = ["coding", "value", "reference", "resourceType", "id"]
_JUNK = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(-(2**70), 2**70),
    some.floats(allow_nan=False, allow_infinity=False),
    some.sampled_from(_TEXTS),
    some.text(max_size=20),
    some.lists(some.none() | some.text(max_size=3), max_size=3),
    some.dictionaries(some.sampled_from(_NAMES), some.none() | some.just([]), max_size=2),
)


def _spoiled(document: Json, changes: list[tuple[tuple[Any, ...], Any]]) -> Json:
    """A copy with some places changed; ``...`` takes one away."""
    spoiled = copy.deepcopy(document)
    for path, value in changes:
        node: Any = spoiled
        for step in path[:-1]:
            node = node[step] if _has(node, step) else None
        if not _has(node, path[-1]):
            continue  # an earlier change took the place away
        if value is ...:
            del node[path[-1]]
        else:
            node[path[-1]] = value
    return spoiled


def _has(node: Any, step: Any) -> bool:
    return (isinstance(node, dict) and step in node) or (
        isinstance(node, list) and isinstance(step, int) and step < len(node)
    )


def _changes(document: Json) -> Any:
    places = [path for path in _paths(document) if path]
    return some.lists(some.tuples(some.sampled_from(places), _JUNK | some.just(...)), min_size=1, max_size=4)


_PATIENT, _STUDY = patient_bundle(), study_bundle("hostile")


@settings(max_examples=100, **_STEADY)  # type: ignore[arg-type]
@given(changes=_changes(_PATIENT))
def test_a_spoiled_patient_is_no_error_of_ours(client: FlaskClient, changes: list[Any]) -> None:
    answer = client.post("/api/v1/matches", json=_spoiled(_PATIENT, changes), query_string={"as_of": AS_OF})
    assert answer.status_code in (200, 422), answer.text


@settings(max_examples=40, **_STEADY)  # type: ignore[arg-type]
@given(changes=_changes(_STUDY))
def test_a_spoiled_study_is_no_error_of_ours(client: FlaskClient, changes: list[Any]) -> None:
    answer = client.post("/api/v1/studies", json=_spoiled(_STUDY, changes))
    assert answer.status_code in (201, 409, 422), answer.text
