"""Both sides joined in memory, and a server under every line there is."""

from __future__ import annotations

import unittest
from base64 import b64encode
from typing import ClassVar

from hypothesis.stateful import precondition, rule

import sasl_core as sasl
from sasl_core.protocols.nntp import ClientSession, Command, Reply, ServerSession

from ..._accounts import says_last
from ..._hypothesis import st
from .._sessions import EveryLine, EveryMechanism, run_machine
from . import _peer
from ._peer import CLEAR, PLAIN, TLS, WRONG, Peer, login, server


class _OnlyUser(ServerSession):
    """A server that does not tell of its mechanisms."""

    __slots__ = ()

    def capabilities(self) -> tuple[str, ...]:
        return "VERSION 2", "AUTHINFO USER"


class Mechanisms(EveryMechanism, unittest.TestCase):
    peer = _peer

    def look(self, name: str, client, peer, wire: list[bytes]) -> None:
        self.assertEqual(wire[-1][:4], b"283 " if says_last(name) else b"281 ")
        self.assertNotIn(b"pencil", b"".join(wire))

    def test_user_and_pass(self) -> None:
        for password, welcome in (("pencil", True), ("wrong", False)):
            peer = Peer(_OnlyUser(TLS))
            client = ClientSession(sasl.Credentials("user", password), channel=TLS)
            if welcome:
                login(client, peer)
            else:
                with self.assertRaises(sasl.AuthenticationError):
                    login(client, peer)
            self.assertEqual(peer.session.identity is not None, welcome)
            self.assertEqual(peer.application.asked, ["CheckPassword"])

    def test_over_starttls(self) -> None:
        peer = server(CLEAR, starttls=True, policy=sasl.Policy(allow=["PLAIN"]))
        client = ClientSession(sasl.Credentials("user", "pencil"), channel=CLEAR)
        wire = login(client, peer)
        self.assertEqual(
            [line.split()[0] for line in wire[1::2]],
            [b"CAPABILITIES", b"STARTTLS", b"CAPABILITIES", b"AUTHINFO"],
        )
        self.assertEqual(peer.session.identity.authcid, "user")


_LINES = st.sampled_from(
    [
        b"CAPABILITIES",
        b"HELP",
        b"MODE READER",
        b"POST",
        b"STARTTLS",
        PLAIN,
        WRONG,
        b"AUTHINFO USER user",
        b"AUTHINFO USER nobody",
        b"AUTHINFO PASS pencil",
        b"AUTHINFO PASS wrong",
        b"AUTHINFO SASL PLAIN",
        b"AUTHINFO SASL PLAIN =",
        b"AUTHINFO SASL LOGIN",
        b"AUTHINFO SASL CRAM-MD5",
        b"AUTHINFO SASL SCRAM-SHA-256 biwsbj11c2VyLHI9eA==",
        b64encode(b"\0user\0pencil"),
        b64encode(b"user"),
        b64encode(b"pencil"),
        b"*",
        b"=",
        b"",
        b"A" * 12_287,
    ]
)
_ANY_LINE = (
    st.binary(max_size=60)
    | _LINES
    | st.binary(max_size=60).map(b64encode)
    | st.builds(
        lambda verb, rest: verb + rest,
        st.sampled_from([b"AUTHINFO USER ", b"AUTHINFO PASS ", b"AUTHINFO ", b"QUIT"]),
        st.binary(max_size=40),
    )
)


class Lines(EveryLine):
    peer = _peer
    options: ClassVar = {"max_failures": 6, "require_auth": True}

    def check(self, reply: Reply) -> None:
        octets = bytes(reply)
        assert octets.endswith(b"\r\n")
        assert reply.body is not None or octets.count(b"\n") == 1
        if reply.code in (281, 283):
            assert self.said_yes and self.session.identity is not None

    def check_command(self, command: Command) -> None:
        assert not set(command.argument) & set(b"\r\n\0")
        assert self.session.identity or command.verb != "POST"

    def reply_to(self, command: Command, yes: bool) -> Reply:
        return Reply(200 if yes else 580, "x", close=command.verb == "QUIT")

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
