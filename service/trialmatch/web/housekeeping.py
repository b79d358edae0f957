"""Every worker looks now and then whether something has reached its age; whichever finds it due removes it."""

from __future__ import annotations

import random
import threading
import time

from trialmatch.errors import TrialmatchError
from trialmatch.store import retention
from trialmatch.web.logs import log
from trialmatch.web.prescreens import results as prescreen_results
from trialmatch.web.service import Service

#: Seconds between two looks, give or take a half so that workers do not look together.
_LOOK = 600.0


def start(service: Service) -> None:
    """Look in the background, for as long as this process lives."""
    threading.Thread(target=_keep, args=(service,), name="housekeeping", daemon=True).start()


def _keep(service: Service) -> None:
    while True:
        time.sleep(_LOOK * random.uniform(0.5, 1.5))
        try:
            tidy(service)
        except Exception as problem:  # noqa: BLE001  the next look may go better; this thread has to live on
            log.error("what has reached its age could not be looked at", problem=type(problem).__name__)


def tidy(service: Service) -> None:
    """Remove what has reached its age, if nobody has done so lately. What cannot be done now is done next time."""
    now = service.now()
    try:
        if retention.due(service.store, now):
            gone = retention.purge(service.store, service.settings, now)
            left = prescreen_results.forgotten(service.settings, service.store, retention.oldest(service.settings, now))
            prescreen_results.remove(service.settings, [*gone.runs, *left])
            log.info("removed what had reached its age", **{**vars(gone), "runs": len(gone.runs)})
    except TrialmatchError as problem:
        log.warning("what has reached its age could not be removed", problem=type(problem).__name__)
