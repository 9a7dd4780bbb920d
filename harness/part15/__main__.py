"""``python -m part15``."""

from part15.cli import main

main()
