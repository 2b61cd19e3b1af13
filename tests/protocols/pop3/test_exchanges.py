"""Both sides joined in memory, and each of them under every line there is."""

from __future__ import annotations

import hashlib
import unittest
from base64 import b64decode, b64encode
from itertools import pairwise

from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import sasl_core as sasl
from sasl_core.protocols.pop3 import ClientSession, Command, Reply, ServerSession

from ..._accounts import NAMES, TABLE, Application, channel, policy
from ..._data import vectors
from ..._hypothesis import given, settings, st
from ._peer import (
    CLEAR,
    PLAIN,
    TIMESTAMP,
    TLS,
    WRONG,
    Peer,
    for_mechanism,
    login,
    server,
)


class EveryMechanism(unittest.TestCase):
    def join(self, name: str, credentials: dict, **options):
        peer = for_mechanism(name, login=False)
        client = ClientSession(
            sasl.Credentials(**credentials), channel=channel(name), policy=policy(name)
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
                    self.assertEqual(wire[-1], b"+OK Authenticated\r\n")
                    self.assertNotIn(b"pencil", b"".join(wire))
                    commands = [line for line in wire if line.startswith(b"AUTH ")]
                    self.assertEqual(len(commands), 1)
                    self.assertLessEqual(len(commands[0]), 255)

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
            peer.application.settle = lambda request: request.unavailable()
            with self.subTest(name):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    run()
                self.assertIs(caught.exception.reason, sasl.Reason.UNAVAILABLE)


class TheirOwn(unittest.TestCase):
    """What POP3 had before SASL."""

    def join(self, on: sasl.Channel, password: str, *names: str):
        """Join a client and a server that have these alone."""
        common = sasl.Policy(allow=names, cleartext="always")
        peer = server(on, policy=common)
        client = ClientSession(
            sasl.Credentials("user", password),
            channel=on,
            policy=common,
            starttls="never",
        )
        return client, peer

    def test_apop(self) -> None:
        for on in (CLEAR, TLS):
            client, peer = self.join(on, "pencil", "APOP")
            login(client, peer)
            self.assertEqual(client.mechanism, "APOP")
            self.assertEqual(peer.session.success.mechanism, "APOP")
            client, peer = self.join(on, "wrong", "APOP")
            with self.assertRaises(sasl.AuthenticationError) as caught:
                login(client, peer)
            self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_user_and_pass(self) -> None:
        for on in (CLEAR, TLS):
            for password, succeeds in (("pencil", True), ("wrong", False)):
                client, peer = self.join(on, password, "PLAIN")
                # A server that is older than AUTH.
                peer.feed = _without_auth(peer)
                try:
                    wire = login(client, peer)
                except sasl.AuthenticationError as error:
                    self.assertFalse(succeeds)
                    self.assertFalse(error.try_another)
                else:
                    self.assertTrue(succeeds)
                    self.assertEqual(
                        wire[-4::2], [b"USER user\r\n", b"PASS pencil\r\n"]
                    )


def _without_auth(peer: Peer):
    def say(line: bytes) -> bytes:
        if line[:4] in (b"CAPA", b"AUTH"):
            return b"-ERR unknown\r\n"
        return Peer.feed(peer, line)

    return say


class AnotherMechanism(unittest.TestCase):
    """Our server says where the credentials are at fault, and our client knows it."""

    def refuse(self, reason: sasl.Reason) -> tuple[ClientSession, Peer]:
        """Join them; the first request is refused."""
        names = sasl.Policy(allow=["CRAM-MD5", "PLAIN"])
        peer = server(policy=names)
        settle = peer.application.settle

        def once(request: sasl.Request) -> object:
            peer.application.settle = settle
            return request.refuse(reason)

        peer.application.settle = once
        client = ClientSession(
            sasl.Credentials("user", "pencil"), channel=TLS, policy=names
        )
        return client, peer

    def test_it_moves_on(self) -> None:
        for reason in (sasl.Reason.TOO_WEAK, sasl.Reason.UNSUPPORTED):
            client, peer = self.refuse(reason)
            login(client, peer)
            self.assertEqual(client.mechanism, "PLAIN")

    def test_it_stops(self) -> None:
        for reason in (
            sasl.Reason.BAD_CREDENTIALS,
            sasl.Reason.NOT_AUTHORIZED,
            sasl.Reason.PASSWORD_EXPIRED,
            sasl.Reason.DISABLED,
            sasl.Reason.UNAVAILABLE,
        ):
            client, peer = self.refuse(reason)
            with self.subTest(reason):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    login(client, peer)
                self.assertEqual(caught.exception.tried, ("CRAM-MD5",))


class Vectors(unittest.TestCase):
    """The published dialogs, with our server in the server's place."""

    def test_dialogs(self) -> None:
        dialogs = [v for v in vectors("smtp_profile") if v.get("profile") == "pop3"]
        self.assertEqual(len(dialogs), 3)
        for vector in dialogs:
            application = Application(username="test", password="test")
            peer = Peer(ServerSession(TLS), application)
            lines = vector["wire"]["lines"]
            for line, mine in pairwise(lines):
                if not line.startswith("C: "):
                    continue
                reply = peer.line(line.removeprefix("C: ").encode()).decode()
                with self.subTest(vector["id"], line=line):
                    wanted = mine.removeprefix("S: ")
                    if wanted.startswith("+OK"):
                        self.assertTrue(reply.startswith("+OK "))
                    else:
                        self.assertEqual(reply, wanted + "\r\n")
            succeeded = vector["expect"]["outcome"] == "success"
            self.assertEqual(peer.session.identity is not None, succeeded)


DIGEST = hashlib.md5(TIMESTAMP + b"pencil").hexdigest().encode()
_LINES = st.sampled_from(
    [
        b"CAPA",
        b"STAT",
        b"NOOP",
        b"QUIT",
        b"STLS",
        b"USER user",
        b"USER ",
        b"PASS pencil",
        b"PASS ",
        b"PASS",
        b"APOP user " + DIGEST,
        b"APOP user " + DIGEST[::-1],
        b"APOP",
        PLAIN,
        WRONG,
        b"AUTH",
        b"AUTH PLAIN",
        b"AUTH PLAIN =",
        b"AUTH APOP",
        b"AUTH LOGIN",
        b"AUTH CRAM-MD5",
        b"AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9eA==",
        b64encode(b"\0user\0pencil"),
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
        st.sampled_from([b"AUTH ", b"USER ", b"pass ", b"APOP ", b"auth plain "]),
        st.binary(max_size=40),
    )
)


class EveryLine(RuleBasedStateMachine):
    """Whatever a client says, in whatever order, and whatever is answered."""

    def __init__(self) -> None:
        super().__init__()
        names = ["APOP", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"]
        self.session = ServerSession(
            CLEAR,
            policy=sasl.Policy(allow=names, cleartext="always", decoy=(16, 16)),
            starttls=True,
            nonce=TIMESTAMP,
            max_failures=6,
        )
        self.session.greeting()
        self.application = Application()
        self.request: sasl.Request | None = None
        self.command: Command | None = None
        self.ended = False
        self.said_yes = False

    def take(self, action: object) -> None:
        self.request = self.command = None
        if isinstance(action, Reply):
            self.check(action)
            self.ended = self.ended or action.close
        elif isinstance(action, Command):
            self.command = action
            assert not set(action.argument) & set(b"\r\n\0")
            assert action.verb in ("QUIT", "STLS", "LANG", "UTF8") or (
                self.session.identity is not None
            )
        else:
            assert isinstance(action, sasl.Request)
            assert getattr(action, "password", "x")
            self.request = action

    def check(self, reply: Reply) -> None:
        octets = bytes(reply)
        assert octets.endswith(b"\r\n")
        assert octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r")
        if octets.startswith(b"+ "):
            b64decode(octets[2:-2], validate=True)
        elif octets == b"+OK Authenticated\r\n":
            assert self.said_yes and self.session.identity is not None
        elif reply.body is None:
            assert octets.startswith((b"-ERR ", b"+OK Send PASS", b"+OK Begin TLS"))
            assert octets.count(b"\r\n") == 1

    @precondition(lambda self: not self.request)
    @rule(line=_ANY_LINE, cut=st.integers(0, 60), junk=st.sampled_from([b"", b"\r\n"]))
    def say(self, line: bytes, cut: int, junk: bytes) -> None:
        """Say it in two halves, or with an end of line injected."""
        before, over = self.session.identity, self.ended
        line = line[:cut] + junk + line[cut:] + b"\r\n"
        incoming = self.session.incoming
        for half in (line[:cut], line[cut:]):
            incoming.feed(half)
        while not self.request and (whole := incoming.next()) is not None:
            self.take(self.session.receive(whole))
            self.drop()
            assert not over or self.ended
        if before is not None:
            assert self.session.identity is before  # only STLS takes it back

    def drop(self) -> None:
        """Answer a command, unless something may be done with it."""
        if self.command is not None and self.session.incoming.pending:
            self.session.replied(self.command, self.command.err("not now"))
            self.command = None

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
    @rule(yes=st.booleans())
    def reply(self, yes: bool) -> None:
        command, self.command = self.command, None
        if command.verb != "STLS":
            said = command.ok() if yes else command.err("no")
            self.session.replied(command, said)

    @precondition(lambda self: self.command and self.command.verb == "STLS")
    @rule()
    def shake_hands(self) -> None:
        reply = self.session.start_tls(pending=self.session.incoming.pending)
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


_REPLIES = st.sampled_from(
    [
        b"+OK\r\n",
        b"+OK ready %b\r\n" % TIMESTAMP,
        b"-ERR\r\n",
        b"-ERR [AUTH] no\r\n",
        b"+OK\r\nUSER\r\n.\r\n",
        b"+OK\r\nAUTH-RESP-CODE\r\nSASL SCRAM-SHA-256 CRAM-MD5 PLAIN\r\n.\r\n",
        b"+OK\r\nSASL LOGIN XOAUTH2\r\nSTLS\r\n.\r\n",
        b"+ \r\n",
        b"+\r\n",
        b"+ PDFAeD4=\r\n",
        b"+ !\r\n",
        b"+OK half",
        b"\0\r\n",
        b"+OK" + b"A" * 70_000,
    ]
)
_ANY_REPLY = _REPLIES | st.builds(
    lambda start, rest, end: start + rest + end,
    st.sampled_from([b"", b"+ ", b"+OK ", b"-ERR ", b"+OK\r\nSASL "]),
    st.binary(max_size=40) | st.binary(max_size=40).map(b64encode),
    st.sampled_from([b"\r\n", b"\r\n.\r\n", b""]),
)


class Arbitrary(unittest.TestCase):
    def test_every_line_in_every_order(self) -> None:
        run_state_machine_as_test(
            EveryLine, settings=settings(max_examples=60, stateful_step_count=20)
        )

    def test_the_machine_reaches_success(self) -> None:
        for lines in (
            [PLAIN],
            [b"USER user", b"PASS pencil"],
            [b"APOP user " + DIGEST],
        ):
            machine = EveryLine()
            for line in lines:
                machine.say(line, 3, b"")
            machine.answer()
            self.assertIsNotNone(machine.session.identity)

    @settings(max_examples=100)
    @given(st.lists(_ANY_REPLY, max_size=10), st.booleans())
    def test_every_reply_in_every_order(self, replies: list[bytes], tls: bool) -> None:
        """Nothing but SASLError; no success but of a server that said yes at the end."""
        client = ClientSession(
            sasl.Credentials("user", "pencil", token="t"),
            channel=TLS if tls else CLEAR,
            policy=sasl.Policy(cleartext="always", allow=["APOP", *NAMES]),
            starttls="opportunistic",
        )
        sent = b""
        for reply in replies:
            try:
                sent = client.receive(reply)
                if client.wants_tls:
                    sent = client.secured(TLS)
            except sasl.SASLError as error:
                self.assertTrue(str(error).isprintable())
                self.assertFalse(client.authenticated)
                return
            self.assertTrue(sent == b"" or sent.endswith(b"\r\n"))
            self.assertLessEqual(sent.count(b"\n"), 1)
            if client.authenticated:
                self.assertIn(b"+OK", reply)
                self.assertNotEqual(client.mechanism, "SCRAM-SHA-256")
                return


if __name__ == "__main__":
    unittest.main()
