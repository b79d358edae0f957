"""The production server: gunicorn with threads in several processes, embedded.

The application is made once, before the workers are forked: what is wrong with the configuration is told at once, and
the workers share the memory of studies and mappings. SIGTERM and SIGINT let running requests end.
"""

from __future__ import annotations

import math
import os
import socket
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.body import LengthReader
from gunicorn.workers.gthread import TConn, ThreadWorker
from structlog.contextvars import clear_contextvars

from trialmatch.config import Settings, unknown
from trialmatch.errors import UsageError
from trialmatch.garbage import settle

if TYPE_CHECKING:
    from trialmatch.web.service import Service

_METRICS = "PROMETHEUS_MULTIPROC_DIR"

#: Requests after which a worker is replaced by a fresh one, give or take a tenth.
_REQUESTS = 50_000

#: Seconds for which an idle connection is kept; more than common reverse proxies keep theirs.
_KEEP_ALIVE = 75

#: Bytes of a body that are read although nobody wants them, so that the connection can be kept; gunicorn reads as many.
_PASSED_OVER = 64 * 1024


class Worker(ThreadWorker):
    """gunicorn's threaded worker, with an end to its patience.

    A client that sends its request, or takes the answer, drop by drop would hold a thread for as long as it likes.
    """

    #: Seconds that a request may take to come in, and each part of an answer to be taken.
    patience = 30.0

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._until: dict[TConn, float] = {}

    def handle(self, conn: TConn) -> Any:
        """Read, answer, write: in a thread."""
        clear_contextvars()  # what is logged from here on is not about the thread's last request
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(self.patience) + 1, 0))
        self._until[conn] = time.monotonic() + self.patience
        try:
            return super().handle(conn)
        finally:
            self._until.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Let the application answer; an answer before the end of a long body says that the connection ends with it.

        gunicorn reads no more than a little of what is left, and then closes, after having told the client to go on.
        """
        closes = req.should_close
        req.should_close = lambda: closes() or _left(req) > _PASSED_OVER
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what is no HTTP; gunicorn's own words, in the answer and in the log, hold parts of it."""
        from trialmatch.web.unreadable import refusal

        with suppress(OSError):
            client.sendall(refusal(exc))

    def notify(self) -> None:
        """About every second: what has not come by now comes no more. A request that is there is answered."""
        super().notify()
        now = time.monotonic()
        for conn, until in list(self._until.items()):
            if until < now:
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)


def _left(request: Any) -> float:
    """How many bytes of a request's body nobody has read, as far as one can know."""
    reader = request.body.reader
    if isinstance(reader, LengthReader):
        return reader.length
    return math.inf if getattr(reader, "parser", None) is not None else 0  # in chunks, and the last is still to come


class _Log(Logger):
    """gunicorn's log, among our own. What it tells of itself is told whole, what it tells of requests without them."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers[:] = []
        self.error_log.propagate = True

    def info(self, msg: str, *args: Any, **named: Any) -> None:
        self.error_log.info(msg % args if args else msg, **named)


class _Server(BaseApplication):
    def __init__(self, app: Flask, options: dict[str, Any]) -> None:
        self._app = app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            if name in self.cfg.settings:  # some came with later versions
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


def serve(settings: Settings, ready: Callable[[str], None], clock: Callable[[], datetime] | None = None) -> None:
    """Serve until a signal ends it; ``ready`` is told the URL once it can be asked, ``clock`` tells another present.

    Raises UsageError for an address that may not be served or is taken, and what making the application raises.
    """
    with _counting_together():
        from trialmatch.web import logs  # not before: the metrics look for their folder when they are loaded
        from trialmatch.web.access.security import check_bind
        from trialmatch.web.app import create_app

        check_bind(settings.host, settings)
        _check_free(settings.host, settings.port)
        logs.configure()
        if strangers := unknown(os.environ):
            logs.log.warning("variables that are no settings, and have no effect", names=strangers)
        app = create_app(settings, clock=clock)
        if warnings := app.extensions["trialmatch"].engine.studies.warnings:
            logs.log.warning("studies and mappings are loaded, but", warnings=warnings)
        settle()
        Worker.patience = settings.request_timeout
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = settings.public_url or f"http://{host}:{settings.port}"
        options = _options(settings, f"{host}:{settings.port}", lambda _: ready(url))
        options["post_worker_init"] = lambda _: _background(app.extensions["trialmatch"])
        server, master = _Server(app, options), os.getpid()
        try:
            server.run()
        except SystemExit as end:
            if os.getpid() != master:  # a worker ends here: what its parent has to tidy up is not the worker's
                os._exit(end.code if isinstance(end.code, int) else 0)
            raise


def _background(service: Service) -> None:
    """What every worker does besides answering."""
    from trialmatch.web import housekeeping
    from trialmatch.web.prescreens import runs as prescreen_runs

    housekeeping.start(service)
    prescreen_runs.start(service)


def _options(settings: Settings, bind: str, when_ready: Callable[[Any], None]) -> dict[str, Any]:
    return {
        "bind": bind,
        "workers": settings.workers or _cores(),
        "threads": settings.threads,
        "worker_class": Worker,
        "logger_class": _Log,
        "preload_app": True,
        "timeout": 60,  # of the worker's main loop, which no request holds up
        "graceful_timeout": settings.stop_timeout,
        "keepalive": _KEEP_ALIVE,
        "max_requests": _REQUESTS,
        "max_requests_jitter": _REQUESTS // 10,
        "limit_request_line": 8190,
        "forwarded_allow_ips": "",  # which proxies are believed is a setting of ours
        "control_socket_disable": True,
        "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,
        "when_ready": when_ready,
        "child_exit": _forget,
    }


def _cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_free(host: str, port: int) -> None:
    """UsageError where the address cannot be had; gunicorn would try again for a while, and then say less."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as problem:
            why = getattr(problem, "strerror", None) or "no port"
            raise UsageError(f"--host {host} --port {port}: {why}; expected a free address of this machine") from None


@contextmanager
def _counting_together() -> Iterator[None]:
    """A folder in which the workers count for :mod:`trialmatch.web.metrics`, unless the environment names one."""
    given = os.environ.get(_METRICS)
    if given:
        if not (os.path.isdir(given) and os.access(given, os.W_OK | os.X_OK)):
            raise UsageError(f"{_METRICS}: “{given}”; expected a folder that may be written to, or nothing")
        yield
        return
    with tempfile.TemporaryDirectory(prefix="trialmatch-") as folder:
        os.environ[_METRICS] = folder
        try:
            yield
        finally:
            del os.environ[_METRICS]


def _forget(_: Any, worker: Any) -> None:
    """A worker is gone: what it counted stays, what it held does not."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)
