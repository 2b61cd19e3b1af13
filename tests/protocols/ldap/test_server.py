"""A directory's half, request by request: around the bind."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core.protocols.ldap import Command, Reply, ServerSession
from sasl_core.protocols.ldap import _ber as ber
from sasl_core.protocols.ldap import _messages as messages

from ..._accounts import policy
from ._peer import (
    CLEAR,
    DELETE,
    PLAIN,
    SCRAM,
    START_TLS,
    TLS,
    UNBIND,
    bind,
    outcome,
    server,
)

WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"


class Operations(unittest.TestCase):
    def test_the_application_gets_the_others(self) -> None:
        peer = server()
        reply = peer.say(DELETE)
        self.assertEqual(peer.commands, [Command(1, 0x4A, b"cn=x")])
        self.assertEqual(messages.read(bytes(reply)).tag, 0x6B)
        for tag, answer in messages.RESPONSES.items():
            octets = bytes(Command(7, tag).done(32, "no such"))
            if not answer:
                self.assertEqual(octets, b"")
                continue
            read = messages.read(octets)
            self.assertEqual((read.message_id, read.tag), (7, answer))
            self.assertEqual(messages.read_result(read.body)[:2], (32, "no such"))

    def test_extended_ones_have_a_name(self) -> None:
        peer = server()
        peer.say(messages.extended_request(3, WHO_AM_I))
        (command,) = peer.commands
        self.assertEqual(command.name, WHO_AM_I)
        reply = messages.read(bytes(command.done(value=b"u:user")))
        self.assertTrue(reply.body.endswith(ber.tlv(0x8B, b"u:user")))
        self.assertEqual(Command(1, 0x4A, b"x").name, "")

    def test_not_within_an_exchange(self) -> None:
        """The exchange goes on."""
        peer = server(policy=policy("SCRAM-SHA-256"))
        peer.say(SCRAM)
        self.assertEqual(peer.code(DELETE), 1)
        self.assertEqual(peer.code(START_TLS), 1)
        abandon = bytes(messages.Message(5, messages.ABANDON, b"\x01"))
        self.assertEqual(bytes(peer.say(abandon)), b"")
        self.assertEqual(peer.commands, [])
        self.assertEqual(peer.code(bind("SCRAM-SHA-256", b"c=x", 2)), 2)

    def test_unbind(self) -> None:
        peer = server(policy=policy("SCRAM-SHA-256"))
        peer.say(SCRAM)
        self.assertEqual(peer.say(UNBIND), Reply(close=True))
        peer.session.closed()
        self.assertIs(peer.session.failure.reason, sasl.Reason.ABORTED)

    def test_what_is_no_message(self) -> None:
        """The notice of disconnection, and the end (RFC 4511, section 4.1.1)."""
        for frame in (
            b"",
            b"GET / HTTP/1.1",
            PLAIN[:-1],
            PLAIN + b"x",
            messages.bind_request(0, "PLAIN", b"\0user\0pencil"),
            bytes(messages.Message(1, messages.BIND, b"\x02\x01\x03")),
            bytes(messages.Message(1, messages.BIND_RESPONSE, messages.result(0))),
            bytes(messages.Message(1, 0x7E)),
            bytes(messages.Message(1, messages.BIND, controls=b"x")),
            b"\x30\x83\x04\x00\x00" + bytes(0x40000),
        ):
            for before in ([], [SCRAM]):
                peer = server(policy=policy("SCRAM-SHA-256"))
                for earlier in before:
                    peer.say(earlier)
                reply = peer.say(frame)
                read = messages.read(bytes(reply))
                with self.subTest(frame[:20], before=before):
                    self.assertTrue(reply.close)
                    self.assertEqual((read.message_id, read.tag), (0, 0x78))
                    self.assertEqual(messages.read_result(read.body)[0], 2)
                    self.assertTrue(peer.say(DELETE).close)
                    failed = peer.session.failure
                    self.assertEqual(failed is not None, bool(before))

    def test_requests_that_end_too_early(self) -> None:
        for tag, body in (
            (messages.EXTENDED, b"\x81\x01x"),
            (messages.SEARCH, b"\x04\x00"),
        ):
            self.assertTrue(server().say(bytes(messages.Message(1, tag, body))).close)

    def test_a_message_over_the_limit(self) -> None:
        for size, close in ((300, False), (400, True)):
            peer = server(message_limit=400)
            frame = bytes(messages.Message(1, 0x4A, bytes(size)))
            peer.session.incoming.feed(frame)
            self.assertIs(peer.say(peer.session.incoming.next()).close, close)

    def test_misuse(self) -> None:
        peer = server()
        peer.session.receive(PLAIN)
        with self.assertRaises(sasl.StateError):
            peer.session.receive(PLAIN)

    def test_waited_in_vain(self) -> None:
        reply = server().session.timed_out
        self.assertEqual(messages.read(bytes(reply)).message_id, 0)
        self.assertTrue(reply.close)


class RootDSE(unittest.TestCase):
    def find(self, *wanted: str, on=TLS, names=(), **options) -> dict[str, list[str]]:
        peer = server(on, **options)
        frame = messages.root_dse_request(1, *wanted)
        peer.session.incoming.feed(bytes(peer.say(frame)))
        entry = messages.read(peer.session.incoming.next())
        done = messages.read(peer.session.incoming.next())
        self.assertEqual((done.tag, done.body), (messages.DONE, messages.result(0)))
        self.assertEqual(peer.commands, [])
        found = {name: messages.read_entry(entry.body, name) for name in names}
        return {name: values for name, values in found.items() if values}

    def test_the_mechanisms(self) -> None:
        name = "supportedSASLMechanisms"
        only = {"policy": sasl.Policy(allow=["PLAIN", "SCRAM-SHA-1"])}
        both = {name: ["SCRAM-SHA-1", "PLAIN"]}
        for wanted in (name, "SUPPORTEDsaslMechanisms", "+"):
            self.assertEqual(self.find(wanted, names=[name], **only), both)
        for wanted in ("*", "1.1", "cn"):
            self.assertEqual(self.find(wanted, names=[name], **only), {})
        self.assertEqual(self.find(names=[name], **only), {})
        self.assertEqual(
            self.find("+", on=CLEAR, names=[name], **only), {name: ["SCRAM-SHA-1"]}
        )

    def test_starttls(self) -> None:
        name = "supportedExtension"
        options = {"starttls": True, "attributes": {name: [WHO_AM_I]}}
        for on, values in (
            (CLEAR, [WHO_AM_I, messages.START_TLS]),
            (TLS, [WHO_AM_I]),
        ):
            self.assertEqual(
                self.find("+", on=on, names=[name], **options), {name: values}
            )

    def test_what_is_no_search_for_it(self) -> None:
        """The application's."""
        body = messages.read(messages.root_dse_request(1, "+")).body
        critical = ber.tlv(0x30, ber.string("1.2") + ber.tlv(1, b"\xff"))
        for other, controls in (
            (body.replace(b"objectClass", b"objectClasz"), b""),
            (body[:4] + b"\x01" + body[5:], b""),  # its subtree
            (ber.string("dc=x") + body[2:], b""),
            (body, critical),
        ):
            peer = server()
            peer.say(bytes(messages.Message(1, messages.SEARCH, other, controls)))
            self.assertEqual(len(peer.commands), 1)


class StartTLS(unittest.TestCase):
    def test_it(self) -> None:
        peer = server(CLEAR, starttls=True)
        reply = messages.read(bytes(peer.say(START_TLS)))
        self.assertEqual((reply.message_id, reply.tag), (1, 0x78))
        self.assertTrue(reply.body.endswith(messages.START_TLS.encode()))
        self.assertTrue(peer.session.wants_tls)
        peer.session.secured(TLS)
        self.assertEqual(peer.code(PLAIN), 0)

    def test_what_was_learnt_before_is_dropped(self) -> None:
        always = sasl.Policy(cleartext="always")
        peer = server(CLEAR, starttls=True, policy=always)
        peer.say(PLAIN)
        self.assertIsNotNone(peer.session.identity)
        peer.say(START_TLS)
        peer.session.secured(TLS)
        self.assertIsNone(peer.session.identity)

    def test_what_is_injected_behind_it(self) -> None:
        peer = server(CLEAR, starttls=True)
        peer.session.receive(START_TLS)
        reply = peer.session.start_tls(pending=True)
        self.assertTrue(reply.close)
        self.assertEqual(outcome(reply)[0], 2)
        peer = server(CLEAR, starttls=True)
        peer.say(START_TLS)
        self.assertTrue(peer.say(PLAIN).close)
        self.assertEqual(peer.application.asked, [])

    def test_not_offered(self) -> None:
        for on, options, code in (
            (CLEAR, {}, 2),
            (TLS, {"starttls": True}, 1),
            (TLS, {}, 2),
        ):
            peer = server(on, **options)
            self.assertEqual(peer.code(START_TLS), code)
            self.assertFalse(peer.session.wants_tls)

    def test_refused_by_the_application(self) -> None:
        session = ServerSession(CLEAR, starttls=True)
        command = session.receive(START_TLS)
        session.replied(command, command.done(52, "not now"))
        self.assertFalse(session.wants_tls)
        self.assertIsInstance(session.receive(DELETE), Command)

    def test_with_a_value(self) -> None:
        body = ber.tlv(0x80, messages.START_TLS.encode()) + ber.tlv(0x81, b"")
        frame = bytes(messages.Message(1, messages.EXTENDED, body))
        self.assertEqual(server(CLEAR, starttls=True).code(frame), 2)

    def test_with_a_critical_control(self) -> None:
        body = messages.read(START_TLS).body
        control = ber.tlv(0x30, ber.string("1.2.3") + ber.tlv(1, b"\xff"))
        frame = bytes(messages.Message(1, messages.EXTENDED, body, control))
        self.assertEqual(server(CLEAR, starttls=True).code(frame), 12)


if __name__ == "__main__":
    unittest.main()
