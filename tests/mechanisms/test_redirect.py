"""SAML20 (RFC 6595) and OPENID20 (RFC 6616)."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl

from ._both import client, reason, server

OPENID = "https://openid.example/"
URL = "https://id.example.org/login?id=1ef888c"
NAMES = ("SAML20", "OPENID20")


def has(provider: str = OPENID, **more: Any) -> dict[str, Any]:
    """Return the credentials of a user with a browser that does nothing."""
    return {"provider": provider, "prompt": lambda *_: None} | more


class ClientTest(unittest.TestCase):
    """The provider is named, the browser sent."""

    def test_the_browser_is_sent_before_the_answer(self) -> None:
        """Inside the step that gets the URL; what it says does not count."""
        for name in NAMES:
            shown: list[tuple[str, ...]] = []
            one = client(name, has(prompt=lambda *asked, to=shown: to.append(asked)))
            self.assertEqual(one.start(), b"n,," + OPENID.encode())
            self.assertEqual(one.step(URL.encode()), b"=")
            self.assertEqual(shown, [("redirect", URL)])
            one.finish()

    def test_what_a_browser_is_not_sent_to(self) -> None:
        """Scripts, files, and hosts that anybody can pretend to be."""
        for name in NAMES:
            for url in (
                b"",
                b"http://id.example.org/",
                b"javascript:alert(1)",
                b"file:///etc/passwd",
                b"HTTPS://id.example.org/",
                b"https://",
                b"https://id.example.org/ x",
                b"https://id.example.org/\r\n",
                b"https://id.example.org/\xc3\xa9",
                b"https://id.example.org/\xff",
                b"https://id.example.org/" + b"x" * 9000,
            ):
                shown: list[Any] = []
                one = client(
                    name, has(prompt=lambda *asked, to=shown: to.append(asked))
                )
                one.start()
                with self.subTest(url[:30]), self.assertRaises(sasl.ProtocolError):
                    one.step(url)
                self.assertEqual(shown, [])

    def test_a_browser_that_nobody_would_wait_for(self) -> None:
        """A coroutine function would open nothing."""

        async def prompt(what: str, url: str) -> None:
            self.fail(f"{what} {url}")

        for name in NAMES:
            one = client(name, has(prompt=prompt))
            one.start()
            with self.assertRaisesRegex(sasl.CredentialsError, "coroutine"):
                one.step(URL.encode())

    def test_providers_that_are_none(self) -> None:
        """Nothing, what is no ASCII or too long; an XRI where a URL has to be."""
        for name in NAMES:
            for char in ("!", "~"):
                provider = OPENID + char * (1024 - len(OPENID))
                one = client(name, has(provider))
                first = one.start()
                self.assertEqual(first, b"n,," + provider.encode())
                self.assertIsInstance(server(name).start(first), sasl.BeginRedirect)
            for provider in ("\xe9", "a b", "a\0", "a\x7f", "x" * 1025):
                with self.subTest(provider), self.assertRaises(sasl.CredentialsError):
                    client(name, has(provider))
            with self.assertRaises(sasl.NoMechanism):
                client(name, has(""))
        client("SAML20", has("example.org"))
        client("OPENID20", has("http://openid.example/"))
        for provider in ("example.org", "=example*xri", "xri://=x"):
            with self.assertRaises(sasl.CredentialsError):
                client("OPENID20", has(provider))

    def test_where_it_may_be(self) -> None:
        """Where nobody can put another URL in (section 1.2 of both)."""
        clear = sasl.Channel(False)
        for name in NAMES:
            policy = sasl.Policy(allow=[name])
            with self.assertRaisesRegex(sasl.NoMechanism, "encrypted"):
                client(name, has(), on=clear)
            with self.assertRaisesRegex(sasl.NoMechanism, "encrypted"):
                server(name, on=clear)
            self.assertEqual(sasl.offer(channel=clear, policy=policy), ())
            client(name, has(), on=clear, cleartext="always")

    def test_a_client_without_a_browser_does_not_begin(self) -> None:
        """It has nobody to ask."""
        for name in NAMES:
            with self.assertRaises(sasl.NoMechanism):
                client(name, {"provider": OPENID})

    def test_an_outcome(self) -> None:
        """OPENID20 is told of the user; SAML20 has no such message."""
        one = client("OPENID20", has())
        one.start()
        one.step(URL.encode())
        self.assertEqual(one.step(b"email=a@b"), b"")
        one.finish()
        for name, said in (("SAML20", b"email=a@b"), ("OPENID20", b"email=\xff")):
            one = client(name, has())
            one.start()
            one.step(URL.encode())
            with self.assertRaises(sasl.ProtocolError):
                one.step(said)

    def test_an_error(self) -> None:
        """Is answered with =, and no success comes after it (RFC 6616, section 3.4)."""
        for error in (
            b"openid.error=fail",
            b"openid.error_code=7",
            b"openid.error_code=7,openid.error=fail",
        ):
            for after in ("finish", "step"):
                one = client("OPENID20", has())
                one.start()
                one.step(URL.encode())
                self.assertEqual(one.step(error), b"=")
                with self.assertRaises(sasl.SASLError):
                    one.finish() if after == "finish" else one.step(b"")

    def test_no_success_before_the_redirect(self) -> None:
        """Nobody has proved anything yet."""
        for name in NAMES:
            one = client(name, has())
            one.start()
            with self.assertRaises(sasl.ServerNotAuthenticated):
                one.finish()


class ServerTest(unittest.TestCase):
    """Where to, and who came back."""

    def redirected(self, name: str) -> sasl.Server:
        """Return a server that has sent the browser away."""
        one = server(name)
        request = one.start(b"n,," + OPENID.encode())
        self.assertEqual(request.provider, OPENID)
        self.assertEqual(request.answer(URL).data, URL.encode())
        return one

    def test_a_login(self) -> None:
        """By "=" or an empty response; the URL is not shown in logs."""
        for name in NAMES:
            for response in (b"=", b""):
                request = self.redirected(name).step(response)
                self.assertEqual((request.provider, request.url), (OPENID, URL))
                self.assertNotIn(URL, repr(request))
                event = request.answer(sasl.Asserted("user"))
                self.assertIsInstance(event, sasl.Success)
                self.assertIsNone(event.data)

    def test_what_the_client_is_told(self) -> None:
        """In OPENID20 only, with URL escapes."""
        told = sasl.Asserted("user", {"email": "a@b", "fullname": "A, \xc9 = B"})
        for name, data in (
            ("SAML20", None),
            ("OPENID20", b"email=a@b,fullname=A%2C%20%C3%89%20%3D%20B"),
        ):
            event = self.redirected(name).step(b"=").answer(told)
            self.assertIsInstance(event, sasl.Success)
            self.assertEqual(event.data, data)
        for identity, attributes in (
            ("", None),
            ("user", {"a=": "x"}),
            ("\ud800", None),
            ("user", {"email": "a@b", "fullname": "\ud800"}),
        ):
            with self.assertRaises(ValueError):
                sasl.Asserted(identity, attributes)

    def test_nobody_came_back(self) -> None:
        """OPENID20 says so in one more challenge, whatever is answered to that."""
        event = self.redirected("SAML20").step(b"=").answer(None)
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)
        for response in (b"=", b"", b"x"):
            one = self.redirected("OPENID20")
            event = one.step(b"=").deny()
            self.assertEqual(event.data, b"openid.error=fail")
            event = one.step(response)
            self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)

    def test_a_provider_that_is_not_trusted(self) -> None:
        """No URL."""
        for name in NAMES:
            event = server(name).start(b"n,," + OPENID.encode()).deny()
            self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)

    def test_urls_that_the_application_may_not_give(self) -> None:
        """What no client opens is no answer."""
        for url in ("", "http://id.example.org/", "https://a b", "https://\xe9"):
            request = server("SAML20").start(b"n,,example.org")
            with self.subTest(url), self.assertRaises(sasl.StateError):
                request.answer(url)

    def test_authzids(self) -> None:
        """Asked about, once it is known who it is."""
        one = server("SAML20")
        one.start(b"n,a=a=2Cb,example.org").answer(URL)
        event = one.step(b"=").answer(sasl.Asserted("user"))
        self.assertEqual((event.authcid, event.authzid), ("user", "a,b"))

    def test_messages_that_are_none(self) -> None:
        """Of the client's first, and of what it answers to the URL."""
        for first in (
            b"y,,x",
            b"p=tls-exporter,,x",
            b"n,,",
            b"n,,\xff",
            b"x",
            b"n,,a b",
        ):
            with self.subTest(first):
                event = server("SAML20").start(first)
                self.assertIs(reason(event), sasl.Reason.MALFORMED)
        for name in NAMES:
            event = self.redirected(name).step(b"==")
            self.assertIs(reason(event), sasl.Reason.MALFORMED)


if __name__ == "__main__":
    unittest.main()
