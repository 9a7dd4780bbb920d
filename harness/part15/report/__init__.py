"""The finished document of a run and its writers; all formats are derived from ``report.json``."""
