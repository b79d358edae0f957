"""No room, no right to read, a file that goes away: one clear line, nothing half-written, and --resume goes on."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import duckdb
import pytest
from trialmatch.demo import hospital_path
from trialmatch.errors import BadInput, TrialmatchError
from trialmatch.prescreen import inputs
from trialmatch.prescreen.engine import CHANGES, OUTPUTS
from trialmatch.prescreen.survey import Survey
from trialmatch.prescreen.work import NAME, publish, told_disk, write
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import equal, folder_of, screened
from tests.prescreen.people import three

NOBODY = 65534

CALL = [sys.executable, "-m", "trialmatch", "prescreen", str(hospital_path()), "--as-of", "2026-03-01", "--jobs", "1"]

# Runs the command on a disk of so many bytes, makes room, goes on, and brings the results out.
ON_A_SMALL_DISK = """
set -u
size=$1 disk=$2 told=$3; shift 3
mount -t tmpfs -o "size=$size" tmpfs "$disk" || exit 9
"$@" --out "$disk/out" > /dev/null 2> "$told/errors"; echo $? > "$told/exit"
find "$disk" -type f > "$told/files"
mount -o remount,size=64m "$disk" || exit 9
"$@" --out "$disk/out" --resume > /dev/null || exit 9
cp -r "$disk/out" "$told/out"
"""


@lru_cache(maxsize=1)
def mounting() -> tuple[str, ...] | None:
    """How a disk of its own can be had by a process here; None where it cannot."""
    for way in (("unshare", "-m"), ("unshare", "-Urm")):
        with tempfile.TemporaryDirectory() as folder:
            tried = [*way, "mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder]
            if shutil.which("unshare") and subprocess.run(tried, capture_output=True, check=False).returncode == 0:
                return way
    return None


def half_written(files: list[str]) -> list[str]:
    """Of the paths of a run's files those of outputs that are not whole; the work folder is another matter."""
    return [one for one in files if ".part" in one and f"/{NAME}/" not in one]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    subprocess.run([*CALL, "--out", str(out)], check=True, capture_output=True)
    return out


def told(errors: str) -> list[str]:
    """The lines of standard error that do not say how far a run was."""
    return [line for line in errors.splitlines() if not line.startswith("prescreen: ")]


@pytest.mark.slow
@pytest.mark.skipif(mounting() is None, reason="no disk can be mounted here; what follows fills one in other ways")
@pytest.mark.parametrize(
    ("room", "place"),
    [("4k", NAME), ("64k", NAME), ("2m", f"{NAME}/group-000000"), ("2500k", "screening-log.csv")],
    ids=["at the beginning", "records", "what is judged", "outputs"],
)
def test_a_disk_that_is_full(undisturbed: Path, tmp_path: Path, room: str, place: str) -> None:
    """The demo hospital's records take 1.7 MB on the way, what is judged 0.7 MB, the outputs 0.7 MB."""
    seen, disk = tmp_path / "seen", tmp_path / "disk"
    seen.mkdir()
    disk.mkdir()
    script = [*(mounting() or ()), "sh", "-c", ON_A_SMALL_DISK, "sh", room, str(disk), str(seen), *CALL]
    subprocess.run(script, check=True, capture_output=True)
    out = disk / "out"
    assert told((seen / "errors").read_text()) == [f"{out / place}: cannot be written (No space left on device)"]
    assert int((seen / "exit").read_text()) == 1
    files = (seen / "files").read_text().splitlines()
    assert half_written(files) == []
    assert str(out / "run.json") not in files
    equal(undisturbed, seen / "out")


@pytest.mark.parametrize(("most", "place"), [(1000, f"{NAME}/plan.json"), (64 << 10, NAME)])
def test_files_that_may_not_grow(undisturbed: Path, tmp_path: Path, most: int, place: str) -> None:
    """A limit on the size of files: the plan has more than 1,000 bytes, the records of candidates more than 64 KiB."""
    out = tmp_path / "out"
    call = [*CALL, "--out", str(out)]

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    done = subprocess.run(call, check=False, capture_output=True, text=True, preexec_fn=limited)
    assert told(done.stderr) == [f"{out / place}: cannot be written (File too large)"]
    assert done.returncode == 1
    assert half_written([str(path) for path in out.rglob("*")]) == []
    subprocess.run([*call, "--resume"], check=True, capture_output=True)
    equal(undisturbed, out)


@pytest.mark.parametrize("name", [*OUTPUTS, *CHANGES, "run.json"])
def test_no_room_for_an_output(engine: Engine, tmp_path: Path, name: str) -> None:
    """``/dev/full`` takes no byte. Files before it are whole, it and those after it are not there; then --resume."""
    source = folder_of(tmp_path / "in", three())
    earlier = screened(engine, folder_of(tmp_path / "before", three()[:4]), tmp_path / "earlier").out
    whole = screened(engine, source, tmp_path / "whole", since=earlier).out
    out = tmp_path / "out"
    out.mkdir()
    (out / f".{name}.part").symlink_to("/dev/full")
    with pytest.raises(TrialmatchError, match=rf"/out/{name}: cannot be written \(No space left on device\)") as error:
        screened(engine, source, out, since=earlier)
    assert error.value.exit_code == 1
    names = [*OUTPUTS, *CHANGES, "run.json"]
    left = names[: names.index(name)]
    assert sorted(path.name for path in out.iterdir()) == sorted([NAME, *left])
    for one in left:
        assert (out / one).read_bytes() == (whole / one).read_bytes()
    screened(engine, source, out, since=earlier, resume=True)
    equal(whole, out)


@pytest.mark.parametrize("step", ["_records", "lines", "repeated", "orphans"])
@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (duckdb.OutOfMemoryException("could not allocate"), "not enough memory, or no room for what does not fit into"),
        (duckdb.IOException("write: No space left on device"), "cannot be written (No space left on device)"),
    ],
    ids=["memory", "disk"],
)
def test_no_room_for_the_survey(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, problem: Exception, words: str
) -> None:
    """What is full is where the survey puts what does not fit into memory, not the file that is read."""

    def fails(*given: object) -> None:
        raise problem

    source, out = folder_of(tmp_path / "in", three()), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Survey, step, fails)
        with pytest.raises(TrialmatchError) as error:
            screened(engine, source, out)
    assert str(error.value).startswith(f"{out / NAME / 'scratch'}: {words}")
    screened(engine, source, out, resume=True)


def test_an_earlier_run_in_the_same_folder(engine: Engine, tmp_path: Path) -> None:
    """Its run.json would speak of files that are others by now: it goes before the first of them comes."""
    source, out = folder_of(tmp_path / "in", three()), tmp_path / "out"
    screened(engine, source, out)
    (out / ".screening-log.csv.part").symlink_to("/dev/full")
    with pytest.raises(TrialmatchError, match="screening-log"):
        screened(engine, source, out)
    assert not (out / "run.json").exists()


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """An error that is none of the disk leaves nothing either."""
    path = tmp_path / "file"

    def fails(aside: Path) -> None:
        aside.write_bytes(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish(path, fails)
    assert list(tmp_path.iterdir()) == []
    write(path, b"old")
    with pytest.raises(ZeroDivisionError):
        publish(path, fails)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("file", b"old")]


def test_a_folder_that_is_a_file(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("")
    with pytest.raises(TrialmatchError, match=r"/out: cannot be written \(File exists\)"):
        screened(engine, folder_of(tmp_path / "in", three()), out)


def test_a_file_that_goes_away_while_it_is_read(tmp_path: Path) -> None:
    """It is not the folder of the results that something is wrong with."""
    gone = tmp_path / "in" / "Observation.ndjson"
    words = r"Observation\.ndjson: cannot be read any longer \(No such file"
    with pytest.raises(BadInput, match=words), told_disk(tmp_path / "out" / NAME):
        gone.open("rb")


@pytest.fixture
def somebody() -> Iterator[Path]:
    """A folder that an ordinary user may read, and this process as one: root may read everything."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    user = os.geteuid()
    try:
        yield folder
    finally:
        os.seteuid(user)
        shutil.rmtree(folder)


def test_a_file_that_may_not_be_read(somebody: Path) -> None:
    folder_of(somebody, three())
    (somebody / "Observation.ndjson").chmod(0)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    with pytest.raises(BadInput, match=r"Observation\.ndjson: cannot be read \(Permission denied\)") as error:
        inputs.find(somebody)
    assert error.value.exit_code == 3


def test_a_folder_that_may_not_be_read(somebody: Path) -> None:
    folder = folder_of(somebody / "in", three())
    folder.chmod(0o311)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    with pytest.raises(BadInput, match=r"/in: cannot be read \(Permission denied\)"):
        inputs.find(folder)
    if os.geteuid() == NOBODY:
        os.seteuid(0)
    folder.chmod(0o755)


def test_a_link_that_leads_nowhere(engine: Engine, tmp_path: Path) -> None:
    """A file on a disk that is not mounted: what it would have said must not be taken for silence."""
    source = folder_of(tmp_path / "in", three())
    (source / "Procedure.ndjson").symlink_to(tmp_path / "unmounted" / "Procedure.ndjson")
    with pytest.raises(BadInput, match=r"Procedure\.ndjson: cannot be read \(No such file"):
        screened(engine, source, tmp_path / "out")


def test_a_hospital_without_patients(engine: Engine, tmp_path: Path) -> None:
    """Six records about three patients and no Patient: a file is missing, or has a name that is not read."""
    records = [one for one in three() if one["resourceType"] != "Patient"]
    source = folder_of(tmp_path / "in", records)
    with pytest.raises(BadInput, match=r"/in: no Patient, and 6 records of patients; expected the Patients") as error:
        screened(engine, source, tmp_path / "out")
    assert error.value.exit_code == 3
    assert not (tmp_path / "out" / "run.json").exists()


def test_a_hospital_that_is_empty(engine: Engine, tmp_path: Path) -> None:
    """A group without members has been exported: there is nobody, and nothing is wrong."""
    source = tmp_path / "in"
    source.mkdir()
    (source / "Patient.ndjson").write_bytes(b"")
    done = screened(engine, source, tmp_path / "out")
    assert done.counts()["patients"] == 0
    assert done.run["state"] == "complete"
