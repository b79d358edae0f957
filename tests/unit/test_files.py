"""Files and folders without rights, and names that none can have: one line each, and nothing is passed over."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from trialmatch.config import Settings
from trialmatch.errors import BadInput, UsageError
from trialmatch.fhir.patient.sources import from_path
from trialmatch.fhir.study.definition_files import from_paths
from trialmatch.prescreen.inputs import find
from trialmatch.terminology import mappings

NOBODY = 65534


def _settings(folder: Path | None = None) -> Settings:
    return Settings.read({}, mappings=None if folder is None else str(folder))


#: Whatever reads what a user names.
READERS: dict[str, Callable[[Path], object]] = {
    "records": from_path,
    "studies": lambda path: from_paths([path], _settings()),
    "mappings": lambda path: mappings.load(_settings(path)),
    "export": find,
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that holds a bit of everything; this process is an ordinary user's once the test says so."""
    mappings.load(_settings())  # what is loaded late is loaded now, while root may still read it
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    inner = made / "in"
    inner.mkdir()
    for name in ("Patient.ndjson", "more.json"):
        (inner / name).write_text("{}")
    user = os.geteuid()
    try:
        yield inner
    finally:
        os.seteuid(user)
        inner.chmod(0o755)
        shutil.rmtree(made)


def _as_somebody() -> None:
    if os.geteuid() == 0:
        os.seteuid(NOBODY)


@pytest.mark.parametrize("rights", [0o000, 0o311, 0o444], ids=oct)
@pytest.mark.parametrize("reader", READERS)
def test_a_folder_without_rights(folder: Path, reader: str, rights: int) -> None:
    """A site's mappings that are not read would be taken for none: every code of theirs would be unknown."""
    folder.chmod(rights)
    _as_somebody()
    with pytest.raises(BadInput, match=r"/in(/\S+)?: cannot be read \(Permission denied\); expected ") as error:
        READERS[reader](folder)
    assert len(error.value.lines) == 1


@pytest.mark.parametrize("reader", ["records", "studies"])
def test_a_file_in_a_folder_without_rights(folder: Path, reader: str) -> None:
    folder.chmod(0o000)
    _as_somebody()
    with pytest.raises(BadInput, match=r"/in/more\.json: cannot be read \(Permission denied\)"):
        READERS[reader](folder / "more.json")


@pytest.mark.parametrize("reader", ["mappings", "studies"])
def test_a_folder_in_a_folder(folder: Path, reader: str) -> None:
    (folder / "site").mkdir(mode=0o000)
    _as_somebody()
    with pytest.raises(BadInput, match=r"/in/site: cannot be read \(Permission denied\)"):
        READERS[reader](folder)


def test_a_file_of_records_without_rights(folder: Path) -> None:
    """The others are read; nothing is concluded from silence about this type."""
    (folder / "Condition.ndjson").write_text("")
    (folder / "Condition.ndjson").chmod(0o000)
    _as_somebody()
    records = from_path(folder)
    words = f"{folder}/Condition.ndjson: cannot be read (Permission denied); expected a readable file"
    assert words in records.problems
    assert records.source("Condition").state == "partial"


@pytest.mark.parametrize("reader", ["records", "studies", "export"])
def test_a_name_that_is_too_long(tmp_path: Path, reader: str) -> None:
    with pytest.raises(BadInput, match=r"a: cannot be read \(File name too long\)"):
        READERS[reader](tmp_path / ("a" * 5000))


def test_mappings_of_a_name_that_is_too_long() -> None:
    with pytest.raises(UsageError, match=r"TRIALMATCH_MAPPINGS: a+ is not a folder"):
        _settings(Path("a" * 5000))


def test_a_study_from_a_pipe(tmp_path: Path) -> None:
    """What a shell makes of <(…)."""
    there, here = os.pipe()
    os.write(here, b'{"resourceType": "ResearchStudy", "id": "x"}')
    os.close(here)
    (found,) = from_paths([Path(f"/dev/fd/{there}")], _settings())
    os.close(there)
    assert found.resource["id"] == "x"
