"""Both sides joined in memory, and a server under every line there is."""

from __future__ import annotations

import unittest
from base64 import b64decode, b64encode

from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import sasl_core as sasl
from sasl_core.mechanisms import find
from sasl_core.protocols.smtp import ClientSession, Command, Reply, ServerSession

from ..._accounts import NAMES, TABLE, Application, channel, policy
from ..._hypothesis import settings, st
from ._peer import CLEAR, OK, PLAIN, TLS, WRONG, login, server


class EveryMechanism(unittest.TestCase):
    def join(self, name: str, credentials: dict, **options):
        on = channel(name)
        peer = server(on, policy=policy(name), legacy_keyword=True)
        client = ClientSession(
            sasl.Credentials(**credentials), channel=on, policy=policy(name)
        )
        return client, peer, lambda: login(client, peer, **options)

    def test_right(self) -> None:
        for name in NAMES:
            for octets in (0, 1, 7):
                client, peer, run = self.join(name, TABLE[name].right, octets=octets)
                with self.subTest(name, octets=octets):
                    wire = run()
                    self.assertEqual(client.mechanism, name)
                    self.assertEqual(peer.session.success.mechanism, name)
                    self.assertEqual(peer.session.success.bound, find(name).plus)
                    self.assertTrue(wire[-1].startswith(b"235 2.7.0 "))
                    self.assertNotIn(b"pencil", b"".join(wire))

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

            def settle(request: sasl.Request) -> sasl.Failure:
                return request.unavailable()

            peer.application.settle = settle
            with self.subTest(name):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    run()
                self.assertIs(caught.exception.reason, sasl.Reason.UNAVAILABLE)

    def test_no_reply_is_over_its_limit(self) -> None:
        for name in NAMES:
            _, _, run = self.join(name, TABLE[name].right)
            for line in run():
                self.assertLessEqual(len(line), 12288)


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


class EveryLine(RuleBasedStateMachine):
    """Whatever a client says, in whatever order, and whatever is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.session = ServerSession(
            CLEAR,
            policy=sasl.Policy(cleartext="always", decoy=(16, 16)),
            starttls=True,
            max_failures=6,
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
            assert not set(action.argument) & set(b"\r\n\0")
            assert action.auth is None or action.auth.isprintable()
        else:
            assert isinstance(action, sasl.Request)
            self.request = action

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
            assert reply.code in (
                220,
                421,
                432,
                454,
                500,
                501,
                502,
                503,
                504,
                530,
                535,
                538,
            )

    @precondition(lambda self: not self.request)
    @rule(line=_ANY_LINE, end=st.sampled_from([b"\r\n", b""]))
    def say(self, line: bytes, end: bytes) -> None:
        before, over = self.session.identity, self.ended
        self.take(self.session.receive(line + end))
        assert not over or self.ended
        if before is not None:
            assert self.session.identity is before  # only STARTTLS takes it back

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

    @precondition(lambda self: self.command)
    @rule(code=st.sampled_from([250, 354, 503, 550]))
    def reply(self, code: int) -> None:
        if self.command.verb != "STARTTLS":
            self.session.replied(self.command, Reply(code, "x"))
        self.command = None

    @precondition(lambda self: self.command and self.command.verb == "STARTTLS")
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
    def test_every_line_in_every_order(self) -> None:
        run_state_machine_as_test(
            EveryLine, settings=settings(max_examples=150, stateful_step_count=25)
        )

    def test_the_machine_reaches_success(self) -> None:
        machine = EveryLine()
        machine.say(b"EHLO x", b"\r\n")
        machine.reply(250)
        machine.say(PLAIN, b"\r\n")
        machine.answer()
        self.assertIsNotNone(machine.session.identity)
        self.assertEqual(OK.code, 250)
