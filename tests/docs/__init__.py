"""Pages of ``docs/`` that are made from the code, and tests that hold them fresh."""
