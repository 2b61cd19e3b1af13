"""No secret shows to who measures: comparisons, work, and the salt of nobody."""

from __future__ import annotations

import ast
import base64
import sys
import unittest
from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find

from . import _accounts as accounts
from ._leaks import PACKAGE, PASSWORD
from ._play import Outcome, play


class CompareTest(unittest.TestCase):
    """Every secret-derived comparison goes through `hmac.compare_digest`."""

    def compared(self, name: str, application: accounts.Application) -> list[bytes]:
        """Run an exchange; return what compare_digest was given."""
        import hmac

        real, seen = hmac.compare_digest, []

        def compare(one: bytes, other: bytes) -> bool:
            seen.extend((one, other))
            return real(one, other)

        with mock.patch("hmac.compare_digest", compare):
            play(accounts.make_client(name), accounts.make_server(name), application)
        return seen

    def test_scram(self) -> None:
        """The server compares the StoredKey, the client the ServerSignature."""
        for name in accounts.SCRAMS:
            with self.subTest(name):
                seen = self.compared(name, accounts.Application())
                stored = accounts.keys(PASSWORD, find(name).hash_name).stored_key
                self.assertEqual(seen[:2], [stored, stored])
                self.assertEqual(len(seen), 4)
                self.assertEqual(seen[2], seen[3])

    def test_every_server_that_decides(self) -> None:
        """For known users with a right and a wrong credential, and for unknown ones."""
        for name, entry in accounts.TABLE.items():
            if entry.sealed:
                for application in (
                    accounts.Application(),
                    accounts.Application(password="other"),
                    accounts.Application(username="other"),
                ):
                    with self.subTest(name, application=application):
                        self.assertTrue(self.compared(name, application))

    def test_no_comparison_by_operator(self) -> None:
        """No `==` or `!=` has a name in it that sounds like a secret."""
        words = ("proof", "signature", "verifier", "digest", "stored_key")
        words += ("server_key", "client_key", "password", "token", "secret")
        for path in sorted(PACKAGE.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Compare):
                    for name in _compared_names(node):
                        with self.subTest(f"{path.name}:{node.lineno}"):
                            self.assertFalse(any(word in name for word in words), name)


def _compared_names(node: ast.Compare) -> Iterator[str]:
    """Yield the names on both sides of an equality, unless one is compared with ""."""
    sides = [node.left, *node.comparators]
    if not any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
        return
    if any(isinstance(side, ast.Constant) and not side.value for side in sides):
        return
    for side in sides:
        while isinstance(side, ast.Subscript):
            side = side.value  # noqa: PLW2901
        if isinstance(side, ast.Name):
            yield side.id
        if isinstance(side, ast.Attribute):
            yield side.attr


_WORK = ("openssl_", "digest", "hmac", "pbkdf2", "update", "copy", "compare", "sha")


class EnumerationTest(unittest.TestCase):
    """An unknown user looks like a wrong password."""

    sealed = tuple(
        name for name, entry in accounts.TABLE.items() if entry.sealed and entry.nobody
    )

    def attempt(
        self, name: str, application: accounts.Application
    ) -> tuple[Outcome, Counter[str]]:
        """Run a failing exchange; return it and the server's calls into hashlib."""
        work: Counter[str] = Counter()
        serving = False

        def watch(machine: Any, *_: Any) -> None:
            nonlocal serving
            serving = not isinstance(machine, sasl.Client)

        def profile(frame: Any, event: str, function: Any) -> None:
            inside = frame.f_code.co_filename.startswith(str(PACKAGE))
            name = function.__name__ if event == "c_call" and inside else ""
            if serving and any(word in name for word in _WORK):
                work[name] += 1

        client, server = accounts.make_client(name), accounts.make_server(name)
        # What is done once only: imports, and the accounts' keys.
        play(accounts.make_client(name), accounts.make_server(name), application)
        sys.setprofile(profile)
        try:
            outcome = play(client, server, application, watch=watch)
        finally:
            sys.setprofile(None)
        self.assertIsInstance(outcome.event, sasl.Failure)
        return outcome, work

    def test_messages_reasons_and_work_are_the_same(self) -> None:
        """Sizes of all messages, the failure in every word, and each hash."""
        for name in self.sealed:
            self.compare(name, "another")
            self.compare(name, "\N{ROMAN NUMERAL NINE}")  # SASLprep changes it

    def compare(self, name: str, password: str) -> None:
        """Compare a user who has another password with one who does not exist."""
        wrong, wrong_work = self.attempt(name, accounts.Application(password=password))
        unknown, unknown_work = self.attempt(
            name, accounts.Application(username="another")
        )
        with self.subTest(name, password=password):
            self.assertEqual(wrong.event, unknown.event)
            self.assertEqual(
                [(side, len(message)) for side, message in wrong.transcript],
                [(side, len(message)) for side, message in unknown.transcript],
            )
            self.assertTrue(wrong_work)
            self.assertEqual(wrong_work, unknown_work)

    def test_every_mechanism_fails_in_the_same_words(self) -> None:
        """Whatever was wrong, the failure is one value."""
        for name, entry in accounts.TABLE.items():
            if entry.wrong is None or not entry.nobody:
                continue
            wrong = sasl.Credentials(**entry.wrong)
            nobody = sasl.Credentials(**entry.right | {"username": "nobody"})
            events = [
                play(
                    accounts.make_client(name, credentials=credentials),
                    accounts.make_server(name),
                    application,
                ).event
                for credentials, application in (
                    (wrong, None),
                    (nobody, accounts.Application(token="x")),
                )
            ]
            with self.subTest(name):
                self.assertEqual(*events)
                self.assertIs(events[0].reason, sasl.Reason.BAD_CREDENTIALS)


class DecoyTest(unittest.TestCase):
    """The salt of a user who does not exist."""

    def challenge(
        self, name: str = "SCRAM-SHA-256", user: str = "nobody", **policy: Any
    ) -> tuple[bytes, int]:
        """Return the salt and the count that a server shows for an unknown user."""
        server = accounts.make_server(name, profile=profiles.RAW, **policy)
        flag = b"p=tls-exporter" if name.endswith("-PLUS") else b"n"
        request = server.start(b"%b,,n=%b,r=x" % (flag, user.encode()))
        _, salt, count = request.answer(None).data.split(b",")
        return base64.b64decode(salt[2:]), int(count[2:])

    def test_it_is_stable_over_servers(self) -> None:
        """The same each time: for the process, and for a `decoy_secret` anywhere."""
        self.assertEqual(self.challenge(), self.challenge())
        secret = b"kept in a file"
        self.assertEqual(
            self.challenge(decoy_secret=secret), self.challenge(decoy_secret=secret)
        )

    def test_it_depends_on_secret_user_and_hash(self) -> None:
        """Another secret, user or hash gives another salt."""
        salts = {
            self.challenge(decoy_secret=b"one"),
            self.challenge(decoy_secret=b"two"),
            self.challenge(decoy_secret=b"one", user="somebody"),
            self.challenge("SCRAM-SHA-1", decoy_secret=b"one"),
            self.challenge(),
        }
        self.assertEqual(len(salts), 5)

    def test_the_plus_variant_shows_the_same(self) -> None:
        """One account has one salt, with channel binding or without."""
        self.assertEqual(self.challenge(), self.challenge("SCRAM-SHA-256-PLUS"))

    def test_spellings_of_one_name_show_the_same(self) -> None:
        """The salt belongs to the prepared name."""
        self.assertEqual(
            self.challenge(user="nobody"), self.challenge(user="no\N{SOFT HYPHEN}body")
        )

    def test_it_looks_like_a_real_one(self) -> None:
        """Iterations and salt length are what the policy says, at any length."""
        for iterations, size in ((4096, 16), (10_000, 1), (600_000, 32), (4096, 100)):
            salt, count = self.challenge(decoy=(iterations, size))
            self.assertEqual((count, len(salt)), (iterations, size))

    def test_a_long_salt_does_not_repeat_itself(self) -> None:
        """Every block of it differs."""
        salt, _ = self.challenge(decoy=(4096, 128))
        self.assertEqual(len({salt[i : i + 32] for i in range(0, 128, 32)}), 4)


if __name__ == "__main__":
    unittest.main()
