"""Both sides joined in memory, and a directory under every message there is."""

from __future__ import annotations

import unittest

from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import sasl_core as sasl
from sasl_core.mechanisms import find
from sasl_core.protocols.ldap import ClientSession, Command, Reply, ServerSession
from sasl_core.protocols.ldap import _messages as messages

from ..._accounts import NAMES, TABLE, Application, channel, policy
from ..._hypothesis import settings, st
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


class EveryMechanism(unittest.TestCase):
    def join(self, name: str, credentials: dict, **options):
        on = channel(name)
        peer = server(on, policy=policy(name))
        client = ClientSession(
            sasl.Credentials(**credentials), channel=on, policy=policy(name)
        )
        return client, peer, lambda: login(client, peer, **options)

    def test_right(self) -> None:
        for name in NAMES:
            for octets in (0, 1, 7):
                client, peer, run = self.join(name, TABLE[name].right, octets=octets)
                with self.subTest(name, octets=octets):
                    run()
                    self.assertEqual(client.mechanism, name)
                    self.assertEqual(peer.session.success.mechanism, name)
                    self.assertEqual(peer.session.success.bound, find(name).plus)
                    self.assertEqual(peer.commands, [])

    def test_wrong(self) -> None:
        for name in NAMES:
            if TABLE[name].wrong is None:
                continue
            client, peer, run = self.join(name, TABLE[name].wrong)
            with self.subTest(name):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    run()
                self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
                self.assertFalse(client.authenticated)
                self.assertIsNone(peer.session.identity)

    def test_temporary(self) -> None:
        for name in NAMES:
            if TABLE[name].by_fact:
                continue
            _, peer, run = self.join(name, TABLE[name].right)

            def settle(request: sasl.Request) -> sasl.Event:
                return request.unavailable()

            peer.application.settle = settle
            with self.subTest(name):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    run()
                self.assertIs(caught.exception.reason, sasl.Reason.UNAVAILABLE)

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


class EveryMessage(RuleBasedStateMachine):
    """Whatever a client says, in whatever order, and whatever is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.session = ServerSession(
            CLEAR,
            policy=sasl.Policy(cleartext="always", decoy=(16, 16)),
            starttls=True,
            simple=str,
            anonymous=True,
            max_failures=6,
            message_limit=200,
        )
        self.application = Application(token="x")
        self.request: sasl.Request | None = None
        self.command: Command | None = None
        self.ended = False
        self.said_yes = False

    def take(self, action: object) -> None:
        self.request = self.command = None
        if isinstance(action, Reply):
            self.check(action)
            self.ended = action.close
        elif isinstance(action, Command):
            self.command = action
        else:
            assert isinstance(action, sasl.Request)
            self.request = action

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

    @precondition(lambda self: not self.request)
    @rule(frame=_ANY_FRAME, size=st.sampled_from([0, 1, 5]))
    def say(self, frame: bytes, size: int) -> None:
        over = self.ended
        size = size or len(frame) or 1
        for at in range(0, len(frame), size):
            self.session.incoming.feed(frame[at : at + size])
        while (whole := self.session.incoming.next()) is not None and not self.request:
            self.take(self.session.receive(whole))
            assert not over or self.ended

    @precondition(lambda self: self.request)
    @rule()
    def answer(self) -> None:
        yes = len(self.application.yes)
        event = self.application.settle(self.request)
        self.said_yes = self.said_yes or len(self.application.yes) > yes
        self.take(self.session.resume(event))

    @precondition(lambda self: self.request)
    @rule()
    def deny(self) -> None:
        self.take(self.session.resume(self.request.deny()))

    @precondition(lambda self: self.request)
    @rule(early=st.booleans())
    def fail(self, early: bool) -> None:
        if not early:
            self.application.settle(self.request)
        self.take(self.session.unavailable())

    @precondition(lambda self: self.command and not self.session.wants_tls)
    @rule(code=st.sampled_from([0, 50]))
    def reply(self, code: int) -> None:
        reply = self.command.done(code)
        self.session.replied(self.command, reply)
        self.check(reply)
        self.command = None

    @precondition(lambda self: self.command and self.session.wants_tls)
    @rule(pending=st.booleans())
    def shake_hands(self, pending: bool) -> None:
        reply = self.session.start_tls(pending=pending)
        self.take(reply)
        if not reply.close:
            self.session.secured(TLS)
            assert self.session.identity is None
            self.said_yes = False

    @invariant()
    def nobody_without_a_yes(self) -> None:
        assert self.said_yes or self.session.identity is None

    def teardown(self) -> None:
        self.session.closed()


class Arbitrary(unittest.TestCase):
    def test_every_message_in_every_order(self) -> None:
        run_state_machine_as_test(
            EveryMessage, settings=settings(max_examples=70, stateful_step_count=20)
        )

    def test_the_machine_reaches_success(self) -> None:
        machine = EveryMessage()
        machine.say(PLAIN, 1)
        machine.answer()
        self.assertIsNotNone(machine.session.identity)
