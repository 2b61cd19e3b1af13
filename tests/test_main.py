"""The command line, in this process and in one of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import unittest
import warnings
from contextlib import redirect_stderr, redirect_stdout
from itertools import chain, repeat
from pathlib import Path
from unittest import mock

import sasl_core as sasl
from sasl_core.__main__ import main
from sasl_core.mechanisms import Mechanism, find, registered
from sasl_core.records import ITERATIONS

from ._data import vectors
from .test_purity import modules_after

_ROOT = Path(__file__).parent.parent
_SECRET = "tagada-tsoin-tsoin"


class Terminal(io.TextIOWrapper):
    """A standard input that says it is one."""

    def isatty(self) -> bool:
        return True


class Outcome:
    """What a command left behind."""

    stdin = io.TextIOWrapper

    def __init__(self, *arguments: str, typed: bytes = b"") -> None:
        out, err = io.StringIO(), io.StringIO()
        stdin = self.stdin(io.BytesIO(typed))
        with (
            # What other tests have left open, Python 3.13 may find just now.
            warnings.catch_warnings(action="ignore", category=ResourceWarning),
            mock.patch("sys.stdin", stdin),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                self.status: object = main(arguments)
            except SystemExit as ended:
                self.status = ended.code
        self.out, self.err = out.getvalue(), err.getvalue()


class MainCase(unittest.TestCase):
    """Run commands, and look at what they print."""

    def succeed(self, *arguments: str, typed: bytes = b"") -> str:
        """Run a command that must work; return what it prints."""
        done = Outcome(*arguments, typed=typed)
        self.assertEqual((done.status, done.err), (0, ""))
        return done.out

    def refuse(self, *arguments: str, typed: bytes = b"") -> str:
        """Run a command that must not; return why, in one line."""
        done = Outcome(*arguments, typed=typed)
        self.assertEqual((done.status, done.out), (2, ""))
        self.assertNotIn("Traceback", done.err)
        self.assertNotIn(_SECRET, done.err)
        return done.err.splitlines()[-1]


class SesTest(MainCase):
    """`ses-password`."""

    def test_every_vector(self) -> None:
        """Those of the newest version, with and without a newline after the key."""
        done = 0
        for vector in vectors("ses"):
            if (
                "smtp_password" not in vector["expect"]
                or not vector["inputs"]["region"]
            ):
                continue
            key, region = (
                vector["inputs"][name] for name in ("secret_access_key", "region")
            )
            for end in ("", "\n", "\r\n"):
                with self.subTest(vector["id"], end=end):
                    shown = self.succeed(
                        "ses-password", "--region", region, typed=(key + end).encode()
                    )
                    self.assertEqual(shown, vector["expect"]["smtp_password"] + "\n")
            done += 1
        self.assertGreaterEqual(done, 5)

    def test_misuse(self) -> None:
        """No region, no key, two lines, what is not UTF-8: nothing is printed."""
        command = ("ses-password", "--region", "us-east-1")
        self.assertIn("--region", self.refuse("ses-password"))
        self.assertIn("empty", self.refuse(*command))
        self.assertIn("white space", self.refuse(*command, typed=b"one\ntwo\n"))
        self.assertIn("UTF-8", self.refuse(*command, typed=_SECRET.encode() + b"\xff"))
        self.assertIn("region", self.refuse(*command[:2], "here", typed=b"key"))

    def test_the_key_is_no_argument(self) -> None:
        """Where every user of the machine would see it."""
        self.refuse("ses-password", "--region", "us-east-1", "key")

    def test_help(self) -> None:
        """It says what the key is, and where to log in with what comes out."""
        shown = self.succeed("ses-password", "--help")
        for word in ("IAM", "email-smtp.REGION.amazonaws.com", "587", "AKIA"):
            self.assertIn(word, shown)


class ScramTest(MainCase):
    """`scram-keys`."""

    def test_every_mechanism_and_form(self) -> None:
        """What is printed is read again, and is of the password."""
        for name in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA3-512"):
            for form in ("rfc5803", "dovecot", "gsasl", "postgresql"):
                arguments = ["scram-keys", "--mechanism", name, "--format", form]
                arguments += ["--iterations", "4096"]
                with self.subTest(name, form=form):
                    if form == "postgresql" and name != "SCRAM-SHA-256":
                        self.refuse(*arguments, typed=_SECRET.encode())
                        continue
                    text = self.succeed(*arguments, typed=f"{_SECRET}\n".encode())
                    keys = sasl.ScramKeys.parse(text)
                    self.assertEqual((keys.scheme, keys.iterations), (name, 4096))
                    self.assertEqual(text, keys.format(form) + "\n")
                    self.assertTrue(keys.verify(_SECRET))

    def test_what_is_not_said(self) -> None:
        """SCRAM-SHA-256, as RFC 5803 has it, at the cost of the stores; fresh salt."""
        texts = [self.succeed("scram-keys", typed=b"p\xc3\xa4ss") for _ in range(2)]
        keys = [sasl.ScramKeys.parse(text) for text in texts]
        self.assertTrue(texts[0].startswith("SCRAM-SHA-256$"))
        self.assertEqual(keys[0].iterations, ITERATIONS["SCRAM-SHA-256"])
        self.assertNotEqual(keys[0].salt, keys[1].salt)
        self.assertTrue(keys[0].verify("päss"))

    def test_misuse(self) -> None:
        """A password that no client could send, and too few iterations."""
        self.assertIn("empty", self.refuse("scram-keys", typed=b"\n"))
        self.refuse("scram-keys", typed=f"{_SECRET}\n{_SECRET}".encode())
        for count in ("4095", "0", "-1", "4_096", "+4096", "", "9" * 30, "٤٠٩٦"):
            with self.subTest(count):
                self.assertIn(
                    "iteration", self.refuse("scram-keys", "--iterations", count)
                )
        self.refuse("scram-keys", "--mechanism", "PLAIN")
        self.refuse("scram-keys", "--mechanism", "SCRAM-SHA-256-PLUS")


class TerminalTest(MainCase):
    """At a terminal a secret is asked for, and not shown."""

    def type(self, *lines: str) -> mock.Mock:
        """Type lines where getpass asks; return what stands in for it."""
        self.enterContext(mock.patch.object(Outcome, "stdin", Terminal))
        asks = mock.Mock(side_effect=chain(lines, repeat(EOFError)))
        self.enterContext(mock.patch("getpass.getpass", asks))
        return asks

    def test_a_key_once(self) -> None:
        """A wrong one is found out at the server."""
        asks = self.type("some+secret+key")
        shown = self.succeed("ses-password", "--region", "eu-central-1")
        self.assertEqual(shown, "BMXhUYlu5Z3gSXVQORxlVa7XPaz91aGWdfHxvkOZdWZ2\n")
        self.assertEqual(asks.call_count, 1)

    def test_a_new_password_twice(self) -> None:
        """It would lock its user out."""
        self.type(_SECRET, _SECRET)
        keys = sasl.ScramKeys.parse(self.succeed("scram-keys"))
        self.assertTrue(keys.verify(_SECRET))

    def test_two_that_differ(self) -> None:
        """Nothing is printed."""
        self.type(_SECRET, _SECRET + " ")
        self.assertIn("not the same", self.refuse("scram-keys"))

    def test_the_end(self) -> None:
        """Nothing was typed, or not twice."""
        self.type(_SECRET)
        self.assertIn("nothing", self.refuse("scram-keys"))
        self.assertIn("nothing", self.refuse("ses-password", "--region", "us-east-1"))


class MechanismsTest(MainCase):
    """`mechanisms`."""

    def rows(self) -> dict[str, list[str]]:
        """Run it; return the cells of each line, by its first."""
        head, *lines = self.succeed("mechanisms").splitlines()
        starts = [head.index(word) for word in head.split()]
        ends = [*starts[1:], None]
        cells = [
            [line[a:b].strip() for a, b in zip(starts, ends, strict=True)]
            for line in lines
        ]
        return {name: rest for name, *rest in cells}

    def test_it_is_the_registry(self) -> None:
        """The strongest first, each with its specification."""
        rows = self.rows()
        self.assertEqual(list(rows), [mechanism.name for mechanism in registered()])
        for mechanism in registered():
            self.assertIn(mechanism.specification, rows[mechanism.name][-1])

    def test_what_it_says(self) -> None:
        """What each needs, shows, and gives."""
        rows = self.rows()
        self.assertEqual(
            rows["SCRAM-SHA-256-PLUS"],
            [
                "username, password, TLS",
                "-",
                "proof of the server, channel binding",
                "RFC 7677",
            ],
        )
        self.assertEqual(
            rows["PLAIN"], ["username, password", "password", "-", "RFC 4616"]
        )
        self.assertEqual(rows["EXTERNAL"][0], "external identity")
        self.assertEqual(rows["OTP"][-1], "RFC 2444, only by name")

    def test_what_not_to_use(self) -> None:
        """It is said of an old one, and of one whose hash is missing."""
        scram = find("SCRAM-SHA-1")
        old = Mechanism(
            "OLD", scram.client, scram.server, strength=1, hash_name="no", obsolete=True
        )
        with mock.patch.dict("sasl_core.mechanisms._registry", OLD=old):
            self.assertEqual(self.rows()["OLD"][-1], "obsolete, not in this Python")


class ProgramTest(MainCase):
    """The program as a whole."""

    def test_misuse(self) -> None:
        """No command, an unknown one."""
        self.assertIn("COMMAND", self.refuse())
        self.refuse("frobnicate")

    def test_help(self) -> None:
        """It says what there is, and where the rest is."""
        shown = Outcome("--help").out
        for word in ("scram-keys", "COMMAND --help", "help(sasl_core)"):
            self.assertIn(word, shown)

    def test_a_reader_who_goes(self) -> None:
        """`| head` is no traceback, neither now nor when Python ends."""
        gone, pipe = os.pipe()
        os.close(gone)
        done = subprocess.run(
            [sys.executable, "-m", "sasl_core", "mechanisms"],
            cwd=_ROOT,
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(pipe)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_version(self) -> None:
        """The package's."""
        self.assertEqual(self.succeed("--version"), f"{sasl.__version__}\n")

    def test_in_a_process(self) -> None:
        """`python -m sasl_core`, with its exit status."""
        for typed, status in ((b"some+secret+key\n", 0), (b"some secret\n", 2)):
            done = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "sasl_core",
                    "ses-password",
                    "--region=eu-west-1",
                ],
                cwd=_ROOT,
                input=typed,
                capture_output=True,
                timeout=60,
            )
            self.assertEqual(done.returncode, status)
            self.assertEqual(len(done.stdout), 0 if status else 45)
            self.assertEqual(done.stderr.count(b"\n"), 1 if status else 0)

    def test_it_has_no_world(self) -> None:
        """It opens no connection, and loads nothing that could."""
        loaded = modules_after("sys.path.insert(0, '.')\nimport sasl_core.__main__")
        self.assertIn("sasl_core.ses", loaded)
        self.assertEqual(loaded & {"socket", "ssl", "asyncio", "threading"}, set())


if __name__ == "__main__":
    unittest.main()
