"""How the tables came about: Alembic's environment and one module a step, in ``versions/``."""
