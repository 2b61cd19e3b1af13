"""Both sides joined in memory, and a server under every line there is."""

from __future__ import annotations

import unittest
from base64 import b64decode, b64encode
from typing import ClassVar

from hypothesis.stateful import precondition, rule

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols.imap import ClientSession, Command, Reply

from ..._hypothesis import st
from .._sessions import EveryLine, EveryMechanism, run_machine
from . import _peer
from ._peer import PLAIN, TLS, WRONG, server


class Mechanisms(EveryMechanism, unittest.TestCase):
    peer = _peer

    def look(self, name: str, client, peer, wire: list[bytes]) -> None:
        self.assertEqual(client.capabilities, ("IMAP4REV1",))
        self.assertNotIn(b"pencil", b"".join(wire))
        self.assertLessEqual(max(map(len, wire)), 12288)


class WithoutInitialResponse(Mechanisms):
    options: ClassVar = {"profile": profiles.IMAP.replace(initial_response=False)}
    sizes = (0,)


class LoginCommand(unittest.TestCase):
    """A server whose mechanisms the client does not know."""

    def join(self, who: sasl.Credentials) -> tuple[ClientSession, list[bytes]]:
        peer = server(policy=sasl.Policy(allow=["PLAIN"]))
        peer.application.username, peer.application.password = "jürgen", 'p"\\d'
        client = ClientSession(who, channel=TLS)
        wire = [client.receive(b"* OK [CAPABILITY AUTH=X-UNKNOWN] x\r\n")]
        while not client.authenticated:
            wire += [peer.feed(wire[-1])]
            wire += [client.receive(wire[-1])]
        return client, wire

    def test_right(self) -> None:
        client, wire = self.join(sasl.Credentials("jürgen", 'p"\\d'))
        self.assertTrue(client.authenticated)
        self.assertEqual(wire[0], b"A1 LOGIN {7}\r\n")
        self.assertEqual(wire[2], 'jürgen "p\\"\\\\d"\r\n'.encode())

    def test_wrong(self) -> None:
        with self.assertRaises(sasl.AuthenticationError) as caught:
            self.join(sasl.Credentials("jürgen", "pencil"))
        self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)


_VALID = b64encode(b"\0user\0pencil")
_LINES = st.sampled_from(
    [
        b"a1 CAPABILITY",
        b"a2 NOOP",
        b"a3 ID {3+}",
        b"a4 LOGOUT",
        b"a5 STARTTLS",
        b"a6 SELECT INBOX",
        b"b1 " + PLAIN,
        b"b2 " + WRONG,
        b"b3 AUTHENTICATE PLAIN",
        b"b4 AUTHENTICATE PLAIN =",
        b"b5 AUTHENTICATE LOGIN",
        b"b6 AUTHENTICATE CRAM-MD5",
        b"b7 AUTHENTICATE SCRAM-SHA-256 biwsbj11c2VyLHI9eA==",
        b"b8 AUTHENTICATE XOAUTH2 " + b64encode(b"user=user\x01auth=Bearer x\x01\x01"),
        b"c1 LOGIN user pencil",
        b"c2 LOGIN user {6}",
        b"c3 LOGIN {4+}",
        b"c4 LOGIN {99999}",
        b"c5 LOGIN {99999+}",
        b"c6 LOGIN user wrong",
        b"user {6+}",
        b"pencil",
        _VALID,
        b64encode(b"user"),
        b64encode(b"pencil"),
        b"*",
        b"=",
        b"",
        b"A" * 12288,
    ]
)
_ANY_LINE = (
    _LINES
    | st.binary(max_size=40)
    | st.binary(max_size=40).map(b64encode)
    | st.builds(
        lambda verb, rest: verb + rest,
        st.sampled_from([b"a9 AUTHENTICATE ", b"a9 LOGIN ", b"a9 "]),
        st.binary(max_size=30),
    )
)


class Lines(EveryLine):
    peer = _peer

    def check(self, reply: Reply) -> None:
        octets = bytes(reply)
        assert octets.count(b"\n") == octets.count(b"\r") == len(reply.lines)
        for line in reply.lines:
            tag, _, rest = line.partition(" ")
            condition = rest.partition(" ")[0]
            if tag == "+":
                if not rest.startswith("Ready"):
                    b64decode(rest, validate=True)
            elif tag == "*":
                assert condition in ("CAPABILITY", "BAD", "BYE")
            else:
                assert condition in ("OK", "NO", "BAD")
            if rest.endswith("] Authenticated"):
                assert self.said_yes and self.session.identity is not None

    def check_command(self, command: Command) -> None:
        assert b"\0" not in command.argument.partition(b"{")[0]
        before = ("NOOP", "ID", "LOGOUT", "STARTTLS")
        assert self.session.identity or command.verb in before

    def reply_to(self, command: Command, yes: bool) -> Reply:
        close = command.verb == "LOGOUT"
        return command.ok(close=close) if yes else command.no("x")

    @precondition(lambda self: not self.request)
    @rule(line=_ANY_LINE, end=st.sampled_from([b"\r\n", b"\r\n", b"", b"\n"]))
    def say(self, line: bytes, end: bytes) -> None:
        self.hear(line + end)


class Arbitrary(unittest.TestCase):
    def test_every_line_in_every_order(self) -> None:
        run_machine(Lines, examples=80, steps=25)

    def test_the_machine_reaches_success(self) -> None:
        for line in (b"a1 " + PLAIN, b"a1 LOGIN user {6+}\r\npencil"):
            machine = Lines()
            machine.say(line, b"\r\n")
            machine.answer()
            self.assertIsNotNone(machine.session.identity)
