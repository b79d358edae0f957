"""A small FHIR server of the demo hospital for tests: paged searches, and on demand the faults of real ones."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

_PATIENT = {"Immunization": "patient", "AllergyIntolerance": "patient", "ResearchSubject": "individual"}


class Hospital:
    """Resources by type, and the faults to show: a type → what happens on its searches."""

    def __init__(self, folder: Path, page: int = 3) -> None:
        self.page = page
        self.faults: dict[str, str] = {}
        self.asked: list[str] = []
        self.resources: dict[str, list[Json]] = {}
        for file in sorted(folder.glob("*.ndjson")):
            lines = file.read_text(encoding="utf-8").splitlines()
            self.resources[file.name.split(".")[0]] = [json.loads(line) for line in lines]

    def search(self, kind: str, patient: str) -> list[Json]:
        """The resources of a type about a patient."""
        key = _PATIENT.get(kind, "subject")
        wanted = f"Patient/{patient}"
        return [one for one in self.resources.get(kind, []) if one.get(key, {}).get("reference") == wanted]

    def included(self, found: list[Json]) -> list[Json]:
        """The Medications that orders refer to."""
        wanted = {one.get("medicationReference", {}).get("reference") for one in found}
        return [one for one in self.resources.get("Medication", []) if f"Medication/{one['id']}" in wanted]


class _Handler(BaseHTTPRequestHandler):
    hospital: Hospital

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.hospital.asked.append(self.path)
        parts = url.path.strip("/").removeprefix("fhir").strip("/").split("/")
        kind = parts[0]
        fault = self.hospital.faults.get(kind, "")
        if fault.isdigit():
            return self._send({"resourceType": "OperationOutcome", "issue": []}, int(fault))
        if fault == "text":
            return self._raw(b"<html>maintenance</html>", 200)
        if len(parts) == 2:
            found = [one for one in self.hospital.resources.get(kind, []) if one["id"] == parts[1]]
            return self._send(found[0]) if found else self._send({"resourceType": "OperationOutcome"}, 404)
        return self._page(kind, query, fault)

    def _page(self, kind: str, query: dict[str, str], fault: str) -> None:
        found = self.hospital.search(kind, query.get("patient", ""))
        start = int(query.get("start", "0"))
        some = found[start : start + self.hospital.page]
        base = f"http://127.0.0.1:{self.server.server_address[1]}/fhir/{kind}"
        follow = f"{base}?patient={query.get('patient')}&start={start + self.hospital.page}"
        link = [{"relation": "self", "url": base}]
        if fault == "loop":
            link.append({"relation": "next", "url": f"{base}?patient={query.get('patient')}&start=0"})
        elif fault == "elsewhere":
            link.append({"relation": "next", "url": follow.replace("127.0.0.1", "127.0.0.2")})
        elif fault == "breaks" and start:
            return self._send({"resourceType": "OperationOutcome"}, 500)
        elif start + self.hospital.page < len(found):
            link.append({"relation": "next", "url": follow})
        entries = [{"resource": one, "search": {"mode": "match"}} for one in some]
        if "_include" in query:
            entries += [{"resource": one, "search": {"mode": "include"}} for one in self.hospital.included(some)]
        return self._send({"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entries})

    def _send(self, body: Json, status: int = 200) -> None:
        self._raw(json.dumps(body).encode(), status)

    def _raw(self, body: bytes, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(hospital: Hospital) -> Iterator[str]:
    """Serve a hospital on the loopback address; yields its base URL."""
    handler = type("Handler", (_Handler,), {"hospital": hospital})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/fhir"
    finally:
        server.shutdown()
        server.server_close()
