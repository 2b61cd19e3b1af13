"""Both sides joined in memory, and a server under every line there is."""

from __future__ import annotations

import unittest
from base64 import b64decode, b64encode
from typing import ClassVar

from hypothesis.stateful import precondition, rule

from sasl_core.protocols.smtp import Command, Reply

from ..._hypothesis import st
from .._sessions import EveryLine, EveryMechanism, run_machine
from . import _peer
from ._peer import PLAIN, WRONG


class Mechanisms(EveryMechanism, unittest.TestCase):
    peer = _peer
    options: ClassVar = {"legacy_keyword": True}
    sizes = (0, 1, 7)

    def look(self, name: str, client, peer, wire: list[bytes]) -> None:
        self.assertTrue(wire[-1].startswith(b"235 2.7.0 "))
        self.assertNotIn(b"pencil", b"".join(wire))
        self.assertLessEqual(max(map(len, wire)), 12288)


_VALID = b64encode(b"\0user\0pencil")
_LINES = st.sampled_from(
    [
        b"EHLO client.example",
        b"HELO client.example",
        b"LHLO client.example",
        b"MAIL FROM:<a@example.org>",
        b"MAIL FROM:<a@example.org> AUTH=b@example.org",
        b"MAIL FROM:<a@example.org> AUTH=+0D+0A",
        b"RCPT TO:<b@example.org>",
        b"DATA",
        b"RSET",
        b"NOOP",
        b"STARTTLS",
        PLAIN,
        WRONG,
        b"AUTH PLAIN",
        b"AUTH PLAIN =",
        b"AUTH LOGIN",
        b"AUTH CRAM-MD5",
        b"AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9eA==",
        b"AUTH XOAUTH2 " + b64encode(b"user=user\x01auth=Bearer x\x01\x01"),
        _VALID,
        b64encode(b"user"),
        b64encode(b"pencil"),
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
        st.sampled_from([b"AUTH ", b"MAIL FROM:<> AUTH=", b"auth plain "]),
        st.binary(max_size=40),
    )
)


_CODES = (220, 421, 432, 454, 500, 501, 502, 503, 504, 530, 535, 538)


class Lines(EveryLine):
    peer = _peer

    def check(self, reply: Reply) -> None:
        octets = bytes(reply)
        assert octets.count(b"\r\n") == octets.count(b"\n") == 1
        assert octets.endswith(b"\r\n") and b"\r" not in octets[:-2]
        assert octets[:3].isdigit() and octets[3:4] == b" "
        if reply.code == 334:
            b64decode(reply.lines[0], validate=True)
        elif reply.code == 235:
            assert self.said_yes and self.session.identity is not None
        else:
            assert reply.code in _CODES

    def check_command(self, command: Command) -> None:
        assert not set(command.argument) & set(b"\r\n\0")
        assert command.auth is None or command.auth.isprintable()

    def reply_to(self, command: Command, yes: bool) -> Reply:
        return Reply(250 if yes else 550, "x")

    @precondition(lambda self: not self.request)
    @rule(line=_ANY_LINE, end=st.sampled_from([b"\r\n", b""]))
    def say(self, line: bytes, end: bytes) -> None:
        """Not by `hear`: a line may come with anything in it."""
        before = self.session.identity
        self.take(self.session.receive(line + end))
        assert before is None or self.session.identity is before

    @precondition(lambda self: self.command and self.command.verb != "STARTTLS")
    @rule(code=st.sampled_from([354, 503]))
    def reply_by(self, code: int) -> None:
        """Answer a command by a code that is its own case."""
        self.session.replied(self.command, Reply(code, "x"))
        self.command = None


class Arbitrary(unittest.TestCase):
    def test_every_line_in_every_order(self) -> None:
        run_machine(Lines, examples=80, steps=25)

    def test_the_machine_reaches_success(self) -> None:
        machine = Lines()
        machine.say(b"EHLO x", b"\r\n")
        machine.reply(True)
        machine.say(PLAIN, b"\r\n")
        machine.answer()
        self.assertIsNotNone(machine.session.identity)
