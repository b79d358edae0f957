"""Prescreening: every patient of a hospital against every study, by the evaluator that matches a single patient.

Parsing the bytes is the cost, so they are parsed once, by columns, and only what may matter is read in full::

    files ─ survey (DuckDB: all lines, few columns) ─ gates ─► who may be a candidate
                 │ odd lines: closer                                  │
    files ─ fetch (bytes: the lines of those patients only) ◄─────────┘
                 │ groups of candidates
                 └─► judge (records → facts → findings → rows, in processes) ─► outputs

- :mod:`inputs` finds the files; :mod:`survey` and :mod:`closer` read them; :mod:`binding` says what a row names.
- :mod:`gates` is the filter. It is sound: it carries the lowest and highest truth that an item can still have up the
  tree of criteria, and passes over a study only where its highest truth is unmet. Where a type of record is incomplete
  it filters nothing by that type, because the evaluator concludes nothing from its silence either.
- :mod:`people` says who is who; :mod:`fetch` lays the lines of candidates out by groups; :mod:`reading` is all of this
  in its order.
- :mod:`judge` does what ``match`` does, for a group; it knows nothing of files or processes. :mod:`workers` has the
  processes.
- :mod:`outputs`, :mod:`attrition`, :mod:`attrition_page`, :mod:`since` write; :mod:`work` keeps what a killed run goes
  on with; :mod:`engine` is a whole run.
- :mod:`export` fetches a server's bulk export into a folder.

What the filter sets aside is counted and not judged; everything else comes out as it does for a patient matched alone.
"""
