"""Claims by token, and a clock that stands still."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core.backends.oauth import Tokens

NOW = 1_000_000.0
GOOD = {
    "sub": "alice",
    "aud": "mail",
    "iss": "https://id.example.org",
    "exp": NOW + 600,
    "scope": "mail.send mail.read openid",
}


class Base(unittest.TestCase):
    """Claims by token, and how often they were asked for."""

    def setUp(self) -> None:
        """Begin with one good token."""
        self.now = NOW
        self.claims: dict[str, Any] = {"good": GOOD}
        self.asked: list[str] = []

    def verify(self, token: str) -> Any:
        """Look it up."""
        self.asked.append(token)
        found = self.claims.get(token)
        if isinstance(found, Exception):
            raise found
        return found

    def tokens(self, **settings: Any) -> Tokens:
        """Make the checker."""
        settings = {"audience": "mail", "clock": lambda: self.now, **settings}
        return Tokens(self.verify, **settings)

    def check(self, claims: Any, **settings: Any) -> Any:
        """Check a token with these claims changed."""
        self.claims["token"] = {**GOOD, **claims}
        return self.tokens(**settings).check("token")

    def refused(
        self, claims: Any, status: str = "invalid_token", **settings: Any
    ) -> None:
        """Expect a refusal."""
        found = self.check(claims, **settings)
        self.assertIsInstance(found, sasl.TokenError, claims)
        self.assertEqual(found.status, status)
