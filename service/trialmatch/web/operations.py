"""For those who run the service: is it alive, can it work, what has it done."""

from __future__ import annotations

from flask import Blueprint, Flask

from trialmatch.web.service import service

blueprint = Blueprint("operations", __name__)


def register(app: Flask) -> None:
    """Register health and metrics."""
    app.register_blueprint(blueprint)


@blueprint.get("/health/live")
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@blueprint.get("/health/ready")
def ready() -> dict[str, object]:
    """Studies are loaded and the store answers. A hospital that is down does not count: it is no fault of ours."""
    return {"status": "ok", "studies": len(service().engine.studies.matchable)}
