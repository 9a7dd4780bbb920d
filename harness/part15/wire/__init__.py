"""Codecs without I/O: bytes in, frozen facts out, and back."""
