"""Byte streams with a tap and a deadline; the only modules besides drivers and peers that open sockets."""
