"""The service: how an exchange may end, and what binds it to its channel."""

from __future__ import annotations

import unittest

import sasl_core as sasl

from ..._accounts import PASSWORD, USER, Application
from ._pair import PLAIN, POLICY, SECURE, line, lines, say, service

WRONG = "AHVzZXIAcGVuY2lsIA=="
BOSS = "Ym9zcyxvZj1hbGzDqQB1c2VyAHBlbmNpbA=="  # authzid: the other one


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


if __name__ == "__main__":
    unittest.main()
