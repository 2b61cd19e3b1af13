"""APOP (RFC 1939, section 7): the pair of machines, and every vector."""

from __future__ import annotations

import hashlib
import time
import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import apop, find
from sasl_core.mechanisms.apop import APOP, find_timestamp

from .._accounts import Application
from .._data import octets, vectors
from .._drive import HashCalls
from ._both import reason

VECTORS = vectors("apop")
# Requests as Dovecot's own authentication process reads them: no POP3 has them.
ELSEWHERE = "apop-neg-dovecot-"
TIMESTAMP = b"<1896.697170952@dbc.mtview.ca.us>"
NAMED = sasl.Policy(allow=["APOP"])
TLS = sasl.Channel(True, host="mail.example.org")


def client(username: str, password: str, **more: Any) -> sasl.Client:
    """Make a client."""
    options = {"channel": TLS, "policy": NAMED, "profile": profiles.RAW} | more
    return sasl.client(APOP, sasl.Credentials(username, password), **options)


def server(**more: Any) -> sasl.Server:
    """Make a server whose banner has gone out."""
    options = {"channel": TLS, "policy": NAMED, "profile": profiles.RAW} | more
    one = sasl.server(APOP, **options)
    one.start()
    return one


class VectorTest(unittest.TestCase):
    """The published example, and what was made of it."""

    def each(self) -> list[dict[str, Any]]:
        """Return the vectors of POP3."""
        return [v for v in VECTORS if not v["id"].startswith(ELSEWHERE)]

    def test_there_are_some(self) -> None:
        """Two that succeed and two that do not."""
        self.assertEqual(len(self.each()), 4)

    def test_client(self) -> None:
        """The digest, or no timestamp to make one of."""
        for vector in self.each():
            inputs, banner = vector["inputs"], vector["messages"][0]["raw"].encode()
            with self.subTest(vector["id"]):
                timestamp = find_timestamp(banner)
                one = client(inputs["username"], inputs["password"])
                if vector["expect"].get("detected_by") == "client":
                    self.assertEqual(timestamp, b"")
                    continue
                line = b"APOP " + one.step(timestamp)
                matches = line == vector["messages"][1]["raw"].encode()
                self.assertEqual(matches, vector["polarity"] == "positive")
                one.finish()

    def test_server(self) -> None:
        """The same digest succeeds, another one does not."""
        for vector in self.each():
            if len(vector["messages"]) < 2:
                continue
            banner, command = (m["raw"].encode() for m in vector["messages"])
            event = server(nonce=find_timestamp(banner)).step(command[5:])
            self.assertIsInstance(event, sasl.FindPassword)
            event = event.answer(vector["inputs"]["password"])
            with self.subTest(vector["id"]):
                if vector["polarity"] == "positive":
                    self.assertEqual(event.identity.authcid, "mrose")
                    self.assertEqual(event.mechanism, "APOP")
                else:
                    self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)

    def test_as_dovecot_s_processes_speak(self) -> None:
        """Among each other: timestamp, name and digest with NULs between are refused."""
        others = [v for v in VECTORS if v["id"].startswith(ELSEWHERE)]
        self.assertTrue(others)
        for vector in others:
            self.assertEqual(vector["polarity"], "negative")
            event = server().step(octets(vector["messages"][0]))
            with self.subTest(vector["id"]):
                self.assertIs(reason(event), sasl.Reason.MALFORMED)


class PolicyTest(unittest.TestCase):
    """Only whom the policy names it to."""

    def test_it_is_no_sasl_mechanism(self) -> None:
        """Nobody offers it, nobody chooses it by name."""
        self.assertIsNone(find("APOP"))
        self.assertEqual(sasl.offer(channel=TLS, policy=NAMED), ())
        with self.assertRaises(sasl.NoMechanism):
            sasl.server("APOP", channel=TLS, policy=NAMED)

    def test_neither_side_runs_it_unless_it_is_named(self) -> None:
        """By the default policy, a policy of other names, and one that denies it."""
        for policy in (
            sasl.Policy(),
            sasl.Policy(allow=["PLAIN"]),
            NAMED.replace(deny=["APOP"]),
            NAMED.replace(channel_binding="require"),
        ):
            for make in (
                lambda p: client("a", "b", policy=p),
                lambda p: server(policy=p),
            ):
                with self.assertRaises(sasl.NoMechanism) as caught:
                    make(policy)
                self.assertEqual([*caught.exception.refusals], ["APOP"])

    def test_what_it_needs(self) -> None:
        """A password, and an application that can find it; it has no authzid."""
        with self.assertRaises(sasl.NoMechanism):
            server(answers=[sasl.CheckPassword])
        for credentials in (
            sasl.Credentials("user", token="t"),
            sasl.Credentials("user", "pencil", authzid="boss"),
        ):
            with self.assertRaises(sasl.NoMechanism):
                sasl.client(APOP, credentials, channel=TLS, policy=NAMED)


class TimestampTest(unittest.TestCase):
    """What is a msg-id in a banner."""

    def test_found(self) -> None:
        """Wherever it stands, the first one counts."""
        for banner in (
            b"+OK " + TIMESTAMP,
            b"+OK POP3 " + TIMESTAMP + b" ready",
            b"+OK <me> <> <@x> <x@> " + TIMESTAMP + b" <2@b>",
            b"+OK <<" + TIMESTAMP + b">",
            b"1@x> " + TIMESTAMP,
        ):
            with self.subTest(banner):
                self.assertEqual(find_timestamp(banner), TIMESTAMP)

    def test_not_found(self) -> None:
        """No address between angle brackets, or more than visible ASCII in it."""
        for banner in (
            b"",
            b"+OK",
            b"+OK 1@x",
            b"+OK <1@x",
            b"+OK 1@x>",
            b"+OK <1x>",
            b"+OK <@>",
            b"+OK <1@x@y>",
            b"+OK <1@x y>",
            b"+OK <1@x\x80>",
            b"+OK <1\0@x>",
            b"+OK <1@\x7f>",
            b"1@x> +OK",
        ):
            with self.subTest(banner):
                self.assertEqual(find_timestamp(banner), b"")

    def test_linear(self) -> None:
        """Whatever is repeated (CVE-2018-1060)."""
        started = time.perf_counter()
        for piece in (b"<", b"<a", b"<@", b"<a@", b">", b"<a@b@>", b"@<"):
            find_timestamp(b"+OK " + piece * 100_000)
        self.assertLess(time.perf_counter() - started, 1)

    def test_a_client_answers_nothing_else(self) -> None:
        """A timestamp that is none is what a collision is made of (CVE-2007-1558)."""
        for challenge in (b"", b"<1@x", b"x<1@x>", b"<1@x>x", b"<1\xff@x>", b"<1@x>\n"):
            with self.subTest(challenge), self.assertRaises(sasl.ProtocolError):
                client("user", "pencil").step(challenge)

    def test_fresh(self) -> None:
        """Never the same, and of the channel's host where that can be."""
        for host, shown in (
            ("mail.example.org", b"@mail.example.org>"),
            ("", b"@localhost>"),
            ("bücher.example", b"@b?cher.example>"),
            ("a b>\r\n", b"@localhost>"),
            ("a>b", b"@localhost>"),
            ("\udc80", b"@?>"),
        ):
            made = set()
            for _ in range(10):
                on = sasl.Channel(True, host=host)
                one = sasl.server(APOP, channel=on, policy=NAMED, profile=profiles.RAW)
                made.add(one.start().data)
            with self.subTest(host):
                self.assertEqual(len(made), 10)
                for timestamp in made:
                    self.assertEqual(find_timestamp(timestamp), timestamp)
                    self.assertTrue(timestamp.endswith(shown))
                    self.assertGreaterEqual(len(timestamp), 32)


class ServerTest(unittest.TestCase):
    """A name and a digest."""

    def test_malformed(self) -> None:
        """32 lower-case hexadecimal digits after the last space, a name before it."""
        digest = hashlib.md5(TIMESTAMP + b"tanstaaf").hexdigest().encode()
        for response in (
            b"",
            digest,
            b" " + digest,
            b"mrose" + digest,
            b"mrose ",
            b"mrose " + digest[:-1],
            b"mrose " + digest + b"0",
            b"mrose " + digest.upper(),
            b"mrose " + digest[:-1] + b"g",
            b"mrose " + digest + b" ",
            b"\xff " + digest,
            b"m\0ose " + digest,
        ):
            with self.subTest(response):
                event = server(nonce=TIMESTAMP).step(response)
                self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_names_with_spaces(self) -> None:
        """They pass: the last space separates."""
        response = client("tim the beaver", "pencil").step(TIMESTAMP)
        request = server(nonce=TIMESTAMP).step(response)
        self.assertEqual(request.username, "tim the beaver")

    def test_an_unknown_user_costs_the_same(self) -> None:
        """And gets the same answer."""
        events, calls = [], []
        for username, password in (("user", "wrong"), ("nobody", "pencil")):
            response = client(username, password).step(TIMESTAMP)
            request = server(nonce=TIMESTAMP).step(response)
            with HashCalls() as counted:
                events.append(Application().settle(request))
            calls.append(counted.names)
        self.assertEqual(events[0], events[1])
        self.assertEqual(calls[0], calls[1])
        self.assertIn("compare_digest", calls[0])

    def test_no_password_at_all(self) -> None:
        """None, an empty one, and one that nobody can type."""
        for password, sent in ((None, ""), ("", ""), ("a\udc80", "a?")):
            digest = hashlib.md5(TIMESTAMP + sent.encode()).hexdigest()
            request = server(nonce=TIMESTAMP).step(f"user {digest}".encode())
            with self.subTest(password):
                event = request.answer(password)
                self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)

    def test_nobody_s_password(self) -> None:
        """Whoever had it could not log in as a user who does not exist."""
        digest = hashlib.md5(TIMESTAMP + apop._NOBODY).hexdigest()
        request = server(nonce=TIMESTAMP).step(f"nobody {digest}".encode())
        self.assertIs(reason(request.answer(None)), sasl.Reason.BAD_CREDENTIALS)

    def test_credentials_that_it_cannot_carry(self) -> None:
        """Nothing that ends a line, in a name; no NUL in either."""
        for username, password in (
            ("a\r\nDELE 1", "p"),
            ("a\0", "p"),
            ("a", "p\0"),
            ("a\udc80", "p"),
        ):
            with self.subTest(username), self.assertRaises(sasl.CredentialsError):
                client(username, password)


if __name__ == "__main__":
    unittest.main()
