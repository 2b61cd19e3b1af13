"""Bearer tokens: JWTs by the packages that people install, introspection over HTTP."""

from __future__ import annotations

import json
import threading
import time
import unittest
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest import mock
from urllib.parse import parse_qs

import sasl_core as sasl
from sasl_core.backends import Application, Unavailable
from sasl_core.backends.memory import MemoryStore
from sasl_core.backends.oauth import Introspection, Tokens, from_joserfc, from_pyjwt

from .packages import need_package
from .peers.process import HOST


def claims(**more: Any) -> dict[str, Any]:
    """Make the claims of a good token."""
    return {"sub": "alice", "aud": "mail", "exp": int(time.time()) + 600, **more}


class JwtTest(unittest.TestCase):
    """joserfc and PyJWT, each with tokens that the other made."""

    @classmethod
    def setUpClass(cls) -> None:
        """Make keys."""
        cls.pyjwt = need_package("jwt")
        cls.joserfc = need_package("joserfc.jwt")
        jwk = need_package("joserfc.jwk")
        cls.keys = {
            "RS256": jwk.RSAKey.generate_key(2048),
            "ES256": jwk.ECKey.generate_key("P-256"),
            "EdDSA": jwk.OKPKey.generate_key("Ed25519"),
        }
        cls.others = {
            "RS256": jwk.RSAKey.generate_key(2048),
            "ES256": jwk.ECKey.generate_key("P-256"),
            "EdDSA": jwk.OKPKey.generate_key("Ed25519"),
        }

    def sign(self, name: str, body: Any, keys: Any = None, typ: str = "JWT") -> str:
        """Make a token by PyJWT."""
        key = (keys or self.keys)[name].as_pem(private=True)
        return self.pyjwt.encode(body, key, algorithm=name, headers={"typ": typ})

    def checkers(self, name: str) -> Any:
        """Make a checker by either package, which knows the public key."""
        public = self.keys[name].as_pem(private=False)
        yield Tokens(from_pyjwt(self.pyjwt, public, [name]), audience="mail")
        key = type(self.keys[name]).import_key(public)
        yield Tokens(from_joserfc(self.joserfc, key, [name]), audience="mail")

    def test_good_and_bad(self) -> None:
        """By signature, time and audience."""
        for name in self.keys:
            good = self.sign(name, claims())
            head, body, signature = good.split(".")
            bad = {
                "expired": self.sign(name, claims(exp=int(time.time()) - 100)),
                "wrong audience": self.sign(name, claims(aud="calendar")),
                "wrong key": self.sign(name, claims(), self.others),
                "no access token": self.sign(name, claims(), typ="logout+jwt"),
                "no expiry": self.sign(name, {"sub": "alice", "aud": "mail"}),
                "not signed": f"{head}.{body}.",
                "tampered": f"{head}.{body[:-2]}AA.{signature}",
                "alg none": self.pyjwt.encode(claims(), None, algorithm="none"),
                "not a JWT": "opaque-token",
                "dots": "..",
                "huge": "x" * 100_000,
            }
            for tokens in self.checkers(name):
                self.assertEqual(tokens.check(good), "alice")
                for typ in ("at+jwt", "application/at+jwt", ""):
                    token = self.sign(name, claims(), typ=typ)
                    self.assertEqual(tokens.check(token), "alice")
                for why, token in bad.items():
                    with self.subTest(why, algorithm=name):
                        found = tokens.check(token)
                        self.assertIsInstance(found, sasl.TokenError)

    def test_a_key_of_ours_that_is_none(self) -> None:
        """It refuses nobody."""
        good = self.sign("RS256", claims())
        tokens = Tokens(from_pyjwt(self.pyjwt, b"no PEM", ["RS256"]), audience="mail")
        with self.assertRaises(Unavailable):
            tokens.check(good)
        for make in (from_pyjwt, from_joserfc):
            with self.assertRaises(ValueError):
                make(self.pyjwt, None, ["RS256"])

    def test_algorithms_that_a_package_has_not(self) -> None:
        """They are told of at once, not by every token refused."""
        for make, package in (
            (from_pyjwt, self.pyjwt),
            (from_joserfc, self.joserfc),
        ):
            for wrong in ("RS255", "rs256", "", "none"):
                with self.subTest(wrong), self.assertRaises(ValueError):
                    make(package, "key", ["RS256", wrong])

    def test_algorithm_confusion(self) -> None:
        """The public key as an HMAC's is no key."""
        import base64
        import hashlib
        import hmac

        def part(value: bytes) -> str:
            return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

        public = self.keys["RS256"].as_pem(private=False)
        head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        text = f"{head}.{part(json.dumps(claims()).encode())}"
        mac = hmac.new(public, text.encode(), hashlib.sha256).digest()
        for tokens in self.checkers("RS256"):
            self.assertIsInstance(tokens.check(f"{text}.{part(mac)}"), sasl.TokenError)


class IntrospectionTest(unittest.TestCase):
    """A real server, asked by the standard library."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start it."""
        cls.seen: list[Any] = []
        seen = cls.seen

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                (token,) = parse_qs(self.rfile.read(length).decode())["token"]
                seen.append((self.path, self.headers["Authorization"], token))
                body = json.dumps({"active": False}).encode()
                if token.startswith("good"):
                    body = json.dumps({"active": True, **claims()}).encode()
                if token == "expired":
                    body = json.dumps({"active": True, **claims(exp=1)}).encode()
                if token == "oversize":
                    body = b'{"active": true, "x": "' + b"x" * (2 << 20) + b'"}'
                if token == "drips":
                    self.wfile.write(b"HTTP/1.0 200 OK\r\n")
                    for _ in range(40):
                        try:
                            self.wfile.write(b"X: y\r\n")
                        except OSError:
                            return
                        time.sleep(0.1)
                self.send_response({"error": 500, "moved": 307}.get(token, 200))
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if token == "hangs":
                    time.sleep(1.5)
                if token == "slow":
                    for octet in body:
                        self.wfile.write(bytes([octet]))
                        self.wfile.flush()
                        time.sleep(0.1)
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # the client did not wait

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer((HOST, 0), Handler)
        cls.url = f"http://{HOST}:{server.server_address[1]}/introspect"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def stop() -> None:
            server.shutdown()
            thread.join()
            server.server_close()

        cls.addClassCleanup(stop)

    def tokens(self, **settings: Any) -> Tokens:
        """Make the checker."""
        ask = Introspection(
            self.url, client_id="me", client_secret="s3cret", timeout=0.7, **settings
        )
        return Tokens(ask, audience="mail")

    def test_answers(self) -> None:
        """Good, expired, unknown; and what is none of these."""
        tokens = self.tokens()
        self.assertEqual(tokens.check("good"), "alice")
        path, who, _ = self.seen[-1]
        self.assertEqual((path, who), ("/introspect", "Basic bWU6czNjcmV0"))
        for token in ("expired", "unknown"):
            self.assertIsInstance(tokens.check(token), sasl.TokenError)
        for token in ("error", "moved", "oversize", "hangs", "slow", "drips"):
            with self.subTest(token):
                begin = time.monotonic()
                with self.assertRaises(Unavailable):
                    tokens.check(token)
                self.assertLess(time.monotonic() - begin, 1.5)
        self.assertNotIn("/elsewhere", [path for path, *_ in self.seen])

    def test_a_slow_way_there(self) -> None:
        """The time is for the connection, too: an answer after it is not waited for."""
        connect = HTTPConnection.connect

        def late(self: HTTPConnection) -> None:
            time.sleep(0.9)
            connect(self)

        begin = time.monotonic()
        with mock.patch.object(HTTPConnection, "connect", late):
            with self.assertRaises(Unavailable):
                self.tokens().check("good")
            with self.assertRaises(Unavailable):
                self.tokens().check("drips")
        self.assertLess(time.monotonic() - begin, 3)

    def test_nobody_there(self) -> None:
        """It cannot be told."""
        tokens = Tokens(Introspection(f"http://{HOST}:9/", timeout=0.5), audience=None)
        with self.assertRaises(Unavailable):
            tokens.check("good")

    def test_whole_exchanges(self) -> None:
        """Through an Application, by both mechanisms."""
        app = Application(MemoryStore(), tokens=self.tokens())
        channel = sasl.Channel(True, service="smtp", host="mail.example.org", port=587)
        for name in ("OAUTHBEARER", "XOAUTH2"):
            for token, reason in (
                (f"good-{name}", None),
                ("unknown", sasl.Reason.BAD_CREDENTIALS),
                ("error", sasl.Reason.UNAVAILABLE),
            ):
                mine = sasl.Credentials("alice", token=token)
                client = sasl.client(name, mine, channel=channel)
                server = sasl.server(name, channel=channel)
                event: Any = app.answer(server.start(client.start()))
                if isinstance(event, sasl.Challenge):
                    event = server.step(client.step(event.data))
                with self.subTest(name, token=token):
                    if reason is None:
                        self.assertEqual(event.identity.authcid, "alice")
                        client.finish()
                    else:
                        self.assertIs(event.reason, reason)


if __name__ == "__main__":
    unittest.main()
