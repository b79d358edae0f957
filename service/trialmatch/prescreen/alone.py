"""One run at a time writes into a folder: each would remove what the other has reached."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trialmatch.errors import UsageError
from trialmatch.prescreen.work import told_disk

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = ".prescreen.lock"

#: Seconds that the processes of a run which was killed get to end, too.
_PATIENCE = 10.0

_held: set[str] = set()


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Let no other run write into a folder, from this machine or another; the folder is made where there is none.

    Whoever holds it may hold it twice. Raises UsageError where somebody else does, TrialmatchError where the folder
    cannot be written.
    """
    path, place = out / NAME, os.path.realpath(out)
    if place in _held:
        yield
        return
    with told_disk(out):
        out.mkdir(parents=True, exist_ok=True)
        lock = _locked(path, out)
    _held.add(place)
    try:
        yield
    finally:
        _held.remove(place)
        with suppress(OSError):
            path.unlink()  # while it is held: whoever waits for it sees that it is gone, and makes one anew
        os.close(lock)


def _locked(path: Path, out: Path) -> int:
    until = time.monotonic() + _PATIENCE
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if _taken(lock):
            if _is_at(lock, path):
                return lock
        elif time.monotonic() >= until:
            os.close(lock)
            raise UsageError(f"--out {out}: another prescreen is writing there; wait for it, or name another folder")
        else:
            time.sleep(0.1)
        os.close(lock)


def _taken(lock: int) -> bool:
    """Whether the file is ours now, or cannot be anybody's because its file system has no locks."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _is_at(lock: int, path: Path) -> bool:
    """Whether the file that was opened is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(lock), path.stat())
    except FileNotFoundError:
        return False
