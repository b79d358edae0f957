"""Python's garbage collector, for programs that load much once and then make many small things that live shortly."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: How many new objects there are before the collector looks at them (by default Python has 700, 10, 10). A match makes
#: some ten thousand; with the default a tenth of its time goes into looking at what is about to go anyway.
SELDOM = (50_000, 20, 20)


def settle() -> None:
    """Leave alone for good what is there now, which forked processes then share; look at what comes only seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)


_lock = threading.Lock()
_pausing = 0


@contextmanager
def paused() -> Iterator[None]:
    """Do not look at objects while something is loaded that stays: they would be looked at again and again.

    Threads may load at the same time; with the last of them the collector goes on. Where it is off, it stays off.
    """
    global _pausing
    with _lock:
        if _pausing or gc.isenabled():
            gc.disable()
            _pausing += 1
            counted = True
        else:
            counted = False
    try:
        yield
    finally:
        with _lock:
            if counted:
                _pausing -= 1
                if not _pausing:
                    gc.enable()
