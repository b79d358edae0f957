"""``docs/access.md`` is written by hand; what it lists is what the code has."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import trialmatch
from trialmatch.config import Settings, variable
from trialmatch.web.access import jwks, signatures, tokens
from trialmatch.web.access.callers import SCOPES
from trialmatch.web.cds import tokens as cds_tokens

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text("utf-8")


def test_every_reason_of_a_refusal_is_explained() -> None:
    web = Path(trialmatch.__file__).parent / "web"
    written = {
        reason
        for name in ("access/security", "access/signatures", "access/tokens", "access/jwks", "cds/tokens")
        for reason in re.findall(r'Refused\(f?"([^"]+)"\)', (web / f"{name}.py").read_text("utf-8"))
    }
    reasons = {re.sub(r"\{.*\}", "…", reason) for reason in written}
    assert reasons == set(re.findall(r"^\| `([^`]+)` \| \w", PAGE.split("## When a call is refused")[1], re.MULTILINE))


def test_algorithms_and_scopes() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `alg`"))
    assert set(re.findall(r"[A-Z]{2}\d{3}", row)) == tokens.ALGORITHMS
    row = next(line for line in PAGE.splitlines() if line.startswith("| `scope`"))
    assert tuple(re.findall(r"`(trialmatch/[a-z.]+)`", row)) == SCOPES


def test_numbers() -> None:
    """The page says them in words."""
    assert (jwks.FRESH, jwks.PAUSE, jwks.STALE) == (600, 10, 3600)
    assert (signatures.LEEWAY, signatures.BYTES, cds_tokens.LIFETIME) == (30, 8 * 1024, 3600)
    for words in ("every ten minutes", "every ten seconds", "for an hour", "30 seconds", "8 KiB", "an hour later"):
        assert words in " ".join(PAGE.split())


def test_settings_that_it_names() -> None:
    known = {variable(setting.name) for setting in fields(Settings)}
    assert set(re.findall(r"TRIALMATCH_[A-Z_]*[A-Z]", PAGE)) <= known
