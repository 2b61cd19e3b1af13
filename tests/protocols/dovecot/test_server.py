"""The service: handshake, facts of the channel, many exchanges, how each may end."""

from __future__ import annotations

import copy
import pickle
import unittest

import sasl_core as sasl
from sasl_core.protocols.dovecot import Logins, Question, Reply, ServerSession

from ..._accounts import NAMES, PASSWORD, USER, Application
from ._pair import COOKIE, POLICY, line, lines, say, service

PLAIN = "AHVzZXIAcGVuY2ls"  # user, pencil
WRONG = "AHVzZXIAcGVuY2lsIA=="
BOSS = "Ym9zcyxvZj1hbGzDqQB1c2VyAHBlbmNpbA=="  # authzid: the other one
SECURE = "service=smtp secured"


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


class Outcomes(unittest.TestCase):
    def test_yes(self) -> None:
        session = service()
        found = lines(session, f"AUTH 1 PLAIN {SECURE} resp={PLAIN}")
        self.assertEqual(found, ["OK 1 user=user"])
        exchange, outcome = session.decision()
        self.assertEqual(exchange.name, "PLAIN")
        self.assertEqual(outcome.identity.authcid, USER)
        self.assertIsNone(session.decision())

    def test_no(self) -> None:
        session = service()
        found = lines(session, f"AUTH 1 PLAIN {SECURE} resp={WRONG}")
        self.assertEqual(found, ["FAIL 1"])
        self.assertIs(session.decision()[1].reason, sasl.Reason.BAD_CREDENTIALS)

    def test_as_another(self) -> None:
        session = service()
        found = lines(session, f"AUTH 1 PLAIN {SECURE} resp={BOSS}")
        self.assertEqual(found, ["OK 1 user=boss,of=all\xe9 auth_user=user"])
        nobody = Application(may_act_as=())
        found = lines(session, f"AUTH 1 PLAIN {SECURE} resp={BOSS}", application=nobody)
        self.assertEqual(found, ["FAIL 1 authz code=authz_fail"])

    def test_a_name_cannot_make_fields(self) -> None:
        class Strange(Application):
            def answer_to(self, request):
                return True

        session = service(policy=POLICY.replace(prepare=False))
        said = b"\0a\tuser=root\tnologin\nOK\0x"
        text = sasl.profiles.SMTP.encode(said).decode()
        raw = f"AUTH 1 PLAIN {SECURE} resp={text}"
        found = lines(session, raw, application=Strange())
        self.assertEqual(len(found), 1)
        self.assertNotIn("user=root", found[0].split(" "))

    def test_every_reason(self) -> None:
        said = {
            sasl.Reason.BAD_CREDENTIALS: "",
            sasl.Reason.NOT_AUTHORIZED: "code=authz_fail",
            sasl.Reason.PASSWORD_EXPIRED: "code=pass_expired",
            sasl.Reason.DISABLED: "code=user_disabled",
            sasl.Reason.UNAVAILABLE: "temp code=temp_fail",
            sasl.Reason.MALFORMED: "reason=",
            sasl.Reason.TOO_LONG: "reason=",
            sasl.Reason.TOO_WEAK: "reason=",
            sasl.Reason.TRANSITION_NEEDED: "reason=",
            sasl.Reason.UNSUPPORTED: "code=auth_mech_invalid",
            sasl.Reason.ENCRYPTION_NEEDED: "code=auth_mech_ssl_required",
        }
        for reason, words in said.items():
            session = service()
            session.incoming.feed(line(f"AUTH 1 PLAIN {SECURE} resp={PLAIN}"))
            question = session.receive(session.incoming.next())
            reply = session.resume(question, question.request.refuse(reason))
            text = bytes(reply).decode().replace("\t", " ")
            self.assertTrue(text.startswith("FAIL 1"))
            self.assertIn(words, text)

    def test_a_password_in_the_clear(self) -> None:
        found = lines(service(), f"AUTH 1 PLAIN service=smtp resp={PLAIN}")
        self.assertIn("code=auth_mech_ssl_required", found[0])

    def test_a_mechanism_that_is_not_on_offer(self) -> None:
        for name in ("EXTERNAL", "X-NONE", "SCRAM-SHA-256-PLUS", "\x01t", "plain\xe9"):
            session = service()
            octets = b"AUTH\t1\t%b\tservice=smtp\tsecured\n" % name.encode()
            reply = say(session, octets).decode()
            self.assertTrue(reply.startswith("FAIL\t1\tcode=auth_mech_invalid"), name)
            self.assertEqual(session.open, 0)
            self.assertIsNone(session.decision())

    def test_external(self) -> None:
        session = service(external=True)
        with_it = "valid-client-cert cert_username=user resp="
        self.assertEqual(
            lines(session, f"AUTH 1 EXTERNAL {SECURE} {with_it}"), ["OK 1 user=user"]
        )
        for without in ("resp=", "cert_username=user resp="):
            [found] = lines(session, f"AUTH 2 EXTERNAL {SECURE} {without}")
            self.assertTrue(found.startswith("FAIL 2"))

    def test_the_empty_initial_response(self) -> None:
        for hello, said, expected in (
            ("VERSION 1 2", "resp=", ["FAIL 1"]),
            ("VERSION 1 2", "resp==", ["FAIL 1"]),
            ("VERSION 1 1", "resp=", ["CONT 1 "]),
            ("VERSION 1 2", "no-penalty", ["CONT 1 "]),
        ):
            session = service(hello=line(hello) + b"CPID\t1\n")
            found = lines(session, f"AUTH 1 PLAIN {SECURE} {said}")
            self.assertEqual([each[: len(expected[0])] for each in found], expected)

    def test_the_last_data(self) -> None:
        """SCRAM's signature comes with OK, or as one more challenge."""
        for accepts, last in (
            ("final-resp-ok", "OK 1 user=user resp="),
            ("", "CONT 1 "),
        ):
            session = service()
            profile = sasl.profiles.MANAGESIEVE if accepts else sasl.profiles.SMTP
            client = sasl.client(
                "SCRAM-SHA-256",
                sasl.Credentials(USER, PASSWORD),
                channel=sasl.Channel(True),
                policy=POLICY,
                profile=profile,
            )
            first = client.start().decode()
            said = f"AUTH 1 SCRAM-SHA-256 {SECURE} {accepts or 'x'} resp={first}"
            challenge = lines(session, said)[0].removeprefix("CONT 1 ")
            proof = client.step(challenge.encode()).decode()
            [found] = lines(session, f"CONT 1 {proof}")
            self.assertTrue(found.startswith(last))
            data = found.removeprefix(last).encode()
            if accepts:
                client.finish(data)
            else:
                self.assertEqual(client.step(data), b"")
                self.assertEqual(lines(session, "CONT 1 "), ["OK 1 user=user"])
                client.finish()

    def test_a_client_that_was_deceived_about_plus(self) -> None:
        """It says that it would bind, but was not offered it."""
        said = "n=user,r=fyko+d2lbbFgONRv9qkxdawL"
        for binding, channel, verdict in (
            (True, SECURE, "FAIL"),
            (False, SECURE, "CONT"),
            (True, "service=smtp", "CONT"),  # no TLS, nothing to bind to
        ):
            session = service(hello=b"", binding=binding)
            say(session, b"VERSION\t1\t3\nCPID\t1\n")
            text = sasl.profiles.SMTP.encode(b"y,," + said.encode()).decode()
            [found] = lines(session, f"AUTH 1 SCRAM-SHA-256 {channel} resp={text}")
            self.assertEqual(found[:4], verdict)


class Binding(unittest.TestCase):
    def setUp(self) -> None:
        self.session = service(hello=b"", binding=True)
        say(self.session, b"VERSION\t1\t3\nCPID\t1\n")
        self.first = self.encoded("p=tls-exporter,,n=user,r=fyko")

    def encoded(self, text: str) -> str:
        return sasl.profiles.SMTP.encode(text.encode()).decode()

    def begin(self, resp: str) -> list[str]:
        return lines(self.session, f"AUTH 1 SCRAM-SHA-256-PLUS {SECURE} resp={resp}")

    def test_it_is_asked_for(self) -> None:
        asked = "CONT 1 # channel_binding=tls-exporter"
        self.assertEqual(self.begin(self.first), [asked])
        [found] = lines(self.session, "CONT 1 # channel_binding=AAAA")
        self.assertTrue(found.startswith("CONT 1 "))
        self.assertNotIn("#", found)

    def test_a_token_without_its_frame(self) -> None:
        asked = "CONT 1 # channel_binding=tls-unique"
        self.assertEqual(self.begin(self.encoded("F,p=tls-unique,,token")), [asked])
        [found] = lines(self.session, "CONT 1 # channel_binding=AAAA")
        self.assertTrue(found.startswith("FAIL 1"))  # none of SCRAM's

    def test_after_an_empty_challenge(self) -> None:
        said = f"AUTH 1 SCRAM-SHA-256-PLUS {SECURE}"
        self.assertEqual(lines(self.session, said), ["CONT 1 "])
        asked = "CONT 1 # channel_binding=tls-exporter"
        self.assertEqual(lines(self.session, f"CONT 1 {self.first}"), [asked])

    def test_no_binding_no_login(self) -> None:
        for answer in (
            "CONT 1 #",
            "CONT 1 # channel_binding=",
            "CONT 1 # channel_binding=!",
            "CONT 1 # other=AAAA",
            "CONT 1  channel_binding=AAAA",
            f"CONT 1 {self.first}",
        ):
            self.begin(self.first)
            [found] = lines(self.session, answer)
            self.assertTrue(found.startswith("FAIL 1"), answer)
            self.assertEqual(self.session.open, 0)

    def test_a_first_message_that_binds_to_nothing(self) -> None:
        for text in ("n,,n=user,r=fyko", "y,,n=user,r=fyko", "", "p=,,", "p=\xe9,,"):
            [found] = self.begin(self.encoded(text))
            self.assertTrue(found.startswith("FAIL 1"), text)
        [found] = self.begin("!")
        self.assertTrue(found.startswith("FAIL 1"))
        self.assertEqual(self.session.open, 0)

    def test_not_over_an_open_channel(self) -> None:
        said = f"AUTH 1 SCRAM-SHA-256-PLUS service=smtp resp={self.first}"
        self.assertIn("ssl_required", lines(self.session, said)[0])

    def test_too_long_a_message(self) -> None:
        session = service(
            hello=b"", binding=True, policy=POLICY.replace(max_message=20)
        )
        say(session, b"VERSION\t1\t3\nCPID\t1\n")
        said = f"AUTH 1 SCRAM-SHA-256-PLUS {SECURE} resp={self.first}"
        self.assertIn("too long", lines(session, said)[0])

    def test_it_can_be_cancelled_and_shut_down_meanwhile(self) -> None:
        self.begin(self.first)
        self.assertEqual(lines(self.session, "CANCEL 1"), [])
        self.begin(self.first)
        self.assertEqual(
            bytes(self.session.shutdown()), b"FAIL\t1\ttemp\tcode=temp_fail\n"
        )
        self.assertIsNone(self.session.decision())


class Many(unittest.TestCase):
    def ask(self, session, identifier: int) -> Question:
        session.incoming.feed(line(f"AUTH {identifier} PLAIN {SECURE} resp={PLAIN}"))
        question = session.receive(session.incoming.next())
        self.assertIsInstance(question, Question)
        return question

    def test_a_thousand_settled_in_any_order(self) -> None:
        session = service()
        questions = [self.ask(session, number) for number in range(1, 1001)]
        self.assertEqual(session.open, 1000)
        for question in reversed(questions):
            yes = question.id % 2 == 0
            reply = session.resume(question, question.request.answer(yes))
            verdict = "OK" if yes else "FAIL"
            self.assertTrue(
                bytes(reply).decode().startswith(f"{verdict}\t{question.id}")
            )
        self.assertEqual(session.open, 0)
        decisions = 0
        while session.decision():
            decisions += 1
        self.assertEqual(decisions, 1000)

    def test_an_id_in_use_ends_the_connection(self) -> None:
        session = service()
        question = self.ask(session, 1)
        session.incoming.feed(line(f"AUTH 1 PLAIN {SECURE} resp={PLAIN}"))
        self.assertTrue(session.receive(session.incoming.next()).close)
        self.assertIs(session.decision()[1].reason, sasl.Reason.ABORTED)
        with self.assertRaises(sasl.StateError):
            question.request.answer(True)

    def test_an_id_may_be_used_again(self) -> None:
        session = service()
        for _ in range(3):
            found = lines(session, f"AUTH 1 PLAIN {SECURE} resp={PLAIN}")
            self.assertEqual(found, ["OK 1 user=user"])

    def test_ids_that_are_none(self) -> None:
        for said in ("0", "-1", "x", "4294967296", "01", "\u0661", "1_0", ""):
            session = service()
            session.incoming.feed(line(f"AUTH {said} PLAIN {SECURE}"))
            self.assertTrue(session.receive(session.incoming.next()).close, said)

    def test_cancelled_while_asked(self) -> None:
        session = service()
        question = self.ask(session, 1)
        self.assertEqual(lines(session, "CANCEL 1", "CANCEL 1", "CANCEL 99"), [])
        with self.assertRaises(sasl.StateError):
            question.request.answer(True)
        failure = sasl.Failure(sasl.Reason.ABORTED)
        self.assertEqual(bytes(session.resume(question, failure)), b"")
        self.assertEqual(bytes(session.unavailable(question)), b"")
        # The id is free, and its next exchange is another one.
        again = self.ask(session, 1)
        self.assertEqual(bytes(session.resume(question, failure)), b"")
        reply = session.resume(again, again.request.answer(True))
        self.assertEqual(bytes(reply), b"OK\t1\tuser=user\n")

    def test_unavailable(self) -> None:
        session = service()
        reply = session.unavailable(self.ask(session, 5), "database")
        self.assertEqual(bytes(reply), b"FAIL\t5\ttemp\tcode=temp_fail\n")
        outcome = session.decision()[1]
        self.assertEqual(outcome, sasl.Failure(sasl.Reason.UNAVAILABLE, "database"))

    def test_resume_takes_only_the_event(self) -> None:
        session = service()
        question = self.ask(session, 1)
        with self.assertRaises(sasl.StateError):
            session.resume(question, True)
        with self.assertRaises(sasl.StateError):
            session.resume(question, sasl.Success(sasl.Identity("root")))
        self.assertEqual(session.open, 1)

    def test_a_response_while_asked(self) -> None:
        session = service()
        question = self.ask(session, 1)
        [found] = lines(session, f"CONT 1 {PLAIN}")
        self.assertTrue(found.startswith("FAIL 1"))
        with self.assertRaises(sasl.StateError):
            question.request.answer(True)

    def test_a_response_to_nothing(self) -> None:
        late = ["FAIL 1 reason=Authentication request timed out"]
        self.assertEqual(lines(service(), f"CONT 1 {PLAIN}"), late)

    def test_no_more_than_the_limit(self) -> None:
        session = service(max_exchanges=2)
        self.ask(session, 1)
        self.ask(session, 2)
        found = lines(session, f"AUTH 3 PLAIN {SECURE} resp={PLAIN}")
        self.assertEqual(found, ["FAIL 3 temp code=temp_fail"])

    def test_shutdown(self) -> None:
        session = service()
        question = self.ask(session, 1)
        lines(session, f"AUTH 2 PLAIN {SECURE}")
        found = bytes(session.shutdown()).decode().splitlines()
        self.assertEqual(
            found, [f"FAIL\t{number}\ttemp\tcode=temp_fail" for number in (1, 2)]
        )
        self.assertEqual(session.open, 0)
        self.assertIs(session.decision()[1].reason, sasl.Reason.UNAVAILABLE)
        again = lines(session, f"AUTH 3 PLAIN {SECURE} resp={PLAIN}")
        self.assertEqual(again, ["FAIL 3 temp code=temp_fail"])
        with self.assertRaises(sasl.StateError):
            question.request.answer(True)

    def test_a_wrong_password_stays_one_whatever_comes(self) -> None:
        """An exchange whose token was refused is a refusal, however it ends."""
        session = service()
        text = sasl.profiles.SMTP.encode(
            b"n,a=user,\x01auth=Bearer bad\x01\x01"
        ).decode()
        [found] = lines(session, f"AUTH 1 OAUTHBEARER {SECURE} resp={text}")
        self.assertTrue(found.startswith("CONT 1 "))
        session.closed()
        self.assertIs(session.decision()[1].reason, sasl.Reason.BAD_CREDENTIALS)

    def test_a_vanished_client(self) -> None:
        session = service()
        self.ask(session, 1)
        lines(session, f"AUTH 2 PLAIN {SECURE}")
        session.closed()
        outcomes = [session.decision()[1].reason for _ in range(2)]
        self.assertEqual(outcomes, [sasl.Reason.ABORTED] * 2)
        session.closed()
        self.assertIsNone(session.decision())

    def test_expire(self) -> None:
        session = service()
        lines(session, f"AUTH 1 PLAIN {SECURE}", f"AUTH 2 LOGIN {SECURE}")
        self.ask(session, 3)
        self.assertEqual(bytes(session.expire()), b"")
        lines(session, "CONT 2 dXNlcg==")
        late = b"FAIL\t%d\treason=Authentication request timed out\n"
        self.assertEqual(bytes(session.expire()), late % 1)
        # What waits for us is not late.
        self.assertEqual(bytes(session.expire()), late % 2)
        self.assertEqual(session.open, 1)

    def test_what_waited_for_us_has_its_time_then(self) -> None:
        session = service()
        session.incoming.feed(
            line(f"AUTH 1 SCRAM-SHA-256 {SECURE} resp=biwsbj11c2VyLHI9eA==")
        )
        question = session.receive(session.incoming.next())
        session.expire()
        session.expire()
        session.resume(question, question.request.answer(None))
        self.assertEqual(bytes(session.expire()), b"")
        self.assertTrue(bytes(session.expire()).startswith(b"FAIL\t1\t"))


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
