"""The client's half of a bind, against what a server may say."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols.ldap import Attempts, Authentication
from sasl_core.protocols.ldap import _messages as messages

from ..._hypothesis import given, settings, st
from ._client import USER, extended, listed, result, session
from ._peer import CLEAR, TLS, login, server


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
