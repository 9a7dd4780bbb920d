"""Suites: thin pytest modules, one per clause family, collected by ``part15 run``."""
