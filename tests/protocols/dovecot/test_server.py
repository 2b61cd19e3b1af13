"""The service: handshake, facts of the channel, lines."""

from __future__ import annotations

import copy
import pickle
import unittest

import sasl_core as sasl
from sasl_core.protocols.dovecot import Logins, Question, Reply, ServerSession

from ..._accounts import NAMES
from ._pair import COOKIE, PLAIN, SECURE, line, lines, say, service


class Handshake(unittest.TestCase):
    def test_all_at_once(self) -> None:
        session = service(hello=b"", policy=sasl.Policy(allow=["PLAIN", "CRAM-MD5"]))
        self.assertEqual(
            bytes(session.greeting()).decode().splitlines(),
            [
                "VERSION\t1\t3",
                "MECH\tCRAM-MD5\tdictionary\tactive",
                "MECH\tPLAIN\tplaintext",
                "SPID\t9",
                "CUID\t3",
                f"COOKIE\t{COOKIE.hex()}",
                "DONE",
            ],
        )
        self.assertEqual(lines(session, "VERSION 1 0", "CPID 5"), [])
        self.assertEqual(session.client_pid, 5)

    def test_after_the_client_where_bindings_are_offered(self) -> None:
        for minor, bound in ((2, False), (3, True), (4, True)):
            session = service(hello=b"", binding=True)
            self.assertEqual(bytes(session.greeting()), b"VERSION\t1\t3\n")
            said = lines(session, f"VERSION 1 {minor}")
            self.assertEqual(said[-1], "DONE")
            self.assertEqual(
                "MECH SCRAM-SHA-256-PLUS mutual-auth channel-binding" in said, bound
            )
            self.assertEqual("SCRAM-SHA-256-PLUS" in session.mechanisms(), bound)

    def test_external_only_where_certificates_are_told(self) -> None:
        self.assertNotIn("EXTERNAL", service().mechanisms())
        self.assertIn("EXTERNAL", service(external=True).mechanisms())

    def test_obsolete_and_anonymous_only_where_the_policy_names_them(self) -> None:
        offered = service(policy=sasl.Policy()).mechanisms()
        self.assertNotIn("ANONYMOUS", offered)
        self.assertIn("PLAIN", offered)

    def test_only_what_the_application_can_answer(self) -> None:
        offered = service(answers=[sasl.CheckPassword]).mechanisms()
        self.assertEqual(set(offered), {"PLAIN", "LOGIN", "AMQPLAIN", "ANONYMOUS"})

    def test_what_ends_the_connection(self) -> None:
        for said in (
            "VERSION 2 0",
            "VERSION 1",
            "VERSION 1 x",
            "VERSION 1 -1",
            "CPID 5",
            "",
            "AUTH 1 PLAIN service=smtp",
        ):
            session = service(hello=b"")
            session.incoming.feed(line(said))
            action = session.receive(session.incoming.next())
            self.assertEqual((bytes(action), action.close), (b"", True), said)
            with self.assertRaises(sasl.StateError):
                session.receive(b"VERSION\t1\t0\n")
        for said in ("CPID", "CPID 0", "CPID 5 6", "AUTH 1 PLAIN service=smtp"):
            session = service(hello=b"VERSION\t1\t1\n")
            session.incoming.feed(line(said))
            self.assertTrue(session.receive(session.incoming.next()).close, said)

    def test_a_fresh_cookie_for_each(self) -> None:
        one, other = (ServerSession(pid=1, number=1) for _ in range(2))
        self.assertNotEqual(one.cookie, other.cookie)
        self.assertEqual(len(one.cookie), 32)


class Facts(unittest.TestCase):
    def channel(self, parameters: str) -> sasl.Channel:
        session = service(policy=sasl.Policy(allow=NAMES, cleartext="always"))
        session.incoming.feed(line(f"AUTH 1 PLAIN {parameters} resp={PLAIN}"))
        question = session.receive(session.incoming.next())
        self.assertIsInstance(question, Question)
        return question.request.channel

    def test_all_of_them(self) -> None:
        found = self.channel(
            "service=imap secured=tls lip=192.0.2.1 rip=2001:db8::1 lport=993"
            " rport=4000 local_name=mail.example.org valid-client-cert"
            " cert_username=alice no-penalty session=xyz nologin debug unknown=1"
        )
        self.assertEqual(
            found,
            sasl.Channel(
                True,
                service="imap",
                host="mail.example.org",
                port=993,
                external="alice",
                remote="2001:db8::1",
            ),
        )

    def test_the_newer_name_of_the_service(self) -> None:
        self.assertEqual(self.channel("protocol=pop3").service, "pop3")

    def test_what_makes_it_encrypted(self) -> None:
        for said, encrypted in (
            ("service=x", False),
            ("service=x secured", True),
            ("service=x secured=tls", True),
            ("service=x transport=TLS", True),
            ("service=x transport=trusted", True),
            ("service=x transport=insecure", False),
            ("service=x secured transport=insecure", False),
        ):
            self.assertIs(self.channel(said).encrypted, encrypted, said)

    def test_what_is_not_run_over_an_open_channel(self) -> None:
        for name in ("PLAIN", "HT-SHA-256-NONE", "OAUTHBEARER"):
            said = say(service(), line(f"AUTH 1 {name} service=x"))
            self.assertIn(b"code=auth_mech_ssl_required", said, name)
        strict = sasl.Policy(allow=["SCRAM-SHA-256"], encryption="require")
        said = say(service(policy=strict), line("AUTH 1 SCRAM-SHA-256 service=x"))
        self.assertIn(b"code=auth_mech_ssl_required", said)

    def test_an_unproven_certificate_counts_for_nothing(self) -> None:
        self.assertIsNone(self.channel("service=x cert_username=root").external)
        self.assertIsNone(self.channel("service=x valid-client-cert").external)

    def test_escapes(self) -> None:
        found = self.channel("service=smtp local_name=a\x01tb\x011c\x01nd")
        self.assertEqual(found.host, "a\tb\x01c\nd")

    def test_parameters_go_with_the_question(self) -> None:
        session = service()
        session.incoming.feed(line(f"AUTH 7 PLAIN {SECURE} session=xyz resp={PLAIN}"))
        question = session.receive(session.incoming.next())
        self.assertEqual(question.id, 7)
        self.assertEqual(question.parameters.get("session"), "xyz")
        self.assertNotIn("resp", question.parameters)
        self.assertNotIn("pencil", repr(question) + repr(session))

    def test_what_is_wrong_with_one_fails_only_that(self) -> None:
        for said in (
            "AUTH 1 PLAIN",
            "AUTH 1 PLAIN secured",
            "AUTH 1 PLAIN service=",
            "AUTH 1 PLAIN service=smtp lport=x",
            "AUTH 1 PLAIN service=smtp lport=65536",
            f"AUTH 1 PLAIN service=smtp resp={PLAIN} secured",
            f"AUTH 1 PLAIN service=smtp resp= resp={PLAIN}",
        ):
            session = service()
            [reply] = lines(session, said)
            self.assertTrue(reply.startswith("FAIL 1 "), said)
            self.assertEqual(session.open, 0)
            self.assertEqual(
                lines(session, f"AUTH 2 PLAIN {SECURE} resp={PLAIN}"),
                ["OK 2 user=user"],
            )
        session = service()
        octets = b"AUTH\t1\tPLAIN\tservice=smtp\tlocal_name=\xff\n"
        self.assertTrue(say(session, octets).startswith(b"FAIL\t1"))


class Lines(unittest.TestCase):
    def test_half_lines_and_crlf(self) -> None:
        session = service()
        found = b""
        for octet in f"AUTH\t1\tPLAIN\tservice=x\tsecured\tresp={PLAIN}\r\n".encode():
            found += say(session, bytes([octet]))
        self.assertEqual(found, b"OK\t1\tuser=user\n")

    def test_one_over_the_limit_fails_its_own_exchange(self) -> None:
        session = service()
        lines(session, f"AUTH 1 PLAIN {SECURE}", f"AUTH 2 PLAIN {SECURE}")
        huge = "A" * 100_000
        [found] = lines(session, f"CONT 1 {huge}")
        self.assertEqual(found, "FAIL 1 reason=Authentication message too long")
        [found] = lines(session, f"AUTH 3 PLAIN {SECURE} resp={huge}")
        self.assertTrue(found.startswith("FAIL 3"))
        self.assertEqual(lines(session, f"CONT 2 {PLAIN}"), ["OK 2 user=user"])

    def test_one_over_the_limit_that_is_nobody_s(self) -> None:
        for said in ("A" * 20000, "CONT x " + "A" * 20000, "CONT " + "1" * 20000):
            session = service()
            session.incoming.feed(line(said))
            self.assertTrue(session.receive(session.incoming.next()).close)

    def test_no_command(self) -> None:
        for said in ("", "FOO 1", "auth 1 PLAIN", "CONT 1", "CANCEL", "CANCEL 1 2"):
            session = service()
            session.incoming.feed(line(said))
            self.assertTrue(session.receive(session.incoming.next()).close, said)


class Values(unittest.TestCase):
    def test_a_session_is_not_pickled_but_copied(self) -> None:
        session = service()
        lines(session, f"AUTH 1 PLAIN {SECURE}")
        with self.assertRaises(TypeError):
            pickle.dumps(session)
        twin = copy.deepcopy(session)
        self.assertEqual(lines(twin, f"CONT 1 {PLAIN}"), ["OK 1 user=user"])
        self.assertEqual(session.open, 1)

    def test_a_reply_does_not_show_its_lines(self) -> None:
        self.assertNotIn("secret", repr(Reply(b"OK\t1\tpass=secret")))

    def test_logins_are_kept_for_a_master(self) -> None:
        logins = Logins()
        session = service(logins=logins)
        lines(session, f"AUTH 1 PLAIN {SECURE} session=s resp={PLAIN}")
        lines(session, f"AUTH 2 PLAIN {SECURE} nologin resp={PLAIN}")
        cookie = session.cookie
        self.assertIsNone(logins.take(4711, 1, b"0" * 32))
        self.assertIsNone(logins.take(1, 1, cookie))
        self.assertIsNone(logins.take(4711, 2, cookie))
        found = logins.take(4711, 1, cookie)
        self.assertEqual(found.identity, sasl.Identity("user"))
        self.assertEqual(found.parameters.get("session"), "s")
        self.assertIsNone(logins.take(4711, 1, cookie))  # once

    def test_logins_go_with_the_connection(self) -> None:
        logins = Logins(limit=2)
        session = service(logins=logins)
        for number in (1, 2, 3):
            lines(session, f"AUTH {number} PLAIN {SECURE} resp={PLAIN}")
        self.assertIsNone(logins.take(4711, 1, session.cookie))  # over the limit
        self.assertIsNotNone(logins.take(4711, 2, session.cookie))
        other = service(hello=b"", logins=logins)
        other.receive(b"VERSION\t1\t1\n")
        self.assertTrue(other.receive(b"CPID\t4711\n").close)
        session.closed()
        self.assertIsNone(logins.take(4711, 3, session.cookie))
        third = service(logins=logins)
        self.assertEqual(third.client_pid, 4711)


if __name__ == "__main__":
    unittest.main()
