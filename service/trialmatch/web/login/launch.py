"""SMART App Launch 2.2, from the EHR: the patient's chart opens the match page, with the EHR's own access.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from trialmatch.web.cds.records import allowed
from trialmatch.web.converters import FHIR_ID
from trialmatch.web.login.flow import Client, Failed, provider_of
from trialmatch.web.login.pending import prepared, received, send
from trialmatch.web.login.visitor import launched
from trialmatch.web.service import service

blueprint = prepared(Blueprint("launch", __name__))

_BACK = "/launch/callback"


@blueprint.get("/launch")
def launch() -> ResponseReturnValue:
    """Where an EHR sends its users: ``iss`` is its FHIR server, ``launch`` stands for the open chart."""
    settings = service().settings
    if settings.launch_client is None:
        abort(404)
    server, context = request.args.get("iss", ""), request.args.get("launch", "")
    if not server or not context:
        raise Failed("launch.incomplete", "launch without iss or launch")
    if not allowed(server, settings):
        raise Failed("launch.unknown", "launch from a server that is not allowed", 403)
    provider = provider_of(f"{server.rstrip('/')}/.well-known/smart-configuration", issuer=None)
    client = Client.of(settings, "launch")
    extra = {"aud": server, "launch": context}
    return send(provider, client, _BACK, settings.launch_scopes, extra, {"server": server.rstrip("/")})


@blueprint.get(_BACK)
def arrived() -> ResponseReturnValue:
    """Back from the EHR's authorization server: to the page of the patient whose chart is open."""
    settings = service().settings
    if settings.launch_client is None:
        abort(404)
    granted, kept = received(Client.of(settings, "launch"), _BACK)
    patient = granted.context.get("patient")
    if not isinstance(patient, str) or not FHIR_ID.fullmatch(patient):
        raise Failed("launch.no-patient", "launch without a patient", 502)
    launched(granted, kept["issuer"], patient, kept["server"])
    return redirect(url_for("pages.patient", patient_id=patient))
