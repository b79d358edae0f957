"""The criteria language as cases: each rule in words, a criterion, a small table of records and what must come out.

``cases/`` holds the data, ``test_language.py`` runs every row, ``generate_docs.py`` writes ``docs/semantics.md`` from
it.
"""
