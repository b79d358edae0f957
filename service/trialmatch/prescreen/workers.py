"""Processes that share the work: each has the studies and mappings in memory from the beginning, by fork."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from trialmatch.config import Settings
from trialmatch.eligibility.criteria import Study
from trialmatch.errors import TrialmatchError
from trialmatch.garbage import settle
from trialmatch.prescreen.judge import Judge
from trialmatch.prescreen.survey import Survey
from trialmatch.terminology.mappings import Terminology

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Shared:
    """What every process needs: studies with criteria, mappings, settings, and the day of screening.

    ``narrowed`` are types that the source was asked for by code only.
    """

    studies: tuple[Study, ...]
    terminology: Terminology
    settings: Settings
    as_of: date
    narrowed: frozenset[str] = frozenset()


_shared: Shared | None = None


def share(own: Shared) -> None:
    """From now on this process works with ``own``."""
    global _shared
    _shared = own
    judge_of.cache_clear()


def shared() -> Shared:
    """What this process works with."""
    assert _shared is not None
    return _shared


@lru_cache(maxsize=1)
def judge_of(partial: frozenset[str]) -> Judge:
    """This process's judge, for types of which some records could not be read."""
    own = shared()
    return Judge(own.studies, own.terminology, own.settings, own.as_of, partial, own.narrowed)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """A pool of ``jobs`` processes; with one job, or where a process cannot fork, the work is done in this process.

    With ``wait`` what is under way is waited for after an error, too: it may write where all is removed thereafter.
    """

    def __init__(self, own: Shared, jobs: int, *, wait: bool = False) -> None:
        share(own)
        self.jobs = jobs
        self._wait = wait
        self._pool: ProcessPoolExecutor | None = None
        self._thresholds = gc.get_threshold()
        settle()  # studies and mappings stay
        if jobs > 1 and "fork" in multiprocessing.get_all_start_methods():
            # forked now, while there is only this thread: the engine of the survey has threads of its own
            self._pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("fork"), initializer=_follow)
            self._pool.submit(int).result()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()
        if self._pool is not None:
            self._pool.shutdown(wait=self._wait or kind is None, cancel_futures=True)

    def survey(self, scratch: Path, size: int) -> Survey:
        """A survey that is to begin, of files of ``size`` bytes in all."""
        return Survey(self.jobs, scratch, 200 + size // (100 << 20))

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Do the work on every item, in no order; at most a few items are under way at a time."""
        if self._pool is None:
            yield from ((item, work(item)) for item in items)
            return
        waiting = iter(items)
        running: dict[Future[R], T] = {}
        try:
            while True:
                while len(running) < 2 * self.jobs:
                    try:
                        item = next(waiting)
                    except StopIteration:
                        break
                    running[self._pool.submit(work, item)] = item
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
        except BrokenProcessPool:
            raise TrialmatchError("prescreen: a process was ended from outside (no memory left?)") from None


def _follow() -> None:
    """End when the parent has ended, however it did."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

