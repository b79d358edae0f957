"""The service as it runs in production: ``trialmatch serve`` in processes of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from trialmatch.config import variable

#: Seconds for the service to come up or to end, on a busy machine.
PATIENCE = 90


def free_port() -> int:
    """A port of the loopback address that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A service that runs: where, and as which processes (the first is the master)."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rsplit(":", 1)[1])

    def workers(self) -> list[int]:
        """The processes that answer."""
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(one) for one in found.stdout.split()]

    def kill(self) -> None:
        """kill -9 of the master and all workers at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


def start(folder: Path, *words: str, **settings: Any) -> subprocess.Popen[bytes]:
    """``trialmatch serve`` with a log in the folder, and nothing of the environment's own settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIALMATCH_")}
    environment |= {variable(name): str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "trialmatch", "serve", *words]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=folder, start_new_session=True
        )


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Running]:
    """A service with its database in the folder, until the block ends."""
    port = free_port()
    settings = {"database": f"sqlite:///{folder / 'store.sqlite'}", "workers": 2, "port": port, **settings}
    process = start(folder, **settings)
    assert process.stdout is not None
    try:
        watchdog = threading.Timer(PATIENCE, process.kill)  # readline has no patience of its own
        watchdog.start()
        first = process.stdout.readline().decode()
        watchdog.cancel()
        assert first.startswith("trialmatch answers at http://127.0.0.1:"), (folder / "log").read_text()
        service = Running(f"http://127.0.0.1:{port}", process, folder / "log")
        _await_workers(service, int(settings["workers"]))
        yield service
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        process.stdout.close()


def _await_workers(service: Running, number: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(requests.ConnectionError):
            if len(service.workers()) >= number and requests.get(f"{service.url}/health/ready", timeout=PATIENCE).ok:
                return
        time.sleep(0.05)
    raise AssertionError(service.log.read_text())
