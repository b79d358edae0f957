"""Spark's executors as those who do the work of a prescreen, in place of processes of this machine."""

from __future__ import annotations

import pickle
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException

from trialmatch.errors import TrialmatchError, UsageError
from trialmatch.prescreen.spark import tasks
from trialmatch.prescreen.spark.survey import Spread
from trialmatch.prescreen.survey import Survey
from trialmatch.prescreen.workers import Shared, Workers, share

T = TypeVar("T")
R = TypeVar("R")

#: Spark jobs side by side, so that no executor waits for the last item of another job; and items of a job for each
#: core of the cluster. Results come to the driver job by job.
_JOBS = 2
_ITEMS = 4

_MISSING = re.compile(r"No module named '([\w.]+)'")


class SparkWorkers(Workers):
    """Workers of a Spark context. ``folder`` is the work folder, which all machines share.

    Items and results are opaque to Spark: plain bytes through an RDD, which take half the CPU that rows of a DataFrame
    through ``mapInArrow`` take, and neither pandas nor Spark's SQL.
    """

    def __init__(self, own: Shared, spark: SparkContext, folder: Path) -> None:
        share(own)
        self.spark = spark
        self.jobs = self._cores()
        self.shared = folder / f"shared-{uuid.uuid4().hex}.pickle"
        tasks.leave(self.shared, own)

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shared.unlink(missing_ok=True)

    def survey(self, scratch: Path, size: int) -> Survey:
        """A survey that executors make in pieces."""
        return Spread(self, scratch, 200 + size // (1 << 30))

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Do the work on every item, in no order. Work that is lost with an executor is done again by another."""
        payload = pickle.dumps(work)
        waiting = iter(items)
        running: dict[Future[list[R]], list[T]] = {}
        with ThreadPoolExecutor(_JOBS) as pool:
            try:
                while True:
                    while len(running) < _JOBS and (batch := list(islice(waiting, _ITEMS * self._cores()))):
                        running[pool.submit(self._job, payload, batch)] = batch
                    if not running:
                        return
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield from zip(running.pop(future), future.result(), strict=True)
            except (PySparkException, Py4JError) as problem:
                raise _told(problem) from None
            finally:
                if running:
                    self.spark.cancelAllJobs()

    def _cores(self) -> int:
        """How many tasks the cluster does at once; more once more executors have come."""
        return int(self.spark.defaultParallelism)

    def _job(self, work: bytes, items: list[Any]) -> list[Any]:
        pickled = [pickle.dumps(item) for item in items]
        done = self.spark.parallelize(pickled, len(pickled)).map(tasks.serve(str(self.shared), work)).collect()
        return [tasks.told(one) for one in done]


def _told(problem: Exception) -> TrialmatchError:
    """An error of Spark in one line; its own words may quote what was being worked on."""
    missing = _MISSING.search(str(problem))
    if missing:
        return UsageError(
            f"--engine spark: the executors' Python has no {missing[1]}; expected the driver's environment there"
        )
    return TrialmatchError("--engine spark: a piece of work failed on every attempt; the log of its executor says why")
