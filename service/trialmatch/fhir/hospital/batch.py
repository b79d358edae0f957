"""Searches sent as one batch Bundle (https://hl7.org/fhir/R4/http.html#transaction), where that is faster.

Side by side on connections that are kept open, searches take as long as the slowest of them, which no batch can beat
but for the work that each request is. A batch may be worked through one entry after the other, or as quickly as one
search. Nobody can tell but the server: each way is timed (:class:`~trialmatch.fhir.hospital.capabilities.Pace`). Where
there are more searches than run side by side, so that they come in several rounds, a batch is taken in any case.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from trialmatch.fhir.elements import Json
from trialmatch.fhir.hospital.searches import Plan, Query
from trialmatch.fhir.hospital.transport import Client, Passing, Refused, refusal


def is_worth_it(plan: Plan, searches: int) -> bool:
    """Whether so many searches should go as a batch."""
    wish = plan.settings.fhir_batch
    if wish == "never" or "batch" in plan.refused or not searches:
        return False
    if wish == "always":
        return True
    return plan.capabilities.batch and (searches > plan.settings.fhir_parallel or plan.pace.batch_is_next())


async def ask(client: Client, queries: Sequence[Query], refused: set[str]) -> dict[Query, Json | Refused]:
    """The first pages of searches, or why there is none; those that are to be asked one by one are left out."""
    entries = [{"request": {"method": "GET", "url": client.relative(query.kind, query.values)}} for query in queries]
    try:
        answer = await client.ask(
            client.url, method="post", data={"resourceType": "Bundle", "type": "batch", "entry": entries}
        )
    except Refused as problem:
        if 400 <= problem.status < 500 or problem.status == 501:
            refused.add("batch")
        return {}
    given = answer.get("entry")
    if answer["resourceType"] != "Bundle" or not isinstance(given, list) or len(given) != len(queries):
        refused.add("batch")
        return {}
    found = {query: _page(entry) for query, entry in zip(queries, given, strict=True)}
    return {query: page for query, page in found.items() if page is not None}


def _page(entry: object) -> Json | Refused | None:
    """One entry of the answer; None where it is better asked for again."""
    response = entry.get("response") if isinstance(entry, dict) else None
    status = str(response.get("status", "")) if isinstance(response, dict) else ""
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if status.startswith("2") and isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
        return resource
    if status[:3].isdecimal() and not status.startswith("2"):
        outcome = response.get("outcome") if isinstance(response, dict) else None
        problem = refusal(int(status[:3]), None, orjson.dumps(outcome or resource))
        return None if isinstance(problem, Passing) else problem
    return None
