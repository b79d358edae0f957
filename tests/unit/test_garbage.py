"""The garbage collector is left off while something is loaded, and on again afterwards, whoever loads beside it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest
from trialmatch.garbage import paused


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.enable()


def test_off_inside_and_on_afterwards() -> None:
    with paused():
        assert not gc.isenabled()
        with paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_on_after_a_failure() -> None:
    with pytest.raises(ValueError, match="no study"), paused():
        raise ValueError("no study")
    assert gc.isenabled()


def test_who_has_it_off_keeps_it_off() -> None:
    gc.disable()
    with paused():
        pass
    assert not gc.isenabled()


def test_the_last_of_several_threads_puts_it_on() -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with paused():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)
    with paused():
        pass
    assert not gc.isenabled()  # the other one still loads
    leave.set()
    thread.join()
    assert gc.isenabled()
