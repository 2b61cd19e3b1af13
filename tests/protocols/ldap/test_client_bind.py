"""The client's half: the bind itself, and what its result says."""

from __future__ import annotations

import pickle
import unittest

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols.ldap import ClientSession, reason_of
from sasl_core.protocols.ldap import _messages as messages

from ..._accounts import BINDINGS
from ...adapters._loopback import secrets_shown
from ._client import extended, listed, result, session
from ._peer import TLS


class TheBind(unittest.TestCase):
    def started(self, name: str, **options) -> ClientSession:
        client = session(mechanisms=[name], **options)
        client.connected()
        return client

    def test_refused(self) -> None:
        with self.assertRaises(sasl.AuthenticationError) as caught:
            self.started("PLAIN").receive(result(1, 49, "SASL(-13): no"))
        error = caught.exception
        self.assertIs(error.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(error.reply, "49 SASL(-13): no")
        self.assertFalse(error.try_another)

    def test_success_too_early(self) -> None:
        for creds in (None, b"", b"v=AAAA"):
            with self.subTest(creds), self.assertRaises(sasl.SASLError):
                self.started("SCRAM-SHA-256").receive(result(1, 0, "", creds))

    def test_our_own_side_fails(self) -> None:
        """It cancels by a bind without a mechanism, and what comes raises the error."""
        for last in (result(2, 7), result(2, 0), result(2, 49)):
            client = self.started("SCRAM-SHA-256")
            sent = client.receive(result(1, 14, "", b"r=nonsense"))
            self.assertEqual(sent, messages.bind_request(2, "", None))
            with self.subTest(last), self.assertRaises(sasl.ProtocolError):
                client.receive(last)
            self.assertFalse(client.authenticated)

    def test_no_answer_to_it(self) -> None:
        for octets in (
            result(2, 0),
            extended(1, 0),
            listed(1),
            bytes(messages.Message(1, messages.BIND_RESPONSE, b"\x0a\x01")),
            result(1, 0) + result(1, 0),
        ):
            with self.subTest(octets), self.assertRaises(sasl.ProtocolError):
                self.started("PLAIN").receive(octets)

    def test_the_end_of_the_connection(self) -> None:
        client = self.started("PLAIN")
        self.assertIs(client.closed().reason, sasl.Reason.UNAVAILABLE)
        with self.assertRaises(sasl.AuthenticationError):
            self.started("PLAIN").receive(extended(0, 2, messages.DISCONNECTION))

    def test_the_next_mechanism(self) -> None:
        client = session(mechanisms=["SCRAM-SHA-256", "PLAIN"])
        client.connected()
        sent = messages.read(client.receive(result(1, 7)))
        self.assertEqual(messages.read_bind(sent.body)[2], b"PLAIN")
        self.assertEqual(client.receive(result(2, 0)), b"")
        self.assertEqual(client.mechanism, "PLAIN")

    def test_a_wrong_password_is_one_attempt(self) -> None:
        client = session(mechanisms=["SCRAM-SHA-256", "PLAIN"])
        client.connected()
        with self.assertRaises(sasl.AuthenticationError):
            client.receive(result(1, 49))

    def test_a_token_from_a_source(self) -> None:
        who = sasl.Credentials("user", token=lambda error: "t")
        client = session(mechanisms=["OAUTHBEARER"], credentials=who)
        self.assertEqual(client.connected(), b"")
        self.assertTrue(client.wants_token)
        self.assertIn(b"Bearer t", client.give_token("t"))
        refused = b'{"status":"invalid_token"}'
        sent = messages.read(client.receive(result(1, 14, "", refused)))
        self.assertEqual(messages.read_bind(sent.body)[3], b"\x01")
        self.assertEqual(client.receive(result(2, 49)), b"")
        self.assertTrue(client.wants_token)
        self.assertIn(b"Bearer u", client.give_token("u"))
        client.receive(result(3, 0))
        self.assertTrue(client.authenticated)

    def test_an_empty_initial_response(self) -> None:
        on = sasl.Channel(True, external="user")
        client = session(on, mechanisms=["EXTERNAL"], credentials=sasl.Credentials())
        self.assertEqual(client.connected(), messages.bind_request(1, "EXTERNAL", b""))

    def test_a_server_that_speaks_first(self) -> None:
        client = self.started("CRAM-MD5", policy=sasl.Policy(allow=["CRAM-MD5"]))
        sent = messages.read(client.receive(result(1, 14, "", b"<1@x>")))
        self.assertTrue(messages.read_bind(sent.body)[3].startswith(b"user "))

    def test_no_secret_is_shown(self) -> None:
        client = self.started("PLAIN")
        self.assertNotIn("pencil", repr(client))
        self.assertNotIn("pencil", repr(client._attempts.words))
        with self.assertRaises(TypeError):
            pickle.dumps(client)
        for name in ("PLAIN", "SCRAM-SHA-256", "CRAM-MD5"):
            for said in (
                result(1, 49),
                result(1, 14, "", b"x"),
                b"\x30\x80",
                result(9, 0),
            ):
                client = self.started(name, policy=sasl.Policy(allow=[name]))

                def act(client: ClientSession = client, said: bytes = said) -> None:
                    client.receive(said)
                    client.receive(result(2, 7))

                with self.subTest(name, said=said):
                    shown = secrets_shown(act, "pencil", "\0user\0pencil")
                    self.assertEqual(shown, [])

    def test_an_authzid_gets_its_prefix(self) -> None:
        for authzid, sent in (
            ("boss", b"u:boss"),
            ("u:boss", b"u:boss"),
            ("dn:cn=boss", b"dn:cn=boss"),
            ("user", b""),
            ("", b""),
        ):
            who = sasl.Credentials("user", "pencil", authzid=authzid)
            client = session(mechanisms=["PLAIN"], credentials=who)
            octets = messages.bind_request(1, "PLAIN", sent + b"\0user\0pencil")
            self.assertEqual(client.connected(), octets)


class OpenLDAP(unittest.TestCase):
    """It has a name of its own for the channel's binding."""

    def first(self, classes: list[str], on: sasl.Channel) -> bytes:
        client = session(on)
        client.connected()
        found = messages.entry(
            1,
            "",
            {
                "objectClass": classes,
                "supportedSASLMechanisms": ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"],
            },
        )
        done = messages.Message(1, messages.DONE, messages.result(0))
        sent = messages.read(client.receive(found + bytes(done)))
        self.bindings = client.channel.bindings
        return messages.read_bind(sent.body)[3]

    def test_it(self) -> None:
        on = TLS.replace(bindings=BINDINGS)
        for classes, flag in (
            (["top", "OpenLDAProotDSE"], b"p=ldap,"),
            (["top"], b"p=tls-exporter,"),
            ([], b"p=tls-exporter,"),
        ):
            with self.subTest(classes):
                self.assertTrue(self.first(classes, on).startswith(flag))
        self.first(["openldaprootdse"], on)
        (binding,) = self.bindings
        self.assertEqual(binding.data, b"tls-server-end-point:" + BINDINGS[1].data)

    def test_without_the_certificates_hash(self) -> None:
        on = TLS.replace(bindings=BINDINGS[:1])
        first = self.first(["OpenLDAProotDSE"], on)
        self.assertTrue(first.startswith(b"p=tls-exporter,"))
        first = self.first(["OpenLDAProotDSE"], TLS)
        self.assertTrue(first.startswith(b"n,"))


class Codes(unittest.TestCase):
    def test_every_reason_comes_back(self) -> None:
        """As what it is, or as a no to the credentials that is told in these words."""
        same = {
            sasl.Reason.UNEXPECTED_INITIAL: sasl.Reason.MALFORMED,
            sasl.Reason.TOO_LONG: sasl.Reason.MALFORMED,
            sasl.Reason.ABORTED: sasl.Reason.UNSUPPORTED,
            sasl.Reason.PASSWORD_EXPIRED: sasl.Reason.BAD_CREDENTIALS,
            sasl.Reason.TRANSITION_NEEDED: sasl.Reason.BAD_CREDENTIALS,
        }
        for reason in sasl.Reason:
            code = int(profiles.LDAP.reply(reason).split()[0])
            self.assertIs(reason_of(code), same.get(reason, reason))

    def test_codes(self) -> None:
        for code, reason in (
            (1, sasl.Reason.BAD_CREDENTIALS),
            (10, sasl.Reason.BAD_CREDENTIALS),
            (48, sasl.Reason.TOO_WEAK),
            (51, sasl.Reason.UNAVAILABLE),
            (80, sasl.Reason.BAD_CREDENTIALS),
            (123, sasl.Reason.NOT_AUTHORIZED),
            (4097, sasl.Reason.BAD_CREDENTIALS),
        ):
            self.assertIs(reason_of(code), reason)

    def test_active_directory(self) -> None:
        text = (
            "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error,"
            " data %s, v1db1"
        )
        for data, reason in (
            ("52e", sasl.Reason.BAD_CREDENTIALS),
            ("525", sasl.Reason.BAD_CREDENTIALS),
            ("532", sasl.Reason.PASSWORD_EXPIRED),
            ("773", sasl.Reason.PASSWORD_EXPIRED),
            ("533", sasl.Reason.DISABLED),
            ("701", sasl.Reason.DISABLED),
            ("775", sasl.Reason.DISABLED),
        ):
            self.assertIs(reason_of(49, text % data), reason)
            self.assertIs(reason_of(2, text % data), sasl.Reason.MALFORMED)


if __name__ == "__main__":
    unittest.main()
