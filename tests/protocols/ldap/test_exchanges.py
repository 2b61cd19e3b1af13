"""Both sides joined in memory, and a directory under every message there is."""

from __future__ import annotations

import unittest
from typing import ClassVar

from hypothesis.stateful import precondition, rule

import sasl_core as sasl
from sasl_core.protocols.ldap import ClientSession, Command, Reply
from sasl_core.protocols.ldap import _messages as messages

from ..._accounts import policy
from ..._hypothesis import st
from .._sessions import EveryLine, EveryMechanism, pieces, run_machine
from . import _peer
from ._peer import (
    CLEAR,
    DELETE,
    PLAIN,
    SCRAM,
    START_TLS,
    TLS,
    UNBIND,
    WRONG,
    login,
    server,
)


class Mechanisms(EveryMechanism, unittest.TestCase):
    peer = _peer
    sizes = (0, 1, 7)

    def look(self, name: str, client, peer, wire: list[bytes]) -> None:
        self.assertEqual(peer.commands, [])

    def test_over_starttls(self) -> None:
        peer = server(CLEAR, starttls=True, policy=policy("PLAIN"))
        client = ClientSession(
            sasl.Credentials("user", "pencil"), channel=CLEAR, policy=policy("PLAIN")
        )
        login(client, peer)
        self.assertEqual(client.mechanism, "PLAIN")
        self.assertTrue(peer.session.channel.encrypted)

    def test_a_simple_bind(self) -> None:
        peer = server(policy=policy("PLAIN"), simple=lambda name: name[4:])
        client = ClientSession(
            sasl.Credentials("user", "pencil"),
            channel=TLS,
            mechanisms=(),
            dn="uid=user",
        )
        login(client, peer)
        self.assertEqual(peer.session.identity.authcid, "user")


_FRAMES = st.sampled_from(
    [
        PLAIN,
        WRONG,
        SCRAM,
        START_TLS,
        UNBIND,
        DELETE,
        messages.bind_request(2, "SCRAM-SHA-256", b"c=biws,r=x,p=AAAA"),
        messages.bind_request(2, "CRAM-MD5", None),
        messages.bind_request(3, "CRAM-MD5", b"user 00"),
        messages.bind_request(2, "OAUTHBEARER", b"n,,\x01auth=Bearer x\x01\x01"),
        messages.bind_request(3, "", None),
        messages.bind_request(3, "PLAIN", None),
        messages.bind_request(3, "PLAIN", b"\r\n"),
        messages.simple_request(4, "", b""),
        messages.simple_request(4, "user", b""),
        messages.simple_request(4, "user", b"pencil"),
        messages.simple_request(4, "user", b"wrong"),
        messages.root_dse_request(5, "+"),
        messages.extended_request(6, "1.2.3"),
        bytes(messages.Message(7, messages.ABANDON, b"\x01")),
        bytes(messages.Message(0, messages.BIND)),
        PLAIN[:-1],
        b"\x30\x84\x7f\xff\xff\xff" + bytes(300),
    ]
)
_ANY_FRAME = (
    _FRAMES
    | st.binary(max_size=40)
    | st.builds(
        lambda name, octets: messages.bind_request(1, name, octets),
        st.sampled_from(["PLAIN", "SCRAM-SHA-256", "OAUTHBEARER", "x"]),
        st.none() | st.binary(max_size=40),
    )
    | st.builds(
        lambda frame, at, octet: frame[:at] + bytes([octet]) + frame[at + 1 :],
        _FRAMES,
        st.integers(0, 60),
        st.integers(0, 255),
    )
)


class Messages(EveryLine):
    peer = _peer
    keeps_identity = False  # each bind takes it back
    options: ClassVar = {
        "max_failures": 6,
        "simple": str,
        "anonymous": True,
        "message_limit": 200,
    }

    def check(self, reply: Reply) -> None:
        buffer = type(self.session.incoming)(100_000)
        buffer.feed(bytes(reply))
        while (frame := buffer.next()) is not None:
            message = messages.read(frame)
            if message.tag == messages.BIND_RESPONSE:
                code, _, credentials = messages.read_result(message.body)
                assert code in (0, 2, 7, 8, 12, 13, 14, 48, 49, 50, 52, 53)
                assert credentials is None or code in (0, 14)
                # The anonymous bind's success is nobody's.
                assert code or not credentials or self.session.identity
        assert not buffer.pending

    def reply_to(self, command: Command, yes: bool) -> Reply:
        reply = command.done(0 if yes else 50)
        self.check(reply)
        return reply

    @precondition(lambda self: not self.request)
    @rule(frame=_ANY_FRAME, size=st.sampled_from([0, 1, 5]))
    def say(self, frame: bytes, size: int) -> None:
        self.hear(*pieces(frame, size))


class Arbitrary(unittest.TestCase):
    def test_every_message_in_every_order(self) -> None:
        run_machine(Messages, examples=70, steps=20)

    def test_the_machine_reaches_success(self) -> None:
        machine = Messages()
        machine.say(PLAIN, 1)
        machine.answer()
        self.assertIsNotNone(machine.session.identity)
