"""Real programs against ours, on loopback; `install` fetches them.

    python -m unittest discover -s tests/interop -t .

They take some minutes, so a run of all tests leaves them out, unless the environment
variable SASL_CORE_INTEROP is set; where it is "required", a missing program is a failure.
"""

from __future__ import annotations

import os
import sys
import unittest
from pathlib import Path

_HERE = Path(__file__).parent
_COMMAND = "python -m unittest discover -s tests/interop -t ."


def load_tests(
    loader: unittest.TestLoader, tests: unittest.TestSuite, pattern: str | None
) -> unittest.TestSuite:
    """Load the tests where they were asked for, else say how to ask."""
    asked = any("interop" in argument for argument in sys.argv)
    if asked or os.environ.get("SASL_CORE_INTEROP"):
        tests.addTests(loader.discover(str(_HERE), pattern or "test*.py"))
    else:
        tests.addTest(unittest.FunctionTestCase(_left_out))
    return tests


def _left_out() -> None:
    raise unittest.SkipTest(f"takes some minutes; run by: {_COMMAND}")
