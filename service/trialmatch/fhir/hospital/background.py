"""The event loop on which the requests of all matches run: one thread a process, with connections that are kept alive.

Callers are ordinary threads (the command line, workers of the web service) and wait for their own result only. The
loop starts with the first request of a process, so that a server that forks its workers shares nothing between them,
and ends with the process.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import aiohttp

Result = TypeVar("Result")

#: Seconds for which an idle connection is kept; less than common servers keep theirs (60 s and more).
_KEEP_ALIVE = 30.0


class Background:
    """A running event loop and the session of its requests."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._session: aiohttp.ClientSession | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="trialmatch-fhir", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run ``work`` on the loop and wait for its result. Whoever waits and is interrupted takes the work along."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session that all requests share; to be used on the loop only.

        It keeps no cookies (requests of different patients and users share it) and sets no limit to connections (each
        match sets its own).
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def stop(self) -> None:
        """End all work, close the connections, end the loop."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    async def _end(self) -> None:
        work = asyncio.all_tasks() - {asyncio.current_task()}
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        if self._session is not None:
            await self._session.close()


_lock = threading.Lock()
_running: Background | None = None
_inherited: list[Background | None] = []


def background() -> Background:
    """This process's loop."""
    global _running
    with _lock:
        if _running is None:
            _running = Background()
        return _running


def _after_fork() -> None:
    """A child has no thread that runs its parent's loop. The parent's connections are kept from being closed by it."""
    global _lock, _running
    _lock = threading.Lock()
    _inherited.append(_running)
    _running = None


@atexit.register
def _stop() -> None:
    if _running is not None:
        _running.stop()


os.register_at_fork(after_in_child=_after_fork)
