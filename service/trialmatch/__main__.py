"""``python -m trialmatch``."""

from trialmatch.cli.main import main

main()
