"""The client's half of a login, against what a server may say."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols.postgresql import Attempts, ClientSession, error, reason_of
from sasl_core.protocols.postgresql import _messages as messages

from ..._accounts import BINDINGS
from ..._hypothesis import given, settings, st
from ...adapters._loopback import secrets_shown
from ._peer import BOUND, CLEAR, POLICY, SSL, STARTUP, TLS, login, server, split

USER = sasl.Credentials("user", "pencil")
OK = messages.authentication(messages.OK)


def session(on: sasl.Channel = TLS, **options) -> ClientSession:
    """Make a client."""
    options = {"policy": POLICY, "credentials": USER} | options
    return ClientSession(options.pop("credentials"), channel=on, **options)


def begun(
    *names: str, on: sasl.Channel = TLS, **options
) -> tuple[ClientSession, bytes]:
    """Make a client that has seen the list of mechanisms; return what it says."""
    client = session(on, **options)
    client.connected()
    listed = messages.mechanism_list(names)
    return client, client.receive(messages.authentication(messages.SASL, listed))


class First(unittest.TestCase):
    def test_the_startup_message(self) -> None:
        octets = bytes.fromhex("00000013 00030000".replace(" ", "")) + b"user\0user\0\0"
        self.assertEqual(session().connected(), octets)
        self.assertEqual(STARTUP, octets)
        client = session(database="db", parameters={"application_name": "x"})
        _, body = messages.read_startup(client.connected())
        found = messages.read_parameters(body)
        expected = {b"user": b"user", b"database": b"db", b"application_name": b"x"}
        self.assertEqual(found, expected)
        with self.assertRaises(sasl.StateError):
            client.connected()

    def test_names_that_cannot_be_sent(self) -> None:
        for name in ("", "a\0b", "\udc80"):
            who = sasl.Credentials(name, "pencil")
            with self.subTest(name), self.assertRaises(sasl.CredentialsError):
                session(credentials=who).connected()
        with self.assertRaises(sasl.CredentialsError):
            session(database="a\0b").connected()

    def test_tls_comes_first(self) -> None:
        client = session(CLEAR)
        self.assertEqual(client.connected(), SSL)
        self.assertEqual(SSL.hex(), "0000000804d2162f")
        self.assertEqual(client.receive(b"S"), b"")
        self.assertTrue(client.wants_tls)
        self.assertEqual(client.secured(TLS), STARTUP)

    def test_no_tls(self) -> None:
        client = session(CLEAR)
        client.connected()
        with self.assertRaises(sasl.NoMechanism):
            client.receive(b"N")
        client = session(CLEAR, starttls="opportunistic")
        client.connected()
        self.assertEqual(client.receive(b"N"), STARTUP)
        self.assertEqual(session(CLEAR, starttls="never").connected(), STARTUP)

    def test_what_is_injected_behind_the_yes(self) -> None:
        """CVE-2021-23222."""
        for injected in (OK, b"S", b"\0"):
            client = session(CLEAR)
            client.connected()
            with self.subTest(injected), self.assertRaises(sasl.ProtocolError):
                client.receive(b"S" + injected)

    def test_an_error_before_tls_is_not_shown(self) -> None:
        """CVE-2024-10977: it may be anybody's."""
        for octets in (error("28000", "call 555-1234"), b"E", b"\0", b"s"):
            client = session(CLEAR)
            client.connected()
            with self.assertRaises(sasl.ProtocolError) as caught:
                client.receive(octets)
            self.assertNotIn("555", str(caught.exception))

    def test_a_server_that_speaks_first(self) -> None:
        with self.assertRaises(sasl.ProtocolError):
            session().receive(OK)


class TheDemand(unittest.TestCase):
    def demand(self, octets: bytes, **options) -> bytes:
        client = self.client = session(**options)
        client.connected()
        return client.receive(octets)

    def test_scram(self) -> None:
        _, sent = begun("SCRAM-SHA-256")
        name, initial = messages.read_initial_response(messages.read(sent)[1])
        self.assertEqual(name, b"SCRAM-SHA-256")
        self.assertTrue(initial.startswith(b"n,,n=,r="))

    def test_it_is_bound_by_the_certificate(self) -> None:
        """That is the only type there is, whatever the channel prefers."""
        _, sent = begun("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", on=BOUND)
        name, initial = messages.read_initial_response(messages.read(sent)[1])
        self.assertEqual(name, b"SCRAM-SHA-256-PLUS")
        self.assertTrue(initial.startswith(b"p=tls-server-end-point,,n=,r="))
        unique = TLS.replace(bindings=[BINDINGS[2]])
        _, sent = begun("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", on=unique)
        self.assertIn(b"n,,n=,r=", sent)

    def test_a_downgrade_shows(self) -> None:
        _, sent = begun("SCRAM-SHA-256", on=BOUND)
        self.assertIn(b"y,,n=,r=", sent)

    def test_other_mechanisms(self) -> None:
        for names in ((), ("SCRAM-SHA-512",), ("OAUTHBEARER", "PLAIN")):
            who = sasl.Credentials("user", "pencil", token="t")
            with self.subTest(names), self.assertRaises(sasl.NoMechanism):
                begun(*names, credentials=who)
        only = sasl.Policy(allow=["PLAIN"])
        with self.assertRaises(sasl.NoMechanism):
            begun("SCRAM-SHA-256", policy=only)
        bound = sasl.Policy(channel_binding="require")
        with self.assertRaises(sasl.NoMechanism):
            begun("SCRAM-SHA-256", policy=bound, on=BOUND)

    def test_other_ways(self) -> None:
        for code, name in (*messages.FOREIGN.items(), (99, "(unknown)")):
            with self.subTest(code), self.assertRaises(sasl.NoMechanism) as caught:
                self.demand(messages.authentication(code, b"salt"))
            self.assertEqual(list(caught.exception.refusals), [name])

    def test_a_password_in_clear(self) -> None:
        demand = messages.authentication(messages.CLEARTEXT)
        self.assertEqual(self.demand(demand), messages.message("p", b"pencil\0"))
        self.assertEqual(self.client.receive(OK), b"")
        self.assertEqual(self.client.mechanism, "PLAIN")
        for options in (
            {"on": CLEAR, "starttls": "never"},
            {"policy": sasl.Policy(allow=["SCRAM-SHA-256"])},
            {"policy": sasl.Policy(cleartext="never")},
        ):
            with self.subTest(**options), self.assertRaises(sasl.NoMechanism):
                self.demand(demand, **options)
        who = sasl.Credentials("user", "pencil", authzid="boss")
        with self.assertRaises(sasl.CredentialsError):
            self.demand(demand, credentials=who)

    def test_a_server_that_lets_in_whoever_comes(self) -> None:
        for octets in (
            OK,
            messages.authentication(messages.FINAL, b"v=AAAA") + OK,
        ):
            with self.assertRaises(sasl.ServerNotAuthenticated):
                self.demand(octets)

    def test_errors(self) -> None:
        for state, reason in (
            ("28000", sasl.Reason.NOT_AUTHORIZED),
            ("53300", sasl.Reason.UNAVAILABLE),
            ("3D000", sasl.Reason.BAD_CREDENTIALS),
        ):
            with self.assertRaises(sasl.AuthenticationError) as caught:
                self.demand(error(state, "no\x07", severity="FATAL"))
            self.assertIs(caught.exception.reason, reason)
            self.assertEqual(caught.exception.reply, f"{state} no?")

    def test_notices_are_passed_over(self) -> None:
        notice = messages.message("N", b"Mhello\0\0")
        listed = messages.mechanism_list(["SCRAM-SHA-256"])
        octets = notice + messages.authentication(messages.SASL, listed)
        self.assertIn(b"n,,n=,r=", self.demand(octets))

    def test_what_is_no_demand(self) -> None:
        for octets in (
            messages.message("R"),
            messages.message("R", b"\0\0\0"),
            messages.message("Z", b"I"),
            messages.message("v", bytes(8)),
            messages.authentication(messages.SASL, b"SCRAM-SHA-256"),
            messages.authentication(messages.SASL, b"SCRAM-SHA-256\0"),
            messages.authentication(messages.SASL, b"\0\0"),
            messages.authentication(messages.OK, b"x"),
            messages.message("E", b"C28000"),
            b"R\0\0\0\x03",
            b"R\x7f\xff\xff\xff",
            b"220 mail ESMTP\r\n",
            messages.authentication(messages.SASL, b"X\0\0") * 2,
            messages.authentication(messages.FINAL) * 2,
            messages.authentication(messages.FINAL)
            + messages.authentication(messages.CONTINUE),
        ):
            with self.subTest(octets), self.assertRaises(sasl.SASLError) as caught:
                self.demand(octets)
            self.assertIsInstance(
                caught.exception, (sasl.ProtocolError, sasl.NoMechanism)
            )


class TheExchange(unittest.TestCase):
    def test_what_comes_behind_it_is_the_callers(self) -> None:
        peer, client = server(), session()
        wire = login(client, peer)
        kinds = [kind for kind, _ in split(client.unread())]
        self.assertEqual(set(kinds[:-1]), {"S"})
        self.assertEqual(kinds[-1], "Z")
        self.assertTrue(wire[-1].endswith(messages.READY))
        self.assertEqual(client.unread(), b"")

    def test_success_too_early(self) -> None:
        for octets in (
            OK,
            messages.authentication(messages.OK, b"v=AAAA"),
            messages.authentication(messages.FINAL, b"v=AAAA") + OK,
            messages.authentication(messages.FINAL) + OK,
        ):
            client, _ = begun("SCRAM-SHA-256")
            with self.subTest(octets), self.assertRaises(sasl.SASLError):
                client.receive(octets)
            self.assertFalse(client.authenticated)

    def test_refused(self) -> None:
        client, _ = begun("SCRAM-SHA-256")
        said = 'password authentication failed for user "user"'
        with self.assertRaises(sasl.AuthenticationError) as caught:
            client.receive(error("28P01", said, severity="FATAL"))
        self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(caught.exception.reply, f"28P01 {said}")

    def test_a_refusal_of_the_mechanism_ends_it_too(self) -> None:
        client, _ = begun("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", on=BOUND)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            client.receive(error("0A000", "no"))
        self.assertEqual(caught.exception.tried, ("SCRAM-SHA-256-PLUS",))

    def test_an_error_in_place_of_ok(self) -> None:
        client, _ = begun("SCRAM-SHA-256")
        final = messages.authentication(messages.FINAL, b"v=AAAA")
        self.assertEqual(client.receive(final[:5]), b"")
        with self.assertRaises(sasl.AuthenticationError):
            client.receive(final[5:] + error("53300", "too many"))

    def test_our_own_side_fails(self) -> None:
        challenge = messages.authentication(messages.CONTINUE, b"r=nonsense")
        for last in (OK, error("28P01", "no"), challenge, messages.authentication(5)):
            client, _ = begun("SCRAM-SHA-256")
            self.assertEqual(client.receive(challenge), messages.TERMINATE)
            with self.subTest(last), self.assertRaises(sasl.ProtocolError):
                client.receive(last)
        client, _ = begun("SCRAM-SHA-256")
        client.receive(challenge)
        self.assertIsInstance(client.closed(), sasl.ProtocolError)

    def test_no_answer_to_it(self) -> None:
        for code in (messages.SASL, messages.CLEARTEXT, 5, 99):
            client, _ = begun("SCRAM-SHA-256")
            with self.subTest(code), self.assertRaises(sasl.ProtocolError):
                client.receive(messages.authentication(code, b"\0"))

    def test_a_password_that_saslprep_refuses(self) -> None:
        """PostgreSQL takes it as it is, and its clients do."""
        for password in ("\x07pencil", "\u0221", "\u00ad", "\u0627\u0031"):
            peer, client = (
                server(),
                session(credentials=sasl.Credentials("user", password)),
            )
            octets = password.encode()
            keys = sasl.ScramKeys.derive(octets, iterations=16)
            peer.application.answer_to = lambda request, keys=keys: keys
            with self.subTest(password):
                login(client, peer)
                self.assertTrue(client.authenticated)

    def test_one_that_it_changes_is_changed(self) -> None:
        peer = server()
        client = session(credentials=sasl.Credentials("user", "pen\u00adcil\u00aa"))
        keys = sasl.ScramKeys.derive("pencila", iterations=16)
        peer.application.answer_to = lambda request: keys
        login(client, peer)
        self.assertTrue(client.authenticated)

    def test_stored_keys(self) -> None:
        keys = sasl.ScramClientKeys.derive(
            "pencil", "sha256", iterations=16, salt=b"sixteen octets.."
        )
        client = session(credentials=sasl.Credentials("user", keys=keys))
        login(client, server())
        self.assertTrue(client.authenticated)

    def test_no_secret_is_shown(self) -> None:
        demands = (
            messages.authentication(messages.SASL, b"SCRAM-SHA-256\0\0"),
            messages.authentication(messages.CLEARTEXT),
        )
        for demand in demands:
            for said in (
                error("28P01", "no"),
                messages.authentication(messages.CONTINUE, b"x"),
                messages.authentication(messages.CLEARTEXT),
                b"R\0\0\0\0",
            ):

                def act(demand: bytes = demand, said: bytes = said) -> None:
                    client = session()
                    client.connected()
                    client.receive(demand)
                    self.assertNotIn("pencil", repr(client))
                    client.receive(said)
                    raise client.closed()

                with self.subTest(said=said, demand=demand):
                    self.assertEqual(secrets_shown(act, "pencil"), [])

    def test_attempts_alone(self) -> None:
        attempts = Attempts(["SCRAM-SHA-256"], USER, channel=TLS, policy=POLICY)
        self.assertIn(b"n,,n=,r=", attempts.command())
        with self.assertRaises(sasl.ServerNotAuthenticated):
            attempts.reply("R", messages.OK, None)


class Codes(unittest.TestCase):
    def test_every_reason_comes_back(self) -> None:
        """As what it is, or as a no to the credentials that is told in these words."""
        for reason in sasl.Reason:
            state = profiles.POSTGRESQL.reply(reason).split()[0]
            back = reason_of(state)
            if back is not reason:
                self.assertFalse(back.try_another, reason)

    def test_states(self) -> None:
        for state, reason in (
            ("28P01", sasl.Reason.BAD_CREDENTIALS),
            ("28000", sasl.Reason.NOT_AUTHORIZED),
            ("08P01", sasl.Reason.MALFORMED),
            ("0A000", sasl.Reason.UNSUPPORTED),
            ("57P03", sasl.Reason.UNAVAILABLE),
            ("58030", sasl.Reason.UNAVAILABLE),
            ("XX000", sasl.Reason.UNAVAILABLE),
            ("42501", sasl.Reason.BAD_CREDENTIALS),
            ("", sasl.Reason.BAD_CREDENTIALS),
        ):
            self.assertIs(reason_of(state), reason)


class Arbitrary(unittest.TestCase):
    """Whatever a server says, in whatever order."""

    @settings(max_examples=60)
    @given(
        st.sampled_from([CLEAR, TLS, BOUND]),
        st.lists(
            st.sampled_from(
                [
                    b"S",
                    b"N",
                    OK,
                    error("28P01", "no"),
                    messages.message("N", b"\0"),
                    messages.authentication(messages.CLEARTEXT),
                    messages.authentication(
                        messages.SASL, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"
                    ),
                    messages.authentication(messages.CONTINUE, b"r=x,s=QUE=,i=1"),
                    messages.authentication(messages.FINAL, b"v=AAAA"),
                    messages.authentication(messages.FINAL, b"e=other-error") + OK,
                    b"R\0\0\0\x03",
                    b"R\0\0\0\x08\0",
                ]
            )
            | st.binary(max_size=20),
            max_size=5,
        ),
    )
    def test_only_sasl_errors(self, on: sasl.Channel, said: list[bytes]) -> None:
        client = session(on, starttls="opportunistic")
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
            self.assertEqual(client.mechanism, "PLAIN")


if __name__ == "__main__":
    unittest.main()
