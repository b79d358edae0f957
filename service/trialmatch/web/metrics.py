"""Prometheus metrics, added up over all workers. Labels are templates and statuses, never anything of a patient.

``trialmatch serve`` sets ``PROMETHEUS_MULTIPROC_DIR`` before this module is loaded: workers then count in files there.
"""

from __future__ import annotations

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

#: Methods of HTTP (RFC 9110, RFC 5789). A caller may write any word there, and each would be a series of its own.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"})
OTHER = "(other)"

_REQUESTS = Counter("trialmatch_requests", "Requests that were answered", ["method", "path", "status"])
_SECONDS = Histogram(
    "trialmatch_request_seconds",
    "Seconds from a request's beginning to its answer",
    ["path"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
_MATCHES = Counter("trialmatch_matches", "Patients matched, by how it ended", ["source", "outcome"])


def answered(method: str, path: str, status: int, seconds: float) -> None:
    """Count a request; ``method`` is one of METHODS, or OTHER."""
    _REQUESTS.labels(method, path, str(status)).inc()
    _SECONDS.labels(path).observe(seconds)


def matched(source: str, outcome: str) -> None:
    """Count a match: ``source`` is hospital or request, ``outcome`` complete, incomplete, refused or failed."""
    _MATCHES.labels(source, outcome).inc()


def page() -> bytes:
    """All metrics, in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
