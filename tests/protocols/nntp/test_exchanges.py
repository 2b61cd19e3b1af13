"""Both sides joined in memory, and a server under every line there is."""

from __future__ import annotations

import unittest
from base64 import b64encode

from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

import sasl_core as sasl
from sasl_core.mechanisms import find
from sasl_core.protocols.nntp import ClientSession, Command, Reply, ServerSession

from ..._accounts import NAMES, TABLE, Application, channel, policy, says_last
from ..._hypothesis import settings, st
from ._peer import CLEAR, PLAIN, TLS, WRONG, Peer, for_mechanism, login, server


class _OnlyUser(ServerSession):
    """A server that does not tell of its mechanisms."""

    __slots__ = ()

    def capabilities(self) -> tuple[str, ...]:
        return "VERSION 2", "AUTHINFO USER"


class EveryMechanism(unittest.TestCase):
    def join(self, name: str, credentials: dict, **options):
        peer = for_mechanism(name)
        client = ClientSession(
            sasl.Credentials(**credentials), channel=channel(name), policy=policy(name)
        )
        return client, peer, lambda: login(client, peer, **options)

    def test_right(self) -> None:
        for name in NAMES:
            for octets in (0, 7):
                client, peer, run = self.join(name, TABLE[name].right, octets=octets)
                with self.subTest(name, octets=octets):
                    wire = run()
                    self.assertEqual(client.mechanism, name)
                    self.assertEqual(peer.session.success.mechanism, name)
                    self.assertEqual(peer.session.success.bound, find(name).plus)
                    with_data = says_last(name)
                    self.assertEqual(wire[-1][:4], b"283 " if with_data else b"281 ")
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
                self.assertFalse(caught.exception.try_another)
                self.assertFalse(client.authenticated)
                self.assertIsNone(peer.session.identity)

    def test_temporary(self) -> None:
        for name in NAMES:
            if TABLE[name].by_fact:
                continue
            _, peer, run = self.join(name, TABLE[name].right)
            peer.application.settle = lambda request: request.unavailable()
            with self.subTest(name):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    run()
                self.assertIs(caught.exception.reason, sasl.Reason.UNAVAILABLE)

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


class EveryLine(RuleBasedStateMachine):
    """Whatever a client says, in whatever order and pieces, and whatever is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.session = ServerSession(
            CLEAR,
            policy=sasl.Policy(cleartext="always", decoy=(16, 16)),
            starttls=True,
            require_auth=True,
            max_failures=6,
        )
        self.application = Application(token="x")
        self.request: sasl.Request | None = None
        self.ended = False
        self.said_yes = False

    def take(self, action: object) -> None:
        self.request = None
        if isinstance(action, Reply):
            octets = bytes(action)
            assert octets.endswith(b"\r\n")
            assert action.body is not None or octets.count(b"\n") == 1
            # Never a success that nobody decided.
            if action.code in (281, 283):
                assert self.said_yes and self.session.identity is not None
            assert not self.ended or action.close
            self.ended = action.close
        elif isinstance(action, Command):
            assert not set(action.argument) & set(b"\r\n\0")
            assert self.session.identity or action.verb != "POST"
            close = action.verb == "QUIT"
            code = 580 if action.verb == "STARTTLS" else 200
            self.session.replied(action, Reply(code, "x", close=close))
            self.ended = close
        else:
            assert isinstance(action, sasl.Request)
            self.request = action

    @precondition(lambda self: not self.request)
    @rule(line=_LINES)
    def say(self, line: bytes) -> None:
        self.feed(line + b"\r\n")

    @precondition(lambda self: not self.request and not self.ended)
    @rule(line=_ANY_LINE, end=st.sampled_from([b"\r\n", b"", b"\n"]))
    def say_in_pieces(self, line: bytes, end: bytes) -> None:
        octets = line + end
        self.feed(octets[: len(line) // 2])
        self.feed(octets[len(line) // 2 :])

    def feed(self, octets: bytes) -> None:
        self.session.incoming.feed(octets)
        while self.request is None:
            text = self.session.incoming.next()
            if text is None:
                break
            self.take(self.session.receive(text))

    @precondition(lambda self: self.request)
    @rule(how=st.sampled_from(["answer", "answer", "answer", "deny", "fail"]))
    def answer(self, how: str) -> None:
        if how == "fail":
            self.take(self.session.unavailable("the database is gone"))
            return
        yes = len(self.application.yes)
        settle = self.application.settle if how == "answer" else sasl.Request.deny
        event = settle(self.request)
        self.said_yes = self.said_yes or len(self.application.yes) > yes
        self.take(self.session.resume(event))


class Stateful(unittest.TestCase):
    def test_every_line(self) -> None:
        run_state_machine_as_test(
            EveryLine, settings=settings(max_examples=80, stateful_step_count=20)
        )
