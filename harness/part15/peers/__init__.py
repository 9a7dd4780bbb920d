"""The embedded reference peer, its named faults, and the real peers we know how to start."""
