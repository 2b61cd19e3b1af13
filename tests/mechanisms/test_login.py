"""LOGIN (draft-murchison-sasl-login)."""

from __future__ import annotations

import unittest

import sasl_core as sasl

from .. import _accounts as accounts
from ._both import client, reason, server


class ClientTest(unittest.TestCase):
    """It answers by order, whatever the prompts say."""

    def test_any_prompts(self) -> None:
        """Swapped, translated, empty."""
        for prompts in (
            (b"Username:", b"Password:"),
            (b"User Name\0", b"Password\0"),
            (b"Password:", b"Username:"),
            (b"", b""),
            (b"\xff", "Passwort für".encode()),
        ):
            one = client("LOGIN")
            self.assertIsNone(one.start())
            answers = [one.step(prompt) for prompt in prompts]
            with self.subTest(prompts):
                self.assertEqual(answers, [b"user", b"pencil"])
                one.finish()

    def test_a_third_prompt(self) -> None:
        """It gets nothing."""
        one = client("LOGIN")
        one.step(b"")
        one.step(b"")
        with self.assertRaises(sasl.ProtocolError):
            one.step(b"Password:")

    def test_success_before_the_password(self) -> None:
        """It is no success."""
        for prompts in range(2):
            one = client("LOGIN")
            for _ in range(prompts):
                one.step(b"")
            with self.subTest(prompts), self.assertRaises(sasl.ServerNotAuthenticated):
                one.finish()


class ServerTest(unittest.TestCase):
    """Two prompts, one question."""

    def test_the_prompts(self) -> None:
        """Those that old clients wait for."""
        one = server("LOGIN")
        self.assertEqual(one.start(), sasl.Challenge(b"Username:"))
        self.assertEqual(one.step(b"user"), sasl.Challenge(b"Password:"))
        request = one.step(b"pencil")
        self.assertEqual(
            accounts.question(request), (sasl.CheckPassword, "user", "pencil", None)
        )

    def test_the_name_as_an_initial_response(self) -> None:
        """Many clients send it; the first prompt is saved."""
        one = server("LOGIN")
        self.assertEqual(one.start(b"user"), sasl.Challenge(b"Password:"))
        self.assertIsInstance(one.step(b"pencil").answer(True), sasl.Success)

    def test_malformed(self) -> None:
        """An empty name or password, NUL, bad text."""
        for name in (b"", b"\0", b"us\0er", b"\xff", "\xad".encode()):
            with self.subTest(name):
                self.assertIs(
                    reason(server("LOGIN").start(name)), sasl.Reason.MALFORMED
                )
        for password in (b"", b"a\0b", b"\xff", "\xad".encode()):
            one = server("LOGIN")
            one.start(b"user")
            with self.subTest(password):
                self.assertIs(reason(one.step(password)), sasl.Reason.MALFORMED)


if __name__ == "__main__":
    unittest.main()
