"""What a person reads on a patient's page to know that it is the right patient: the name and the record number."""

from __future__ import annotations

from trialmatch.fhir.elements import Json, objects

#: ``HumanName.use`` in the order of choice; names of other uses (old, maiden, temp, nickname, anonymous) are not shown.
#: Source: FHIR R4, value set name-use.
_USES = ("official", "usual", None)

#: The type of a medical record number. Source: HL7 v2 table 0203.
_RECORD_NUMBER = "MR"


def called(patient: Json) -> str:
    """The name of a patient as it is shown, or "": its text, or the family name before the given ones.

    Nothing is decided by a name, so that one of a wrong JSON type is left out without a word.
    """
    names = [name for name in objects(patient, "name") if name.get("use") in _USES]
    names.sort(key=lambda name: (_ended(name), _USES.index(name.get("use"))))
    return next((shown for name in names if (shown := _shown(name))), "")


def record_number(patient: Json) -> str:
    """The medical record number of a patient, or ""."""
    for identifier in sorted(objects(patient, "identifier"), key=_ended):
        codings = objects(identifier.get("type"), "coding")
        if any(coding.get("code") == _RECORD_NUMBER for coding in codings) and identifier.get("use") != "old":
            return _text(identifier.get("value"))
    return ""


def _shown(name: Json) -> str:
    whole = _text(name.get("text"))
    raw = name.get("given")
    given = " ".join(filter(None, map(_text, raw if isinstance(raw, list) else ())))
    return whole or ", ".join(filter(None, (_text(name.get("family")), given)))


def _ended(element: Json) -> bool:
    """Whether a name or an identifier is said to be in use up to some day."""
    period = element.get("period")
    return isinstance(period, dict) and period.get("end") is not None


def _text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""
