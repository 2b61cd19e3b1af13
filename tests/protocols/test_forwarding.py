"""Sessions whose exchanges another server runs: message by message, or not at all."""

from __future__ import annotations

import unittest
from copy import deepcopy

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find
from sasl_core.protocols import imap, pop3, smtp
from sasl_core.protocols.dovecot import Found
from sasl_core.protocols.forwarding import (
    Continue,
    Forward,
    Refused,
    Verified,
    forwarded,
)

from .._accounts import NAMES, OTHER, TABLE, Application, channel, policy
from .dovecot._pair import meet, say

YES = Verified(sasl.Identity("user"))
NO = Refused(sasl.Reason.BAD_CREDENTIALS)
SECURE = sasl.Channel(True, service="smtp", host="mail.example.org")


def begin(name="PLAIN", *, flags=(), on=SECURE, profile=profiles.SMTP) -> sasl.Server:
    return sasl.server(forwarded(name, flags), channel=on, profile=profile)


class Mechanism(unittest.TestCase):
    def test_what_is_known_of_it(self) -> None:
        for name in NAMES:
            known, other = find(name), forwarded(name)
            for fact in ("shows", "plus", "anonymous", "external", "strength"):
                self.assertEqual(getattr(known, fact), getattr(other, fact))
            self.assertEqual(other.asks, (Forward,))
            self.assertIs(other, forwarded(name))

    def test_what_is_told_of_it(self) -> None:
        self.assertEqual(forwarded("X-NEW", ["plaintext"]).shows, "password")
        self.assertTrue(forwarded("X-NEW", ["channel-binding"]).plus)
        self.assertTrue(forwarded("X-NEW", ["anonymous", "other"]).anonymous)
        with self.assertRaises(ValueError):
            forwarded("no name")

    def test_the_policy_is_asked(self) -> None:
        open_channel = sasl.Channel(False)
        for name, on in (
            ("PLAIN", open_channel),
            ("ANONYMOUS", SECURE),
            ("EXTERNAL", SECURE),
            ("SCRAM-SHA-256-PLUS", SECURE),
        ):
            with self.assertRaises(sasl.NoMechanism):
                begin(name, on=on)
        with self.assertRaises(sasl.NoMechanism):
            sasl.server(
                forwarded("PLAIN"), channel=SECURE, answers=[sasl.CheckPassword]
            )

    def test_only_servers_forward(self) -> None:
        mine = sasl.Credentials("user", "pencil")
        with self.assertRaises(ValueError):
            sasl.client(forwarded("PLAIN"), mine, channel=SECURE)


class Exchange(unittest.TestCase):
    def test_with_an_initial_response(self) -> None:
        asked = begin().start(b"AHVzZXIAcGVuY2ls")
        self.assertIsInstance(asked, Forward)
        self.assertEqual((asked.message, asked.begins), (b"\0user\0pencil", True))
        self.assertNotIn("pencil", repr(asked))
        event = asked.answer(YES)
        self.assertEqual(
            event, sasl.Success(sasl.Identity("user"), None, "PLAIN", False)
        )

    def test_without_one_the_other_server_speaks_first(self) -> None:
        exchange = begin("CRAM-MD5")
        asked = exchange.start()
        self.assertEqual((asked.message, asked.begins), (None, True))
        self.assertIs(asked.exchange, exchange)
        event = asked.answer(Continue(b"<1@x>"))
        self.assertEqual(event, sasl.Challenge(b"PDFAeD4="))
        asked = exchange.step(b"dXNlciAw")
        self.assertEqual((asked.message, asked.begins), (b"user 0", False))
        event = asked.answer(NO)
        self.assertEqual(event, sasl.Failure(sasl.Reason.BAD_CREDENTIALS))

    def test_empty_is_not_none(self) -> None:
        self.assertEqual(begin("X-NEW").start(b"=").message, b"")
        self.assertIsNone(begin("X-NEW").start().message)

    def test_what_the_mechanism_forbids_is_not_forwarded(self) -> None:
        event = begin("CRAM-MD5").start(b"dXNlciAw")
        self.assertIs(event.reason, sasl.Reason.UNEXPECTED_INITIAL)

    def test_what_breaks_the_rules_is_not_forwarded(self) -> None:
        for text in (b"!", b"AA", b"*"):
            exchange = begin()
            self.assertIsInstance(exchange.start(text), sasl.Failure)

    def test_success_data(self) -> None:
        found = Verified(sasl.Identity("user"), b"v=1", bound=True)
        exchange = begin("X-NEW", profile=profiles.MANAGESIEVE)
        event = exchange.start(b"").answer(found)
        self.assertEqual((event.data, event.bound), (b"dj0x", True))
        exchange = begin("X-NEW")
        event = exchange.start(b"").answer(found)
        self.assertEqual(event, sasl.Challenge(b"dj0x"))
        self.assertIsInstance(exchange.step(b""), sasl.Success)

    def test_as_another_the_application_is_asked(self) -> None:
        found = Verified(sasl.Identity("user", "boss"))
        asked = begin().start(b"").answer(found)
        self.assertEqual((asked.authcid, asked.authzid), ("user", "boss"))
        self.assertIs(asked.deny().reason, sasl.Reason.NOT_AUTHORIZED)

    def test_it_fails_closed(self) -> None:
        self.assertIs(begin().start(b"").deny().reason, sasl.Reason.BAD_CREDENTIALS)
        event = begin().start(b"").unavailable("dead")
        self.assertIs(event.reason, sasl.Reason.UNAVAILABLE)
        for answer in (
            True,
            1,
            "user",
            Found("user"),
            sasl.Identity("user"),
            None,
            b"",
        ):
            exchange = begin()
            asked = exchange.start(b"")
            with self.assertRaises(sasl.StateError):
                asked.answer(answer)
            with self.assertRaises(sasl.StateError):
                exchange.step(b"")
        with self.assertRaises(ValueError):
            Verified(sasl.Identity(""))

    def test_nobody_can_answer_twice_or_step_in_between(self) -> None:
        exchange = begin()
        asked = exchange.start(b"")
        twin = deepcopy(exchange)
        with self.assertRaises(sasl.StateError):
            twin.step(b"")
        asked.answer(Continue(b""))
        with self.assertRaises(sasl.StateError):
            asked.answer(YES)


class Sessions(unittest.TestCase):
    """By our service, in Dovecot's protocol, with our own clients at the other end."""

    def setUp(self) -> None:
        self.peer, self.service = meet(binding=True, external=True)
        self.application = Application()
        self.ids: dict[sasl.Server, int] = {}

    def settle(self, request: sasl.Request) -> sasl.Event:
        if isinstance(request, sasl.Authorize):
            return request.answer(True)  # the other server has said so
        exchange, message = request.exchange, request.message
        if request.begins:
            on = request.channel
            self.ids[exchange] = self.peer.begin(request.mechanism, message, on)
        else:
            self.peer.go_on(self.ids[exchange], message)
        answers = []
        while not answers:
            said = say(self.service, self.peer.data_to_send(), self.application)
            answers = self.peer.receive(said)
        return request.answer(answers[0].outcome)

    def smtp(self, name: str, credentials: sasl.Credentials, initial=True):
        on = channel(name, service="smtp")
        server = smtp.ServerSession(on, policy=policy(name))
        server.forward(self.peer.forwarded())
        client = smtp.ClientSession(
            credentials, channel=on, policy=policy(name), starttls="never"
        )
        said = bytes(smtp.Reply(220, "hello"))
        while not client.authenticated:
            line = client.receive(said)
            if not line:
                break
            action = server.receive(line)
            while isinstance(action, sasl.Request):
                action = server.resume(self.settle(action))
            if isinstance(action, smtp.Command):
                action = smtp.Reply(250, "x", *server.keywords())
            said = bytes(action)
        self.assertEqual(server.keywords(), ())
        return server

    def test_every_mechanism(self) -> None:
        for name, entry in TABLE.items():
            server = self.smtp(name, sasl.Credentials(**entry.right))
            self.assertEqual(server.success.mechanism, name)
            self.assertEqual(server.success.bound, find(name).plus)
            exchange, outcome = server.decision()
            self.assertIn(exchange, self.ids)
            self.assertIs(outcome, server.success)

    def test_a_wrong_password(self) -> None:
        for name, entry in TABLE.items():
            if entry.wrong is not None:
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    self.smtp(name, sasl.Credentials(**entry.wrong))
                self.assertIs(
                    caught.exception.reason, sasl.Reason.BAD_CREDENTIALS, name
                )

    def test_as_another(self) -> None:
        for name in ("PLAIN", "SCRAM-SHA-256-PLUS"):
            mine = sasl.Credentials(**TABLE[name].right, authzid=OTHER)
            self.assertEqual(self.smtp(name, mine).identity.authzid, OTHER)

    def test_what_is_on_offer(self) -> None:
        self.peer, _ = meet(policy=sasl.Policy(allow=["PLAIN", "SCRAM-SHA-1"]))
        server = smtp.ServerSession(SECURE)
        server.forward(self.peer.forwarded())
        server.receive(b"EHLO x")
        self.assertEqual(server.keywords(), ("AUTH SCRAM-SHA-1 PLAIN",))
        reply = server.receive(b"AUTH SCRAM-SHA-256 biws")
        self.assertEqual(reply.code, 504)
        server = smtp.ServerSession(sasl.Channel(False))
        server.forward(self.peer.forwarded())
        server.receive(b"EHLO x")
        self.assertEqual(server.receive(b"AUTH PLAIN AHVzZXIAcGVuY2ls").code, 538)
        self.assertEqual(server.receive(b"AUTH plain\xff").code, 504)
        nothing = smtp.ServerSession(SECURE)
        nothing.forward([])
        nothing.receive(b"EHLO x")
        self.assertEqual(nothing.keywords(), ())

    def test_a_name_in_any_case(self) -> None:
        server = smtp.ServerSession(SECURE)
        server.forward(self.peer.forwarded())
        server.receive(b"EHLO x")
        action = server.receive(b"auth plain AHVzZXIAcGVuY2ls")
        self.assertEqual(bytes(server.resume(self.settle(action)))[:3], b"235")

    def test_apop_is_not_run_beside(self) -> None:
        policy = sasl.Policy(allow=["APOP", "PLAIN"])
        server = pop3.ServerSession(SECURE, policy=policy)
        self.assertIn(b"<", bytes(server.greeting()))
        server = pop3.ServerSession(SECURE, policy=policy)
        server.forward(self.peer.forwarded())
        self.assertNotIn(b"<", bytes(server.greeting()))
        reply = server.receive(b"APOP user " + b"0" * 32)
        self.assertEqual(bytes(reply)[:4], b"-ERR")
        action = server.receive(b"AUTH PLAIN AHVzZXIAcGVuY2ls")
        self.assertEqual(bytes(server.resume(self.settle(action)))[:3], b"+OK")

    def test_the_protocol_s_own_command_for_a_password(self) -> None:
        server = imap.ServerSession(SECURE)
        server.forward(self.peer.forwarded())
        self.assertIn("AUTH=PLAIN", server.capabilities())
        action = server.receive(b"a LOGIN user pencil")
        self.assertIsInstance(action, Forward)
        self.assertIn(b"a OK", bytes(server.resume(self.settle(action))))
        self.assertEqual(server.identity, sasl.Identity("user"))
        other = imap.ServerSession(SECURE)
        other.forward([forwarded("CRAM-MD5")])
        self.assertIn("LOGINDISABLED", other.capabilities())
        self.assertIn(b"a NO", bytes(other.receive(b"a LOGIN user pencil")))


if __name__ == "__main__":
    unittest.main()
