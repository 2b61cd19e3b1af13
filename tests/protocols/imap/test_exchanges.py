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
from sasl_core import profiles
from sasl_core.mechanisms import find
from sasl_core.protocols.imap import ClientSession, Command, Reply, ServerSession

from ..._accounts import NAMES, TABLE, Application, channel, policy
from ..._hypothesis import settings, st
from ._peer import CLEAR, PLAIN, TLS, WRONG, login, server

WITHOUT_INITIAL = profiles.IMAP.replace(initial_response=False)


class EveryMechanism(unittest.TestCase):
    def join(self, name: str, credentials: dict, octets: int = 0, **options):
        on = channel(name)
        peer = server(on, policy=policy(name), **options)
        client = ClientSession(
            sasl.Credentials(**credentials), channel=on, policy=policy(name)
        )
        return client, peer, lambda: login(client, peer, octets=octets)

    def test_right(self) -> None:
        for name in NAMES:
            for octets, profile in (
                (0, profiles.IMAP),
                (7, profiles.IMAP),
                (0, WITHOUT_INITIAL),
            ):
                client, peer, run = self.join(
                    name, TABLE[name].right, octets, profile=profile
                )
                with self.subTest(name, octets=octets, profile=profile):
                    wire = run()
                    self.assertEqual(client.mechanism, name)
                    self.assertEqual(peer.session.success.mechanism, name)
                    self.assertEqual(peer.session.success.bound, find(name).plus)
                    self.assertEqual(client.capabilities, ("IMAP4REV1",))
                    self.assertNotIn(b"pencil", b"".join(wire))
                    self.assertLessEqual(max(map(len, wire)), 12288)

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


class EveryLine(RuleBasedStateMachine):
    """Whatever a client sends, in whatever pieces, and whatever is answered."""

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
            assert b"\0" not in action.argument.partition(b"{")[0]
            assert self.session.identity or action.verb in (
                "NOOP",
                "ID",
                "LOGOUT",
                "STARTTLS",
            )
        else:
            assert isinstance(action, sasl.Request)
            self.request = action

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

    @precondition(lambda self: not self.request)
    @rule(line=_ANY_LINE, end=st.sampled_from([b"\r\n", b"\r\n", b"", b"\n"]))
    def say(self, line: bytes, end: bytes) -> None:
        before, over = self.session.identity, self.ended
        self.session.incoming.feed(line + end)
        while self.request is None:
            taken = self.session.incoming.next()
            if taken is None:
                break
            self.take(self.session.receive(taken))
            if self.command:
                break
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
    @rule(close=st.booleans())
    def reply(self, close: bool) -> None:
        if self.command.verb != "STARTTLS":
            self.session.replied(self.command, self.command.ok(close=close))
            self.ended = self.ended or close
        self.command = None

    @precondition(lambda self: self.command and self.command.verb == "STARTTLS")
    @rule()
    def shake_hands(self) -> None:
        pending = self.session.incoming.pending
        reply = self.session.start_tls(pending=pending)
        assert reply.close == pending
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
            EveryLine, settings=settings(max_examples=80, stateful_step_count=25)
        )

    def test_the_machine_reaches_success(self) -> None:
        for line in (b"a1 " + PLAIN, b"a1 LOGIN user {6+}\r\npencil"):
            machine = EveryLine()
            machine.say(line, b"\r\n")
            machine.answer()
            self.assertIsNotNone(machine.session.identity)
