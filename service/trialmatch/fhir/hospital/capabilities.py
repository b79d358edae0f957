"""What is known of a FHIR server: its CapabilityStatement, remembered for a while, and what it refused.

No match waits for the CapabilityStatement: it is asked for beside the first searches, serves those that follow, and is
asked for again in the background once it is old. A server that has none, or is slow with it, is used without.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from trialmatch.fhir.elements import Json, objects
from trialmatch.fhir.hospital.transport import Client, Refused

#: Releases whose records can be read, by the beginning of ``fhirVersion`` (https://hl7.org/fhir/history.html).
_VERSIONS = {"4.0": "R4", "4.1": "R4B", "4.3": "R4B", "5.0": "R5"}
RELEASES = frozenset(_VERSIONS.values())

#: Seconds until a server without CapabilityStatement is asked for it again.
_LATER = 60.0

#: Once in how many matches the slower way of sending searches is tried again.
_TRY_AGAIN = 25

#: How many servers are remembered.
_MOST = 64


@dataclass(frozen=True)
class Capabilities:
    """What a CapabilityStatement says.

    ``release`` is R4, R4B, R5, the version as printed for others, or empty where it says none. ``searches`` maps the
    types that can be searched to their search parameters (None: it does not list any); it is None where the statement
    lists no types at all.
    """

    release: str = ""
    searches: Mapping[str, frozenset[str] | None] | None = None
    batch: bool = False

    @classmethod
    def read(cls, statement: Json) -> Capabilities:
        """Take what is of use out of a CapabilityStatement; what is not as FHIR defines it is as if absent."""
        version = statement.get("fhirVersion")
        release = _VERSIONS.get(version[:3], version) if isinstance(version, str) else ""
        rest = next((one for one in objects(statement, "rest") if one.get("mode", "server") == "server"), {})
        searches = {
            str(one["type"]): frozenset(str(each.get("name")) for each in objects(one, "searchParam")) or None
            for one in objects(rest, "resource")
            if "type" in one and _searchable(one)
        }
        batch = any(one.get("code") == "batch" for one in objects(rest, "interaction"))
        return cls(release, searches if objects(rest, "resource") else None, batch)

    def lacks(self, kind: str) -> bool:
        """Whether the server says that a type cannot be searched."""
        return self.searches is not None and kind not in self.searches

    def lists(self, kind: str, parameter: str) -> bool:
        """Whether the server lists a search parameter of a type."""
        return parameter in ((self.searches or {}).get(kind) or ())

    def without(self, kind: str, parameter: str) -> bool:
        """Whether the server lists a type's search parameters, and not this one."""
        listed = (self.searches or {}).get(kind)
        return listed is not None and parameter not in listed


def _searchable(resource: Json) -> bool:
    """Whether a type is listed as searchable; a statement without interactions only says that the type is there."""
    interactions = {one.get("code") for one in objects(resource, "interaction")}
    return not interactions or "search-type" in interactions


@dataclass
class Pace:
    """How quickly a server answers the searches of a match, sent one by one and as a batch: seconds, newer ones first.

    A way that was not tried yet is tried; the slower one is tried again now and then.
    """

    one_by_one: float | None = None
    as_batch: float | None = None
    _turn: int = 0

    def batch_is_next(self) -> bool:
        """Whether the next searches should go as a batch."""
        if self.one_by_one is None or self.as_batch is None:
            return self.one_by_one is not None
        self._turn = (self._turn + 1) % _TRY_AGAIN
        return (self.as_batch < self.one_by_one) != (self._turn == 0)

    def took(self, seconds: float, *, batch: bool) -> None:
        """Note how long a match's searches took."""
        before = self.as_batch if batch else self.one_by_one
        mean = seconds if before is None else before + (seconds - before) / 4
        if batch:
            self.as_batch = mean
        else:
            self.one_by_one = mean


@dataclass
class Server:
    """What is known of one server. Used on the background loop only, which needs no locks.

    ``refused`` and ``proven`` name what it does not do, and what it was seen to do
    (:mod:`trialmatch.fhir.hospital.searches`). They are forgotten together with the CapabilityStatement.
    """

    capabilities: Capabilities = field(default_factory=Capabilities)
    refused: set[str] = field(default_factory=set)
    proven: set[str] = field(default_factory=set)
    pace: Pace = field(default_factory=Pace)
    _until: float = 0.0
    _asking: asyncio.Task[None] | None = None

    def refresh(self, client: Client, ttl: float) -> None:
        """See to it that the CapabilityStatement is not old, without waiting for it."""
        if asyncio.get_running_loop().time() >= self._until and (self._asking is None or self._asking.done()):
            self.refused.clear()
            self.proven.clear()
            self._asking = asyncio.create_task(self._ask(client, ttl))

    async def _ask(self, client: Client, ttl: float) -> None:
        now = asyncio.get_running_loop().time()
        self._until = now + min(_LATER, ttl)
        with contextlib.suppress(Refused):
            statement = await client.ask("metadata")
            if statement["resourceType"] == "CapabilityStatement":
                self.capabilities = Capabilities.read(statement)
                self._until = now + ttl


_servers: dict[str, Server] = {}
os.register_at_fork(after_in_child=_servers.clear)  # whose tasks run on a loop of the parent


def server(url: str) -> Server:
    """The server at a base URL."""
    known = _servers.pop(url, None) or Server()
    _servers[url] = known  # the last one used is the last one forgotten
    if len(_servers) > _MOST:
        del _servers[next(iter(_servers))]
    return known
