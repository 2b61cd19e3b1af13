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
from sasl_core.protocols.sieve import ClientSession, Command, Reply, ServerSession

from ..._accounts import NAMES, TABLE, Application, channel, policy, says_last
from ..._hypothesis import settings, st
from ._peer import CLEAR, PLAIN, TLS, WRONG, for_mechanism, login, server


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
                    self.assertTrue(wire[-1].startswith(b"OK"))
                    with_data = says_last(name)
                    self.assertEqual(wire[-1].startswith(b"OK (SASL "), with_data)
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


class EveryLine(RuleBasedStateMachine):
    """Whatever a client says, in whatever order and pieces, and whatever is answered."""

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
        self.ended = False
        self.said_yes = False

    def take(self, action: object) -> None:
        self.request = None
        if isinstance(action, Reply):
            octets = bytes(action)
            assert octets.endswith(b"\r\n")
            # Never a success that nobody decided.
            if action == Reply("OK") or action.code[:1] == ("SASL",):
                assert self.said_yes and self.session.identity is not None
            assert not self.ended or action.close
            self.ended = action.close
        elif isinstance(action, Command):
            assert action.verb.isalpha() and action.verb.isupper()
            assert self.session.identity or action.verb in (
                "NOOP",
                "LOGOUT",
                "STARTTLS",
            )
            close = action.verb == "LOGOUT"
            condition = "NO" if action.verb == "STARTTLS" else "OK"
            self.session.replied(action, Reply(condition, "x", close=close))
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
