"""A second, deliberately naive reading of the criteria language, to hold the package against.

It walks the raw JSON of the criteria (FHIR R5 characteristics) and of the patient (FHIR R4 resources), imports nothing
of the package, and prefers trying every possibility over being clever: a partial date is the list of the days it could
mean, a bound such as ``<5`` is tried at the points around which an answer could change, an exposure is a set of days.

What it does not read (it raises :class:`NotCovered`): encounters, studies and documents as criteria, text-only records,
routes other than oral, cohorts and shared blocks.
"""
