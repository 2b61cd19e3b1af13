"""Packages that people install beside this library, imported where a test needs them."""

from __future__ import annotations

import importlib
from types import ModuleType

from .peers.process import missing


def need_package(name: str) -> ModuleType:
    """Return the module; skip the test where it is not installed, or fail (see missing)."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"the Python package {name} is not installed")
