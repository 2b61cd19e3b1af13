"""Python without its `assert` statements (`-O`) decides the same."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path

import sasl_core as sasl

_ROOT = Path(sasl.__file__).parent.parent
_SUITE = textwrap.dedent(
    """
    from tests import _accounts as accounts
    from tests._nasty import NASTY
    from tests._play import play
    from tests._points import points
    from tests.test_exchanges import cases, FRAMINGS
    for case in cases():
        if case.profile in FRAMINGS[-2:]:
            outcome = play(
                accounts.make_client(
                    case.name, profile=case.profile, credentials=case.credentials()
                ),
                accounts.make_server(case.name, profile=case.profile),
                initial=case.initial,
            )
            print(case, type(outcome.event).__name__, type(outcome.error).__name__)
    for number, point in enumerate(points()):
        for message in NASTY[number % 3 :: 3]:
            line = point.profile.encode(message)
            if point.honest and isinstance(point.honest[0], bytes):
                try:
                    print(getattr(point.copy(), point.method)(line))
                except Exception as error:
                    print(repr(error))
    """
)


class OptimizedTest(unittest.TestCase):
    """No `assert` statement guards a security decision."""

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Run a part of the suite in another interpreter, which writes its verdicts."""
        return subprocess.Popen(
            [sys.executable, *options, "-c", _SUITE],
            cwd=_ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stdout=subprocess.PIPE,
            text=True,
        )

    def test_python_o_decides_the_same(self) -> None:
        """Thousands of verdicts, with `python -O` and without, are equal."""
        with self.start() as one, self.start("-O") as other:  # side by side
            plain, optimized = one.communicate()[0], other.communicate()[0]
        self.assertEqual((one.returncode, other.returncode), (0, 0))
        self.assertGreater(plain.count("\n"), 3000)
        self.assertEqual(plain, optimized)


if __name__ == "__main__":
    unittest.main()
