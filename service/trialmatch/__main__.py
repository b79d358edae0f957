"""``python -m trialmatch``."""

from trialmatch.cli import main

main()
