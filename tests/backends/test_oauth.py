"""Bearer tokens: whose they are, and whether they are good here."""

from __future__ import annotations

import asyncio
import gc
import inspect
import traceback
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import sasl_core as sasl
from sasl_core.backends import Unavailable
from sasl_core.backends.oauth import (
    AsyncTokens,
    Introspection,
    Tokens,
    from_joserfc,
    from_pyjwt,
)

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


class CacheTest(Base):
    """What is remembered, and for how long."""

    def test_claims_are_kept_until_they_expire(self) -> None:
        """And no longer than was said."""
        tokens = self.tokens()
        for _ in range(5):
            self.assertEqual(tokens.check("good"), "alice")
        self.assertEqual(len(self.asked), 1)
        self.now += 300
        tokens.check("good")
        self.assertEqual(len(self.asked), 2)
        self.claims["short"] = {**GOOD, "exp": self.now + 10}
        self.assertEqual(tokens.check("short"), "alice")
        self.now += 41
        self.assertIsInstance(tokens.check("short"), sasl.TokenError)

    def test_refusals_are_kept_briefly(self) -> None:
        """A token that becomes good is good soon."""
        tokens = self.tokens()
        for _ in range(5):
            self.assertIsInstance(tokens.check("bad"), sasl.TokenError)
        self.assertEqual(len(self.asked), 1)
        self.claims["bad"] = GOOD
        self.now += 5
        self.assertEqual(tokens.check("bad"), "alice")

    def test_what_is_kept_is_no_verdict(self) -> None:
        """One client's answer is not another's (CVE-2025-30189)."""
        tokens = self.tokens(hosts=["a"])
        self.assertEqual(tokens.check("good", host="a", username="x"), "alice")
        self.assertIsInstance(tokens.check("good", host="b"), sasl.TokenError)
        self.assertEqual(len(self.asked), 1)

    def test_that_nobody_could_tell_is_not_kept(self) -> None:
        """The next one asks again."""
        self.claims["good"] = Unavailable("down")
        tokens = self.tokens()
        for _ in range(2):
            with self.assertRaises(Unavailable):
                tokens.check("good")
        self.assertEqual(len(self.asked), 2)

    def test_bad_tokens_drive_no_good_one_out(self) -> None:
        """However many come."""
        tokens = self.tokens(cache=3)
        tokens.check("good")
        for number in range(50):
            tokens.check(f"bad-{number}")
        self.assertEqual(len(tokens._refused), 3)
        tokens.check("good")
        self.assertEqual(self.asked.count("good"), 1)
        for wrong in ({"cache": -1}, {"hosts": "mail.example.org"}):
            with self.assertRaises(ValueError):
                self.tokens(**wrong)

    def test_what_raises_is_not_known_now(self) -> None:
        """Nor is its text, which may have the token in it."""
        self.claims["token"] = ConnectionError("token")
        self.claims["odd"] = True
        for tokens, token in (
            (self.tokens(), "token"),
            (self.tokens(), "odd"),
            (self.tokens(identity=lambda claims: claims["upn"]), "good"),
        ):
            with self.assertRaises(Unavailable) as caught:
                tokens.check(token)
            self.assertNotIn(": token", str(caught.exception))
            self.assertIsNone(caught.exception.__context__)

    def test_it_is_bounded(self) -> None:
        """The one used longest ago goes; none is kept where none shall be."""
        tokens = self.tokens(cache=3)
        for token in ("good", "1", "2", "good", "3", "good"):
            tokens.check(token)
        self.assertEqual(len(self.asked), 4)
        self.assertLessEqual(len(tokens._cache) + len(tokens._refused), 4)
        none = self.tokens(cache=0)
        none.check("good")
        self.assertEqual(len(none._cache), 0)

    def test_what_is_kept_is_ours(self) -> None:
        """Neither the verifier nor the application can change it afterwards."""
        mine = dict(GOOD)
        tokens = Tokens(lambda _: mine, audience="mail", clock=lambda: NOW)
        self.assertEqual(tokens.check("good"), "alice")
        mine["sub"] = "mallory"
        self.assertEqual(tokens.check("good"), "alice")

        def change(claims: Any) -> Any:
            claims["sub"] = "mallory"

        with self.assertRaises(Unavailable):
            self.tokens(identity=change).check("good")
        self.assertEqual(GOOD["sub"], "alice")

    def test_threads(self) -> None:
        """Each gets the answer to its own token, however small the cache is."""
        for number in range(8):
            self.claims[str(number)] = {**GOOD, "sub": f"user-{number}"}
        tokens = self.tokens(cache=3)

        def work(seed: int) -> list[tuple[str, Any]]:
            names = [str((seed * 7 + step) % 10) for step in range(300)]
            return [(name, tokens.check(name)) for name in names]

        with ThreadPoolExecutor(8) as pool:
            for found in pool.map(work, range(8)):
                for name, who in found:
                    if name in self.claims:
                        self.assertEqual(who, f"user-{name}")
                    else:
                        self.assertIsInstance(who, sasl.TokenError)
        self.assertLessEqual(max(len(tokens._cache), len(tokens._refused)), 3)

    def test_no_frame_shows_the_token(self) -> None:
        """But for the argument of `check`, which its caller has anyway."""
        token = "secret-" + "of-alice"

        def down(*_: object) -> Any:
            raise OSError(token)

        for verify in (Introspection("https://x/", http=down), down):
            for tokens in (
                Tokens(verify, audience=None),
                AsyncTokens(verify, audience=None),
            ):
                error: Any = None
                try:  # assertRaises would clear the frames
                    found = tokens.check(token)
                    if inspect.isawaitable(found):
                        asyncio.run(found)
                except Unavailable as problem:
                    error = problem
                self.assertIsNone(error.__context__ or error.__cause__)
                shown = [str(error)]
                for frame, _ in traceback.walk_tb(error.__traceback__):
                    if "sasl_core" in Path(frame.f_code.co_filename).parts:
                        shown += [
                            repr(value)
                            for name, value in frame.f_locals.items()
                            if (frame.f_code.co_name, name) != ("check", "token")
                        ]
                self.assertGreater(len(shown), 3)
                self.assertNotIn(token, "".join(shown))

    def test_no_token_is_kept(self) -> None:
        """In nothing that can be reached from the checker."""
        token = "secret-" + "of-alice"
        # Some servers echo the token among the claims.
        tokens = Tokens(
            lambda token: {**GOOD, "access_token": token},
            audience="mail",
            clock=lambda: NOW,
        )
        self.assertEqual(tokens.check(token), "alice")
        seen, queue = set(), [vars(tokens)]
        while queue:
            thing = queue.pop()
            if id(thing) in seen or isinstance(thing, type) or callable(thing):
                continue
            seen.add(id(thing))
            if isinstance(thing, str | bytes):
                self.assertNotIn(repr(token)[1:-1], repr(thing))
            queue += gc.get_referents(thing)


class IntrospectionTest(unittest.TestCase):
    """RFC 7662, with the answers played."""

    def ask(self, answer: Any, **settings: Any) -> Any:
        """Ask about a token."""
        self.sent: Any = None

        def http(url: str, headers: Any, body: bytes, timeout: float) -> Any:
            self.sent = url, headers, body
            if isinstance(answer, Exception):
                raise answer
            return answer

        settings = {"http": http, **settings}
        return Introspection("https://id.example.org/i", **settings)("to+k/n=")

    def test_what_is_sent(self) -> None:
        """A form, and who we are: each part encoded before it is joined."""
        body = b'{"active": true, "sub": "alice"}'
        claims = self.ask((200, body), client_id="me:x", client_secret="s p")
        self.assertEqual(claims, {"active": True, "sub": "alice"})
        _, headers, form = self.sent
        self.assertEqual(form, b"token=to%2Bk%2Fn%3D&token_type_hint=access_token")
        self.assertEqual(headers["Authorization"], "Basic bWUlM0F4OnMrcA==")
        self.ask((200, body), bearer="mine")
        self.assertEqual(self.sent[1]["Authorization"], "Bearer mine")

    def test_not_active(self) -> None:
        """It is no token of ours."""
        self.assertIsNone(self.ask((200, b'{"active": false, "sub": "alice"}')))

    def test_what_is_no_answer(self) -> None:
        """It is not the client's fault."""
        deep = b'{"active": true, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        for answer in (
            (500, b'{"active": true}'),
            (401, b'{"active": true}'),
            (403, b""),
            (302, b'{"active": true}'),
            (204, b""),
            (200, b""),
            (200, b"<html>"),
            (200, b"[]"),
            (200, b"{}"),
            (200, b'{"active": "true"}'),
            (200, b'{"active": 1}'),
            (200, b'{"active": null}'),
            (200, b'{"active": false, "active": true}'),
            (200, b'{"active": true, "sub": "bob", "sub": "alice"}'),
            (200, b'{"active": true, "x": {"a": 1, "a": 1}}'),
            (200, b"\xff"),
            (200, deep),
            (200, b'{"active": true, "x": "' + b"x" * (1 << 20) + b'"}'),
            OSError("to+k/n="),
            TimeoutError(),
            RuntimeError("bug"),
        ):
            with self.subTest(repr(answer)[:60]):
                with self.assertRaises(Unavailable) as caught:
                    self.ask(answer)
                self.assertNotIn("to+k/n=", str(caught.exception))
                self.assertIsNone(caught.exception.__context__)

    def test_only_where_nobody_listens(self) -> None:
        """Over TLS, or on loopback."""
        for url in (
            "http://id.example.org/i",
            "ftp://localhost/",
            "https://user:password@id.example.org/",
            "//x",
            "https:///i",
            "https://id.example.org:99999/",
            "https://id.example.org:x/",
            "https://id.example.org/\r\nX: y",
            "https://id.example.org/ x",
            "https://id.example.org/#x",
            "https://[::1/",
            "http://localhost.evil.example/",
        ):
            with self.assertRaises(ValueError):
                Introspection(url)
        for url in ("http://127.0.0.1:80/i", "http://[::1]/", "http://localhost/"):
            Introspection(url)
        with self.assertRaises(ValueError):
            Introspection("https://x/", client_id="me", bearer="mine")


class PyJwt:
    """PyJWT, played."""

    raises: Any = None
    header: Any = MappingProxyType({})

    def get_algorithm_by_name(self, name: str) -> Any:
        """Know two."""
        if name not in ("RS256", "ES256"):
            raise NotImplementedError("Algorithm not supported")

    def get_unverified_header(self, token: str) -> Any:
        """Return the header."""
        return self.header

    def decode(self, token: str, key: Any, **settings: Any) -> Any:
        """Return the claims."""
        if self.raises:
            raise self.raises
        return {"sub": token}


class Joserfc:
    """joserfc.jwt, played."""

    header: Any = MappingProxyType({})
    JWSRegistry = SimpleNamespace(algorithms={"RS256": None, "ES256": None})

    def decode(self, token: str, key: Any, algorithms: Any) -> Any:
        """Return a token."""
        return SimpleNamespace(claims={"sub": token}, header=self.header)


class JwtTest(unittest.TestCase):
    """Packages that are passed in, played here; the real ones are in tests/interop."""

    def test_algorithms_are_named(self) -> None:
        """Not none, not "none", and none that the package does not know."""
        for make, package in ((from_joserfc, Joserfc()), (from_pyjwt, PyJwt())):
            make(package, "key", ["RS256", "ES256"])
            for wrong in ([], ["none"], ["RS256", "None"], "RS256", ["RS-256"], [""]):
                with self.subTest(wrong), self.assertRaises(ValueError):
                    make(package, "key", wrong)
            with self.assertRaises(ValueError):
                make(package, None, ["RS256"])

    def test_what_a_token_says_that_it_is(self) -> None:
        """An access token, or nothing; RFC 9068 alone, if it is asked for."""
        access = {"at+jwt", "AT+JWT", "application/at+jwt"}
        usual = {None, "JWT", "jwt"} | access
        other = {"logout+jwt", "dpop+jwt", "application/logout+jwt", "text/at+jwt", 7}
        for make, package in ((from_joserfc, Joserfc()), (from_pyjwt, PyJwt())):
            for typ in usual | other:
                package.header = {} if typ is None else {"typ": typ}
                with self.subTest(typ):
                    found = make(package, "key", ["RS256"])("t")
                    self.assertEqual(found is not None, typ in usual)
                    strict = make(package, "key", ["RS256"], types=["at+jwt"])("t")
                    self.assertEqual(strict is not None, typ in access)
            with self.assertRaises(TypeError):
                make(package, "key", ["RS256"], types="at+jwt")

    def test_what_an_exception_means(self) -> None:
        """The package's own: no; a key set that is not to be had: not now."""

        class Bad(Exception):
            __module__ = "jwt.exceptions"

        class InvalidKeyError(Exception):  # ours: it says nothing about the token
            __module__ = "jwt.exceptions"

        class PyJWKClientConnectionError(Exception):
            __module__ = "jwt.exceptions"

        jwt = PyJwt()
        verify = from_pyjwt(jwt, "key", ["RS256"])
        self.assertEqual(verify("t"), {"sub": "t"})
        for error in (Bad(), ValueError()):
            jwt.raises = error
            self.assertIsNone(verify("t"))
        for error in (
            PyJWKClientConnectionError("t0ken"),
            InvalidKeyError(),
            OSError(),
        ):
            jwt.raises = error
            with self.assertRaises(Unavailable) as caught:
                verify("t")
            self.assertNotIn("t0ken", str(caught.exception))


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
