"""saslauthd's protocol: both halves, each length, each verdict."""

from __future__ import annotations

import pickle
import traceback
import unittest

import sasl_core as sasl
from sasl_core.protocols.saslauthd import (
    ClientSession,
    Refused,
    Reply,
    ServerSession,
    Verified,
)

from .._accounts import Application
from .._hypothesis import given, settings, st


def counted(*texts: bytes) -> bytes:
    return b"".join(len(text).to_bytes(2, "big") + text for text in texts)


def settled(session: ServerSession, action, application=None) -> Reply:
    application = application or Application()
    while isinstance(action, sasl.Request):
        action = session.resume(application.settle(action))
    return action


def shown(error: Exception, file: str) -> str:
    """What a traceback with locals shows of the frames in this file."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    trace.stack[:] = [f for f in trace.stack if f.filename.endswith(file)]
    return "".join(trace.format())


class Server(unittest.TestCase):
    def asked(self, *texts: bytes, **options) -> sasl.CheckPassword:
        request = ServerSession(**options).receive(counted(*texts))
        self.assertIsInstance(request, sasl.CheckPassword)
        return request

    def test_yes_and_no(self) -> None:
        for password, said in ((b"pencil", b"OK"), (b"pen", b"NO")):
            session = ServerSession()
            action = session.receive(counted(b"user", password, b"smtp", b""))
            reply = settled(session, action)
            self.assertEqual(bytes(reply)[2:4], said)
            self.assertEqual(int.from_bytes(bytes(reply)[:2], "big"), len(reply.text))
            self.assertTrue(reply.close)
            exchange, outcome = session.decision()
            self.assertEqual(exchange.channel.service, "smtp")
            self.assertEqual(isinstance(outcome, sasl.Success), said == b"OK")
            self.assertIsNone(session.decision())
            session.closed()
            self.assertIsNone(session.decision())

    def test_the_realm_is_joined(self) -> None:
        asked = self.asked(b"user", b"x", b"imap", b"example.org")
        self.assertEqual(asked.username, "user@example.org")
        asked = self.asked(b"u@a", b"x", b"imap", b"b")
        self.assertEqual(asked.username, "u@a@b")
        asked = self.asked(b"user", b"x", b"imap", b"here", local_realms=["here"])
        self.assertEqual(asked.username, "user")

    def test_facts(self) -> None:
        asked = self.asked(b"user", b"x", b"imap", b"", remote="192.0.2.1")
        self.assertEqual(
            asked.channel, sasl.Channel(True, service="imap", remote="192.0.2.1")
        )

    def test_octet_by_octet(self) -> None:
        session = ServerSession()
        *octets, last = counted(b"user", b"pencil", b"", b"")
        for octet in octets:
            self.assertIsNone(session.receive(bytes([octet])))
        action = session.receive(bytes([last]))
        self.assertEqual(settled(session, action), Reply("OK"))

    def test_what_reaches_nobody(self) -> None:
        for texts in (
            (b"user", b"", b"smtp", b""),  # no empty password
            (b"", b"pencil", b"smtp", b""),
            (b"user\0x", b"pencil", b"smtp", b""),
            (b"user", b"pencil\0x", b"smtp", b""),
            (b"user", b"pencil", b"smtp", b"a\0b"),
            (b"\xff", b"pencil", b"smtp", b""),
            (b"user", b"pencil", b"\xff", b""),
            (b"user", b"pencil", b"smtp", b"\xff"),
            (b"u" * 1025, b"pencil", b"smtp", b""),
            (b"user", b"p" * 4097, b"smtp", b""),
            (b"user", b"pencil", b"s" * 257, b""),
            (b"user", b"pencil", b"smtp", b"r" * 1025),
            (b"user", b"pencil", b"smtp", b"", b"more"),
        ):
            session = ServerSession()
            reply = session.receive(counted(*texts))
            self.assertEqual(reply.text[:3], "NO ", texts)
            with self.assertRaises(sasl.StateError):
                session.receive(b"")
            session.closed()

    def test_a_length_over_the_limit_is_not_waited_for(self) -> None:
        reply = ServerSession().receive(b"\xff\xff")
        self.assertEqual(reply, Reply("NO request too long"))

    def test_the_policy_and_what_can_be_answered(self) -> None:
        for options in (
            {"policy": sasl.Policy(deny=["PLAIN"])},
            {"policy": sasl.Policy(cleartext="never")},
            {"answers": [sasl.FindScramKeys]},
        ):
            reply = ServerSession(**options).receive(counted(b"u", b"p", b"", b""))
            self.assertEqual(reply.text[:3], "NO ")

    def test_unavailable(self) -> None:
        session = ServerSession()
        session.receive(counted(b"user", b"pencil", b"", b""))
        reply = session.unavailable("database")
        self.assertEqual(reply, Reply("NO temporarily unavailable"))
        self.assertEqual(
            session.decision()[1], sasl.Failure(sasl.Reason.UNAVAILABLE, "database")
        )
        with self.assertRaises(sasl.StateError):
            session.unavailable()

    def test_every_reason(self) -> None:
        for reason in sasl.Reason:
            session = ServerSession()
            request = session.receive(counted(b"user", b"pencil", b"", b""))
            reply = session.resume(request.refuse(reason))
            self.assertEqual(reply.text[:3], "NO ")

    def test_resume_takes_only_the_event(self) -> None:
        session = ServerSession()
        with self.assertRaises(sasl.StateError):
            session.resume(sasl.Failure(sasl.Reason.ABORTED))
        request = session.receive(counted(b"user", b"pencil", b"", b""))
        for wrong in (True, sasl.Success(sasl.Identity("root"))):
            with self.assertRaises(sasl.StateError):
                session.resume(wrong)
        request.answer(True)
        with self.assertRaises(sasl.StateError):
            session.resume(True)

    def test_a_vanished_client(self) -> None:
        session = ServerSession()
        request = session.receive(counted(b"user", b"pencil", b"", b""))
        session.closed()
        self.assertIs(session.decision()[1].reason, sasl.Reason.ABORTED)
        with self.assertRaises(sasl.StateError):
            request.answer(True)
        half = ServerSession()
        half.receive(b"\0\5us")
        half.closed()
        self.assertIsNone(half.decision())

    def test_no_secret_is_shown(self) -> None:
        session = ServerSession()
        session.receive(b"\0\4user\0\7pen")
        self.assertNotIn("pen", repr(session))
        with self.assertRaises(TypeError):
            pickle.dumps(session)

    @settings(max_examples=60)
    @given(st.lists(st.binary(max_size=12), max_size=6))
    def test_whatever_comes_it_does_not_raise(self, pieces) -> None:
        session = ServerSession()
        action = None
        for piece in pieces:
            if action is None:
                action = session.receive(piece)
        if action is not None:
            self.assertEqual(settled(session, action).text[:2], "NO")
        session.closed()


class Client(unittest.TestCase):
    def test_the_question(self) -> None:
        for name, realm, said in (
            ("user", None, (b"user", b"pencil", b"imap", b"")),
            ("user@example.org", None, (b"user", b"pencil", b"imap", b"example.org")),
            ("a@b@c", None, (b"a@b", b"pencil", b"imap", b"c")),
            ("@c", None, (b"@c", b"pencil", b"imap", b"")),
            ("a@b", "", (b"a@b", b"pencil", b"imap", b"")),
            ("j\xfcrgen", "r", ("j\xfcrgen".encode(), b"pencil", b"imap", b"r")),
        ):
            client = ClientSession(name, "pencil", service="imap", realm=realm)
            self.assertEqual(client.request, counted(*said))
            self.assertNotIn("pencil", repr(client))

    def test_what_is_refused_here(self) -> None:
        for name, password, options in (
            ("", "x", {}),
            ("user", "", {}),
            ("user", "a\0b", {}),
            ("us\0er", "x", {}),
            ("user", "x", {"realm": "a\0b"}),
            ("user", "x", {"service": "a\0b"}),
            ("u" * 1025, "x", {}),
            ("user", "p" * 4097, {}),
            ("user", "\udcff", {}),
            ("", "s3cret", {}),
            ("user", "s3cret\0", {}),
            ("user", "s3cret", {"realm": "\0"}),
        ):
            with self.assertRaises(sasl.CredentialsError) as caught:
                ClientSession(name, password, **options)
            self.assertIsNone(caught.exception.__context__)
            self.assertNotIn("s3cret", shown(caught.exception, "saslauthd.py"))

    def test_verdicts(self) -> None:
        for text, verdict in (
            (b"OK", Verified(sasl.Identity("user@x"))),
            (b"OK all is well", Verified(sasl.Identity("user@x"))),
            (b"NO", Refused(sasl.Reason.BAD_CREDENTIALS, "")),
            (b"NO go\naway", Refused(sasl.Reason.BAD_CREDENTIALS, "go?away")),
        ):
            client = ClientSession("user@x", "pencil")
            for octet in counted(text)[:-1]:
                self.assertIsNone(client.receive(bytes([octet])))
            self.assertEqual(client.receive(text[-1:]), verdict)
            with self.assertRaises(sasl.StateError):
                client.receive(b"")
        for text in (b"", b"O", b"ok", b"OKAY", b"NOT OK", b"YES", b" OK", b"OK\n"):
            found = ClientSession("user", "pencil").receive(counted(text))
            self.assertIs(found.reason, sasl.Reason.UNAVAILABLE, text)

    def test_more_than_a_reply(self) -> None:
        for data in (counted(b"OK", b"OK"), b"\xff\xff" + b"OK" * 1000):
            with self.assertRaises(sasl.ProtocolError):
                ClientSession("user", "pencil").receive(data)

    def test_the_end_before_the_verdict(self) -> None:
        client = ClientSession("user", "pencil")
        client.receive(b"\0\2O")
        self.assertIs(client.closed().reason, sasl.Reason.UNAVAILABLE)
        with self.assertRaises(sasl.StateError):
            client.receive(b"K")


class Both(unittest.TestCase):
    def test_against_each_other(self) -> None:
        for name, password, kind in (
            ("user", "pencil", Verified),
            ("user", "wrong", Refused),
            ("nobody@nowhere", "pencil", Refused),
        ):
            client, server = ClientSession(name, password), ServerSession()
            reply = settled(server, server.receive(client.request))
            self.assertIsInstance(client.receive(bytes(reply)), kind)


if __name__ == "__main__":
    unittest.main()
