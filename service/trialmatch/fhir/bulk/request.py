"""What to ask a server to export, and how else to put it where a server refuses.

Source: HL7 FHIR Bulk Data Access, 2.0.0 and 3.0.0, section "Bulk Data Kick-off Request".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from trialmatch.fhir.elements import Json, objects
from trialmatch.fhir.patient.needs import Needs

NDJSON = "application/fhir+ndjson"

#: What a URL may name behind the server: whose records to export.
_SCOPE = re.compile(r"(/Group/[^/]+|/Patient)?(/\$export)?$")


@dataclass(frozen=True)
class Request:
    """What to export: of which server and group, which types, narrowed how, changed since when.

    ``filters`` are searches such as ``Observation?code=…``; servers may ignore them. ``since`` is a FHIR instant.
    """

    url: str
    types: tuple[str, ...]
    filters: tuple[str, ...] = ()
    since: str | None = None

    @classmethod
    def of(cls, url: str, needs: Needs, *, since: str | None = None) -> Request:
        """What the criteria can use; Observations by code, where all codes can be named and silence decides nothing.

        Where it does, what only words connect with a criterion must be seen too
        (:mod:`trialmatch.fhir.patient.needs`), and a filter that does not find it leaves no trace in an export.
        """
        extra = ("Medication",) if any(kind.startswith("Medication") for kind in needs.types) else ()
        filters: tuple[str, ...] = ()
        if needs.codes and not needs.words and "Observation" in needs.types:
            codes = ",".join(sorted(f"{system}|{code}" for system, code in needs.codes))
            filters = (f"Observation?combo-code={quote(codes, safe='')}",)  # also inside panels
        return cls(url, needs.types + extra, filters, since)

    @property
    def base(self) -> str:
        """The FHIR server's own URL, whoever of it is exported."""
        return _SCOPE.sub("", self.url.rstrip("/"))

    @property
    def endpoint(self) -> str:
        """Where the export is asked for: of the whole system, or of the group or patients that the URL names."""
        base = self.url.rstrip("/")
        return base if base.endswith("/$export") else f"{base}/$export"

    def without(self, types: Iterable[str]) -> Request:
        """The same, but not of these types."""
        refused = {*types}
        return replace(self, types=tuple(kind for kind in self.types if kind not in refused))

    def parameters(self) -> list[tuple[str, str]]:
        """The parameters of the kick-off."""
        found = [("_outputFormat", NDJSON), ("_type", ",".join(self.types))]
        found += [("_typeFilter", one) for one in self.filters]
        return found + ([("_since", self.since)] if self.since else [])


def ways(request: Request) -> Iterator[Request]:
    """The request, and what may be asked for instead where a server refuses it, the best first."""
    types = tuple(kind for kind in request.types if kind != "Medication")
    others = (request, replace(request, types=types), replace(request, filters=()))
    yield from dict.fromkeys((*others, replace(request, types=types, filters=())))


def body(request: Request) -> Json:
    """The kick-off as a Parameters resource. ``_type`` is one list, since servers are known to read only the first."""
    given: list[Json] = [
        {"name": name, "valueInstant" if name == "_since" else "valueString": value}
        for name, value in request.parameters()
    ]
    return {"resourceType": "Parameters", "parameter": given}


def refused_types(request: Request, outcome: Json | None) -> frozenset[str]:
    """The types of a request that an OperationOutcome names: those that a server has none of, where it is strict.

    Not those of its filters, with which something else may be wrong, and nothing where the patients are among them.
    """
    said = " ".join(
        str(words)
        for issue in objects(outcome, "issue")
        for details in [issue.get("details")]
        for words in (issue.get("diagnostics"), details.get("text") if isinstance(details, dict) else None)
    )
    filtered = {one.split("?", 1)[0] for one in request.filters}
    named = {kind for kind in request.types if re.search(rf"\b{kind}\b", said)} - filtered
    return frozenset() if "Patient" in named else frozenset(named)
