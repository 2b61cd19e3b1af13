"""Thin adapters that bring the exchanges to a connection; nothing else here does I/O."""
