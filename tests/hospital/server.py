"""A small FHIR server for tests: what a hospital answers, and on demand every fault of real ones.

``with Hospital(resources) as hospital: fetch(hospital.url, …)``. Faults are scripted per resource type (or
``metadata``, ``batch``): a list is used up one request after the other, a single fault stays. ``hospital.log`` holds
what was asked.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from tests.hospital.faults import Fault

Json = dict[str, Any]

FHIR = "application/fhir+json"
_SUBJECT = {"Immunization": "patient", "AllergyIntolerance": "patient", "ResearchSubject": "individual"}
_CODE = {"combo-code": ("own", "part"), "code": ("own",), "component-code": ("part",)}
_KNOWN = {"patient", "subject", "_count", "_sort", "_include", "_id", "category", "page", *_CODE}


def resources_of(folder: Path) -> list[Json]:
    """The resources of a folder of NDJSON."""
    lines = [line for file in sorted(folder.glob("*.ndjson")) for line in file.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines if line.strip()]


@dataclass(frozen=True)
class Asked:
    """A request as it came: its target (type, ``metadata``, ``batch``), parameters, headers, and its connection."""

    method: str
    target: str
    path: str
    params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    connection: int

    def values(self, name: str) -> list[str]:
        """All values of a parameter."""
        return [value for key, value in self.params if key == name]


@dataclass
class Hospital:
    """Resources and how they are served.

    ``delay`` seconds before every answer; ``page`` records a page at most. ``lacks`` are search parameters (also
    ``combo-code:text``, ``_include`` …) that the server does not know: with ``strict`` it refuses them with 400, else
    it ignores them; those of ``deaf`` find nothing. ``needs_code``: it refuses to give all Observations of a patient.
    ``offers`` are the types it has (None: all). ``release`` is the ``fhirVersion`` of its CapabilityStatement, None for
    a server without one; ``declares`` the search parameters of Observations in it. ``most_at_once`` is how many
    requests ran side by side.
    """

    resources: Iterable[Json]
    faults: dict[str, Fault | list[Fault]] = field(default_factory=dict)
    delay: float = 0.0
    page: int = 200
    lacks: frozenset[str] = frozenset()
    strict: bool = False
    needs_code: bool = False
    deaf: frozenset[str] = frozenset()
    offers: frozenset[str] | None = None
    release: str | None = "4.0.1"
    declares: frozenset[str] | None = None
    batch: bool = False
    posts: bool = True
    totals: bool = True
    port: int = 0
    log: list[Asked] = field(default_factory=list)
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.by_type: dict[str, list[Json]] = {}
        for resource in self.resources:
            self.by_type.setdefault(resource["resourceType"], []).append(resource)
        self._now = 0

    # --- starting and stopping

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        application = web.Application(client_max_size=50_000_000)
        application.router.add_route("*", "/fhir{tail:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=512).start()
        self.port = self._runner.addresses[0][1]

    @property
    def url(self) -> str:
        """The base of the server."""
        return f"http://127.0.0.1:{self.port}/fhir"

    def asked(self, target: str) -> list[Asked]:
        """The requests for a type."""
        return [one for one in self.log if one.target == target]

    def answer(self, relative: str) -> tuple[int, Json]:
        """What a GET would be answered with, without one being sent (and logged)."""
        url = urlsplit(relative)
        return self.resource("GET", url.path.split("/"), parse_qsl(url.query, keep_blank_values=True), b"")

    # --- answering

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        parts = request.path.removeprefix("/fhir").strip("/").split("/")
        target = parts[0] or "batch"
        params = parse_qsl(request.query_string, keep_blank_values=True)
        if request.method == "POST" and parts[-1] == "_search":
            params += parse_qsl(await request.text(), keep_blank_values=True)
        headers = dict(request.headers)
        connection = id(request.transport)
        self.log.append(Asked(request.method, target, request.path, tuple(params), headers, connection))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await asyncio.sleep(self.delay)
            fault = self._fault(target)
            if fault is not None:
                answer = await fault(request, lambda: self.resource(request.method, parts, params))
                if answer is not None:
                    return answer
            body = await request.read() if target == "batch" else b""
            status, resource = self.resource(request.method, parts, params, body)
            return web.json_response(resource, status=status, content_type=FHIR)
        finally:
            self._now -= 1

    def _fault(self, target: str) -> Fault | None:
        scripted = self.faults.get(target)
        if isinstance(scripted, list):
            return scripted.pop(0) if scripted else None
        return scripted

    def resource(
        self, method: str, parts: list[str], params: list[tuple[str, str]], body: bytes = b""
    ) -> tuple[int, Json]:
        """The status and resource that a request is answered with."""
        kind = parts[0]
        if kind == "metadata":
            return (404, outcome("not-found")) if self.release is None else (200, self.statement())
        if not kind:
            return self._batch(json.loads(body)) if method == "POST" and self.batch else (405, outcome("not-supported"))
        if method == "POST" and not self.posts:
            return 405, outcome("not-supported")
        if self.offers is not None and kind not in self.offers | {"Patient"}:
            return 404, outcome("not-supported", f"Unknown resource type '{kind}'")
        if len(parts) == 2 and parts[1] != "_search":
            found = [one for one in self.by_type.get(kind, []) if one["id"] == parts[1]]
            return (200, found[0]) if found else (404, outcome("not-found"))
        return self._search(kind, params)

    def _search(self, kind: str, params: list[tuple[str, str]]) -> tuple[int, Json]:
        names = [name for name, _ in params]
        unknown = [name for name in names if name in self.lacks or name.split(":")[0] not in _KNOWN]
        if unknown and self.strict:
            known = ", ".join(sorted(_KNOWN - self.lacks))
            words = f'Unknown search parameter "{unknown[0]}" for "{kind}". Valid ones are: {known}'
            return 400, outcome("processing", words)
        if self.needs_code and kind == "Observation" and not {"category", *_CODE} & {*names}:
            return 400, outcome("required", "Must have code or category")
        asked = [(name, value) for name, value in params if name not in unknown]
        found = [one for one in self.by_type.get(kind, []) if all(self._fits(one, *each) for each in asked)]
        if ("_sort", "-date") in asked:
            found.sort(key=lambda one: str(one.get("effectiveDateTime", "")), reverse=True)
        values = dict(asked)
        size = min(self.page, int(values.get("_count", self.page)))
        start = int(values.get("page", 0))
        some = found[start : start + size]
        query = [(name, value) for name, value in params if name != "page"]
        links = [{"relation": "self", "url": f"{self.url}/{kind}?{urlencode(query)}"}]
        if start + size < len(found):
            following = urlencode([*query, ("page", str(start + size))])
            links.append({"relation": "next", "url": f"{self.url}/{kind}?{following}"})
        entries = [{"resource": one, "search": {"mode": "match"}} for one in some]
        if "_include" in values:
            entries += [{"resource": one, "search": {"mode": "include"}} for one in self._included(some)]
        bundle = {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}
        return 200, bundle | ({"total": len(found)} if self.totals else {})

    def _fits(self, resource: Json, name: str, value: str) -> bool:
        if name in ("patient", "subject"):
            key = _SUBJECT.get(resource["resourceType"], "subject")
            wanted = {f"Patient/{one.removeprefix('Patient/')}" for one in value.split(",")}
            return resource.get(key, {}).get("reference") in wanted
        if name == "_id":
            return resource["id"] in value.split(",")
        if name == "category":
            held = {coding.get("code") for one in resource.get("category", ()) for coding in one["coding"]}
            return not held.isdisjoint(value.split(","))
        base, _, modifier = name.partition(":")
        if name in self.deaf:
            return False
        if base in _CODE:
            concepts = _concepts(resource, _CODE[base])
            test = _says if modifier == "text" else _is
            return any(test(concept, one) for concept in concepts for one in value.split(","))
        return True

    def _included(self, found: list[Json]) -> Iterator[Json]:
        wanted = {one.get("medicationReference", {}).get("reference") for one in found}
        return (one for one in self.by_type.get("Medication", []) if f"Medication/{one['id']}" in wanted)

    def _batch(self, bundle: Json) -> tuple[int, Json]:
        entries = []
        for one in bundle["entry"]:
            url = urlsplit(one["request"]["url"])
            self.log.append(Asked("BATCH", url.path.split("/")[0], url.path, tuple(parse_qsl(url.query)), {}, 0))
            fault = self._fault(url.path.split("/")[0])
            if fault is not None and fault.status:
                entries.append({"response": {"status": str(fault.status)}})
                continue
            status, resource = self.resource("GET", url.path.split("/"), parse_qsl(url.query))
            entries.append({"resource": resource, "response": {"status": str(status)}})
        return 200, {"resourceType": "Bundle", "type": "batch-response", "entry": entries}

    def statement(self) -> Json:
        """The CapabilityStatement."""
        kinds = sorted(self.offers | {"Patient"} if self.offers is not None else set(_ALL))
        params = [{"name": name} for name in sorted(self.declares or ())]
        rest: Json = {
            "mode": "server",
            "resource": [
                {"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}]}
                | ({"searchParam": params} if params and kind == "Observation" else {})
                for kind in kinds
            ],
        }
        if self.batch:
            rest["interaction"] = [{"code": "batch"}]
        return {"resourceType": "CapabilityStatement", "fhirVersion": self.release, "rest": [rest]}


_ALL = (
    "Patient", "Observation", "Condition", "Procedure", "Immunization", "AllergyIntolerance", "MedicationRequest",
    "MedicationStatement", "MedicationAdministration", "MedicationDispense", "Medication", "ResearchSubject",
    "Encounter", "ImagingStudy", "DocumentReference", "ResearchStudy", "EvidenceVariable",
)  # fmt: skip


def outcome(code: str, diagnostics: str = "", severity: str = "error") -> Json:
    """An OperationOutcome."""
    issue = {"severity": severity, "code": code, "diagnostics": diagnostics}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _concepts(resource: Json, where: Iterable[str]) -> Iterator[Json]:
    if "own" in where:
        yield resource.get("code") or {}
    if "part" in where:
        yield from (part.get("code") or {} for part in resource.get("component", ()))


def _is(concept: Json, token: str) -> bool:
    system, bar, code = token.rpartition("|")
    return any(
        coding.get("code") == code and (not bar or coding.get("system") == system)
        for coding in concept.get("coding", ())
    )


def _says(concept: Json, beginning: str) -> bool:
    said = [concept.get("text", ""), *(coding.get("display", "") for coding in concept.get("coding", ()))]
    return any(one.lower().startswith(beginning.lower()) for one in said)
