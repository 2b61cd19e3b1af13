"""Bearer tokens: who is asked about them, a server (RFC 7662) or a package for JWTs."""

from __future__ import annotations

import unittest
from types import MappingProxyType, SimpleNamespace
from typing import Any

from sasl_core.backends import Unavailable
from sasl_core.backends.oauth import Introspection, from_joserfc, from_pyjwt


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


if __name__ == "__main__":
    unittest.main()
