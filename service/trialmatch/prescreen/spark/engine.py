"""``--engine spark``: a prescreen by the machines of a Spark cluster. Same input, same bytes out as the local engine.

The driver does what :mod:`trialmatch.prescreen.engine` does; everything that touches the input is done by executors.
Needs the extra ``spark`` and Java. docs/spark.md says when it is worth it and what the machines must share.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trialmatch.config import Settings
from trialmatch.errors import UsageError
from trialmatch.fhir.study.studies import StudySet
from trialmatch.prescreen import engine
from trialmatch.prescreen.engine import Order, Progress, Summary
from trialmatch.prescreen.workers import Shared
from trialmatch.terminology.mappings import Terminology

if TYPE_CHECKING:
    from pyspark import SparkContext

#: Java only carries bytes here: what its second compiler and its parallel collector do is not worth their start.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

#: What differs from Spark's own defaults, where the configuration of the site says nothing.
_DEFAULTS = {
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.executor.defaultJavaOptions": _JAVA,
    "spark.task.maxFailures": "8",  # a lost executor counts as a failure of all its tasks
}

#: A driver on this machine alone is nobody else's business.
_ALONE = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}

_INSTALL = "expected pip install 'trialmatch[spark]', and Java 17 or newer"


def run(
    order: Order, studies: StudySet, terminology: Terminology, settings: Settings, progress: Progress | None = None
) -> Summary:
    """Prescreen a folder that all machines of the cluster see, as :func:`engine.run` does.

    Raises UsageError where PySpark or Java is missing, where the machines do not share the folders of input and output,
    or have another environment than the driver.
    """
    with context(order.jobs, settings) as spark:
        from trialmatch.prescreen.spark.workers import SparkWorkers

        order = replace(order, source=order.source.absolute(), out=order.out.absolute())

        def workers(own: Shared, folder: Path) -> SparkWorkers:
            return SparkWorkers(own, spark, folder)

        return engine.run(order, studies, terminology, settings, progress, workers)


@contextmanager
def context(jobs: int, settings: Settings) -> Iterator[SparkContext]:
    """Spark, stopped at the end unless it was there before.

    The master is the setting ``spark_master``, else what Spark is configured with (spark-submit, spark-defaults.conf),
    else ``jobs`` cores of this machine. Raises UsageError where PySpark or Java is missing or does not start.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
    except ImportError as problem:
        raise UsageError(f"--engine spark: {problem.name} is not installed; {_INSTALL}") from None
    if not _java():
        raise UsageError(f"--engine spark: no Java is found by JAVA_HOME or on the PATH; {_INSTALL}")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    driver = f"--conf 'spark.driver.defaultJavaOptions={_JAVA}' --conf spark.ui.showConsoleProgress=false"
    os.environ.setdefault("PYSPARK_SUBMIT_ARGS", f"{driver} pyspark-shell")
    before = SparkContext._active_spark_context
    try:
        SparkContext._ensure_initialized()  # starts Java, which reads the configuration
        conf = SparkConf()
        master = settings.spark_master or conf.get("spark.master", "local[*]")
        if master == "local[*]":  # also what Spark says where nothing is configured
            master = f"local[{jobs}]"
        for key, value in {**_DEFAULTS, **(_ALONE if master.startswith("local") else {})}.items():
            conf.setIfMissing(key, value)
        spark = SparkContext.getOrCreate(conf.setMaster(master).setAppName("trialmatch prescreen"))
    except (PySparkException, Py4JError, OSError) as problem:
        raise UsageError(f"--engine spark: Spark does not start ({type(problem).__name__}); {_INSTALL}") from None
    try:
        yield spark
    finally:
        if before is None:
            spark.stop()


def _java() -> bool:
    home = os.environ.get("JAVA_HOME")
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ  # Java has started us
    return submitted or shutil.which("java", path=str(Path(home) / "bin") if home else None) is not None
