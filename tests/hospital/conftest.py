"""The engine, the demo hospital's records, and servers that are started and stopped for a test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from trialmatch import demo
from trialmatch.config import Settings
from trialmatch.fhir.hospital import capabilities
from trialmatch.usecases.match import Engine

from tests.hospital.server import Hospital, Json, resources_of

Start = Callable[..., Hospital]


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.start(Settings.read({}))


@pytest.fixture(scope="session")
def demo_resources() -> list[Json]:
    return resources_of(demo.hospital_path())


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts servers that end with the test; what is remembered of others (a port may come twice) does not count."""
    monkeypatch.setattr(capabilities, "_servers", {})
    with ExitStack() as stack:

        def one(resources: list[Json], **how: Any) -> Hospital:
            return stack.enter_context(Hospital(resources, **how))

        yield one


def known(hospital: Hospital) -> capabilities.Capabilities:
    """What is known of a server once its CapabilityStatement has come, which no match waits for."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        found = capabilities.server(hospital.url).capabilities
        if found.searches is not None:
            return found
        time.sleep(0.01)
    raise AssertionError("no CapabilityStatement came")


def settings(**changes: Any) -> Settings:
    """Settings with quick time-outs."""
    quick = {"fhir_timeout": 2.0, "fhir_connect_timeout": 1.0, "fhir_total_timeout": 10.0}
    return Settings.read({}, **{**quick, **changes})
