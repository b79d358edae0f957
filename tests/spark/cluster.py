"""A standalone Spark cluster on the loopback address, from the jars that come with PySpark."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyspark

_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"

#: Memory of each Java process; executors have one core, and Python beside it.
_DAEMON, _EXECUTOR = "256m", "1g"

_SECONDS = 120


@dataclass(frozen=True)
class Cluster:
    """One master and its workers, each of which leads a process group with its executors."""

    master: str
    folder: Path
    workers: tuple[subprocess.Popen[bytes], ...]

    @property
    def environment(self) -> dict[str, str]:
        """With which a driver finds the cluster, as a site would configure it."""
        return {"SPARK_CONF_DIR": str(self.folder / "conf"), "PYSPARK_PYTHON": sys.executable}

    def kill(self, number: int) -> None:
        """A machine goes: the worker and all it has started, without a word to anybody."""
        os.killpg(self.workers[number].pid, signal.SIGKILL)


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """Start it; whatever happens, nothing of it is left at the end."""
    conf = folder / "conf"
    conf.mkdir(parents=True)
    started: list[subprocess.Popen[bytes]] = []
    try:
        master = _start(folder, "master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        started.append(master)
        address = _said(folder / "master.log", r"Starting Spark master at (spark://[\d.:]+)", master)
        (conf / "spark-defaults.conf").write_text(
            f"spark.master {address}\n"
            "spark.driver.host 127.0.0.1\nspark.driver.bindAddress 127.0.0.1\nspark.driver.memory 1g\n"
            f"spark.executor.memory {_EXECUTOR}\nspark.executor.cores 1\n",
            "utf-8",
        )
        for number in range(workers):
            name = f"worker-{number}"
            options = ("--host", "127.0.0.1", "--cores", "1", "--memory", _EXECUTOR, "--webui-port", "0")
            started.append(_start(folder, name, *options, "--work-dir", str(folder / name), address))
        for number in range(workers):
            _said(folder / f"worker-{number}.log", r"(Successfully registered with master)", started[1 + number])
        yield Cluster(address, folder, tuple(started[1:]))
    finally:
        for one in started:
            with suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()


def _start(folder: Path, name: str, *options: str) -> subprocess.Popen[bytes]:
    role = name.split("-")[0]
    environment = {
        **os.environ,
        "SPARK_DAEMON_MEMORY": _DAEMON,
        "SPARK_LOCAL_DIRS": str(folder / name / "local"),
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_NO_DAEMONIZE": "1",
    }
    command = [str(_CLASS), f"org.apache.spark.deploy.{role}.{role.capitalize()}", *options]
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
        )


def _said(log: Path, pattern: str, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        found = re.search(pattern, log.read_text("utf-8", "replace"))
        if found:
            return found[1]
        assert process.poll() is None, log.read_text("utf-8", "replace")[-2000:]
        time.sleep(0.2)
    raise AssertionError(f"{log.name}: it does not say {pattern}")
