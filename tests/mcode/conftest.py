"""Fixtures of getClinicalTrial."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.world import service_of


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The service of a module."""
    return service_of(tmp_path_factory.mktemp("mcode"), rate_limit="100000 per minute")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client on this machine."""
    return app.test_client()
