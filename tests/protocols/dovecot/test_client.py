"""The mail server: handshake, what it says of its client, how answers are read."""

from __future__ import annotations

import copy
import pickle
import unittest

import sasl_core as sasl
from sasl_core.protocols.dovecot import (
    Answer,
    ClientSession,
    Continue,
    Fields,
    Refused,
    Verified,
)

from ._pair import line, mail_server

CHANNEL = sasl.Channel(True, service="smtp")
BINDINGS = [
    sasl.ChannelBinding("tls-exporter", b"exported"),
    sasl.ChannelBinding("tls-server-end-point", b"hashed"),
]
HANDSHAKE = b"".join(
    line(text)
    for text in (
        "VERSION 1 2",
        "MECH PLAIN plaintext",
        "MECH SCRAM-SHA-256-PLUS mutual-auth channel-binding",
        "MECH APOP private dictionary",
        "SPID 12",
        "CUID 7",
        "COOKIE 00ff",
        "DONE",
    )
)


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.client = mail_server(HANDSHAKE)

    def begin(self, initial=b"\0user\0pencil", channel=CHANNEL, **options) -> str:
        self.client.begin("PLAIN", initial, channel, **options)
        return self.said()

    def said(self) -> str:
        return self.client.data_to_send().decode().replace("\t", " ").removesuffix("\n")

    def hear(self, *texts: str) -> list[Answer]:
        return self.client.receive(b"".join(map(line, texts)))

    def outcome(self, text: str) -> object:
        self.begin()
        identifier = max(self.client.open)
        [answer] = self.hear(text.replace("ID", str(identifier)))
        self.assertEqual(answer.id, identifier)
        return answer.outcome


class Handshake(Case):
    def test_both_say_who_they_are(self) -> None:
        client = ClientSession(pid=42)
        self.assertEqual(client.data_to_send(), b"VERSION\t1\t3\nCPID\t42\n")
        self.assertEqual(client.data_to_send(), b"")
        for octet in HANDSHAKE:
            self.assertFalse(client.ready)
            self.assertEqual(client.receive(bytes([octet])), [])
        self.assertTrue(client.ready)
        self.assertEqual((client.server_pid, client.number), (12, 7))
        self.assertEqual(client.cookie, b"00ff")
        self.assertEqual(client.mechanisms["PLAIN"], ("plaintext",))

    def test_what_is_none(self) -> None:
        for text in (
            "MECH PLAIN\nDONE",
            "VERSION 2 0",
            "VERSION 1 2\nVERSION 1 2",
            "VERSION 1 2\nMECH PLAIN\nDONE",  # no cookie
            "VERSION 1 2\nCOOKIE aa\nDONE",  # no mechanisms
            "VERSION 1 2\nCOOKIE aa\nCOOKIE aa",
            "VERSION 1 2\nCOOKIE ",
            "VERSION 1 2\nSPID x",
            "VERSION 1 2\nCUID",
            "VERSION 1 2\nMECH",
            "VERSION 1 2\nMECH \xff",
            "VERSION 1 2\nOK 1 user=root",
            "VERSION 1 2\nDONE now",
        ):
            client = ClientSession(pid=1)
            octets = text.replace(" ", "\t").encode("latin-1") + b"\n"
            with self.assertRaises(sasl.ProtocolError) as caught:
                client.receive(octets)
            self.assertTrue(str(caught.exception).isprintable())
            with self.assertRaises(sasl.StateError):
                client.receive(HANDSHAKE)
            with self.assertRaises(sasl.StateError):
                client.begin("PLAIN", None, CHANNEL)

    def test_a_line_over_the_limit(self) -> None:
        """It is refused as it comes: its end is not waited for."""
        for length, fits in ((16384, True), (16385, False)):
            client = ClientSession(pid=1)
            client.receive(line("VERSION 1 2"))
            octets = b"MECH\tX\t".ljust(length - 1, b"x") + b"\n"
            with self.subTest(length):
                if fits:
                    self.assertEqual(client.receive(octets), [])
                    continue
                with self.assertRaisesRegex(sasl.ProtocolError, "over the limit"):
                    client.receive(octets[:-1] + b"x")

    def test_nothing_begins_before_it(self) -> None:
        with self.assertRaises(sasl.StateError):
            ClientSession(pid=1).begin("PLAIN", None, CHANNEL)

    def test_what_is_on_offer_to_clients(self) -> None:
        found = {m.name: m for m in self.client.forwarded()}
        self.assertEqual(set(found), {"PLAIN", "SCRAM-SHA-256-PLUS"})
        self.assertEqual(found["PLAIN"].shows, "password")
        self.assertTrue(found["SCRAM-SHA-256-PLUS"].plus)


class Auth(Case):
    def test_the_facts(self) -> None:
        channel = sasl.Channel(
            True,
            service="imap",
            host="mail.example.org",
            port=993,
            external="alice",
            remote="192.0.2.7",
        )
        said = self.begin(channel=channel, parameters={"session": "a b", "debug": ""})
        self.assertEqual(
            said,
            "AUTH 1 PLAIN service=imap final-resp-ok nologin secured=tls"
            " valid-client-cert cert_username=alice local_name=mail.example.org"
            " rip=192.0.2.7 lport=993 session=a b debug resp=AHVzZXIAcGVuY2ls",
        )

    def test_an_open_channel_is_not_called_secured(self) -> None:
        said = self.begin(channel=sasl.Channel(False), service="pop3")
        self.assertIn("service=pop3", said)
        self.assertNotIn("secured", said)
        self.assertNotIn("cert", said)

    def test_a_login_is_for_a_master(self) -> None:
        self.client = ClientSession(pid=1, login=True)
        self.client.receive(HANDSHAKE)
        self.client.data_to_send()
        self.assertNotIn("nologin", self.begin())

    def test_none_and_an_empty_initial_response(self) -> None:
        self.assertNotIn("resp=", self.begin(None))
        self.assertTrue(self.begin(b"").endswith(" resp="))

    def test_what_is_refused_here(self) -> None:
        for name in ("LOGIN", "plain", "PLAIN\tservice=x"):
            with self.assertRaises(ValueError):
                self.client.begin(name, None, CHANNEL)
        with self.assertRaises(ValueError):
            self.begin(channel=sasl.Channel(True))  # no service
        for name in ("secured", "resp", "cert_username", "service", "nologin"):
            with self.assertRaises(ValueError):
                self.begin(parameters={name: "x"})
        with self.assertRaises(ValueError):
            self.begin(b"x" * 16384)
        with self.assertRaises(ValueError):
            self.begin(channel=CHANNEL.replace(external="\udc80"))
        self.assertEqual((self.said(), self.client.open), ("", frozenset()))

    def test_ids_are_32_bits_and_unique(self) -> None:
        self.client._last = 2**32 - 2
        self.begin()
        self.begin()
        self.begin()
        self.assertEqual(self.client.open, {2**32 - 1, 1, 2})
        self.client._last = 0
        self.assertTrue(self.begin().startswith("AUTH 3 "))

    def test_no_secret_in_a_traceback(self) -> None:
        shown = repr(self.client) + repr(
            Answer(1, Continue(b""), Fields({"pass": "pw"}))
        )
        self.assertNotIn("pw", shown)


class Answers(Case):
    def test_yes(self) -> None:
        found = self.outcome("OK ID user=alice anything=else")
        self.assertEqual(found, Verified(sasl.Identity("alice")))
        found = self.outcome("OK ID user=boss auth_user=alice resp=dj0x")
        self.assertEqual(found, Verified(sasl.Identity("alice", "boss"), b"v=1"))
        self.assertEqual(self.client.open, frozenset())

    def test_right_but_not_to_log_in(self) -> None:
        for text, reason in (
            ("nologin", sasl.Reason.DISABLED),
            ("nologin=", sasl.Reason.DISABLED),
            ("nologin=Y code=temp_fail", sasl.Reason.DISABLED),
            ("proxy host=other", sasl.Reason.NOT_AUTHORIZED),
            ("proxy=y nologin", sasl.Reason.DISABLED),
        ):
            found = self.outcome(f"OK ID user=alice {text}")
            self.assertIsInstance(found, Refused, text)
            self.assertIs(found.reason, reason)

    def test_yes_to_nobody_is_no(self) -> None:
        for text in ("OK ID", "OK ID user", "OK ID user=", "OK ID auth_user=alice"):
            self.assertIs(self.outcome(text).reason, sasl.Reason.UNAVAILABLE)
        self.assertIs(
            self.outcome("OK ID user=a resp=!").reason, sasl.Reason.UNAVAILABLE
        )

    def test_no(self) -> None:
        for text, reason in (
            ("", sasl.Reason.BAD_CREDENTIALS),
            ("user=alice reason=Go away", sasl.Reason.BAD_CREDENTIALS),
            ("code=unheard_of", sasl.Reason.BAD_CREDENTIALS),
            ("temp", sasl.Reason.UNAVAILABLE),
            ("code=temp_fail", sasl.Reason.UNAVAILABLE),
            ("user_disabled temp", sasl.Reason.UNAVAILABLE),
            ("authz", sasl.Reason.NOT_AUTHORIZED),
            ("code=authz_fail", sasl.Reason.NOT_AUTHORIZED),
            ("code=user_disabled", sasl.Reason.DISABLED),
            ("user_disabled", sasl.Reason.DISABLED),
            ("pass_expired", sasl.Reason.PASSWORD_EXPIRED),
            ("code=pass_expired", sasl.Reason.PASSWORD_EXPIRED),
            ("code=invalid_base64", sasl.Reason.MALFORMED),
            ("code=auth_mech_ssl_required", sasl.Reason.ENCRYPTION_NEEDED),
            ("code=auth_mech_invalid", sasl.Reason.UNSUPPORTED),
        ):
            found = self.outcome(f"FAIL ID {text}".strip())
            self.assertIsInstance(found, Refused)
            self.assertIs(found.reason, reason, text)

    def test_a_challenge(self) -> None:
        self.assertEqual(self.outcome("CONT ID "), Continue(b""))
        [answer] = self.hear("CONT 1 Zm9v")
        self.assertEqual(answer.outcome, Continue(b"foo"))
        self.assertIsNone(self.client.go_on(1, b"bar"))
        self.assertEqual(self.said(), "CONT 1 YmFy")

    def test_a_last_challenge_that_comes_with_the_refusal(self) -> None:
        """What is wrong with a token: the client is to hear it, and answer."""
        self.assertEqual(
            self.outcome("FAIL ID code=temp_fail resp=e30="), Continue(b"{}")
        )
        self.assertEqual(self.client.open, {1})
        answer = self.client.go_on(1, b"\1")
        self.assertIs(answer.outcome.reason, sasl.Reason.UNAVAILABLE)
        self.assertEqual((self.said(), self.client.open), ("", frozenset()))
        self.outcome("FAIL ID resp=e30=")
        self.client.cancel(2)
        self.assertEqual(self.said(), "")
        self.outcome("FAIL ID resp=e30=")
        with self.assertRaises(sasl.ProtocolError):
            self.hear("OK 3 user=root")

    def test_replies_to_nothing_that_was_asked(self) -> None:
        for text in ("OK 2 user=root", "OK 1 user=root", "CONT 2 ", "FAIL 2", "FAIL x"):
            self.setUp()
            self.begin()
            if text.endswith("1 user=root"):
                self.hear("FAIL 1")
            with self.assertRaises(sasl.ProtocolError):
                self.hear(text)
            lost = [answer.outcome.reason for answer in self.client.closed()]
            self.assertLessEqual(set(lost), {sasl.Reason.UNAVAILABLE})

    def test_what_is_no_reply(self) -> None:
        for text in ("", "ok 1", "OK", "CONT 1", "FAIL", "DONE", "A" * 17000):
            self.setUp()
            self.begin()
            with self.assertRaises(sasl.ProtocolError):
                self.hear(text)

    def test_what_was_right_before_it_counts_no_more(self) -> None:
        self.begin()
        self.begin()
        with self.assertRaises(sasl.ProtocolError):
            self.hear("OK 1 user=alice", "nonsense")
        lost = [(each.id, each.outcome.reason) for each in self.client.closed()]
        gone = sasl.Reason.UNAVAILABLE
        self.assertEqual(lost, [(1, gone), (2, gone)])
        self.assertEqual(self.client.closed(), [])

    def test_one_that_is_broken_does_not_end_the_others(self) -> None:
        for text in ("CONT 1 !", "CONT 1 Zg", "CONT 1 Zg== \udcff", "FAIL 1 \udcff"):
            self.setUp()
            self.begin()
            self.begin()
            octets = text.replace(" ", "\t").encode(errors="surrogateescape") + b"\n"
            [answer] = self.client.receive(octets)
            self.assertIs(answer.outcome.reason, sasl.Reason.UNAVAILABLE)
            [answer] = self.hear("OK 2 user=alice")
            self.assertEqual(answer.outcome.identity.authzid, "alice")


class Cancel(Case):
    def test_its_answer_is_ignored(self) -> None:
        self.begin()
        self.client.cancel(1)
        self.assertEqual(self.said(), "CANCEL 1")
        self.client.cancel(1)
        self.assertEqual(self.said(), "")
        self.assertEqual(self.hear("CONT 1 ", "OK 1 user=alice", "CANCELLED 1"), [])
        with self.assertRaises(sasl.StateError):
            self.client.go_on(1, b"")

    def test_only_so_many_are_remembered(self) -> None:
        for _ in range(5000):
            self.begin()
            self.client.cancel(max(self.client.open))
        self.assertEqual(len(self.client._cancelled), 4096)

    def test_the_end_of_the_connection(self) -> None:
        self.begin()
        self.begin()
        found = self.client.closed()
        self.assertEqual([answer.id for answer in found], [1, 2])
        for answer in found:
            self.assertIs(answer.outcome.reason, sasl.Reason.UNAVAILABLE)
        self.assertEqual(self.client.closed(), [])
        for late in (
            lambda: self.client.receive(b"OK\t1\tuser=root\n"),
            lambda: self.client.begin("PLAIN", None, CHANNEL),
            lambda: self.client.go_on(1, b""),
        ):
            with self.assertRaises(sasl.StateError):
                late()

    def test_a_session_is_not_pickled_but_copied(self) -> None:
        self.begin()
        with self.assertRaises(TypeError):
            pickle.dumps(self.client)
        twin = copy.deepcopy(self.client)
        [answer] = twin.receive(b"OK\t1\tuser=alice\n")
        self.assertEqual(answer.id, 1)
        self.assertEqual(self.client.open, {1})


class Binding(Case):
    def setUp(self) -> None:
        super().setUp()
        self.begin(channel=CHANNEL.replace(bindings=BINDINGS))

    def test_out_of_band(self) -> None:
        self.assertEqual(self.hear("CONT 1 # channel_binding=tls-exporter"), [])
        self.assertEqual(self.said(), "CONT 1 # channel_binding=ZXhwb3J0ZWQ=")

    def test_with_the_next_response(self) -> None:
        [answer] = self.hear("CONT 1 Zm9v channel_binding=tls-server-end-point")
        self.assertEqual(answer.outcome, Continue(b"foo"))
        self.assertEqual(self.said(), "")
        self.client.go_on(1, b"bar")
        self.assertEqual(self.said(), "CONT 1 YmFy channel_binding=aGFzaGVk")
        self.hear("CONT 1 Zm9v")
        self.client.go_on(1, b"bar")
        self.assertEqual(self.said(), "CONT 1 YmFy")

    def test_one_that_there_is_not(self) -> None:
        for text in ("#", "Zm9v"):
            self.setUp()
            [answer] = self.hear(f"CONT 1 {text} channel_binding=tls-unique")
            self.assertIs(answer.outcome.reason, sasl.Reason.MALFORMED)
            self.assertEqual(self.said(), "CANCEL 1")

    def test_out_of_band_for_nothing(self) -> None:
        self.assertEqual(self.hear("CONT 1 #"), [])
        self.assertEqual(self.said(), "CONT 1 #")


if __name__ == "__main__":
    unittest.main()
