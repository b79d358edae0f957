"""Registry records as draft studies."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from trialmatch.config import Settings
from trialmatch.errors import BadInput, TrialmatchError, UsageError
from trialmatch.fhir.patient.sources import parse
from trialmatch.garbage import paused
from trialmatch.registry.drafts import Draft, draft
from trialmatch.registry.record import EXPECTED, records
from trialmatch.terminology import mappings


def import_records(path: Path, settings: Settings) -> list[Draft]:
    """The drafts of the records in a file.

    Raises BadInput where it holds none of the registry's version 2, with a line for each element of a wrong shape.
    """
    content = _content(path, settings.study_bytes)
    found = records(parse(content, str(path)), str(path))
    with paused():
        terminology = mappings.load(settings)
        return [draft(one, terminology) for one in found]


def _content(path: Path, most: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > most:
            raise BadInput(str(path), f"{size} bytes", f"at most {most} bytes")
        content = path.read_bytes()
    except OSError as problem:
        raise BadInput(str(path), f"cannot be read ({problem.strerror})", EXPECTED) from None
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise BadInput(str(path), "XML or HTML", f"JSON: {EXPECTED}")
    return content


def keep(content: bytes, path: Path) -> None:
    """Write a draft to a file that is not there yet: what a person has worked on is never written over."""
    try:
        with path.open("xb") as file:
            try:
                file.write(content)
                file.flush()
            except OSError:
                with suppress(OSError):
                    os.unlink(path)
                raise
    except FileExistsError:
        raise UsageError(f"trialmatch studies import: {path} is there already; name a new file") from None
    except OSError as problem:
        raise TrialmatchError(f"{path}: cannot be written ({problem.strerror})") from None
