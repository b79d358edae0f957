"""A prescreen's source that is a server: what it exports, from where an earlier run's export goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from trialmatch.config import Settings
from trialmatch.errors import BadInput, UsageError
from trialmatch.fhir.bulk.export import Server
from trialmatch.fhir.bulk.request import Request
from trialmatch.fhir.hospital.backend_services import Tokens
from trialmatch.fhir.hospital.server import shown
from trialmatch.fhir.patient.needs import Needs
from trialmatch.prescreen.export import Exported, earlier_request, earlier_time, export

#: Where an export lies that nobody wants to keep.
FOLDER = ".export"


@dataclass(frozen=True)
class Hospital:
    """A server's export and what run.json says of it (``about``)."""

    exported: Exported
    about: dict[str, Any]


def from_server(
    url: str,
    needs: Needs,
    settings: Settings,
    out: Path,
    *,
    keep: Path | None = None,
    since: Path | None = None,
    resume: bool = False,
    tell: Callable[[str], None] = lambda words: None,
) -> Hospital:
    """Export what ``needs`` ask for into ``keep``, or into a folder under ``out`` that is the caller's to remove.

    ``since`` is the folder of an earlier run: where that kept an export of the same, only what has changed is asked
    for. ``resume`` goes on with an export that was begun in the same folder.

    Raises UsageError where ``keep`` is in use, SourceUnavailable where the server does not give it.
    """
    folder = keep or out / FOLDER
    if not resume:
        _new(folder, keep is not None)
    tokens = Tokens(settings)
    request = Request.of(url, needs)
    server = Server(
        url, settings, lambda: tokens.bearer(request.base), renew=lambda refused: tokens.renew(request.base, refused)
    )
    earlier = _earlier(since, request, tell) if since is not None else None
    if earlier is not None:
        request = replace(request, since=earlier_time(earlier))
    exported = export(server, request, folder, earlier=earlier, tell=tell)
    about = {
        "server": shown(url),
        "transactionTime": exported.transaction_time,
        "since": request.since,
        "observationsByCode": exported.narrowed,
        "kept": str(keep.absolute()) if keep is not None else None,
    }
    return Hospital(exported, about)


def _new(folder: Path, kept: bool) -> None:
    """See that nothing old is taken for the hospital of today."""
    if not folder.exists():
        return
    if kept and any(folder.iterdir()):
        raise UsageError(f"--keep-export {folder}: not empty; expected a new folder, or --resume to go on with it")
    shutil.rmtree(folder)


def _earlier(since: Path, request: Request, tell: Callable[[str], None]) -> Path | None:
    """The export of an earlier run, if what has changed since then is all that is missing."""
    try:
        kept = (orjson.loads((since / "run.json").read_bytes()).get("export") or {}).get("kept")
    except (OSError, ValueError, AttributeError) as problem:
        raise BadInput(str(since), f"not readable ({type(problem).__name__})", "a finished prescreen") from None
    if kept is None:
        tell("The earlier run kept no export (--keep-export), so everything is asked for.")
        return None
    folder = Path(kept)
    try:
        before = earlier_request(folder)
    except BadInput as problem:
        tell(f"{problem}; so everything is asked for.")
        return None
    if replace(before, since=None) != request:
        tell("The earlier export was of another server or for other criteria, so everything is asked for.")
        return None
    return folder
