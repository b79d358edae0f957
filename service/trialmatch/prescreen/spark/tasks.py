"""What runs in Spark's executors: any piece of work that the local engine gives to its processes.

An executor's Python must be that of the driver (the same trialmatch and DuckDB, whose hashes are compared), and see the
input and the work folder under the same paths. Both is checked before anything is done.
"""

from __future__ import annotations

import io
import os
import pickle
import platform
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from trialmatch import __version__
from trialmatch.errors import TrialmatchError, UsageError
from trialmatch.garbage import settle
from trialmatch.prescreen.work import write
from trialmatch.prescreen.workers import Shared, share


def leave(path: Path, own: Shared) -> None:
    """Leave what every executor needs in a file."""
    write(path, pickle.dumps(_environment()) + pickle.dumps(own))


def serve(shared: str, work: bytes) -> Callable[[bytes], bytes]:
    """The function that does pickled work on a pickled item; ``shared`` is the file of :func:`leave`."""

    def served(item: bytes) -> bytes:
        # An error of ours would be the same on every machine: it is a result. Others are Spark's, to try elsewhere.
        try:
            _ready(shared)
            return pickle.dumps((None, pickle.loads(work)(pickle.loads(item))))
        except TrialmatchError as problem:
            return pickle.dumps((type(problem), str(problem)))

    return served


def told(result: bytes) -> Any:
    """What an item came to; raises the error that it ended with."""
    kind, value = pickle.loads(result)
    if kind is None:
        return value
    problem = kind.__new__(kind)
    problem.args = (value,)
    raise problem


@lru_cache(maxsize=1)
def _ready(shared: str) -> None:
    path, machine = Path(shared), platform.node()
    try:
        stream = io.BytesIO(path.read_bytes())
    except OSError:
        raise UsageError(
            f"--out {path.parent.parent}: {machine} cannot read it; expected a folder that all machines share"
        ) from None
    here = _environment()
    for name, version in pickle.load(stream).items():
        if version != here[name]:
            words = f"{machine} has {name} {here[name]}, the driver {version}"
            raise UsageError(f"--engine spark: {words}; expected the same environment on all machines")
    share(pickle.load(stream))
    settle()  # Spark collects garbage after every task: not among all that has just been loaded


def _environment() -> dict[str, str]:
    return {"trialmatch": __version__, "duckdb": duckdb.__version__, "python": platform.python_version()}


def local_folder() -> str | None:
    """Where an executor keeps what is its own; Spark removes it with the executor."""
    return os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0] or None
