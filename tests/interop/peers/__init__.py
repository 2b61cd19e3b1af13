"""Starts and stops real mail programs, one module each."""
