"""Settings that say who may call, and as whom trialmatch calls: what is refused when the program starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from trialmatch.config import Settings, unknown
from trialmatch.config_access import issuers, listed
from trialmatch.errors import UsageError

IDP = "https://idp.example"
ACCESS = {"issuers": IDP, "audience": "trialmatch"}


def refused(**given: object) -> str:
    """The line with which settings are refused."""
    with pytest.raises(UsageError) as told:
        Settings.read({}, **given)
    return str(told.value)


def test_lists_are_separated_by_commas_or_spaces() -> None:
    assert listed("a, b c,,d") == ("a", "b", "c", "d")
    assert listed(None) == listed(" ") == ()
    assert issuers(f"{IDP}={IDP}/jwks, https://other.example") == {IDP: f"{IDP}/jwks", "https://other.example": None}


def test_what_is_fine(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text("{}")
    for given in (
        {},
        ACCESS,
        {**ACCESS, "issuers": f"{IDP}={keys}"},
        {**ACCESS, "issuers": "http://localhost:8080/realms/a, https://idp.example/"},
        {**ACCESS, "proxies": 2},
        {"cds_issuers": f"urn:ehr={keys}, https://ehr.example=https://ehr.example/jwks?v=1", "public_url": IDP},
        {"client_id": "me", "client_key": str(keys), "token_url": "https://as.example/token"},
        {"public_url": "http://127.0.0.1:8000"},
        {"frame_ancestors": "'none'"},
        {"frame_ancestors": "'self' https: *.ehr.example https://ehr.example:8443/hub http://localhost:5000 *"},
    ):
        Settings.read({}, **given)


@pytest.mark.parametrize(
    ("given", "name", "words"),
    [
        ({"issuers": IDP}, "AUDIENCE", "unset, but issuers are configured"),
        ({**ACCESS, "issuers": "http://idp.example"}, "ISSUERS", "expected issuer=keys, or an https URL"),
        ({**ACCESS, "issuers": "idp"}, "ISSUERS", "expected issuer=keys, or an https URL"),
        ({**ACCESS, "issuers": "https://idp.example/?a"}, "ISSUERS", "expected issuer=keys, or an https URL"),
        ({**ACCESS, "issuers": f"{IDP}=http://idp.example/jwks"}, "ISSUERS", "are at “http://idp.example/jwks”"),
        ({**ACCESS, "issuers": f"{IDP}=no-such-file.json"}, "ISSUERS", "are at “no-such-file.json”"),
        ({**ACCESS, "issuers": f"{IDP}="}, "ISSUERS", "are at “”"),
        ({**ACCESS, "issuers": f"{IDP}, {IDP}={IDP}/jwks"}, "ISSUERS", "is named twice"),
        ({"cds_issuers": IDP, "public_url": IDP}, "CDS_ISSUERS", "has no keys"),
        ({"cds_issuers": f"{IDP}={IDP}/jwks"}, "PUBLIC_URL", "unset, but CDS issuers are configured"),
        ({"public_url": "trials.example"}, "PUBLIC_URL", "expected an https URL"),
        ({"public_url": "http://trials.example"}, "PUBLIC_URL", "expected an https URL"),
        ({"proxies": 1}, "PROXIES", "set, but no issuer is"),
        ({**ACCESS, "proxies": -1}, "PROXIES", "expected 0 or more"),
        ({"client_id": "me"}, "CLIENT_ID", "expected both or neither"),
        ({"client_key": __file__}, "CLIENT_ID", "expected both or neither"),
        ({"client_id": "me", "client_key": "no-such-file.pem"}, "CLIENT_KEY", "is not a file"),
        ({"token_url": "http://as.example/token"}, "TOKEN_URL", "expected an https URL"),
        ({"frame_ancestors": "none"}, "FRAME_ANCESTORS", "expected 'none', or sources"),
        ({"frame_ancestors": "self"}, "FRAME_ANCESTORS", "expected 'none', or sources"),
        ({"frame_ancestors": "'none' https://ehr.example"}, "FRAME_ANCESTORS", "expected 'none', or sources"),
        ({"frame_ancestors": "https://ehr.example; script-src *"}, "FRAME_ANCESTORS", "expected 'none', or sources"),
        ({"frame_ancestors": "https://ehr.example, https://b.example"}, "FRAME_ANCESTORS", "expected 'none'"),
        ({"frame_ancestors": "https://ehr.example\r\nX: 1"}, "FRAME_ANCESTORS", "expected 'none', or sources"),
    ],
)
def test_what_is_not(given: dict[str, object], name: str, words: str) -> None:
    told = refused(**given)
    assert told.startswith(f"TRIALMATCH_{name}: ") and words in told


def test_a_folder_for_prescreens_has_to_be_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Settings.read({}, prescreen_dir=str(tmp_path))
    monkeypatch.setattr("os.access", lambda path, mode: False)  # whoever runs the tests may be allowed everything
    assert "may not be written to" in refused(prescreen_dir=str(tmp_path))


def test_variables_that_are_no_settings() -> None:
    """Misspelt, they would have no effect, and nobody would know."""
    environment = {"TRIALMATCH_LOGIN_ALLOW": "groups=a", "TRIALMATCH_PORT": "1", "TRIALMATCH_DEBUG": "", "HOME": "/"}
    assert unknown(environment) == ["TRIALMATCH_LOGIN_ALLOW"]
