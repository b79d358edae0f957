"""Tokens that may be used once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from trialmatch.store import tokens
from trialmatch.store.database import Store
from trialmatch.store.tables import used_tokens

from tests.store.times import NOW, days

EHR = "https://ehr.example"


def test_a_token_is_used_once(store: Store) -> None:
    assert tokens.first_use(store, EHR, "a", NOW)
    assert not tokens.first_use(store, EHR, "a", NOW)
    assert not tokens.first_use(store, EHR, "a", NOW + days(1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((EHR, "a"), (EHR, "b")),
        ((EHR, "a"), (EHR, "A")),
        ((EHR, "a"), (EHR, "a ")),
        ((EHR, "a"), ("https://other.example", "a")),
        (("x", "y z"), ("x y", "z")),  # the border between the two names counts
        (("1", "1 1"), ("1 1", "1")),
        ((EHR, "\0"), (EHR, "\0\0")),
        ((EHR, "\ud800"), (EHR, "\ud801")),
        ((EHR, ""), (EHR, "a" * 100_000)),
    ],
)
def test_issuer_and_name_together_tell_tokens_apart(
    store: Store, one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert tokens.first_use(store, *one, NOW)
    assert tokens.first_use(store, *other, NOW)
    assert not tokens.first_use(store, *one, NOW)


def test_one_of_many_at_once_is_the_first(store: Store) -> None:
    with ThreadPoolExecutor(16) as pool:
        first = list(pool.map(lambda _: tokens.first_use(store, EHR, "a", NOW), range(16)))
    assert sorted(first) == [False] * 15 + [True]


def test_tokens_are_forgotten_when_they_have_run_out(store: Store) -> None:
    """At its last instant a token is still remembered."""
    for name, until in (("old", NOW - days(1)), ("just now", NOW), ("new", NOW + days(1))):
        tokens.first_use(store, EHR, name, until)
    assert tokens.purge(store, NOW) == 1
    assert not tokens.first_use(store, EHR, "just now", NOW)
    assert not tokens.first_use(store, EHR, "new", NOW)


def test_what_is_kept_tells_nothing(store: Store) -> None:
    tokens.first_use(store, EHR, "secret", NOW)
    with store.reading() as connection:
        ((digest, until),) = connection.execute(select(used_tokens)).all()
    assert (len(digest), until) == (64, NOW) and "secret" not in digest
