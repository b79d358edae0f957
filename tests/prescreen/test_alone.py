"""A folder is written by one run at a time, and is never the one that is read."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from trialmatch.errors import TrialmatchError, UsageError
from trialmatch.prescreen import alone as locks
from trialmatch.prescreen.alone import NAME, alone
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import equal, folder_of, screened
from tests.prescreen.people import three

_HOLD = """
import sys
from multiprocessing import get_context
from pathlib import Path
from time import sleep
from trialmatch.prescreen.alone import alone
with alone(Path(sys.argv[1])):
    get_context("fork").Process(target=sleep, args=(2,), daemon=True).start()
    print("held", flush=True)
    sleep(600)
"""


def _holder(out: Path) -> subprocess.Popen[str]:
    """A process that holds the folder, with one that was forked from it."""
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(out)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    return holder


def test_another_run_in_the_same_folder_is_refused(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first one has reached stays."""
    monkeypatch.setattr(locks, "_PATIENCE", 0.2)
    source, out = folder_of(tmp_path / "in", three()), tmp_path / "out"
    holder = _holder(out)
    try:
        kept = out / ".prescreen" / "group-000000"
        kept.parent.mkdir()
        kept.write_bytes(b"reached")
        for resume in (False, True):
            with pytest.raises(UsageError, match=r"--out .*/out: another prescreen is writing there; wait for it"):
                screened(engine, source, out, resume=resume)
        assert kept.read_bytes() == b"reached"
    finally:
        holder.kill()
        holder.wait()


def test_a_run_that_was_killed_holds_nothing(engine: Engine, tmp_path: Path) -> None:
    """Though a process that it had forked lives on for two seconds; and what is left of the lock is tidied up."""
    source, out = folder_of(tmp_path / "in", three()), tmp_path / "out"
    holder = _holder(out)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (out / NAME).exists()
    screened(engine, source, out)
    screened(engine, source, tmp_path / "other")
    equal(out, tmp_path / "other")
    assert not (out / NAME).exists()


def test_who_holds_it_may_hold_it_again(tmp_path: Path) -> None:
    with alone(tmp_path):
        with alone(tmp_path / "." / ""):
            pass
        assert (tmp_path / NAME).exists()
    assert not (tmp_path / NAME).exists()


def test_one_after_the_other(tmp_path: Path) -> None:
    """Whoever waits for a lock that its holder removes makes one anew, and nobody is there twice."""
    done: list[int] = []

    def work() -> None:
        code = (
            "import sys\nfrom pathlib import Path\nfrom trialmatch.prescreen.alone import alone\n"
            "for _ in range(20):\n"
            "    with alone(Path(sys.argv[1])):\n"
            "        Path(sys.argv[1], 'here').open('x').close()\n"
            "        Path(sys.argv[1], 'here').unlink()\n"
        )
        done.append(subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True).returncode)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [0, 0, 0]


def test_a_folder_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told as that, however the folder is named."""
    made = Path(tempfile.mkdtemp())
    user = os.geteuid()
    (made / "out").mkdir(mode=0o555)
    (made / "link").symlink_to(made / "out")
    made.chmod(0o755)
    monkeypatch.chdir(made)
    try:
        if user == 0:
            os.seteuid(65534)
        for out in (made / "out", Path("out"), Path("link")):
            told = r"^\S*(out|link): cannot be written \(Permission denied\)$"
            with pytest.raises(TrialmatchError, match=told), alone(out):
                pass
    finally:
        os.seteuid(user)
        shutil.rmtree(made)


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with alone(tmp_path):
        assert (tmp_path / NAME).exists()


@pytest.mark.parametrize("how", ["itself", "link"])
def test_the_folder_that_is_read(engine: Engine, tmp_path: Path, how: str) -> None:
    """candidates.ndjson would be read as records of the hospital the next time."""
    source = folder_of(tmp_path / "in", three())
    before = sorted(path.name for path in source.iterdir())
    out = source
    if how == "link":
        out = tmp_path / "link"
        out.symlink_to(source)
    with pytest.raises(UsageError, match="--out: it is the folder that is read; expected another one"):
        screened(engine, source, out)
    assert sorted(path.name for path in source.iterdir()) == before


def test_a_folder_inside_the_one_that_is_read(engine: Engine, tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", three())
    screened(engine, source, tmp_path / "out")
    for _ in range(2):
        screened(engine, source, source / "out")
    equal(tmp_path / "out", source / "out")
