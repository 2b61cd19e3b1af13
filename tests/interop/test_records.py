"""Stored SCRAM keys: what the real programs write we read, and what we write they read."""

from __future__ import annotations

import shutil
import subprocess
import unittest

import sasl_core as sasl

from .peers.process import missing

_PASSWORDS = ("pencil", "pä53wörd", "com,ma=eq $:{}")


def run(*command: str) -> str:
    """Run a program to its end; return what it printed."""
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=30, check=True
    )
    return done.stdout.strip()


class DovecotTest(unittest.TestCase):
    """doveadm pw."""

    def setUp(self) -> None:
        """Find it."""
        if shutil.which("doveadm") is None:
            missing("doveadm is not installed")

    def test_read(self) -> None:
        """Its {SCRAM-SHA-*} verify the password, and no other."""
        for scheme in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
            for password in _PASSWORDS:
                with self.subTest(scheme, password=password):
                    keys = sasl.ScramKeys.parse(
                        run("doveadm", "pw", "-s", scheme, "-p", password)
                    )
                    self.assertTrue(keys.verify(password))
                    self.assertFalse(keys.verify(password + "x"))

    def test_written(self) -> None:
        """It verifies what we derive."""
        for hash_name in ("sha1", "sha256"):
            for password in _PASSWORDS:
                with self.subTest(hash_name, password=password):
                    text = sasl.ScramKeys.derive(password, hash_name).format("dovecot")
                    said = run("doveadm", "pw", "-t", text, "-p", password)
                    self.assertIn("(verified)", said)


class GnuSaslTest(unittest.TestCase):
    """gsasl --mkpasswd."""

    def test_read(self) -> None:
        """With the salted password at the end, or without it."""
        if shutil.which("gsasl") is None:
            missing("gsasl is not installed")
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
            for password in _PASSWORDS:
                with self.subTest(mechanism, password=password):
                    options = ("--mkpasswd", "--mechanism", mechanism)
                    text = run("gsasl", *options, "--password", password)
                    keys = sasl.ScramKeys.parse(text)
                    self.assertTrue(keys.verify(password))
                    self.assertTrue(text.startswith(keys.format("gsasl")))
