"""A server's bulk export as a folder of NDJSON: asked for, fetched, checked; gone on with after a break.

What has been reached is written to ``export.json`` in the folder, so that a killed run goes on with the same export.
An export with ``since`` is laid over the folder of the earlier one: what changed is added, what was deleted is taken
out.
"""

from __future__ import annotations

import gzip
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from trialmatch.errors import BadInput, SourceUnavailable
from trialmatch.fhir.bulk.export import Expired, File, Manifest, Server
from trialmatch.fhir.bulk.files import Miscounted, Saved, lies_there, resources, save
from trialmatch.fhir.bulk.request import Request
from trialmatch.fhir.elements import Json
from trialmatch.fhir.hospital.server import shown
from trialmatch.prescreen.work import told_disk

#: Files fetched side by side.
_PARALLEL = 4

STATE = "export.json"


@dataclass(frozen=True)
class Exported:
    """A folder of NDJSON that came from a server.

    ``partial`` are types of which something is missing, with the reason in words; ``narrowed`` says that Observations
    were asked for by code. ``transaction_time`` is what the next export goes on from.
    """

    folder: Path
    transaction_time: str
    partial: dict[str, str] = field(default_factory=dict)
    narrowed: bool = False
    problems: tuple[str, ...] = ()


@dataclass
class _State:
    """What ``export.json`` holds."""

    request: Json
    status: str | None = None
    filtered: bool = False
    refused: list[str] = field(default_factory=list)
    manifest: Json | None = None
    files: dict[str, Json] = field(default_factory=dict)
    laid_over: bool = False
    done: bool = False


def export(
    server: Server,
    request: Request,
    folder: Path,
    *,
    earlier: Path | None = None,
    tell: Callable[[str], None] = lambda words: None,
) -> Exported:
    """Export into ``folder``, or go on with the export that was begun there.

    ``request.since`` needs ``earlier``, the folder of the export that it goes on from. ``tell`` hears lines of
    progress. Raises SourceUnavailable where the server does not give it, BadInput where the folder holds another
    export, TrialmatchError where it cannot be written.
    """
    return _Run(server, request, folder, earlier, tell).go()


def earlier_time(folder: Path) -> str:
    """From when on an export in a folder has to be brought up to date; BadInput where there is no whole one."""
    return str((_whole(folder).manifest or {})["transaction_time"])


def earlier_request(folder: Path) -> Request:
    """What was asked for with the export in a folder; BadInput where there is no whole one."""
    given = _whole(folder).request
    return Request(given["url"], tuple(given["types"]), tuple(given["filters"]), given["since"])


def _whole(folder: Path) -> _State:
    state = _read(folder / STATE)
    if state is None or not state.done or state.manifest is None:
        raise BadInput(str(folder), "no complete export", "the export that a run with --keep-export leaves")
    return state


@dataclass
class _Run:
    server: Server
    request: Request
    folder: Path
    earlier: Path | None
    tell: Callable[[str], None]
    problems: list[str] = field(default_factory=list)
    partial: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def go(self) -> Exported:
        with told_disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            state = self._state()
            manifest = self._manifest(state)
            self._fetch(state, manifest)
            self._errors(state, manifest)
            self._lay_over(state, manifest)
            self._end(state)
        for kind in state.refused:  # whole all the same: the next night there will be no more of it
            self._lacks(kind, f"{shown(self.request.endpoint)}: it exports no {kind}", "the server exports none of it")
        return Exported(self.folder, manifest.transaction_time, self.partial, state.filtered, tuple(self.problems))

    # -- steps ----------------------------------------------------------------------------------------------------

    def _state(self) -> _State:
        asked = orjson.loads(orjson.dumps(asdict(self.request)))
        state = _read(self.folder / STATE)
        if state is None:
            if any(self.folder.iterdir()):
                raise BadInput(str(self.folder), "not empty, and no export that was begun", "a new folder")
            return _State(asked)
        if state.request != asked:
            raise BadInput(str(self.folder), "holds another export", "the same server and studies, or a new folder")
        return state

    def _manifest(self, state: _State) -> Manifest:
        """The manifest: as it was kept, or after waiting for it. An export that ran out is asked for once more."""
        if state.manifest is not None:
            return _manifest_of(state.manifest)
        for attempt in range(2):
            if state.status is None:
                self.tell(f"Asking {shown(self.request.endpoint)} for an export …")
                state.status, taken = self.server.kick_off(self.request)
                state.filtered = bool(taken.filters) or (self.earlier is not None and _whole(self.earlier).filtered)
                state.refused = sorted({*self.request.types} - {*taken.types} - {"Medication"})
                self._keep(state)
            try:
                manifest = self.server.wait(state.status, lambda words: self.tell(f"The server prepares it: {words}"))
                state.manifest = asdict(manifest)
                self._keep(state)
                return manifest
            except Expired:
                if attempt:
                    break
                state.status = None
        raise SourceUnavailable(f"{shown(self.request.endpoint)}: it forgets the export before it is ready")

    def _fetch(self, state: _State, manifest: Manifest) -> None:
        """All files side by side. A failed one makes its type partial; if none came, the export failed."""
        wanted = list(_named(manifest, self._first_number()))
        missing = [(name, file) for name, file in wanted if not self._there(state, file)]
        if missing:
            self.tell(f"Fetching {len(missing)} of {len(wanted)} files …")
        failed: list[tuple[File, SourceUnavailable]] = []
        with ThreadPoolExecutor(_PARALLEL) as pool:
            for file, problem in pool.map(lambda one: self._one(state, manifest, *one), missing):
                if problem is not None:
                    failed.append((file, problem))
        if failed and len(failed) == len(wanted):
            raise failed[0][1]
        for file, problem in failed:
            self._lacks(file.type, str(problem), "a file of the export could not be fetched")

    def _one(
        self, state: _State, manifest: Manifest, name: str, file: File
    ) -> tuple[File, SourceUnavailable | None]:
        token = manifest.requires_token
        try:
            try:
                saved = save(self.server, file, self.folder, name, token=token)
            except Miscounted:  # once more: what a server counts is sometimes ready later than the file
                saved = save(self.server, file, self.folder, name, token=token)
        except Miscounted as problem:
            saved = problem.saved
            words = f"{saved.name}: {saved.count} resources; the server announced {file.count}"
            self._lacks(file.type, words, "a file of the export holds another number of records than announced")
        except SourceUnavailable as problem:
            return file, problem
        with self._lock:
            state.files[file.url] = asdict(saved)
            self._keep(state)
        self.tell(f"{saved.name}: {saved.count} resources")
        return file, None

    def _errors(self, state: _State, manifest: Manifest) -> None:
        """What the server could not export: errors make every type partial, since they rarely say which."""
        severe = 0
        for file in manifest.error:
            for outcome in resources(self.folder / _saved(state, file).name) if file.url in state.files else ():
                issues = outcome.get("issue")
                severe += any(
                    isinstance(issue, dict) and issue.get("severity") in ("error", "fatal")
                    for issue in (issues if isinstance(issues, list) else ())
                )
        if severe:
            for kind in self.request.types:
                self._lacks(kind, "", "the server could not export everything")
            self.problems.append(f"{shown(self.request.endpoint)}: {severe} errors; what was not exported is unknown")

    def _lay_over(self, state: _State, manifest: Manifest) -> None:
        """Bring the files of the earlier export along, without what has been deleted since."""
        if self.earlier is None or state.laid_over:
            return
        gone = {
            f"{kind}/{identity}"
            for file in manifest.deleted
            if file.url in state.files
            for bundle in resources(self.folder / _saved(state, file).name)
            for kind, identity in _deletions(bundle)
        }
        for path in _data(self.earlier):
            _without(path, self.folder / path.name, gone)
        state.laid_over = True
        self._keep(state)

    def _end(self, state: _State) -> None:
        if state.status is not None and not state.done and not self.partial:
            self.server.remove(state.status)
        for path in self.folder.glob("*.part*"):
            path.unlink()
        state.done = not self.partial
        self._keep(state)

    # -- small things ---------------------------------------------------------------------------------------------

    def _there(self, state: _State, file: File) -> bool:
        if file.url not in state.files:
            return False
        saved = _saved(state, file)
        return file.count in (None, saved.count) and lies_there(saved, self.folder)

    def _first_number(self) -> int:
        """Numbers of new files go on after those of the earlier export, so that they are read later and win."""
        if self.earlier is None:
            return 0
        numbers = [int(part) for path in _data(self.earlier) for part in path.name.split(".") if part.isdecimal()]
        return max(numbers, default=-1) + 1

    def _lacks(self, kind: str, problem: str, detail: str) -> None:
        with self._lock:
            self.partial.setdefault(kind, detail)
            if problem:
                self.problems.append(f"{problem}; what hangs on it is unknown")

    def _keep(self, state: _State) -> None:
        """Write the state so that it is there whole or not at all."""
        fresh = self.folder / f"{STATE}.new"
        with fresh.open("wb") as stream:
            stream.write(orjson.dumps(asdict(state), option=orjson.OPT_INDENT_2))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(self.folder / STATE)


def _read(path: Path) -> _State | None:
    try:
        return _State(**orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise BadInput(str(path), "not the state of an export", f"{STATE} as it was written, or a new folder") from None


def _saved(state: _State, file: File) -> Saved:
    return Saved(**state.files[file.url])


def _manifest_of(data: dict[str, Any]) -> Manifest:
    files = {name: tuple(File(**one) for one in data[name]) for name in ("output", "error", "deleted")}
    return Manifest(data["transaction_time"], data["requires_token"], **files)


def _named(manifest: Manifest, first: int) -> Iterator[tuple[str, File]]:
    """Files by name, in the order of the manifest: Observation.0000.ndjson; errors and deletions have other names."""
    for number, file in enumerate(manifest.output, start=first):
        yield f"{file.type}.{number:04d}.ndjson", file
    for number, file in enumerate(manifest.error):
        yield f"export-errors.{number:04d}.jsonl", file
    for number, file in enumerate(manifest.deleted):
        yield f"export-deleted.{number:04d}.jsonl", file


def _data(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.removesuffix(".gz").endswith(".ndjson"))


def _deletions(bundle: Json) -> Iterator[tuple[str, str]]:
    """Type and id of what a transaction Bundle deletes."""
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        asked = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(asked, dict) and asked.get("method") == "DELETE" and isinstance(asked.get("url"), str):
            kind, _, identity = asked["url"].partition("?")[0].rpartition("/")
            yield kind.rsplit("/", 1)[-1], identity


def _without(source: Path, target: Path, gone: set[str]) -> None:
    """A file without the resources that are gone; the same file where none of its type are."""
    kinds = {name.split("/", 1)[0] for name in gone}
    if source.name.split(".", 1)[0] not in kinds:
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copyfile(source, target)
        return
    fresh = target.with_name(f"{target.name}.part")
    with _opened(source, "rb") as lines, _opened(fresh, "wb", like=source) as kept:
        for line in lines:
            if not _is_gone(line, gone):
                kept.write(line)
    fresh.replace(target)


def _opened(path: Path, mode: str, like: Path | None = None) -> BinaryIO:
    compressed = (like or path).suffix == ".gz"
    return gzip.open(path, mode) if compressed else path.open(mode)  # type: ignore[return-value]


def _is_gone(line: bytes, gone: set[str]) -> bool:
    try:
        resource = orjson.loads(line)
        return f"{resource['resourceType']}/{resource['id']}" in gone
    except (ValueError, KeyError, TypeError):
        return False  # what cannot be read is told by who reads it
