"""What may stand in a path."""

from __future__ import annotations

import re

from werkzeug.routing import BaseConverter

#: A FHIR id (https://hl7.org/fhir/R4/datatypes.html#id); dots alone are no id but a way up the path.
FHIR_ID = re.compile(r"(?!\.+$)[A-Za-z0-9.\-]{1,64}")


class FhirId(BaseConverter):
    """A FHIR id in a path."""

    regex = r"(?!\.+(?:/|$))[A-Za-z0-9.\-]{1,64}"
