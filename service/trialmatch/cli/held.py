"""The command in the hands of a service: ``python -m trialmatch.cli.held LOCK prescreen …``.

Its standard input is a pipe that the service holds: when the service has ended, however it did, so has the command, to
be gone on with by another. Whoever goes on waits at the file LOCK until this one is really gone.
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading

from trialmatch.cli.main import main as command


def main() -> None:
    """Wait for the lock, then be the command."""
    lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
    threading.Thread(target=_follow, daemon=True).start()
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.nice(10)  # answering comes first
    del sys.argv[1]
    command()


def _follow() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
