"""Drivers: each performs one kind of stimulus on a target and returns an observation, never an opinion."""
