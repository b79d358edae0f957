"""The OpenAPI document is true: its examples are taken, and what is answered has the shape that it tells."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from flask.testing import FlaskClient
from trialmatch.web.api import examples

from tests.web.world import AS_OF, LIKELY, Json


@pytest.fixture(scope="module")
def document(app: Any) -> Json:
    """The document."""
    found: Json = app.test_client().get("/openapi.json").get_json()
    return found


def _schema(document: Json, name: str) -> Json:
    """A schema with all that it refers to, as JSON Schema: OpenAPI 3.0 says “nullable” where that says “null”."""

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(one) for one in node]
        if not isinstance(node, dict):
            return node
        turned = {key: plain(value) for key, value in node.items() if key != "nullable"}
        if not node.get("nullable"):
            return turned
        if "enum" in turned:
            turned["enum"] = [*turned["enum"], None]
        return {**turned, "type": [turned["type"], "null"]} if "type" in turned else turned

    return {"$ref": f"#/components/schemas/{name}", "components": plain(document["components"])}


def _strict(schema: Json) -> Json:
    """The same, with nothing allowed that it does not tell."""
    for one in schema["components"]["schemas"].values():
        if "properties" in one:
            one.setdefault("additionalProperties", False)
    return schema


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("MatchDocument", f"/api/v1/patients/{LIKELY}/matches?as_of={AS_OF}&all=true"),
        ("MatchDocument", f"/api/v1/patients/lupus-vague-01/matches?as_of={AS_OF}&all=true&infusion=2026-03-10"),
        ("Attestations", f"/api/v1/patients/{LIKELY}/attestations"),
        ("StudyDocument", "/api/v1/studies/NCT06892145"),
        ("StudyDocument", "/api/v1/studies/Universal-CD19-BCMA-autoimmune"),
        ("StudyDocument", "/api/v1/studies/CD19-BCMA-SLE-Wuhan-Union"),
        ("Problem", "/api/v1/patients/nobody/matches"),
        ("OperationOutcome", "/fhir/Patient/nobody/$match-trials"),
        ("Readiness", "/health/ready"),
        ("KeySet", "/.well-known/jwks.json"),
    ],
)
def test_answers_have_the_shape_that_is_told(client: FlaskClient, document: Json, name: str, path: str) -> None:
    """Field by field: nothing missing, and nothing that the document does not know."""
    jsonschema.validate(client.get(path).get_json(), _strict(_schema(document, name)))


def test_the_list_of_studies_too(client: FlaskClient, document: Json) -> None:
    for one in client.get("/api/v1/studies").get_json():
        jsonschema.validate(one, _strict(_schema(document, "StudyListing")))


@pytest.mark.parametrize(
    ("name", "example"), [("MatchDocument", examples.MATCH_DOCUMENT), ("Attestations", examples.HELD_ATTESTATIONS)]
)
def test_examples_of_answers_have_their_shape(document: Json, name: str, example: Json) -> None:
    jsonschema.validate(example, _strict(_schema(document, name)))


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("post", "/api/v1/matches", {}, 200),
        ("post", "/api/v1/studies", {}, 201),
        ("put", "/api/v1/patients/{patient}/attestations", {"If-None-Match": "*"}, 200),
        ("post", "/fhir/Patient/{patient}/$match-trials", {}, 200),
    ],
)
def test_examples_of_requests_are_taken(
    client: FlaskClient, document: Json, method: str, path: str, headers: Json, status: int
) -> None:
    (content,) = document["paths"][path][method]["requestBody"]["content"].items()
    kind, told = content
    place = path.replace("{patient}", LIKELY)
    answer = client.open(place, method=method.upper(), json=told["example"], content_type=kind, headers=headers)
    assert answer.status_code == status, answer.text


def test_every_operation_tells_what_may_go_wrong(document: Json) -> None:
    """Each has a summary; guarded ones 401 and 403; those with a body 400, 413, 415, 422; all with a shape."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            assert operation["summary"], path
            statuses = set(operation["responses"])
            if "security" in operation:
                assert {"401", "403", "429", "500", "503"} <= statuses, path
                assert operation["x-scope"].startswith("trialmatch/")
            if "requestBody" in operation:
                assert {"400", "413", "415", "422"} <= statuses, path
            kind = "FHIR_" if path.startswith("/fhir") else ""
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert response["$ref"].startswith(f"#/components/responses/{kind}"), (path, status)
