"""An open, empty store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from trialmatch.store.database import Store


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """A store with nothing in it."""
    with Store.open(database) as opened:
        yield opened
