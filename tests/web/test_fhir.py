"""The service as a FHIR server: what it says is valid R4, and what it says of itself is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationdefinition import OperationDefinition
from flask.testing import FlaskClient
from trialmatch.web.api import schemas

from tests.web.world import AS_OF, LIKELY, Json, app_of

URL = f"/fhir/Patient/{LIKELY}/$match-trials"


def test_the_operation_gives_a_searchset(client: FlaskClient) -> None:
    answer = client.get(URL, query_string={"as-of": AS_OF, "all": "true"})
    assert answer.status_code == 200
    assert answer.mimetype == "application/fhir+json"
    bundle = Bundle.model_validate_json(answer.data)
    assert (bundle.type, bundle.total) == ("searchset", 5)
    document = client.get(f"/api/v1/patients/{LIKELY}/matches", query_string={"as_of": AS_OF, "all": "true"}).get_json()
    found = [(entry["resource"]["id"], entry["search"].get("score")) for entry in answer.get_json()["entry"]]
    assert found == [(match["study"]["id"], match["score"]) for match in document["matches"]]
    assert {entry["search"]["mode"] for entry in answer.get_json()["entry"]} == {"match"}


def test_parameters_ask_the_same(client: FlaskClient) -> None:
    asked = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "study", "valueString": "NCT06892145"},
            {"name": "study", "valueString": "NCT07161193"},
            {"name": "as-of", "valueDate": AS_OF},
            {"name": "infusion", "valueDate": "2026-03-24"},
            {"name": "all", "valueBoolean": True},
        ],
    }
    sent = client.post(URL, json=asked, content_type="application/fhir+json")
    assert sent.status_code == 200
    query = {"study": ["NCT06892145", "NCT07161193"], "as-of": AS_OF, "infusion": "2026-03-24", "all": "true"}
    read = client.get(URL, query_string=query)
    assert sent.get_json()["entry"] == read.get_json()["entry"]
    assert len(sent.get_json()["entry"]) == 2


@pytest.mark.parametrize(
    ("parameter", "path"),
    [
        ({"name": "asof", "valueDate": AS_OF}, "Parameters.parameter[0].name"),
        ({"name": "as-of", "valueString": AS_OF}, "Parameters.parameter[0].valueDate"),
        ({"name": "as-of", "valueDate": "soon"}, "Parameters.parameter[0].valueDate"),
        ({"name": "all", "valueBoolean": "true"}, "Parameters.parameter[0].valueBoolean"),
        ({"name": "study"}, "Parameters.parameter[0].valueString"),
        ({"name": "all", "valueBoolean": True, "valueString": "x"}, "Parameters.parameter[0].valueBoolean"),
    ],
)
def test_parameters_are_checked(client: FlaskClient, parameter: Json, path: str) -> None:
    refused = client.post(URL, json={"resourceType": "Parameters", "parameter": [parameter]})
    assert refused.status_code == 422
    assert refused.get_json()["issue"][0]["expression"] == [path]


def test_a_parameter_is_there_once(client: FlaskClient) -> None:
    twice = [{"name": "as-of", "valueDate": AS_OF}] * 2
    refused = client.post(URL, json={"resourceType": "Parameters", "parameter": twice})
    assert refused.status_code == 422
    assert refused.get_json()["issue"][0]["diagnostics"] == "“as-of” is there twice."


@pytest.mark.parametrize(
    "accept", ["application/fhir+json", "application/json", "*/*", "application/fhir+json;fhirVersion=4.0"]
)
def test_formats(client: FlaskClient, accept: str) -> None:
    assert client.get("/fhir/metadata", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize(
    "wanted", ["json", "application/json", "application/fhir%2Bjson", "application/fhir+json", "text/json"]
)
def test_format_goes_before_accept(client: FlaskClient, wanted: str) -> None:
    answer = client.get(f"/fhir/metadata?_format={wanted}", headers={"Accept": "application/fhir+xml"})
    assert answer.status_code == 200


def test_what_it_says_of_itself_is_valid_and_so(client: FlaskClient) -> None:
    statement = CapabilityStatement.model_validate_json(client.get("/fhir/metadata").data)
    assert statement.fhirVersion == "4.0.1"
    assert statement.implementation.url == "http://localhost/fhir"
    patient, definitions = statement.rest[0].resource
    assert (patient.type, patient.operation[0].name) == ("Patient", "match-trials")
    assert definitions.type == "OperationDefinition"
    place = patient.operation[0].definition.rsplit("/fhir/", 1)[1]
    defined = OperationDefinition.model_validate_json(client.get(f"/fhir/{place}").data)
    assert defined.url == patient.operation[0].definition
    assert (defined.code, defined.instance, defined.type, defined.system) == ("match-trials", True, False, False)


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ({}, "Only the machine itself"),
        ({"issuers": "https://idp.example", "audience": "us"}, "Bearer tokens"),
        ({"login_issuer": "https://idp.example", "login_client": "us", "public_url": "https://us.example"}, "Bearer"),
    ],
)
def test_it_says_who_is_served(tmp_path: Path, others: dict[str, str], says: str) -> None:
    """As soon as anybody else can be, through whatever door, this machine needs a token as well."""
    with app_of(tmp_path, **others).test_client() as caller:
        assert caller.get("/fhir/metadata").get_json()["rest"][0]["security"]["description"].startswith(says)
        assert caller.get(URL).status_code == (401 if others else 502)


def test_the_definition_names_what_the_operation_takes(client: FlaskClient) -> None:
    defined = client.get("/fhir/OperationDefinition/match-trials").get_json()
    named = {one["name"] for one in defined["parameter"] if one["use"] == "in"}
    query = {one.data_key or name for name, one in schemas.OperationQuery().fields.items()}
    (allowed,) = schemas.OperationParameter().fields["name"].validators
    assert named == query - {"_format"} == set(allowed.choices)


def test_no_number_of_the_patient_is_in_the_searchset(client: FlaskClient) -> None:
    """Studies come back, not the patient."""
    text = client.get(URL, query_string={"as-of": AS_OF}).text
    assert not re.search(r"Patient/|Observation/|1991-06-03", text)
