"""A database server's half of a login, message by message."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core import profiles
from sasl_core._strict import Malformed
from sasl_core.protocols.postgresql import Command, Reply, ServerSession, error
from sasl_core.protocols.postgresql import _messages as messages

from ..._accounts import Application
from ._peer import (
    BOUND,
    CLEAR,
    FIRST,
    POLICY,
    QUERY,
    SSL,
    STARTUP,
    TLS,
    Peer,
    server,
    split,
    state,
)

PASSWORD = messages.message("p", b"pencil\0")
ONLY_PASSWORDS = {"answers": [sasl.CheckPassword, sasl.Authorize]}


def started(on: sasl.Channel = TLS, **options) -> Peer:
    """Make a server that has asked for the authentication."""
    peer = server(on, **options)
    peer.say(STARTUP)
    return peer


def logged_in(**options) -> Peer:
    """Make a server that somebody is logged in to."""
    peer = started(**ONLY_PASSWORDS | options)
    peer.say(PASSWORD)
    return peer


class Startup(unittest.TestCase):
    def listed(self, on: sasl.Channel, **options) -> list[str]:
        ((kind, body),) = split(bytes(server(on, **options).say(STARTUP)))
        code, data = messages.read_authentication(body)
        self.assertEqual((kind, code), ("R", messages.SASL))
        return messages.read_mechanism_list(data)

    def test_the_list(self) -> None:
        self.assertEqual(self.listed(TLS), ["SCRAM-SHA-256"])
        self.assertEqual(self.listed(CLEAR), ["SCRAM-SHA-256"])
        both = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]
        self.assertEqual(self.listed(BOUND), both)
        # Bound by the certificate or not at all.
        for binding in BOUND.bindings:
            known = binding.type == "tls-server-end-point"
            on = TLS.replace(bindings=[binding])
            self.assertEqual(self.listed(on), both if known else both[1:])

    def test_a_password_in_clear(self) -> None:
        peer = server(**ONLY_PASSWORDS)
        demand = messages.authentication(messages.CLEARTEXT)
        self.assertEqual(bytes(peer.say(STARTUP)), demand)
        peer.say(PASSWORD)
        self.assertEqual(peer.session.identity.authcid, "user")
        self.assertEqual(state(server(CLEAR, **ONLY_PASSWORDS).say(STARTUP)), "28000")

    def test_passwords_refused(self) -> None:
        for body, expected in (
            (b"wrong\0", "28P01"),
            (b"pencil", "08P01"),
            (b"pencil\0\0", "08P01"),
            (b"\0", "08P01"),
            (b"", "08P01"),
        ):
            peer = started(**ONLY_PASSWORDS)
            with self.subTest(body):
                reply = peer.say(messages.message("p", body))
                self.assertEqual(state(reply), expected)
                self.assertIsNone(peer.session.identity)

    def test_what_it_says(self) -> None:
        peer = server()
        wanted = {"user": b"user", "database": b"db\xff", "_pq_.x": b"1"}
        reply = peer.say(messages.startup(messages.VERSION + 2, wanted))
        self.assertEqual(peer.session.startup["database"], "db\ufffd")
        version, _ = split(bytes(reply))
        self.assertEqual(version, ("v", bytes(7) + b"\x01_pq_.x\0"))

    def test_the_users_name(self) -> None:
        for name, expected in (
            (b"", "28000"),
            (b"\xff", "08P01"),
            (b"a\nb", "08P01"),
            (b"x" * 2000, "08P01"),
        ):
            with self.subTest(name):
                frame = messages.startup(messages.VERSION, {"user": name})
                self.assertEqual(state(server().say(frame)), expected)
        frame = messages.startup(messages.VERSION, {"database": b"x"})
        self.assertEqual(state(server().say(frame)), "28000")

    def test_what_is_no_startup(self) -> None:
        for frame in (
            b"",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01",
            b"\0\0\0\x08",
            STARTUP[:-1],
            STARTUP + b"\0",
            messages.startup(messages.VERSION, {"user": b"u", "": b""}),
            b"\0\0\0\x0e\0\x03\0\0user\0\0",
            b"\0\0\0\x08\0\x03\0\0",
            b"\0\0\0\x17\0\x03\0\0user\0u\0user\0v\0\0",
        ):
            with self.subTest(frame):
                self.assertEqual(state(server().say(frame)), "08P01")
        old = messages.startup(2 << 16, {})
        self.assertEqual(state(server().say(old)), "0A000")

    def test_over_the_limit(self) -> None:
        for octets in (b"\0\0\x40\0" + bytes(30), b"\xff\xff\xff\xff", b"\0\0\0\x07"):
            peer = server()
            peer.session.incoming.feed(octets + bytes(20_000))
            frame = peer.session.incoming.next()
            self.assertEqual(len(frame), 10_001)
            self.assertEqual(state(peer.say(frame)), "08P01")

    def test_requests_to_cancel(self) -> None:
        frame = messages.startup(messages.CANCEL) + bytes(8)
        frame = b"\0\0\0\x10" + frame[4:]
        self.assertEqual(server().say(frame), Reply(close=True))

    def test_encryption_by_kerberos(self) -> None:
        peer = server()
        self.assertEqual(bytes(peer.say(messages.startup(messages.GSS))), b"N")
        self.assertEqual(split(bytes(peer.say(STARTUP)))[0][0], "R")


class Exchanges(unittest.TestCase):
    def test_the_user_is_the_startup_messages(self) -> None:
        """Whatever SCRAM's own name says."""
        for sent in (b"", b"*", b"boss"):
            peer = started()
            first = messages.initial_response(
                "SCRAM-SHA-256", b"n,,n=" + sent + b",r=x"
            )
            request = peer.session.receive(first)
            self.assertIsInstance(request, sasl.FindScramKeys)
            self.assertEqual(request.username, "user")

    def test_success(self) -> None:
        peer = started()
        client = sasl.client(
            "SCRAM-SHA-256",
            sasl.Credentials("user", "pencil"),
            channel=TLS,
            policy=POLICY,
            profile=profiles.POSTGRESQL,
        )
        reply = peer.say(messages.initial_response("SCRAM-SHA-256", client.start()))
        ((_, body),) = split(bytes(reply))
        code, data = messages.read_authentication(body)
        self.assertEqual(code, messages.CONTINUE)
        reply = peer.say(messages.message("p", client.step(data)))
        (_, final), (_, done), *rest = split(bytes(reply))
        code, data = messages.read_authentication(final)
        self.assertEqual(code, messages.FINAL)
        client.finish(data)
        self.assertEqual(messages.read_authentication(done), (messages.OK, b""))
        self.assertEqual([kind for kind, _ in rest], ["S"] * 6 + ["Z"])
        self.assertEqual(peer.session.identity, sasl.Identity("user"))

    def test_without_an_initial_response(self) -> None:
        peer = started()
        reply = peer.say(messages.initial_response("SCRAM-SHA-256", None))
        self.assertEqual(bytes(reply), messages.authentication(messages.CONTINUE))
        peer.say(messages.message("p", b"n,,n=,r=abc"))
        self.assertEqual(peer.application.asked, ["FindScramKeys"])

    def test_an_unknown_user_looks_like_a_known_one(self) -> None:
        shown = set()
        for name in (b"user", b"nobody", b"noone"):
            peer = server()
            peer.say(messages.startup(messages.VERSION, {"user": name}))
            ((_, body),) = split(bytes(peer.say(FIRST)))
            _, data = messages.read_authentication(body)
            nonce, salt, count = data.split(b",")
            shown.add((len(nonce), len(salt), count))
            self.assertEqual(count, b"i=16")
            final = b"c=biws," + nonce + b",p=" + b"A" * 43 + b"="
            reply = peer.say(messages.message("p", final))
            self.assertEqual(state(reply), "28P01")
        self.assertEqual(len(shown), 1)

    def test_an_authzid_needs_leave(self) -> None:
        peer = started()
        first = messages.initial_response("SCRAM-SHA-256", b"n,a=boss,n=,r=x")
        request = peer.session.receive(first)
        self.assertEqual(request.username, "user")

    def test_every_reason(self) -> None:
        for reason in sasl.Reason:
            peer = started()
            request = peer.session.receive(FIRST)
            reply = peer.session.resume(request.refuse(reason))
            expected = profiles.POSTGRESQL.reply(reason).split()[0]
            self.assertEqual(state(reply), expected)

    def test_what_is_not_on_the_list(self) -> None:
        for name in ("SCRAM-SHA-256-PLUS", "PLAIN", "SCRAM-SHA-512", "\xfc", ""):
            with self.subTest(name):
                frame = messages.initial_response(name, b"x")
                self.assertEqual(state(started().say(frame)), "0A000")

    def test_what_is_no_response(self) -> None:
        for frame in (
            QUERY,
            b"",
            b"p",
            messages.message("p"),
            messages.message("p", b"SCRAM-SHA-256"),
            messages.message("p", b"SCRAM-SHA-256\0\0\0\0"),
            messages.message("p", b"SCRAM-SHA-256\0\0\0\0\x02x"),
            messages.message("p", b"SCRAM-SHA-256\0\xff\xff\xff\xffx"),
            messages.message("p", b"SCRAM-SHA-256\0\xff\xff\xff\xfe"),
            messages.message("p", b"x")[:-1],
            messages.TERMINATE,
            messages.initial_response("SCRAM-SHA-256", b"x"),
        ):
            with self.subTest(frame):
                self.assertEqual(state(started().say(frame)), "08P01")

    def test_what_is_none_within_an_exchange(self) -> None:
        for frame in (QUERY, b"p\0", messages.message("p", b"x"), messages.TERMINATE):
            peer = started()
            peer.say(FIRST)
            with self.subTest(frame):
                self.assertEqual(state(peer.say(frame)), "08P01")
                self.assertIs(peer.session.failure.reason, sasl.Reason.MALFORMED)
                _, failure = peer.session.decision()
                self.assertIs(failure, peer.session.failure)
                self.assertTrue(peer.say(QUERY).close)

    def test_a_password_in_a_message_of_another_kind(self) -> None:
        for kind in ("Q", "X", "\0"):
            peer = started(**ONLY_PASSWORDS)
            self.assertEqual(
                state(peer.say(messages.message(kind, b"pencil\0"))), "08P01"
            )
            self.assertEqual(peer.application.asked, [])

    def test_too_long(self) -> None:
        peer = started()
        long = messages.message("p", bytes(30_000))
        peer.session.incoming.feed(long)
        self.assertEqual(peer.session.incoming.next(), long)
        peer.session.incoming.feed(messages.message("p", bytes(70_000)))
        frame = peer.session.incoming.next()
        self.assertEqual(state(peer.say(frame)), "08P01")

    def test_a_failure_ends_it(self) -> None:
        peer = started(**ONLY_PASSWORDS)
        self.assertEqual(state(peer.say(messages.message("p", b"wrong\0"))), "28P01")
        self.assertEqual(state(peer.say(PASSWORD)), "57P01")
        self.assertEqual(peer.application.asked, ["CheckPassword"])

    def test_unavailable(self) -> None:
        peer = started()
        peer.session.receive(FIRST)
        self.assertEqual(state(peer.session.unavailable()), "57P03")

    def test_waited_in_vain(self) -> None:
        self.assertEqual(state(started().session.timed_out), "57014")
        self.assertEqual(state(logged_in().session.timed_out), "57P05")


class Afterwards(unittest.TestCase):
    def test_messages_are_the_applications(self) -> None:
        peer = logged_in()
        peer.say(QUERY)
        self.assertEqual(peer.commands, [Command("Q", b"SELECT 1\0")])

    def test_its_parameters(self) -> None:
        peer = started(**ONLY_PASSWORDS, parameters={"server_version": "99", "x": "y"})
        said = bytes(peer.say(PASSWORD))
        self.assertIn(messages.parameter_status("server_version", "99"), said)
        self.assertIn(messages.parameter_status("x", "y"), said)

    def test_the_end(self) -> None:
        self.assertEqual(logged_in().say(messages.TERMINATE), Reply(close=True))

    def test_its_limit(self) -> None:
        for size, good in ((100_000, True), (300_000, False)):
            peer = logged_in(message_limit=200_000)
            peer.session.incoming.feed(messages.message("Q", bytes(size)))
            reply = peer.say(peer.session.incoming.next())
            self.assertEqual(reply.close, not good)

    def test_errors_of_its_own(self) -> None:
        ((kind, body),) = split(error("42601", "syntax error"))
        self.assertEqual((kind, body[-1:]), ("E", b"\0"))
        self.assertEqual(messages.read_error(body), ("42601", "syntax error"))
        with self.assertRaises(ValueError):
            error("42601", "a\0b")
        with self.assertRaises(Malformed):
            messages.read_error(b"")


class TLSRequests(unittest.TestCase):
    def test_it(self) -> None:
        peer = server(CLEAR, starttls=True)
        self.assertEqual(bytes(peer.say(SSL)), b"S")
        peer.session.secured(BOUND)
        ((_, body),) = split(bytes(peer.say(STARTUP)))
        self.assertIn(b"SCRAM-SHA-256-PLUS", body)
        (binding,) = peer.session.channel.bindings
        self.assertEqual(binding.type, "tls-server-end-point")

    def test_not_offered(self) -> None:
        for on, options in ((CLEAR, {}), (TLS, {"starttls": True})):
            peer = server(on, **options)
            self.assertEqual(bytes(peer.say(SSL)), b"N")
            self.assertEqual(split(bytes(peer.say(STARTUP)))[0][0], "R")

    def test_what_is_injected_behind_it(self) -> None:
        """CVE-2021-23214."""
        peer = server(CLEAR, starttls=True)
        self.assertEqual(peer.session.receive(SSL), Command("SSLRequest"))
        self.assertEqual(state(peer.session.start_tls(pending=True)), "08P01")
        peer = server(CLEAR, starttls=True)
        peer.say(SSL)
        self.assertEqual(state(peer.say(STARTUP)), "08P01")

    def test_refused_by_the_application(self) -> None:
        session = ServerSession(CLEAR, starttls=True)
        session.replied(session.receive(SSL), Reply(b"N"))
        self.assertFalse(session.wants_tls)
        self.assertIsInstance(session.receive(STARTUP), Reply)

    def test_requests_with_more_in_them(self) -> None:
        frame = b"\0\0\0\x09" + SSL[4:] + b"x"
        self.assertEqual(state(server(CLEAR, starttls=True).say(frame)), "0A000")


class Accounts(unittest.TestCase):
    def test_authzid(self) -> None:
        peer = started()
        peer.application = Application(may_act_as=())
        client = sasl.client(
            "SCRAM-SHA-256",
            sasl.Credentials("user", "pencil", authzid="boss"),
            channel=TLS,
            policy=POLICY,
            profile=profiles.POSTGRESQL,
        )
        reply = peer.say(messages.initial_response("SCRAM-SHA-256", client.start()))
        _, data = messages.read_authentication(split(bytes(reply))[0][1])
        reply = peer.say(messages.message("p", client.step(data)))
        self.assertEqual(state(reply), "28000")


if __name__ == "__main__":
    unittest.main()
