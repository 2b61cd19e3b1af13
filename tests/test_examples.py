"""Every example runs, and shows what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

_ROOT = Path(__file__).parent.parent


class SubmissionTest(unittest.TestCase):
    """The main job: `python3 -m examples.submission`."""

    def run_it(self, **environment: str) -> str:
        """Run it as the README says; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "examples.submission"],
            cwd=_ROOT,
            env=os.environ | {"PYTHONIOENCODING": "utf-8"} | environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def check(self, shown: str) -> None:
        """It shows a login, a refusal and a trap, and no password."""
        self.assertIn("Both sides have proved", shown)
        self.assertIn("535 5.7.8", shown)
        self.assertIn("Caught: the server claimed success", shown)
        self.assertEqual(shown.count("octets of mail"), 1)
        self.assertNotIn("wonderland", shown.lower())

    @unittest.skipUnless(shutil.which("openssl"), "there is no openssl program")
    def test_with_tls(self) -> None:
        """The login is bound to the channel."""
        shown = self.run_it()
        self.check(shown)
        self.assertIn("by SCRAM-SHA-256-PLUS", shown)
        before, after = shown.split("everything is encrypted", 1)
        self.assertNotIn("PLAIN", before)
        self.assertIn("PLAIN", after)

    def test_without_openssl(self) -> None:
        """It says so, and goes on with what shows the password to nobody."""
        shown = self.run_it(PATH="")
        self.check(shown)
        self.assertIn("no openssl program", shown)
        self.assertIn("by SCRAM-SHA-256.", shown)
        self.assertNotIn("PLAIN", shown)


class CompleteTest(unittest.TestCase):
    """No example is forgotten, and none that shows one thing grows long."""

    def test_all_are_run(self) -> None:
        """Each is named by a test, here or among those of its subject."""
        tests = "".join(
            path.read_text(encoding="utf-8")
            for path in (_ROOT / "tests").rglob("test_*.py")
        )
        for path in _examples():
            with self.subTest(path.stem):
                self.assertRegex(tests, rf"examples[. ].*\b{path.stem}\b")

    def test_they_are_short(self) -> None:
        """At most 40 lines, but for the two that are whole programs."""
        for path in _examples():
            lines = path.read_text(encoding="utf-8").count("\n")
            if path.stem not in ("authd", "submission"):
                with self.subTest(path.stem):
                    self.assertLessEqual(lines, 40)


def _examples() -> list[Path]:
    return sorted((_ROOT / "examples").glob("[!_]*.py"))
