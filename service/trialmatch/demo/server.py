"""The demo hospital as a FHIR R4 server: just enough of one for ``trialmatch demo --serve`` to fetch patients from.

``python -m trialmatch.demo.server`` serves on a free port of the loopback address, prints the base URL as its first
line, and ends when its standard input does – that is, at the latest, when the process that started it ends.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from trialmatch.demo import hospital_path

Json = dict[str, Any]

#: Where a type says whose record it is, if not in ``subject``.
_WHOSE = {"Immunization": "patient", "AllergyIntolerance": "patient"}

#: Types that the hospital keeps too, though its patients have none.
_EMPTY = ("DocumentReference", "ImagingStudy", "ResearchSubject")

#: Entries a page, whatever the client asks for: enough to show that pages are followed.
_PAGE = 50


class Records:
    """All resources of the hospital, by type."""

    def __init__(self, folder: Path) -> None:
        self.by_type: dict[str, list[Json]] = {kind: [] for kind in _EMPTY}
        for file in sorted(folder.glob("*.ndjson")):
            self.by_type[file.name.split(".")[0]] = [orjson.loads(line) for line in file.read_bytes().splitlines()]

    def get(self, kind: str, identity: str) -> Json | None:
        """One resource."""
        return next((one for one in self.by_type.get(kind, ()) if one["id"] == identity), None)

    def search(self, kind: str, patient: str | None, codes: list[str], names: list[str]) -> list[Json]:
        """The resources of a type about a patient, with one of some codes (``system|code`` or ``code``) or names."""
        whose, wanted = _WHOSE.get(kind, "subject"), f"Patient/{(patient or '').removeprefix('Patient/')}"
        return [
            one
            for one in self.by_type.get(kind, ())
            if (patient is None or one.get(whose, {}).get("reference") == wanted)
            and (not codes or not _spellings(one).isdisjoint(codes))
            and (not names or any(name.lower() in _words(one) for name in names))
        ]

    def included(self, found: list[Json]) -> Iterator[Json]:
        """The Medications that orders refer to."""
        named = {one.get("medicationReference", {}).get("reference") for one in found}
        for one in self.by_type.get("Medication", ()):
            if f"Medication/{one['id']}" in named:
                yield one


def _concepts(resource: Json) -> list[Json]:
    return [one["code"] for one in (resource, *resource.get("component", ())) if "code" in one]


def _spellings(resource: Json) -> set[str]:
    codings = [coding for concept in _concepts(resource) for coding in concept.get("coding", ())]
    return {text for one in codings for text in (one["code"], f"{one.get('system', '')}|{one['code']}")}


def _words(resource: Json) -> str:
    concepts = _concepts(resource)
    said = [text for one in concepts for text in (one.get("text"), *(c.get("display") for c in one.get("coding", ())))]
    return " ".join(filter(None, said)).lower()


def _bears(resource: Json, number: str) -> bool:
    return any(
        number in (one["value"], f"{one.get('system', '')}|{one['value']}") for one in resource.get("identifier", ())
    )


def create_app(folder: Path | None = None) -> Flask:
    """The server as an application, under ``/fhir``."""
    app = Flask(__name__, static_folder=None)
    records = Records(folder or hospital_path())

    @app.get("/fhir/metadata")
    def metadata() -> Response:
        return _resource(_statement(records))

    @app.get("/fhir/<kind>/<identity>")
    def read(kind: str, identity: str) -> Response:
        found = records.get(kind, identity)
        return _missing() if found is None else _resource(found)

    @app.get("/fhir/<kind>")
    def search(kind: str) -> Response:
        found = records.search(kind, request.args.get("patient"), _listed("code"), _listed("code:text"))
        if "identifier" in request.args:
            found = [one for one in found if _bears(one, request.args["identifier"])]
        start = request.args.get("_offset", 0, int)
        page = found[start : start + _PAGE]
        entries = [{"resource": one, "search": {"mode": "match"}} for one in page]
        if "_include" in request.args:
            entries += [{"resource": one, "search": {"mode": "include"}} for one in records.included(page)]
        links = [{"relation": "self", "url": request.url}]
        if start + _PAGE < len(found):
            query = request.args.copy()
            query["_offset"] = str(start + _PAGE)
            pairs = "&".join(f"{name}={value}" for name, value in query.items(multi=True))
            links.append({"relation": "next", "url": f"{request.base_url}?{pairs}"})
        return _resource({"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries})

    return app


def _listed(name: str) -> list[str]:
    """The values of a parameter, by this name or as one of components too (``combo-``)."""
    given = [*request.args.getlist(name), *request.args.getlist(f"combo-{name}")]
    return [value for listed in given for value in listed.split(",")]


def _statement(records: Records) -> Json:
    interactions = [{"code": "read"}, {"code": "search-type"}]
    tokens = [{"name": name, "type": "token"} for name in ("code", "combo-code")]
    parameters = [{"name": "patient", "type": "reference"}, *tokens]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-03-01",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {"type": kind, "interaction": interactions, "searchParam": parameters} for kind in records.by_type
                ],
            }
        ],
    }


def _resource(resource: Json, status: int = 200) -> Response:
    return Response(orjson.dumps(resource), status, content_type="application/fhir+json")


def _missing() -> Response:
    issue = {"severity": "error", "code": "not-found"}
    return _resource({"resourceType": "OperationOutcome", "issue": [issue]}, 404)


class Quiet(WSGIRequestHandler):
    """Requests over connections that are kept, and no word of them: the service tells what it does."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until standard input ends."""
    server = make_server("127.0.0.1", 0, create_app(), threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}/fhir", flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
