"""Both sides joined in memory, and a server under every line there is."""

from __future__ import annotations

import unittest
from base64 import b64encode

from hypothesis.stateful import precondition, rule

import sasl_core as sasl
from sasl_core.protocols.sieve import ClientSession, Command, Reply

from ..._accounts import says_last
from ..._hypothesis import st
from .._sessions import EveryLine, EveryMechanism, run_machine
from . import _peer
from ._peer import CLEAR, PLAIN, TLS, WRONG, login, server


class Mechanisms(EveryMechanism, unittest.TestCase):
    peer = _peer

    def look(self, name: str, client, peer, wire: list[bytes]) -> None:
        self.assertTrue(wire[-1].startswith(b"OK"))
        self.assertEqual(wire[-1].startswith(b"OK (SASL "), says_last(name))
        self.assertNotIn(b"pencil", b"".join(wire))

    def test_a_password_that_is_no_line(self) -> None:
        for password in ("x" * 3000, 'a"b\\c', "{3+}"):
            peer = server(policy=sasl.Policy(allow=["PLAIN"]))
            peer.application.password = password
            client = ClientSession(sasl.Credentials("user", password), channel=TLS)
            login(client, peer)
            self.assertEqual(peer.session.identity.authcid, "user")

    def test_over_starttls(self) -> None:
        peer = server(CLEAR, starttls=True, policy=sasl.Policy(allow=["PLAIN"]))
        client = ClientSession(sasl.Credentials("user", "pencil"), channel=CLEAR)
        wire = login(client, peer)
        self.assertEqual(wire[1], b"STARTTLS\r\n")
        self.assertIn(b'"SASL" ""', wire[0])
        self.assertIn(b'"SASL" "PLAIN"', wire[3])
        self.assertEqual(peer.session.identity.authcid, "user")


_LINES = st.sampled_from(
    [
        b"CAPABILITY",
        b"NOOP",
        b'NOOP "\\"{1+}"',
        b"STARTTLS",
        b'PUTSCRIPT "a" {3+}\r\n\r\n\0',
        b"LISTSCRIPTS",
        PLAIN,
        WRONG,
        b'AUTHENTICATE "PLAIN"',
        b'AUTHENTICATE "PLAIN" ""',
        b'AUTHENTICATE "LOGIN"',
        b'AUTHENTICATE "CRAM-MD5"',
        b'AUTHENTICATE {13+}\r\nSCRAM-SHA-256 "biwsbj11c2VyLHI9eA=="',
        b'"%b"' % b64encode(b"\0user\0pencil"),
        b'"%b"' % b64encode(b"user"),
        b"{8+}\r\n%b" % b64encode(b"pencil"),
        b'"*"',
        b"*",
        b'""',
        b"",
        b"{0+}\r\n",
        b"{13000+}\r\n" + b"A" * 13_000,
    ]
)
_ANY_LINE = (
    st.binary(max_size=60)
    | _LINES
    | st.binary(max_size=60).map(lambda text: b'"%b"' % b64encode(text))
    | st.builds(
        lambda verb, rest: verb + rest,
        st.sampled_from([b"AUTHENTICATE ", b'NOOP "', b"{5+}\r\n", b'"', b"LOGOUT"]),
        st.binary(max_size=40) | st.just(b"A" * 12_287),
    )
)


class Lines(EveryLine):
    peer = _peer

    def check(self, reply: Reply) -> None:
        assert bytes(reply).endswith(b"\r\n")
        if reply == Reply("OK") or reply.code[:1] == ("SASL",):
            assert self.said_yes and self.session.identity is not None

    def check_command(self, command: Command) -> None:
        assert command.verb.isalpha() and command.verb.isupper()
        before = ("NOOP", "LOGOUT", "STARTTLS")
        assert self.session.identity or command.verb in before

    def reply_to(self, command: Command, yes: bool) -> Reply:
        close = command.verb == "LOGOUT"
        return Reply("OK" if yes else "NO", "x", close=close)

    @precondition(lambda self: not self.request)
    @rule(line=_LINES)
    def say(self, line: bytes) -> None:
        self.hear(line + b"\r\n")

    @precondition(lambda self: not self.request)
    @rule(line=_ANY_LINE, end=st.sampled_from([b"\r\n", b"", b"\n"]))
    def say_in_pieces(self, line: bytes, end: bytes) -> None:
        octets, half = line + end, len(line) // 2
        self.hear(octets[:half], octets[half:])


class Arbitrary(unittest.TestCase):
    def test_every_line_in_every_order(self) -> None:
        run_machine(Lines, examples=80, steps=20)

    def test_the_machine_reaches_success(self) -> None:
        machine = Lines()
        machine.say(PLAIN)
        machine.answer()
        self.assertIsNotNone(machine.session.identity)
