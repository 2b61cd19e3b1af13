"""client(), server(), offer(): which mechanism, and why not another."""

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import mechanisms

from . import _accounts as accounts
from ._play import play

ENCRYPTED = sasl.Channel(True, host="mail.example.org")
PLAINTEXT = sasl.Channel(False, host="mail.example.org")
BOUND = sasl.Channel(
    True, service="imap", host="mail.example.org", bindings=accounts.BINDINGS
)
PASSWORD = sasl.Credentials("user", "pencil")


def chosen(offered: Any, credentials: Any = PASSWORD, **more: Any) -> str:
    """Return the name that a client chooses."""
    more.setdefault("channel", ENCRYPTED)
    return sasl.client(offered, credentials, **more).name


def refusals(offered: Any, credentials: Any = PASSWORD, **more: Any) -> dict[str, str]:
    """Return why a client chooses nothing."""
    try:
        name = chosen(offered, credentials, **more)
    except sasl.NoMechanism as error:
        for refused, reason in error.refusals.items():
            if f"{refused}: {reason}" not in str(error):
                raise AssertionError("the text does not say why") from error
        return error.refusals
    raise AssertionError(f"{name} was chosen")


class ClientTest(unittest.TestCase):
    """The client takes the strongest that it may and can."""

    def test_the_strongest_wins(self) -> None:
        """Whatever the order of the server's list."""
        offered = ["PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "CRAM-MD5"]
        for names in (offered, offered[::-1], sorted(offered), iter(offered)):
            self.assertEqual(chosen(names), "SCRAM-SHA-256")

    def test_the_order_of_strength(self) -> None:
        """Taking away the strongest each time gives the ranking."""
        offered = set(accounts.NAMES)
        credentials = sasl.Credentials("user", "pencil", token="token")
        ranking = []
        while True:
            try:
                ranking.append(chosen(offered, credentials, channel=BOUND))
            except sasl.NoMechanism:
                break
            offered.remove(ranking[-1])
        strengths = [mechanisms.find(name).strength for name in ranking]
        self.assertEqual(strengths, sorted(strengths, reverse=True))
        self.assertEqual(ranking[0], "SCRAM-SHA-512-PLUS")
        self.assertEqual(ranking[-2:], ["PLAIN", "LOGIN"])

    def test_a_password_never_goes_where_a_proof_could(self) -> None:
        """Any challenge-response is stronger than what shows the password."""
        proofs = [
            name
            for name, entry in accounts.TABLE.items()
            if entry.sealed and "password" in entry.right
        ]
        self.assertIn("CRAM-MD5", proofs)
        for name in proofs:
            names = ["PLAIN", "LOGIN", name]
            policy = sasl.Policy(allow=names)
            right = sasl.Credentials(**accounts.TABLE[name].right)
            with self.subTest(name):
                found = chosen(names, right, channel=BOUND, policy=policy)
                self.assertEqual(found, name)

    def test_names_in_any_case(self) -> None:
        """Servers write them as they like."""
        self.assertEqual(chosen(["plain", "Scram-Sha-256"]), "SCRAM-SHA-256")

    def test_unknown_and_odd_names_are_passed_over(self) -> None:
        """And shown only if they are names at all."""
        odd = ["", "X" * 100, "A B", "\x1b[2J", "PLAIN\r\n", "\xe9", "KERBEROS_V4"]
        self.assertEqual(chosen([*odd, "PLAIN", "PLAIN"]), "PLAIN")
        found = refusals(odd)
        self.assertEqual(found["KERBEROS_V4"], "unknown")
        self.assertEqual(set(found), {"KERBEROS_V4", "(not a name)"})

    def test_letters_that_become_ascii_are_not_ascii(self) -> None:
        """The dotless i and the long s are no letters of a name."""
        for name in (
            "PLA\N{LATIN SMALL LETTER DOTLESS I}N",
            "\N{LATIN SMALL LETTER LONG S}CRAM-SHA-1",
        ):
            with self.subTest(ascii(name)):
                refusals([name])
                with self.assertRaises(sasl.NoMechanism):
                    sasl.server(name, channel=ENCRYPTED)

    def test_a_named_mechanism_obeys_the_policy(self) -> None:
        """A str is a wish, no permission."""
        self.assertEqual(chosen("login"), "LOGIN")
        for name, channel, policy in (
            ("PLAIN", PLAINTEXT, sasl.Policy()),
            ("PLAIN", ENCRYPTED, sasl.Policy(deny=["PLAIN"])),
            ("PLAIN", ENCRYPTED, sasl.Policy(allow=["SCRAM-SHA-256"])),
            ("PLAIN", ENCRYPTED, sasl.Policy(cleartext="never")),
            ("PLAIN", ENCRYPTED, sasl.Policy(channel_binding="require")),
            ("ANONYMOUS", ENCRYPTED, sasl.Policy()),
            ("FOO", ENCRYPTED, sasl.Policy()),
        ):
            with self.subTest(name, policy=policy):
                self.assertEqual(
                    list(refusals(name, channel=channel, policy=policy)), [name]
                )

    def test_the_reasons_are_told(self) -> None:
        """Name by name, in words that help."""
        found = refusals(
            ["PLAIN", "OAUTHBEARER", "SCRAM-SHA-256-PLUS", "CRAM-MD5", "ANONYMOUS"],
            channel=PLAINTEXT,
            policy=sasl.Policy(deny=["CRAM-MD5"]),
        )
        self.assertIn("encrypted", found["PLAIN"])
        self.assertIn("token", found["OAUTHBEARER"])
        self.assertIn("binding", found["SCRAM-SHA-256-PLUS"])
        self.assertIn("denies", found["CRAM-MD5"])
        self.assertIn("Policy(allow=)", found["ANONYMOUS"])
        for answers, words in (
            (None, "must say .* AcceptS"),
            ([], "leaves out AcceptS"),
        ):
            with self.assertRaisesRegex(sasl.NoMechanism, words):
                sasl.server("GSSAPI", channel=ENCRYPTED, answers=answers)
        with self.assertRaisesRegex(sasl.NoMechanism, "no mechanism"):
            chosen([])

    def test_what_the_credentials_can_feed(self) -> None:
        """A token is for OAuth, keys for their own hash only."""
        offered = [*accounts.NAMES]
        token = sasl.Credentials("user", token="token")
        self.assertEqual(chosen(offered, token), "OAUTHBEARER")
        keys = sasl.ScramClientKeys.derive("pencil", "sha1", iterations=1, salt=b"x")
        self.assertEqual(
            chosen(offered, sasl.Credentials("user", keys=keys)), "SCRAM-SHA-1"
        )
        self.assertEqual(chosen(offered, sasl.Credentials()), "EXTERNAL")
        refusals(["PLAIN", "SCRAM-SHA-1"], sasl.Credentials("", "pencil"))

    def test_external_is_not_taken_by_mistake(self) -> None:
        """With a password in hand it needs a fact; with one it is the strongest."""
        channel = sasl.Channel(True, external="user")
        self.assertEqual(chosen(["EXTERNAL", "PLAIN"]), "PLAIN")
        self.assertEqual(chosen(["EXTERNAL", "PLAIN"], channel=channel), "EXTERNAL")

    def test_an_authzid_needs_a_mechanism_that_carries_it(self) -> None:
        """The stronger one without a place for it is passed over."""
        credentials = sasl.Credentials("user", "pencil", authzid="boss")
        self.assertEqual(chosen(["CRAM-MD5", "PLAIN"], credentials), "PLAIN")
        self.assertIn("authzid", refusals(["LOGIN"], credentials)["LOGIN"])


class OfferTest(unittest.TestCase):
    """What a server advertises."""

    def test_the_strongest_first(self) -> None:
        """And the current ones only."""
        offered = sasl.offer(channel=BOUND)
        strengths = [mechanisms.find(name).strength for name in offered]
        self.assertEqual(strengths, sorted(strengths, reverse=True))
        self.assertNotIn("ANONYMOUS", offered)
        for name in offered:
            self.assertFalse(mechanisms.find(name).obsolete)

    def test_what_the_application_can_answer(self) -> None:
        """Who stores no passwords does not offer CRAM-MD5."""
        offered = sasl.offer(channel=ENCRYPTED, answers=[sasl.CheckPassword])
        self.assertEqual(offered, ("PLAIN", "LOGIN"))
        self.assertEqual(sasl.offer(channel=ENCRYPTED, answers=[]), ())

        keys = sasl.offer(channel=ENCRYPTED, answers=iter([sasl.FindScramKeys]))
        self.assertTrue(keys)
        self.assertTrue(all(name in accounts.SCRAMS for name in keys))

    def test_what_not_every_application_can_answer(self) -> None:
        """Kerberos is on offer where the application, or its policy, speaks of it."""
        self.assertNotIn("GSSAPI", sasl.offer(channel=ENCRYPTED))
        with self.assertRaises(sasl.NoMechanism):
            sasl.server("GSSAPI", channel=ENCRYPTED)
        answers = [sasl.AcceptSecurityContext]
        able = sasl.offer(channel=ENCRYPTED, answers=answers)
        self.assertEqual(able, ("GS2-KRB5", "GSSAPI", "GSS-SPNEGO"))
        named = sasl.Policy(allow=["GSSAPI"])
        self.assertEqual(sasl.offer(channel=ENCRYPTED, policy=named), ("GSSAPI",))

    def test_the_facts(self) -> None:
        """-PLUS needs a binding, EXTERNAL an identity."""
        plus = {name for name in accounts.NAMES if name.endswith("-PLUS")}
        able = {request for name in plus for request in mechanisms.find(name).asks}
        self.assertEqual(plus, set(sasl.offer(channel=BOUND, answers=able)) & plus)
        self.assertFalse(plus & set(sasl.offer(channel=ENCRYPTED, answers=able)))
        external = sasl.Channel(False, external="user")
        self.assertIn("EXTERNAL", sasl.offer(channel=external))

    def test_a_hash_that_this_python_lacks(self) -> None:
        """A FIPS build offers no CRAM-MD5, and says why it does not run it."""
        gone = mock.PropertyMock(return_value=False)
        with mock.patch.object(mechanisms.Mechanism, "available", gone):
            policy = sasl.Policy()
            offered = sasl.offer(channel=ENCRYPTED, policy=policy)
            self.assertNotIn("CRAM-MD5", offered)
            with self.assertRaises(sasl.NoMechanism) as caught:
                sasl.server("CRAM-MD5", channel=ENCRYPTED, policy=policy)
        self.assertIn("md5", caught.exception.refusals["CRAM-MD5"])

    def test_server_says_why(self) -> None:
        """By name, in the error."""
        for name, channel, word in (
            ("FOO", ENCRYPTED, "unknown"),
            ("PLAIN", PLAINTEXT, "encrypted"),
            ("EXTERNAL", ENCRYPTED, "outside"),
            ("SCRAM-SHA-1-PLUS", ENCRYPTED, "binding"),
        ):
            with self.subTest(name), self.assertRaises(sasl.NoMechanism) as caught:
                sasl.server(name, channel=channel)
            self.assertIn(word, caught.exception.refusals[name])

    def test_an_unprintable_name(self) -> None:
        """It is not repeated."""
        with self.assertRaises(sasl.NoMechanism) as caught:
            sasl.server("\x1b[2J", channel=ENCRYPTED)
        self.assertTrue(str(caught.exception).isprintable())


class RegistryTest(unittest.TestCase):
    """A mechanism of one's own is chosen, offered and refused like any other."""

    def setUp(self) -> None:
        """Put the registry back after each test."""
        saved = dict(mechanisms._registry)
        self.addCleanup(mechanisms._registry.update, saved)
        self.addCleanup(mechanisms._registry.clear)

    def register(self, **facts: Any) -> None:
        """Register X-OWN, which is PLAIN by another name."""
        plain = mechanisms.find("PLAIN")
        mechanisms.register(
            mechanisms.Mechanism(
                "X-OWN",
                plain.client,
                plain.server,
                asks=(sasl.CheckPassword,),
                **{"strength": 99, "needs": ("username", "password"), **facts},
            )
        )

    def test_it_is_offered_and_run(self) -> None:
        """By its strength and facts."""
        self.register()
        self.assertEqual(sasl.offer(channel=ENCRYPTED)[0], "X-OWN")
        client = sasl.client(["X-OWN", "PLAIN"], PASSWORD, channel=ENCRYPTED)
        server = sasl.server(client.name, channel=ENCRYPTED)
        outcome = play(client, server)
        self.assertTrue(outcome.succeeded)
        self.assertEqual(outcome.event.mechanism, "X-OWN")

    def test_its_facts_count(self) -> None:
        """Obsolete, anonymous, external, showing, and needing."""
        self.register(obsolete=True)
        self.assertNotIn("X-OWN", sasl.offer(channel=ENCRYPTED))
        refusals(["X-OWN"], policy=sasl.Policy())
        named = sasl.Policy(allow=["X-OWN"])
        self.assertEqual(chosen(["X-OWN"], policy=named), "X-OWN")
        for facts in ({"anonymous": True}, {"external": True}, {"needs": ("gss",)}):
            self.register(**facts)
            with self.subTest(facts):
                refusals(["X-OWN"], policy=sasl.Policy())
        self.register(shows="password")
        refusals(["X-OWN"], channel=PLAINTEXT, policy=sasl.Policy())

    def test_a_replaced_mechanism_has_its_new_facts(self) -> None:
        """What a policy thought of the old one is forgotten."""
        policy = sasl.Policy(cleartext="never")
        self.register()
        self.assertEqual(chosen(["X-OWN"], policy=policy), "X-OWN")
        self.register(shows="password")
        refusals(["X-OWN"], policy=policy)

    def test_names_are_checked(self) -> None:
        """RFC 4422's letters."""
        for name in ("", "plain", "A B", "A\n", "\xc9"):
            with self.subTest(name), self.assertRaises(ValueError):
                mechanisms.Mechanism(name, mock.Mock(), mock.Mock(), strength=1)


if __name__ == "__main__":
    unittest.main()
