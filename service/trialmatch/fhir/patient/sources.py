"""Reading raw records from files: a Bundle, or a folder of NDJSON. What cannot be read is said with its place."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from trialmatch.errors import BadInput
from trialmatch.fhir.elements import Json, json_type, next_link
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.resource_types import RESOURCE_TYPES
from trialmatch.files import readable


def from_path(path: Path) -> Records:
    """The records of a Bundle file or of a folder of NDJSON.

    Raises BadInput where there is no such file, it is no JSON, no Bundle, or the folder holds no NDJSON.
    """
    with readable(path):
        if path.is_dir():
            return from_folder(path)
        if not path.exists():
            raise BadInput(str(path), "no such file or folder", "a Bundle (.json) or a folder of NDJSON")
        content = path.read_bytes()
    if path.name.removesuffix(".gz").endswith(".ndjson"):
        records = Records()
        _read_file(path, records)
        return records
    return from_bundle(parse(content, str(path)), str(path))


def parse(content: bytes, place: str) -> Any:
    """JSON out of bytes; BadInput with file and line where it is none, or where it nests too deep to be read."""
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as problem:
        try:
            content.decode()
        except UnicodeDecodeError as wrong:
            line = content.count(b"\n", 0, wrong.start) + 1
            raise BadInput(f"{place}:{line}", "not UTF-8", "JSON in UTF-8") from None
        raise BadInput(f"{place}:{problem.lineno}", f"no JSON ({problem.msg})", "JSON") from None
    except RecursionError:
        raise BadInput(place, "nested too deep", "JSON that nests less than 1,000 deep") from None


def from_bundle(bundle: Any, place: str, *, page: bool = False) -> Records:
    """The records of a Bundle: collection, searchset, transaction or document, R4, R4B or R5.

    A searchset with a next page is not all there is, unless the caller reads on (``page``).
    """
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        found = bundle.get("resourceType") if isinstance(bundle, dict) else json_type(bundle)
        raise BadInput(place, f"found {found if isinstance(found, str) else 'an object'}", "a Bundle")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise BadInput(f"{place}: Bundle.entry", json_type(entries), "an array")
    records = Records()
    for position, entry in enumerate(entries):
        here = f"{place}: entry[{position}]"
        if not isinstance(entry, dict):
            records.unreadable(None, here, f"{json_type(entry)}; expected an object")
            continue
        resource = entry.get("resource")
        if resource is None and "resource" not in entry:
            continue  # a deletion or a mere response
        _take(resource, here, records, entry)
    if not page and next_link(bundle) is not None:
        records.unreadable(None, f"{place}: Bundle.link", "a next page; expected all pages in one Bundle")
        for source in records.sources.values():
            source.truncated = True
    return records


def _known(resource: Any, place: str, records: Records, file_type: str | None) -> bool:
    """Whether it is a resource; if not, that is noted. ``file_type`` is what the name of its file says it is."""
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if isinstance(kind, str) and kind in RESOURCE_TYPES:
        return True
    if not isinstance(resource, dict):
        why = f"{json_type(resource)}; expected a resource"
    elif not isinstance(kind, str) or not kind.isalpha() or not kind[0].isupper():
        why = "resourceType: none that is known; expected a FHIR resource type"
    else:
        why = "a resourceType that is not known; expected a FHIR resource type"
    records.unreadable(file_type, place, why)
    return False


def _take(resource: Any, place: str, records: Records, entry: Json) -> None:
    """Take in the resource of an entry of a Bundle."""
    if not _known(resource, place, records, None):
        return
    kind, full_url = resource["resourceType"], entry.get("fullUrl")
    if isinstance(full_url, str) and full_url:
        identity = resource.get("id")
        if not isinstance(identity, str):
            identity = full_url.rsplit(":", 1)[-1] if full_url.startswith("urn:") else full_url.rsplit("/", 1)[-1]
            resource = {**resource, "id": identity}
        records.full_urls[full_url] = f"{kind}/{identity}"
    if kind == "Bundle":  # a batch response: each entry holds a searchset
        inner = from_bundle(resource, place)
        records.take(inner)
        records.problems += inner.problems
        for name, source in inner.sources.items():
            if source.state != "complete":
                own = records.source(name)
                own.state, own.detail, own.truncated = source.state, source.detail, source.truncated
        return
    records.add(resource, place)


def from_folder(folder: Path) -> Records:
    """The records of a folder of Bulk Data NDJSON (plain or .gz, several files a type), whosever they are."""
    records = Records()
    for path in files_of(folder):
        _read_file(path, records)
    return records


def files_of(folder: Path) -> list[Path]:
    """The NDJSON files of a folder, by name. Raises BadInput where there is none."""
    with readable(folder):
        named = sorted(path for path in folder.iterdir() if path.name.removesuffix(".gz").endswith(".ndjson"))
        for path in named:
            if not path.exists():
                raise BadInput(str(path), "a link that leads nowhere", "a file")
        files = [path for path in named if path.is_file()]
    if not files:
        raise BadInput(str(folder), "no NDJSON in it", "files named like Patient.ndjson or Observation.000.ndjson.gz")
    return files


def _read_file(path: Path, records: Records) -> None:
    for _, resource, place in resources_of(path, records):
        records.add(resource, place)


def resources_of(path: Path, records: Records) -> Iterator[tuple[int, Json, str]]:
    """The resources of a file of NDJSON with the numbers of their lines and their places.

    What cannot be read is noted in ``records``.
    """
    kind = kind_of(path)
    for number, line in enumerate(lines_of(path, records), start=1):
        place = f"{path}:{number}"
        resource = resource_of(line, place, kind, records, first=number == 1)
        if resource is not None:
            yield number, resource, place


def kind_of(path: Path) -> str | None:
    """The type of record that the name of a file says it holds."""
    name = path.name.split(".", 1)[0]
    return name if name in RESOURCE_TYPES else None


def take_line(line: bytes, place: str, kind: str | None, records: Records, *, first: bool = False) -> None:
    """Take in one line of NDJSON; see :func:`resource_of`."""
    resource = resource_of(line, place, kind, records, first=first)
    if resource is not None:
        records.add(resource, place)


def resource_of(line: bytes, place: str, kind: str | None, records: Records, *, first: bool = False) -> Json | None:
    """The resource of a line of NDJSON; None where it has none, and what is wrong with it is noted in ``records``.

    ``kind`` is the type in the name of its file, ``first`` allows a byte order mark.
    """
    if not line.strip():
        return None
    try:
        resource = orjson.loads(line.removeprefix(b"\xef\xbb\xbf") if first else line)
    except (orjson.JSONDecodeError, RecursionError) as problem:
        why = "no JSON" if not isinstance(problem, orjson.JSONDecodeError) else f"no JSON ({problem.msg})"
        records.unreadable(kind, place, f"{why}; expected one resource a line")
        return None
    if not _known(resource, place, records, kind):
        return None
    if resource["resourceType"] == "Bundle":
        records.unreadable(None, place, "a Bundle; expected one resource a line")
        return None
    found: Json = resource
    return found


def lines_of(path: Path, records: Records) -> Iterator[bytes]:
    """The lines of a file; that it breaks off is noted in ``records``."""
    try:
        with opened(path) as stream:
            yield from stream
    except (OSError, EOFError, zlib.error) as problem:
        why = f"broke off ({type(problem).__name__}); expected a whole file"
        if isinstance(problem, OSError) and problem.strerror:  # bytes that are not packed have none
            why = f"cannot be read ({problem.strerror}); expected a readable file"
        records.unreadable(kind_of(path), str(path), why)


def opened(path: Path) -> BinaryIO:
    """A file of NDJSON as a stream of its lines, unpacked where it is packed."""
    if path.name.endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")
