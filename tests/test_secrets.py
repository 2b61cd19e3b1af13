"""No secret shows: in a repr, an error, or a traceback."""

from __future__ import annotations

import base64
import gc
import unittest
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import sasl_core as sasl
from sasl_core import profiles

from . import _accounts as accounts
from ._leaks import PACKAGE, PASSWORD, TOKEN, leaks, shown
from ._nasty import LINES, NASTY, framed
from ._points import Point, points, points_of


def reachable(root: Any) -> Iterator[Any]:
    """Yield every object of the library that can be reached from one."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, (type, ModuleType)):
            continue
        seen.add(id(thing))
        ours = type(thing).__module__.startswith("sasl_core")
        if ours:
            yield thing
        if ours or isinstance(thing, (list, tuple, dict, set, frozenset)):
            waiting.extend(gc.get_referents(thing))


class ReprTest(unittest.TestCase):
    """No object of the library, in any state, shows a secret."""

    def assert_hidden(self, thing: Any) -> None:
        """Check every way in which an object becomes text."""
        text = f"{thing!r}\n{thing!s}\n{thing}\n{thing!a}"
        self.assertEqual(leaks(text), [], f"{type(thing)} shows a secret")

    def test_the_detector_works(self) -> None:
        """A secret is recognised in the forms that logs have."""
        for text in (
            "password='pencil'",
            repr(b"\0user\0pencil"),
            base64.b64encode(b"\0user\0pencil").decode(),
            base64.b64encode(b"user=x\1auth=Bearer %b\1\1" % TOKEN.encode()).decode(),
            repr(accounts.keys(PASSWORD, "sha256").stored_key),
            accounts.keys(PASSWORD, "sha256").format(),
        ):
            self.assertTrue(leaks(text), text)

    def test_every_state_of_every_exchange(self) -> None:
        """Clients, servers, requests, and the private records inside them."""
        for point in points():
            things = list(reachable(point.waiting))
            self.assertGreater(len(things), 1)
            with self.subTest(str(point.name), method=point.method):
                for thing in things:
                    self.assert_hidden(thing)

    def test_every_event(self) -> None:
        """What a server returns; a challenge shows what went over the wire anyway."""
        for point in points():
            if isinstance(point.waiting, sasl.Client):
                continue
            machine = point.copy()
            event = getattr(machine, point.method)(*point.honest)
            with self.subTest(str(point.name), method=point.method):
                self.assert_hidden(event)

    def test_the_values(self) -> None:
        """What applications keep."""
        keys = accounts.keys(PASSWORD, "sha256")
        client_keys = sasl.ScramClientKeys.derive(
            PASSWORD, "sha256", iterations=accounts.ITERATIONS, salt=accounts.SALT
        )
        values = [
            keys,
            client_keys,
            sasl.Credentials("user", PASSWORD, token=TOKEN, keys=client_keys),
            sasl.CheckPassword("user", PASSWORD),
            sasl.CheckToken(TOKEN, "user", None, None),
            sasl.Policy(decoy_secret=PASSWORD.encode()),
            sasl.ChannelBinding("tls-unique", PASSWORD.encode()),
            sasl.Channel(
                True, bindings=[sasl.ChannelBinding("tls-unique", PASSWORD.encode())]
            ),
        ]
        for value in values:
            with self.subTest(type(value).__name__):
                self.assert_hidden(value)


def _step_scram(password: str) -> None:
    credentials = sasl.Credentials("user", password)
    client = accounts.make_client("SCRAM-SHA-256", credentials=credentials)
    client.start()
    first = b"r=%bx,s=QQ==,i=4096" % accounts.CLIENT_NONCE
    client.step(base64.b64encode(first))


def _make(name: str, **secrets: str) -> Callable[[], Any]:
    def call() -> None:
        credentials = sasl.Credentials("user", **secrets)
        accounts.make_client(name, credentials=credentials).start()

    return call


def _answer(name: str, answer: Any) -> Callable[[], Any]:
    point = next(
        point
        for point in points_of(name, profiles.BASE64)
        if isinstance(point.waiting, sasl.Request)
    )
    return lambda: point.copy().answer(answer)


_ENCODED = base64.b64encode(b"\0user\0" + PASSWORD.encode())
_BAD_PASSWORDS = (PASSWORD + "\0", PASSWORD + "\ud800", PASSWORD + "\x07")
_BAD_TOKENS = (TOKEN + "\x01", TOKEN + " ", TOKEN + "\r\n", TOKEN + "\N{EURO SIGN}")


def _over() -> sasl.Server:
    server = accounts.make_server("PLAIN")
    server.abort()
    return server


def troubles() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield calls that fail with a secret in hand."""
    for password in _BAD_PASSWORDS:
        for name in ("PLAIN", "LOGIN", "CRAM-MD5"):
            if "\x07" not in password:
                yield f"{name} {password!a}", _make(name, password=password)
        if "\ud800" not in password:
            yield f"SCRAM {password!a}", lambda p=password: _step_scram(p)
        yield f"derive {password!a}", lambda p=password: sasl.ScramKeys.derive(p)
    for token in _BAD_TOKENS:
        for name in ("OAUTHBEARER", "XOAUTH2"):
            yield f"{name} {token!a}", _make(name, token=token)
    yield "SCRAM e=", lambda: _scram_error(b"e=invalid-proof")
    yield "SCRAM v=", lambda: _scram_error(b"v=" + base64.b64encode(bytes(32)))
    yield "SCRAM x=", lambda: _scram_error(b"x=")
    for name in ("SCRAM-SHA-256", "PLAIN", "XOAUTH2"):
        wrong = PASSWORD if name == "SCRAM-SHA-256" else PASSWORD.encode()
        yield f"{name} answer", _answer(name, wrong)
    keys = accounts.keys(PASSWORD, "sha256")
    yield "keys of another hash", _answer("SCRAM-SHA-1", keys)
    yield "parse", lambda: sasl.ScramKeys.parse(keys.format() + "=")
    yield "sizes", lambda: sasl.ScramKeys("sha1", b"x", 1, keys.stored_key, b"")
    yield "a step after the end", lambda: _over().step(_ENCODED)
    yield "a start after the end", lambda: _over().start(_ENCODED)
    yield (
        "no mechanism",
        lambda: sasl.client(
            ["FOO", "PLAIN"],
            sasl.Credentials("user", PASSWORD, token=TOKEN),
            channel=sasl.Channel(False),
        ),
    )


def _scram_error(final: bytes) -> None:
    point = [
        point
        for point in points_of("SCRAM-SHA-256", profiles.BASE64)
        if isinstance(point.waiting, sasl.Client) and point.method == "step"
    ][-1]
    point.copy().step(base64.b64encode(final))


class ErrorTest(unittest.TestCase):
    """No error carries a secret: text, arguments, chain, and the library's frames."""

    def assert_clean(self, call: Callable[[], Any]) -> None:
        """Make a call that must fail, and look at everything that it leaves behind."""
        try:
            call()
        except Exception as error:
            found = [where for where, text in shown(error) if leaks(text)]
            kind = type(error).__name__
            self.assertEqual(found, [], f"{kind} shows a secret in these places")
        else:
            self.fail("nothing was raised")

    def test_the_detector_works(self) -> None:
        """A secret in an inner frame of the library is seen, in the outermost not."""
        library: dict[str, Any] = {}
        source = "def outer(x): inner(x)\ndef inner(y): raise ValueError"
        exec(compile(source, str(PACKAGE / "made_up.py"), "exec"), library)
        with self.assertRaises(AssertionError):
            self.assert_clean(lambda: library["outer"](PASSWORD))
        self.assert_clean(lambda: library["inner"](PASSWORD))

    def test_errors_with_a_secret_in_hand(self) -> None:
        """Credentials that cannot be carried, wrong answers, a server that lies."""
        for title, call in troubles():
            with self.subTest(title):
                self.assert_clean(call)

    def test_errors_on_nasty_messages(self) -> None:
        """A client's errors, at every waiting point."""
        for point in points():
            if isinstance(point.waiting, sasl.Client) and point.method == "step":
                lines = [framed(point, message) for message in NASTY]
                for line in filter(
                    lambda line: not leaks(repr(line)), [*lines, *LINES]
                ):
                    self.check_step(point, line)

    def check_step(self, point: Point, line: bytes) -> None:
        """Look at the error of one step, if it is one."""
        client = point.copy()
        try:
            client.step(line)
        except sasl.SASLError as error:
            # all at once, for there are thousands
            if leaks("\n".join(text for _, text in shown(error))):
                found = [where for where, text in shown(error) if leaks(text)]
                self.fail(f"{point}: {line!r} shows a secret in {found}")
            self.assertIsNone(error.__context__, f"{point}: {line!r}")
            self.assertFalse(getattr(error, "__notes__", []))

    def test_failures(self) -> None:
        """A server's own log holds no secret and none of the peer's octets."""
        for point in points():
            if not isinstance(point.waiting, sasl.Server):
                continue
            for message in (*NASTY, b"marker-of-the-peer", b"n,,marker-of-the-peer"):
                event = getattr(point.copy(), point.method)(framed(point, message))
                if isinstance(event, sasl.Failure):
                    self.assertEqual(leaks(event.detail), [])
                    self.assertNotIn("marker", event.detail)
                    self.assertTrue(event.detail.isprintable())


if __name__ == "__main__":
    unittest.main()
