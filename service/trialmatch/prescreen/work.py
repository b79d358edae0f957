"""What a run leaves on its way to go on after a kill: a folder inside ``--out`` that a finished run removes.

``plan.json`` says what the run is about; ``reading.pickle`` what reading all bytes gave; ``group-…`` what judging a
group of candidates gave. Each is written aside and renamed, so that it is whole or not there.
"""

from __future__ import annotations

import os
import pickle
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import orjson

from trialmatch.errors import BadInput, TrialmatchError, UsageError

T = TypeVar("T")

NAME = ".prescreen"


class Work:
    """The work folder of one run."""

    def __init__(self, out: Path) -> None:
        self.out, self.folder = out, out / NAME

    def begin(self, plan: Mapping[str, Any], resume: bool) -> bool:
        """Begin, or go on with what is there; True where something can be gone on with.

        Raises UsageError where ``resume`` asks to go on with a run that was about something else.
        """
        path = self.folder / "plan.json"
        if resume and path.exists():
            self._same(orjson.loads(path.read_bytes()), plan)
            return (self.folder / "reading.pickle").exists()
        if self.folder.exists():
            shutil.rmtree(self.folder)
        with told_disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            write(path, orjson.dumps(plan, option=orjson.OPT_INDENT_2))
        return False

    def _same(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        words = {
            "version": "the version of trialmatch",
            "studies": "the studies",
            "mappings": "the mappings",
            "settings": "the settings",
            "only": "the chosen studies (--study)",
            "asOf": "the day of screening (--as-of)",
            "inputs": "the input files",
            "source": "what the server gave",
            "since": "the earlier run (--since)",
        }
        changed = [words.get(key, key) for key in now if before.get(key) != now[key]]
        if changed:
            raise UsageError(f"--resume: {', '.join(changed)} changed since the run in {self.out} began; run it anew")

    def load(self, name: str) -> Any:
        """What was kept under a name."""
        with (self.folder / name).open("rb") as stream:
            return pickle.load(stream)

    def keep(self, name: str, value: object) -> None:
        """Keep something under a name."""
        write(self.folder / name, pickle.dumps(value))

    def names(self) -> set[str]:
        """The names under which something is kept.

        Asked at once and not one by one: a network file system may remember for a while that a file was not there.
        """
        return {path.name for path in self.folder.iterdir()}

    def forget(self, pattern: str) -> None:
        """Let go of what was kept under names of a pattern."""
        for path in self.folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def end(self) -> None:
        """The run is complete: nothing is left to go on with."""
        shutil.rmtree(self.folder)


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; others may be at the same one."""
    _put(path, path.with_name(f"{path.name}.{uuid.uuid4().hex}.part"), lambda aside: aside.write_bytes(content))


def publish(path: Path, fill: Callable[[Path], object]) -> None:
    """Let ``fill`` write a file aside, then put it in its place at once."""
    _put(path, path.with_name(f".{path.name}.part"), fill)


def _put(path: Path, aside: Path, fill: Callable[[Path], object]) -> None:
    with told_disk(path):
        try:
            fill(aside)
            with aside.open("r+b") as stream:
                os.fsync(stream.fileno())  # or after a loss of power the name could be there and the bytes not
            os.replace(aside, path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


@contextmanager
def told_disk(path: Path) -> Iterator[None]:
    """An error of the disk where ``path`` is written, in one line.

    Raises BadInput where it is about a file that stands elsewhere, and so is one that is read.
    """
    try:
        yield
    except OSError as problem:
        why = os.strerror(problem.errno) if problem.errno else "the disk is full?"
        place = Path(os.fsdecode(problem.filename)) if isinstance(problem.filename, str | bytes) else path
        if not place.is_relative_to(path.parent):
            raise BadInput(str(place), f"cannot be read any longer ({why})", "a file that stays there") from None
        raise TrialmatchError(f"{path}: cannot be written ({why})") from None
