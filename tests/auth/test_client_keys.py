"""The file with the client's private key, in each of its forms, and what is published of it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey, OctKey, RSAKey
from trialmatch.config import Settings
from trialmatch.errors import UsageError
from trialmatch.fhir.hospital.client_keys import client_keys, public_jwks

from tests.auth.issuer import ec, rsa


def settings(folder: Path, content: str | bytes) -> Settings:
    """Settings whose key file holds something."""
    path = folder / "key"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Settings.read({}, client_id="trialmatch", client_key=str(path))


def pem(key: RSAKey | ECKey, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes | None = None) -> bytes:
    """A private key as PEM."""
    sealed = BestAvailableEncryption(password) if password else NoEncryption()
    assert key.private_key is not None
    return bytes(key.private_key.private_bytes(Encoding.PEM, form, sealed))


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize(("key", "algorithm"), [(rsa(), "RS384"), (ec(), "ES384")], ids=["RSA", "EC"])
def test_pem(tmp_path: Path, key: RSAKey | ECKey, algorithm: str, form: PrivateFormat) -> None:
    """Its id is its thumbprint (RFC 7638): the same on every worker and after every start."""
    (found,) = client_keys(settings(tmp_path, pem(key, form)))
    assert (found.algorithm, found.key_id) == (algorithm, key.thumbprint())


@pytest.mark.parametrize(("key", "algorithm"), [(rsa(), "RS384"), (ec(), "ES384")], ids=["RSA", "EC"])
def test_jwk(tmp_path: Path, key: RSAKey | ECKey, algorithm: str) -> None:
    (found,) = client_keys(settings(tmp_path, json.dumps(key.as_dict(private=True))))
    assert (found.algorithm, found.key_id) == (algorithm, key.kid)


def test_a_jwk_without_kid(tmp_path: Path) -> None:
    bare = {name: value for name, value in ec().as_dict(private=True).items() if name != "kid"}
    (found,) = client_keys(settings(tmp_path, json.dumps(bare)))
    assert found.key_id == ec().thumbprint()


def test_a_set_keeps_its_order_and_leaves_out_what_cannot_sign(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = RSAKey.generate_key(1024, {"kid": "short"}).as_dict(private=True)
    keys: list[Any] = [
        ec("P-256").as_dict(private=True),
        short,
        OctKey.generate_key(256).as_dict(private=True),
        rsa("public").as_dict(private=False),
        {**rsa("enc").as_dict(private=True), "use": "enc"},
        {**rsa("other").as_dict(private=True), "alg": "RS256"},
        {**rsa("ops").as_dict(private=True), "key_ops": ["decrypt"]},
        {"kty": "RSA"},
        None,
        rsa("second").as_dict(private=True),
        ec().as_dict(private=True),
    ]
    assert [one.key_id for one in client_keys(settings(tmp_path, json.dumps({"keys": keys})))] == ["second", "P-384"]


def test_what_is_published_is_public(tmp_path: Path) -> None:
    """Of each key the members that RFC 7518 names public, and what it is for, whatever the form of the file."""
    whole = rsa().as_dict(private=True)
    for content in (pem(rsa()), json.dumps(whole), json.dumps({"keys": [whole]})):
        (found,) = public_jwks(settings(tmp_path, content))["keys"]
        assert set(found) == {"kty", "n", "e", "kid", "use", "alg", "key_ops"}
        assert (found["use"], found["alg"], found["key_ops"]) == ("sig", "RS384", ["verify"])
        assert RSAKey.import_key(found).thumbprint() == rsa().thumbprint()
    odd = {**ec().as_dict(private=True), "x5c": ["MIIB"], "note": "private words"}
    (found,) = public_jwks(settings(tmp_path, json.dumps(odd)))["keys"]
    assert set(found) == {"kty", "crv", "x", "y", "kid", "use", "alg", "key_ops"}


def test_nothing_to_publish() -> None:
    assert public_jwks(Settings()) == {"keys": []}
    assert client_keys(Settings()) == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key",
        b"\xff\xfe\x00",
        b"{}",
        b"[]",
        b"null",
        b'{"keys": []}',
        b'{"keys": {"kty": "RSA"}}',
        b'{"kty": "RSA", "n": "secret", "d": "secret"}',
        b"-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n",
        rsa().as_pem(private=False),
        pem(ec("P-256")),
        pem(rsa(), password=b"secret"),
        b" " * 100_000 + pem(rsa()),
    ],
    ids=["empty", "words", "bytes", "object", "list", "null", "no keys", "keys of what", "no numbers", "no base64",
         "public", "P-256", "password", "too large"],
)  # fmt: skip
def test_files_that_hold_no_usable_key(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError) as told:
        client_keys(settings(tmp_path, content))
    assert str(told.value).startswith("TRIALMATCH_CLIENT_KEY: ")
    assert "secret" not in str(told.value) and str(tmp_path) in str(told.value)


def test_two_keys_with_one_id(tmp_path: Path) -> None:
    """The server could not tell which one has signed."""
    keys = [rsa().as_dict(private=True), {**rsa("second").as_dict(private=True), "kid": "rsa"}]
    with pytest.raises(UsageError, match="two keys with one kid"):
        client_keys(settings(tmp_path, json.dumps({"keys": keys})))
