"""Python's garbage collector, for programs that load much once and then make many small things that live shortly."""

from __future__ import annotations

import gc

#: How many new objects there are before the collector looks at them (by default Python has 700, 10, 10). A match makes
#: some ten thousand; with the default a tenth of its time goes into looking at what is about to go anyway.
SELDOM = (50_000, 20, 20)


def settle() -> None:
    """Leave alone for good what is there now, which forked processes then share; look at what comes only seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
