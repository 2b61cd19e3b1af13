"""The client's half of a bind, against what a server may say."""

from __future__ import annotations

import pickle
import unittest

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols.ldap import (
    Attempts,
    Authentication,
    ClientSession,
    reason_of,
)
from sasl_core.protocols.ldap import _messages as messages

from ..._accounts import BINDINGS
from ..._hypothesis import given, settings, st
from ...adapters._loopback import secrets_shown
from ._peer import CLEAR, TLS, login, server

USER = sasl.Credentials("user", "pencil")
QUICK = sasl.Policy(iterations=(1, 5000))


def session(on: sasl.Channel = TLS, **options) -> ClientSession:
    """Make a client."""
    options = {"policy": QUICK, "credentials": USER} | options
    return ClientSession(options.pop("credentials"), channel=on, **options)


def result(message_id: int, code: int, text: str = "", creds=None) -> bytes:
    """Write a BindResponse."""
    return messages.bind_response(message_id, code, text, creds)


def listed(message_id: int, *names: str) -> bytes:
    """Write the answer to the search for the mechanisms."""
    found = messages.entry(message_id, "", {"supportedSASLMechanisms": names})
    done = messages.Message(message_id, messages.DONE, messages.result(0))
    return found + bytes(done)


def extended(message_id: int, code: int, name: str = "") -> bytes:
    """Write an ExtendedResponse."""
    return messages.extended_response(message_id, code, "said", name=name)


class First(unittest.TestCase):
    def test_over_tls_it_searches(self) -> None:
        client = session()
        sent = messages.read(client.connected())
        self.assertEqual(sent.tag, messages.SEARCH)
        wanted, _ = messages.read_root_dse_request(sent.body)
        self.assertEqual(wanted, ["supportedsaslmechanisms", "objectclass"])
        with self.assertRaises(sasl.StateError):
            client.connected()

    def test_mechanisms_that_are_known(self) -> None:
        client = session(mechanisms=["plain"])
        self.assertEqual(
            client.connected(), messages.bind_request(1, "PLAIN", b"\0user\0pencil")
        )
        self.assertEqual(client.receive(result(1, 0)), b"")
        self.assertTrue(client.authenticated)
        self.assertEqual(client.mechanism, "PLAIN")
        self.assertEqual(client.message_id, 1)

    def test_starttls_comes_first(self) -> None:
        client = session(CLEAR, mechanisms=["PLAIN"])
        self.assertEqual(
            client.connected(), messages.extended_request(1, messages.START_TLS)
        )
        self.assertEqual(client.receive(extended(1, 0, messages.START_TLS)), b"")
        self.assertTrue(client.wants_tls)
        sent = messages.read(client.secured(TLS))
        self.assertEqual((sent.message_id, sent.tag), (2, messages.BIND))

    def test_starttls_refused(self) -> None:
        client = session(CLEAR)
        client.connected()
        with self.assertRaises(sasl.NoMechanism) as caught:
            client.receive(extended(1, 2))
        self.assertIn("2 said", str(caught.exception))
        client = session(CLEAR, starttls="opportunistic")
        client.connected()
        sent = messages.read(client.receive(extended(1, 2)))
        self.assertEqual((sent.message_id, sent.tag), (2, messages.SEARCH))

    def test_what_is_injected_behind_the_yes(self) -> None:
        for injected in (listed(2, "PLAIN"), b"0", b"\r\n"):
            client = session(CLEAR)
            client.connected()
            with self.subTest(injected), self.assertRaises(sasl.ProtocolError):
                client.receive(extended(1, 0, messages.START_TLS) + injected)

    def test_a_server_that_speaks_first(self) -> None:
        with self.assertRaises(sasl.ProtocolError):
            session().receive(listed(1, "PLAIN"))


class TheSearch(unittest.TestCase):
    def answer(self, octets: bytes, **options) -> bytes:
        client = self.client = session(**options)
        client.connected()
        return client.receive(octets)

    def test_the_best_is_taken(self) -> None:
        sent = messages.read(self.answer(listed(1, "PLAIN", "SCRAM-SHA-256", "GSSAPI")))
        _, _, mechanism, credentials, _ = messages.read_bind(sent.body)
        self.assertEqual(mechanism, b"SCRAM-SHA-256")
        self.assertTrue(credentials.startswith(b"n,,n=user,r="))

    def test_in_pieces(self) -> None:
        client, octets = session(), listed(1, "PLAIN")
        client.connected()
        sent = [client.receive(octets[i : i + 1]) for i in range(len(octets))]
        self.assertEqual(set(sent[:-1]), {b""})
        self.assertEqual(messages.read(sent[-1]).tag, messages.BIND)

    def test_nothing_is_offered(self) -> None:
        done = messages.Message(1, messages.DONE, messages.result(32))
        for octets in (listed(1), bytes(done), listed(1, "GSSAPI", "NTLM", "\xe9")):
            with self.subTest(octets), self.assertRaises(sasl.NoMechanism):
                self.answer(octets)

    def test_a_simple_bind_where_nothing_else_will_do(self) -> None:
        dn = "uid=user,dc=example"
        sent = self.answer(listed(1, "GSSAPI"), dn=dn)
        self.assertEqual(sent, messages.simple_request(2, dn, b"pencil"))
        self.assertEqual(self.client.receive(result(2, 0)), b"")
        self.assertTrue(self.client.authenticated)

    def test_no_simple_bind_in_the_clear(self) -> None:
        with self.assertRaises(sasl.NoMechanism):
            self.answer(listed(1), dn="uid=user", on=CLEAR, starttls="never")

    def test_a_simple_bind_has_no_authzid(self) -> None:
        who = sasl.Credentials("user", "pencil", authzid="boss")
        with self.assertRaises(sasl.NoMechanism):
            self.answer(listed(1), dn="uid=user", credentials=who)
        own = sasl.Credentials("user", "pencil", authzid="user")
        sent = self.answer(listed(1), dn="uid=user", credentials=own)
        self.assertEqual(sent, messages.simple_request(2, "uid=user", b"pencil"))

    def test_no_answer_to_the_search(self) -> None:
        for octets in (
            listed(2, "PLAIN"),
            result(1, 0),
            listed(1, "PLAIN") + result(1, 0),
            listed(2, "PLAIN")[: -len(listed(1)) + 30] + listed(1),
            b"220 mail ESMTP\r\n",
            messages.entry(1, "", {"x": ["y" * 300_000]}),
        ):
            with self.subTest(octets[:20]), self.assertRaises(sasl.ProtocolError):
                self.answer(octets)

    def test_entries_of_another_search(self) -> None:
        done = bytes(messages.Message(1, messages.DONE, messages.result(0)))
        found = messages.entry(9, "", {"supportedSASLMechanisms": ["PLAIN"]})
        with self.assertRaises(sasl.ProtocolError):
            self.answer(found + done)

    def test_entries_without_end(self) -> None:
        client = session()
        client.connected()
        entry = messages.entry(1, "", {"x": ["y" * 1000]})
        with self.assertRaises(sasl.ProtocolError):
            for _ in range(1000):
                client.receive(entry)

    def test_the_notice_of_disconnection(self) -> None:
        with self.assertRaises(sasl.AuthenticationError) as caught:
            self.answer(extended(0, 52, messages.DISCONNECTION))
        self.assertIs(caught.exception.reason, sasl.Reason.UNAVAILABLE)
        self.assertEqual(caught.exception.reply, "52 said")


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


class ForOthers(unittest.TestCase):
    """Where another library writes the requests."""

    def test_the_parts_of_a_request(self) -> None:
        attempts = Attempts(["plain"], USER, channel=TLS)
        attempts.command()
        self.assertEqual(attempts.words.mechanism, "PLAIN")
        self.assertEqual(attempts.words.credentials, b"\0user\0pencil")
        self.assertIsNone(attempts.reply(0, None))

    def test_one_exchange(self) -> None:
        client = sasl.client("PLAIN", USER, channel=TLS, profile=profiles.LDAP)
        one = Authentication(client)
        self.assertEqual(
            one.command(), messages.bind_request(1, "PLAIN", b"\0user\0pencil")
        )
        with self.assertRaises(sasl.AuthenticationError):
            one.reply(49, None, "no")

    def test_absent_credentials_are_an_empty_challenge(self) -> None:
        profile = profiles.LDAP.replace(initial_response=False)
        client = sasl.client("PLAIN", USER, channel=TLS, profile=profile)
        one = Authentication(client)
        self.assertEqual(one.command(), messages.bind_request(1, "PLAIN", None))
        self.assertIn(b"pencil", one.reply(14, None))


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


class Arbitrary(unittest.TestCase):
    """Whatever a server says, in whatever order."""

    @settings(max_examples=60)
    @given(
        st.sampled_from(["PLAIN", "SCRAM-SHA-256", "CRAM-MD5", None]),
        st.sampled_from([CLEAR, TLS]),
        st.lists(
            st.sampled_from(
                [
                    *(result(i, code) for i in (1, 2, 3) for code in (0, 14, 49)),
                    result(1, 14, "", b"<1@x>"),
                    result(1, 14, "", b"r=x,s=y,i=z"),
                    extended(1, 0, messages.START_TLS),
                    extended(0, 52),
                    listed(1, "PLAIN", "CRAM-MD5"),
                    listed(2, "SCRAM-SHA-256"),
                    b"\x30\x84\xff\xff\xff\xff",
                    b"\x30\x0c\x02\x01",
                ]
            )
            | st.binary(max_size=20),
            max_size=5,
        ),
    )
    def test_only_sasl_errors(self, name: str | None, on, said: list[bytes]) -> None:
        names = None if name is None else [name]
        allow = sasl.Policy(allow=["PLAIN", "CRAM-MD5", "SCRAM-SHA-256"])
        client = session(on, mechanisms=names, policy=allow)
        try:
            client.connected()
            for octets in said:
                client.receive(octets)
                if client.wants_tls:
                    client.secured(TLS)
        except sasl.SASLError:
            pass
        if client.authenticated:
            # The password was shown and taken: nothing else succeeds here.
            self.assertIn(client.mechanism, ("PLAIN", "CRAM-MD5"))

    def test_it_reaches_success(self) -> None:
        peer = server(TLS, policy=sasl.Policy(allow=["PLAIN"]))
        client = session()
        login(client, peer)
        self.assertTrue(client.authenticated)


if __name__ == "__main__":
    unittest.main()
