"""Records of trial registries (ClinicalTrials.gov, version 2) as draft studies in the criteria language.

The way of a record: :mod:`record` holds it against its shape, :mod:`outline` and :mod:`sections` split the eligibility
text, :mod:`rules` reads single criteria, :mod:`criteria` and :mod:`study` write R5, :mod:`drafts` puts it together.
"""
