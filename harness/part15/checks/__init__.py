"""Checks: pure functions from an observation and an expectation to a judgement. No I/O, no clock, no level."""
