"""Hypothesis, set up once: `ci` repeats itself exactly, `local` looks for news.

Every module that uses it imports it from here.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

__all__ = ["assume", "example", "given", "settings", "st"]

_COMMON = {
    "deadline": None,
    "max_examples": 60,  # thousands of tests are to end within a minute
    "database": None,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow],
}

settings.register_profile("ci", derandomize=True, **_COMMON)
settings.register_profile("local", **_COMMON)
settings.load_profile("ci" if os.environ.get("CI") else "local")
