"""Both sides joined in memory, and each of them under every line there is."""

from __future__ import annotations

import hashlib
import unittest
from base64 import b64decode, b64encode
from itertools import pairwise
from typing import ClassVar

from hypothesis.stateful import precondition, rule

import sasl_core as sasl
from sasl_core.protocols.pop3 import ClientSession, Command, Reply, ServerSession

from ..._accounts import NAMES, Application
from ..._data import vectors
from ..._hypothesis import given, settings, st
from .._sessions import EveryLine, EveryMechanism, run_machine
from . import _peer
from ._peer import (
    CLEAR,
    PLAIN,
    TIMESTAMP,
    TLS,
    WRONG,
    Peer,
    login,
    server,
)


class Mechanisms(EveryMechanism, unittest.TestCase):
    peer = _peer
    options: ClassVar = {"login": False}
    sizes = (0, 1, 7)

    def look(self, name: str, client, peer, wire: list[bytes]) -> None:
        self.assertEqual(wire[-1], b"+OK Authenticated\r\n")
        self.assertNotIn(b"pencil", b"".join(wire))
        commands = [line for line in wire if line.startswith(b"AUTH ")]
        self.assertEqual(len(commands), 1)
        self.assertLessEqual(len(commands[0]), 255)


class TheirOwn(unittest.TestCase):
    """What POP3 had before SASL."""

    def join(self, on: sasl.Channel, password: str, *names: str):
        """Join a client and a server that have these alone."""
        common = sasl.Policy(allow=names, cleartext="always")
        peer = server(on, policy=common)
        client = ClientSession(
            sasl.Credentials("user", password),
            channel=on,
            policy=common,
            starttls="never",
        )
        return client, peer

    def test_apop(self) -> None:
        for on in (CLEAR, TLS):
            client, peer = self.join(on, "pencil", "APOP")
            login(client, peer)
            self.assertEqual(client.mechanism, "APOP")
            self.assertEqual(peer.session.success.mechanism, "APOP")
            client, peer = self.join(on, "wrong", "APOP")
            with self.assertRaises(sasl.AuthenticationError) as caught:
                login(client, peer)
            self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_user_and_pass(self) -> None:
        for on in (CLEAR, TLS):
            for password, succeeds in (("pencil", True), ("wrong", False)):
                client, peer = self.join(on, password, "PLAIN")
                # A server that is older than AUTH.
                peer.feed = _without_auth(peer)
                try:
                    wire = login(client, peer)
                except sasl.AuthenticationError as error:
                    self.assertFalse(succeeds)
                    self.assertFalse(error.try_another)
                else:
                    self.assertTrue(succeeds)
                    self.assertEqual(
                        wire[-4::2], [b"USER user\r\n", b"PASS pencil\r\n"]
                    )


def _without_auth(peer: Peer):
    def say(line: bytes) -> bytes:
        if line[:4] in (b"CAPA", b"AUTH"):
            return b"-ERR unknown\r\n"
        return Peer.feed(peer, line)

    return say


class AnotherMechanism(unittest.TestCase):
    """Our server says where the credentials are at fault, and our client knows it."""

    def refuse(self, reason: sasl.Reason) -> tuple[ClientSession, Peer]:
        """Join them; the first request is refused."""
        names = sasl.Policy(allow=["CRAM-MD5", "PLAIN"])
        peer = server(policy=names)
        settle = peer.application.settle

        def once(request: sasl.Request) -> object:
            peer.application.settle = settle
            return request.refuse(reason)

        peer.application.settle = once
        client = ClientSession(
            sasl.Credentials("user", "pencil"), channel=TLS, policy=names
        )
        return client, peer

    def test_it_moves_on(self) -> None:
        for reason in (sasl.Reason.TOO_WEAK, sasl.Reason.UNSUPPORTED):
            client, peer = self.refuse(reason)
            login(client, peer)
            self.assertEqual(client.mechanism, "PLAIN")

    def test_it_stops(self) -> None:
        for reason in (
            sasl.Reason.BAD_CREDENTIALS,
            sasl.Reason.NOT_AUTHORIZED,
            sasl.Reason.PASSWORD_EXPIRED,
            sasl.Reason.DISABLED,
            sasl.Reason.UNAVAILABLE,
        ):
            client, peer = self.refuse(reason)
            with self.subTest(reason):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    login(client, peer)
                self.assertEqual(caught.exception.tried, ("CRAM-MD5",))


class Vectors(unittest.TestCase):
    """The published dialogs, with our server in the server's place."""

    def test_dialogs(self) -> None:
        dialogs = [v for v in vectors("smtp_profile") if v.get("profile") == "pop3"]
        self.assertEqual(len(dialogs), 3)
        for vector in dialogs:
            application = Application(username="test", password="test")
            peer = Peer(ServerSession(TLS), application)
            lines = vector["wire"]["lines"]
            for line, mine in pairwise(lines):
                if not line.startswith("C: "):
                    continue
                reply = peer.line(line.removeprefix("C: ").encode()).decode()
                with self.subTest(vector["id"], line=line):
                    wanted = mine.removeprefix("S: ")
                    if wanted.startswith("+OK"):
                        self.assertTrue(reply.startswith("+OK "))
                    else:
                        self.assertEqual(reply, wanted + "\r\n")
            succeeded = vector["expect"]["outcome"] == "success"
            self.assertEqual(peer.session.identity is not None, succeeded)


DIGEST = hashlib.md5(TIMESTAMP + b"pencil").hexdigest().encode()
_LINES = st.sampled_from(
    [
        b"CAPA",
        b"STAT",
        b"NOOP",
        b"QUIT",
        b"STLS",
        b"USER user",
        b"USER ",
        b"PASS pencil",
        b"PASS ",
        b"PASS",
        b"APOP user " + DIGEST,
        b"APOP user " + DIGEST[::-1],
        b"APOP",
        PLAIN,
        WRONG,
        b"AUTH",
        b"AUTH PLAIN",
        b"AUTH PLAIN =",
        b"AUTH APOP",
        b"AUTH LOGIN",
        b"AUTH CRAM-MD5",
        b"AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9eA==",
        b64encode(b"\0user\0pencil"),
        b"*",
        b"=",
        b"",
        b"A" * 12287,
    ]
)
_ANY_LINE = (
    _LINES
    | st.binary(max_size=60)
    | st.binary(max_size=60).map(b64encode)
    | st.builds(
        lambda verb, rest: verb + rest,
        st.sampled_from([b"AUTH ", b"USER ", b"pass ", b"APOP ", b"auth plain "]),
        st.binary(max_size=40),
    )
)


class Lines(EveryLine):
    peer = _peer
    terms: ClassVar = {"allow": ["APOP", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"]}
    options: ClassVar = {"max_failures": 6, "nonce": TIMESTAMP}

    def begin(self) -> ServerSession:
        session = super().begin()
        session.greeting()
        return session

    def check(self, reply: Reply) -> None:
        octets = bytes(reply)
        assert octets.endswith(b"\r\n")
        assert octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r")
        if octets.startswith(b"+ "):
            b64decode(octets[2:-2], validate=True)
        elif octets == b"+OK Authenticated\r\n":
            assert self.said_yes and self.session.identity is not None
        elif reply.body is None:
            assert octets.startswith((b"-ERR ", b"+OK Send PASS", b"+OK Begin TLS"))
            assert octets.count(b"\r\n") == 1

    def check_command(self, command: Command) -> None:
        assert not set(command.argument) & set(b"\r\n\0")
        before = ("QUIT", "STLS", "LANG", "UTF8")
        assert self.session.identity or command.verb in before

    def reply_to(self, command: Command, yes: bool) -> Reply:
        return command.ok(close=command.verb == "QUIT") if yes else command.err("no")

    @precondition(lambda self: not self.request)
    @rule(line=_ANY_LINE, cut=st.integers(0, 60), junk=st.sampled_from([b"", b"\r\n"]))
    def say(self, line: bytes, cut: int, junk: bytes) -> None:
        """Say it in two halves, or with an end of line injected."""
        line = line[:cut] + junk + line[cut:] + b"\r\n"
        self.hear(line[:cut], line[cut:])


_REPLIES = st.sampled_from(
    [
        b"+OK\r\n",
        b"+OK ready %b\r\n" % TIMESTAMP,
        b"-ERR\r\n",
        b"-ERR [AUTH] no\r\n",
        b"+OK\r\nUSER\r\n.\r\n",
        b"+OK\r\nAUTH-RESP-CODE\r\nSASL SCRAM-SHA-256 CRAM-MD5 PLAIN\r\n.\r\n",
        b"+OK\r\nSASL LOGIN XOAUTH2\r\nSTLS\r\n.\r\n",
        b"+ \r\n",
        b"+\r\n",
        b"+ PDFAeD4=\r\n",
        b"+ !\r\n",
        b"+OK half",
        b"\0\r\n",
        b"+OK" + b"A" * 70_000,
    ]
)
_ANY_REPLY = _REPLIES | st.builds(
    lambda start, rest, end: start + rest + end,
    st.sampled_from([b"", b"+ ", b"+OK ", b"-ERR ", b"+OK\r\nSASL "]),
    st.binary(max_size=40) | st.binary(max_size=40).map(b64encode),
    st.sampled_from([b"\r\n", b"\r\n.\r\n", b""]),
)


class Arbitrary(unittest.TestCase):
    def test_every_line_in_every_order(self) -> None:
        run_machine(Lines, examples=60, steps=20)

    def test_the_machine_reaches_success(self) -> None:
        for lines in (
            [PLAIN],
            [b"USER user", b"PASS pencil"],
            [b"APOP user " + DIGEST],
        ):
            machine = Lines()
            for line in lines:
                machine.say(line, 3, b"")
            machine.answer()
            self.assertIsNotNone(machine.session.identity)

    @settings(max_examples=100)
    @given(st.lists(_ANY_REPLY, max_size=10), st.booleans())
    def test_every_reply_in_every_order(self, replies: list[bytes], tls: bool) -> None:
        """Nothing but SASLError; no success but of a server that said yes at the end."""
        client = ClientSession(
            sasl.Credentials("user", "pencil", token="t"),
            channel=TLS if tls else CLEAR,
            policy=sasl.Policy(cleartext="always", allow=["APOP", *NAMES]),
            starttls="opportunistic",
        )
        sent = b""
        received = b""
        for reply in replies:
            received += reply
            try:
                sent = client.receive(reply)
                if client.wants_tls:
                    sent = client.secured(TLS)
            except sasl.SASLError as error:
                self.assertTrue(str(error).isprintable())
                self.assertFalse(client.authenticated)
                return
            self.assertTrue(sent == b"" or sent.endswith(b"\r\n"))
            self.assertLessEqual(sent.count(b"\n"), 1)
            if client.authenticated:
                self.assertIn(b"+OK", received)
                self.assertNotEqual(client.mechanism, "SCRAM-SHA-256")
                return


if __name__ == "__main__":
    unittest.main()
