"""Bearer tokens: whose they are, and whether they are good here."""

from __future__ import annotations

import asyncio
import unittest
from typing import Any

import sasl_core as sasl
from sasl_core.backends.oauth import AsyncTokens, Tokens

from ._oauth import GOOD, NOW, Base


class RulesTest(Base):
    """Each claim."""

    def test_good(self) -> None:
        """With all that can be asked for."""
        settings: dict[str, Any] = {
            "issuer": "https://id.example.org",
            "scope": "mail.send mail.read",
        }
        self.assertEqual(self.check({}, **settings), "alice")
        self.assertEqual(self.tokens().check("unknown"), sasl.TokenError())

    def test_time(self) -> None:
        """Up to the second, with some leeway; a number, and no other thing."""
        self.assertEqual(self.check({"exp": NOW - 29.9}), "alice")
        self.assertEqual(self.check({"nbf": NOW + 29.9, "iat": NOW}), "alice")
        for claims in (
            {"exp": NOW - 30},
            {"exp": None},
            {"exp": "2000000"},
            {"exp": True},
            {"exp": float("nan")},
            {"exp": float("inf")},
            {"exp": [NOW + 9]},
            {"exp": 10**400},
            {"nbf": 10**400},
            {"iat": -(10**400)},
            {"nbf": NOW + 31},
            {"nbf": "0"},
            {"iat": NOW + 31},
        ):
            self.refused(claims)
        self.assertEqual(self.check({"exp": None}, expiry_required=False), "alice")
        self.refused({"exp": NOW - 30}, expiry_required=False)

    def test_audience(self) -> None:
        """One of ours among theirs; to do without must be said."""
        self.assertEqual(self.check({"aud": ["other", "mail"]}), "alice")
        self.assertEqual(self.check({}, audience=["imap", "mail"]), "alice")
        for audience in ("other", "mail2", "MAIL", [], ["other"], None, 7, {"mail": 1}):
            self.refused({"aud": audience})
        self.refused({"aud": "b"}, audience="a b")
        self.assertEqual(self.check({"aud": "a b"}, audience="a b"), "alice")
        self.assertEqual(self.check({"aud": "other"}, audience=None), "alice")
        with self.assertRaises(TypeError):
            Tokens(self.verify)  # type: ignore[call-arg]

    def test_an_answer_of_rfc_7662_as_it_came(self) -> None:
        """One that says "not active" is no good, whoever forgot to look."""
        self.assertEqual(self.check({"active": True}), "alice")
        for active in (False, None, 1, "true"):
            self.refused({"active": active})

    def test_seconds_are_seconds(self) -> None:
        """With no end to the leeway, nothing would ever expire."""
        for name in ("leeway", "cache_for"):
            for wrong in (float("inf"), float("nan"), -1):
                with self.subTest(name), self.assertRaises(ValueError):
                    self.tokens(**{name: wrong})

    def test_issuer(self) -> None:
        """Just the one."""
        for issuer in ("https://id.example.org/", "https://evil.example", None, 1):
            self.refused({"iss": issuer}, issuer="https://id.example.org")

    def test_scope(self) -> None:
        """All of them, in whatever form; the refusal says which are wanted."""
        for claims in (
            {"scope": "a b"},
            {"scope": ["b", "a"]},
            {"scope": None, "scp": "b a"},
            {"scope": None, "scp": ["a", "b"]},
        ):
            self.assertEqual(self.check(claims, scope="a b"), "alice")
        for scope in ("a", "ab", "", None, 7, ["a"], [["a", "b"]]):
            self.refused({"scope": scope}, "insufficient_scope", scope="a b")
        found = self.check(
            {"scope": "a"}, scope="b a", openid_configuration="https://c"
        )
        self.assertEqual(found.scope, "a b")
        self.assertEqual(found.openid_configuration, "https://c")

    def test_identity(self) -> None:
        """By claim, the first of several, or by a function."""
        self.assertEqual(
            self.check({"upn": "a@b"}, identity=("x", "upn", "sub")), "a@b"
        )
        self.assertEqual(self.check({}, identity=lambda c: c["sub"].upper()), "ALICE")
        for wrong in ("", None, 7, ["alice"], "a\r\nb", "a\0", "\ud800", "x" * 2000):
            self.refused({"sub": wrong})
            self.refused({}, identity=lambda _, wrong=wrong: wrong)
        mail: dict[str, Any] = {"email": "a@b"}
        self.refused(mail, identity="email")
        for verified in ("true", 1, None, False):
            self.refused({**mail, "email_verified": verified}, identity="email")
        self.assertEqual(
            self.check({**mail, "email_verified": True}, identity="email"), "a@b"
        )
        self.assertEqual(
            self.check(mail, identity="email", email_verified=False), "a@b"
        )

    def test_hosts(self) -> None:
        """Whom the client means, if it says so."""
        tokens = self.tokens(hosts=["Mail.example.org"])
        for host in (None, "mail.example.org", "MAIL.EXAMPLE.ORG."):
            self.assertEqual(tokens.check("good", host=host), "alice")
        for host in ("", "evil.example", "mail.example.org.evil.example"):
            self.assertIsInstance(tokens.check("good", host=host), sasl.TokenError)

    def test_no_token_asks_where_to_get_one(self) -> None:
        """Nobody is asked about it."""
        found = self.tokens(scope="mail", openid_configuration="https://c").check("")
        self.assertEqual(found, sasl.TokenError("invalid_token", "mail", "https://c"))
        self.assertEqual(self.asked, [])


class AsyncTest(unittest.IsolatedAsyncioTestCase):
    """The same for asyncio."""

    async def test_both_kinds_of_functions(self) -> None:
        """One is awaited, the other runs in a thread; both are remembered."""
        asked = []

        async def slow(token: str) -> Any:
            await asyncio.sleep(0)
            asked.append(token)
            return GOOD if token == "good" else None

        for verify in (slow, lambda token: GOOD if token == "good" else None):
            tokens = AsyncTokens(verify, audience="mail", clock=lambda: NOW)
            for _ in range(2):
                self.assertEqual(await tokens.check("good"), "alice")
                self.assertIsInstance(await tokens.check("bad"), sasl.TokenError)
            self.assertIsInstance(await tokens.check(""), sasl.TokenError)
        self.assertEqual(asked, ["good", "bad"])


class ExchangeTest(Base):
    """Through the mechanisms."""

    def test_it_answers_check_token(self) -> None:
        """As it stands."""
        tokens, channel = self.tokens(scope="mail.send"), sasl.Channel(True, host="a")
        for name in ("OAUTHBEARER", "XOAUTH2"):
            for token, good in (("good", True), ("bad", False)):
                mine = sasl.Credentials("alice", token=token)
                client = sasl.client(name, mine, channel=channel)
                server = sasl.server(name, channel=channel)
                request: Any = server.start(client.start())
                event: Any = request.answer(
                    tokens.check(
                        request.token, username=request.username, host=request.host
                    )
                )
                if good:
                    self.assertEqual(event.identity.authcid, "alice")
                else:
                    client.step(event.data)
                    error = client.refused(sasl.Reason.BAD_CREDENTIALS).token_error
                    if name == "OAUTHBEARER":
                        self.assertEqual(error.scope, "mail.send")


if __name__ == "__main__":
    unittest.main()
