"""The engine, the demo hospital's records, and servers that are started and stopped for a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from trialmatch import demo
from trialmatch.config import Settings
from trialmatch.usecases import Engine

from tests.hospital.server import Hospital, Json, resources_of

Start = Callable[..., Hospital]


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.start(Settings.read({}))


@pytest.fixture(scope="session")
def demo_resources() -> list[Json]:
    return resources_of(demo.hospital_path())


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers that end with the test."""
    with ExitStack() as stack:

        def one(resources: list[Json], **how: Any) -> Hospital:
            return stack.enter_context(Hospital(resources, **how))

        yield one


def settings(**changes: Any) -> Settings:
    """Settings with quick time-outs."""
    quick = {"fhir_timeout": 2.0, "fhir_connect_timeout": 1.0, "fhir_total_timeout": 10.0}
    return Settings.read({}, **{**quick, **changes})
