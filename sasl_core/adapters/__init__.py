"""Thin adapters between the machines and real connections: all the I/O there is."""
