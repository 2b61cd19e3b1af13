"""Both sides joined in memory, and a server under every message there is."""

from __future__ import annotations

import unittest

from hypothesis.stateful import precondition, rule

import sasl_core as sasl
from sasl_core.protocols.postgresql import ClientSession, Command, Reply, ServerSession
from sasl_core.protocols.postgresql import _messages as messages

from ..._hypothesis import st
from .._sessions import EveryLine, pieces, run_machine
from . import _peer
from ._peer import (
    BOUND,
    CLEAR,
    FIRST,
    POLICY,
    QUERY,
    SSL,
    STARTUP,
    TLS,
    login,
    server,
    split,
)

WAYS = (
    ("SCRAM-SHA-256", TLS, {}),
    ("SCRAM-SHA-256", CLEAR, {}),
    ("SCRAM-SHA-256-PLUS", BOUND, {}),
    ("PLAIN", TLS, {"answers": [sasl.CheckPassword]}),
)


class EveryWay(unittest.TestCase):
    def join(self, on: sasl.Channel, password: str, options: dict, octets: int = 0):
        self.peer = server(on, **options)
        self.client = ClientSession(
            sasl.Credentials("user", password),
            channel=on,
            policy=POLICY,
            starttls="never",
        )
        return login(self.client, self.peer, octets=octets)

    def test_right(self) -> None:
        for name, on, options in WAYS:
            for octets in (0, 1, 7):
                with self.subTest(name, on=on, octets=octets):
                    self.join(on, "pencil", options, octets)
                    self.assertTrue(self.client.authenticated)
                    self.assertEqual(self.client.mechanism, name)
                    success = self.peer.session.success
                    self.assertEqual(success.mechanism, name)
                    self.assertEqual(success.bound, name.endswith("-PLUS"))
                    self.assertEqual(success.identity, sasl.Identity("user"))

    def test_wrong(self) -> None:
        for name, on, options in WAYS:
            with self.subTest(name, on=on):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    self.join(on, "wrong", options)
                self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
                self.assertFalse(caught.exception.try_another)
                self.assertIsNone(self.peer.session.identity)

    def test_over_tls(self) -> None:
        peer = server(CLEAR, starttls=True)
        client = ClientSession(
            sasl.Credentials("user", "pencil"), channel=CLEAR, policy=POLICY
        )
        login(client, peer)
        self.assertEqual(client.mechanism, "SCRAM-SHA-256-PLUS")
        self.assertTrue(peer.session.success.bound)

    def test_no_tls(self) -> None:
        client = ClientSession(sasl.Credentials("user", "pencil"), channel=CLEAR)
        with self.assertRaises(sasl.NoMechanism):
            login(client, server(CLEAR))


_FRAMES = st.sampled_from(
    [
        SSL,
        STARTUP,
        messages.startup(messages.GSS),
        messages.startup(messages.CANCEL),
        messages.startup(messages.VERSION + 7, {"user": b"nobody"}),
        FIRST,
        messages.initial_response("SCRAM-SHA-256", None),
        messages.message("p", b"c=biws,r=x,p=AAAA"),
        messages.message("p", b"pencil\0"),
        messages.message("p", b"wrong\0"),
        messages.message("p", b"\r\n\0"),
        QUERY,
        messages.TERMINATE,
        STARTUP[:-1],
        b"p\x7f\xff\xff\xff" + bytes(300),
    ]
)
_ANY_FRAME = (
    _FRAMES
    | st.binary(max_size=40)
    | st.binary(max_size=40).map(lambda octets: messages.message("p", octets))
    | st.builds(
        lambda frame, at, octet: frame[:at] + bytes([octet]) + frame[at + 1 :],
        _FRAMES,
        st.integers(0, 60),
        st.integers(0, 255),
    )
)


class Messages(EveryLine):
    peer = _peer
    passwords = False

    def begin(self) -> ServerSession:
        return ServerSession(
            CLEAR,
            policy=sasl.Policy(cleartext="always", decoy=(16, 16)),
            answers=[sasl.CheckPassword] if self.passwords else None,
            starttls=True,
            message_limit=200,
        )

    def take(self, action: object) -> None:
        super().take(action)
        if isinstance(action, sasl.FindScramKeys):
            known = ("user", "nobody", *self.session.startup.values())
            assert action.username in known

    def check(self, reply: Reply) -> None:
        if bytes(reply) in (b"S", b"N"):
            return
        for kind, body in split(bytes(reply)):
            assert kind in "RSEZv"
            if kind == "E":
                assert reply.close
                state, text = messages.read_error(body)
                assert len(state) == 5 and text.isascii()
            elif kind == "R" and not any(body[:4]):
                assert self.said_yes and self.session.identity is not None

    def reply_to(self, command: Command, yes: bool) -> Reply:
        return Reply(messages.READY if yes else b"N")

    @precondition(lambda self: not self.request)
    @rule(frame=_ANY_FRAME, size=st.sampled_from([0, 1, 5]))
    def say(self, frame: bytes, size: int) -> None:
        self.hear(*pieces(frame, size))


class Passwords(Messages):
    """The same, where passwords are asked for in clear."""

    passwords = True


class Arbitrary(unittest.TestCase):
    def test_every_message_in_every_order(self) -> None:
        for machine in (Messages, Passwords):
            run_machine(machine, examples=50, steps=12)

    def test_the_machine_reaches_success(self) -> None:
        machine = Passwords()
        machine.say(STARTUP, 1)
        machine.say(messages.message("p", b"pencil\0"), 0)
        machine.answer()
        self.assertIsNotNone(machine.session.identity)
        machine.say(QUERY, 0)
        self.assertEqual(machine.command.kind, "Q")
