"""The files of an export: fetched side by side, gone on with after a break, checked, and put in place at once."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import requests
import urllib3

from trialmatch.addresses import shown
from trialmatch.errors import SourceUnavailable, TrialmatchError
from trialmatch.fhir.bulk.export import File, Passing, Server
from trialmatch.fhir.elements import Json

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Saved:
    """A file that was fetched: its name in the folder, bytes and digest as they lie there, and resources in it."""

    name: str
    size: int
    sha256: str
    count: int


class Miscounted(Exception):
    """A file that came whole, but holds another number of resources than the manifest says."""

    def __init__(self, saved: Saved) -> None:
        super().__init__(saved.name)
        self.saved = saved


def save(
    server: Server, file: File, folder: Path, name: str, *, token: bool, got: Callable[[int], None] = lambda size: None
) -> Saved:
    """Fetch one file into ``folder`` as ``name`` (``.gz`` is added where it comes compressed).

    What came before a break is kept and the rest asked for, where the server can do that. ``got`` hears of the bytes as
    they come. Raises SourceUnavailable where the file cannot be had, Miscounted where it is not what the manifest says,
    TrialmatchError where it cannot be written.
    """
    part = folder / f"{name}.part"
    compressed = server.again(file.url, lambda: _attempt(server, file.url, part, token=token, got=got))
    target = folder / (f"{name}.gz" if compressed else name)
    try:
        size, digest, count = _measure(part, compressed=compressed)
        part.replace(target)
    except (OSError, EOFError, zlib.error) as problem:
        part.unlink(missing_ok=True)
        raise SourceUnavailable(f"{shown(file.url)}: broken ({type(problem).__name__})") from None
    _notes(part).unlink(missing_ok=True)
    saved = Saved(target.name, size, digest, count)
    if file.count is not None and file.count != count:
        raise Miscounted(saved)
    return saved


def lies_there(saved: Saved, folder: Path) -> bool:
    """Whether a file that was fetched before is still as it was."""
    path = folder / saved.name
    if not path.is_file() or path.stat().st_size != saved.size:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == saved.sha256


def resources(path: Path) -> Iterator[Json]:
    """The JSON objects of a small file of an export, such as one of errors; other lines are left out."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
        for line in stream:
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if isinstance(value, dict):
                yield value


@dataclass(frozen=True)
class _Notes:
    """What must be the same for a part to be gone on with: the version of the file, and how it is encoded."""

    version: str
    encoding: str


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _attempt(server: Server, url: str, part: Path, *, token: bool, got: Callable[[int], None]) -> bool:
    """Fetch a file, or the rest of it. Whether it is compressed. Raises Passing where it broke off."""
    headers = {"Accept": "application/fhir+ndjson", "Accept-Encoding": "gzip"}
    at, notes = _kept(part)
    if notes is not None:
        headers |= {"Range": f"bytes={at}-", "If-Range": notes.version}
    answer = server.once("GET", url, headers, stream=True, token=token)
    with answer:
        if answer.status_code == 416:
            part.unlink(missing_ok=True)
            raise Passing("has another file now (416)")
        if answer.status_code not in (200, 206):
            raise SourceUnavailable(f"{shown(url)}: a file of the export is refused ({answer.status_code})")
        encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("gzip", "x-gzip", "identity", ""):
            raise SourceUnavailable(f"{shown(url)}: a file of the export has an unknown encoding")
        goes_on = answer.status_code == 206 and notes is not None and _begins_at(answer, at)
        if answer.status_code == 206 and not goes_on:
            part.unlink(missing_ok=True)
            raise Passing("gave another range than it was asked for")
        if not goes_on:
            _note(part, answer, encoding)
        _write(answer, part, url, append=goes_on, got=got)
        return encoding in ("gzip", "x-gzip")


def _kept(part: Path) -> tuple[int, _Notes | None]:
    """How much of a file is there, if it can be gone on with."""
    try:
        return part.stat().st_size, _Notes(**orjson.loads(_notes(part).read_bytes()))
    except (OSError, ValueError, TypeError):
        return 0, None


def _note(part: Path, answer: requests.Response, encoding: str) -> None:
    """Keep what tells the file's version; only strong validators do (RFC 9110, section 13.1.5)."""
    part.unlink(missing_ok=True)
    tag = answer.headers.get("ETag", "")
    if tag.startswith('"') and answer.headers.get("Accept-Ranges", "bytes").lower() != "none":
        _notes(part).write_bytes(orjson.dumps(asdict(_Notes(tag, encoding))))
    else:
        _notes(part).unlink(missing_ok=True)


def _begins_at(answer: requests.Response, at: int) -> bool:
    return answer.headers.get("Content-Range", "").lower().startswith(f"bytes {at}-")


def _write(answer: requests.Response, part: Path, url: str, *, append: bool, got: Callable[[int], None]) -> None:
    expected = answer.headers.get("Content-Length")
    written = 0
    try:
        with part.open("ab" if append else "wb") as stream:
            for chunk in answer.raw.stream(_CHUNK, decode_content=False):
                stream.write(chunk)
                written += len(chunk)
                got(len(chunk))
    except (urllib3.exceptions.HTTPError, requests.RequestException, ConnectionError, TimeoutError) as problem:
        raise Passing(f"broke off ({type(problem).__name__})") from None
    except OSError as problem:
        raise TrialmatchError(f"{part.parent}: cannot be written ({problem.strerror})") from None
    if expected is not None and expected.isdecimal() and written != int(expected):
        raise Passing("broke off")


def _measure(path: Path, *, compressed: bool) -> tuple[int, str, int]:
    """Bytes, SHA-256 and lines that are not blank of a file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    with gzip.open(path, "rb") if compressed else path.open("rb") as lines:
        count = sum(1 for line in lines if line.strip())
    return path.stat().st_size, digest, count
