"""A real FHIR server with the demo hospital, to try things against: ``make hapi``.

HAPI_PORT is its port (8080 by default). It serves on the loopback address until Ctrl-C and forgets everything then.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

from trialmatch.demo import hospital_path
from trialmatch.demo.load import NotLoaded, load, resources

from tests.contract import servers


def main() -> int:
    port = os.environ.get("HAPI_PORT", "8080")
    if not port.isdecimal() or int(port) > 65535:
        print(f"HAPI_PORT: not a port: {port}; expected a number up to 65535", file=sys.stderr)
        return 2
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", int(port))) == 0:
            print(f"HAPI_PORT: something is at port {port} already; expected a free one", file=sys.stderr)
            return 2
    # Whatever asks it to stop, the server ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    began = time.monotonic()
    try:
        print("Starting a HAPI FHIR server (the first time, Maven downloads some 300 MB) ...", flush=True)
        with servers.hapi(int(port)) as url:
            entries = resources(hospital_path())
            print(f"Loading the demo hospital, {len(entries)} records ...", flush=True)
            load(url, entries)
            patients = sum(one["resourceType"] == "Patient" for one in entries)
            print(f"{url} holds {patients} patients, after {time.monotonic() - began:.0f} s. Try:\n")
            print(f"  trialmatch match lupus-likely-01 --fhir {url} --as-of 2026-03-01")
            print(f"  curl '{url}/Observation?patient=lupus-likely-01&_count=2'\n\nCtrl-C stops it.", flush=True)
            signal.pause()
    except servers.Missing as problem:
        print(f"make hapi: {problem}", file=sys.stderr)
        return 2
    except (RuntimeError, NotLoaded) as problem:
        print(f"make hapi: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
