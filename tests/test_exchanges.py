"""Every client against every server: framings, initial responses, identities."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from typing import Any, NamedTuple

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find

from . import _accounts as accounts
from ._accounts import NAMES, OTHER, TABLE, USER
from ._play import Outcome, play
from ._points import is_sibling

# The framings of the library, and the two of them with and without success data.
FRAMINGS = (
    *(getattr(profiles, name) for name in profiles.__all__ if name.isupper()),
    sasl.Profile("base64 with data", success_data=True),
    sasl.Profile("raw without data", base64=False, abort=None, empty_initial=None),
)
DENIED = "root"
AUTHZIDS = ("", USER, OTHER, DENIED)
CREDENTIALS = ("right", "wrong", "unknown user")


class Case(NamedTuple):
    """One exchange of the matrix."""

    name: str
    profile: sasl.Profile
    initial: bool
    authzid: str
    credential: str

    def credentials(self) -> sasl.Credentials:
        """Return what the client of this case has."""
        entry = TABLE[self.name]
        has = entry.wrong if self.credential == "wrong" else entry.right
        if self.credential == "unknown user":
            has = has | {"username": "nobody"}
        return sasl.Credentials(**has, authzid=self.authzid)

    def expected(self) -> sasl.Reason | None:
        """Say how it must end; None: well."""
        known = self.credential == "right"
        # A bearer token says itself whose it is: another name is an authzid.
        if self.credential == "unknown user" and "token" in find(self.name).needs:
            known = self.authzid in (USER, OTHER)
            if not known:
                return sasl.Reason.NOT_AUTHORIZED
        if not known:
            return sasl.Reason.BAD_CREDENTIALS
        if self.authzid == DENIED:
            return sasl.Reason.NOT_AUTHORIZED
        return None


def whole(profile: sasl.Profile) -> bool:
    """Whether a framing is the first of its shape: the others differ in what is not
    framed here, limits and replies.
    """
    return profile is next(each for each in FRAMINGS if _shape(each) == _shape(profile))


def _shape(profile: sasl.Profile) -> tuple[Any, ...]:
    initial = profile.initial_response, profile.empty_initial
    return profile.base64, profile.success_data, profile.abort, *initial


def cases() -> Iterator[Case]:
    """Yield the matrix: what a mechanism has no word for is left out.

    Of framings that are alike, the first is tried with everybody, the rest with one; of
    siblings, two are.
    """
    for name in NAMES:
        entry, mechanism = TABLE[name], find(name)
        credentials = CREDENTIALS if entry.wrong else CREDENTIALS[:1]
        if not entry.nobody:
            credentials = CREDENTIALS[:2]
        carries = mechanism.authzid and not mechanism.anonymous
        for profile in FRAMINGS[-2:] if is_sibling(name) else FRAMINGS:
            everybody = whole(profile)
            for initial in (True, False):
                for authzid in AUTHZIDS if carries and everybody else AUTHZIDS[:1]:
                    for credential in credentials if everybody else CREDENTIALS[:1]:
                        yield Case(name, profile, initial, authzid, credential)


class MatrixTest(unittest.TestCase):
    """The whole matrix, each case to its end on both sides."""

    def test_the_matrix_is_whole(self) -> None:
        """Nothing fell out of it: every mechanism and framing is there, many times."""
        matrix = list(cases())
        self.assertEqual(len(matrix), len(set(matrix)))
        self.assertGreater(len(matrix), 3500)
        self.assertEqual({case.name for case in matrix}, set(NAMES))
        self.assertEqual({case.profile for case in matrix}, set(FRAMINGS))

    def test_every_case(self) -> None:
        """Both sides agree on the end, and it is the right one."""
        for case in cases():
            with self.subTest(**case._asdict() | {"profile": case.profile.name}):
                self.check(case)

    def check(self, case: Case) -> None:
        """Run one case."""
        application = accounts.Application()
        credentials = case.credentials()
        outcome = play(
            accounts.make_client(
                case.name, profile=case.profile, credentials=credentials
            ),
            accounts.make_server(
                case.name, profile=case.profile, username=credentials.username
            ),
            application,
            initial=case.initial,
        )
        expected = case.expected()
        if expected is None:
            self.check_success(case, outcome, application)
        else:
            self.assertIsInstance(outcome.event, sasl.Failure)
            self.assertIs(outcome.event.reason, expected)
            self.assertIsInstance(outcome.error, sasl.AuthenticationError)
            self.assertNotIsInstance(outcome.error, sasl.ServerNotAuthenticated)
            self.assertIs(outcome.error.reason, expected)

    def check_success(self, case: Case, outcome: Outcome, application: Any) -> None:
        """Look at a Success and at what was asked for it."""
        event, mechanism = outcome.event, find(case.name)
        self.assertIsNone(outcome.error)
        self.assertIsInstance(event, sasl.Success)
        authcid = "anonymous" if mechanism.anonymous else USER
        wanted = case.authzid or authcid
        if case.credential == "unknown user":
            wanted = case.authzid
        self.assertEqual(event.identity.authcid, authcid)
        self.assertEqual(event.identity.authzid, wanted)
        self.assertEqual(event.mechanism, case.name)
        self.assertEqual(event.bound, mechanism.plus)
        self.assertIsNone(event.layer)
        carried = case.profile.success_data and accounts.says_last(case.name)
        self.assertEqual(event.data is not None, carried)
        asked = [request.__name__ for request in mechanism.asks]
        if wanted != authcid:
            asked.append("Authorize")
        # SECURID may ask its question again, after a prompt.
        self.assertEqual(list(dict.fromkeys(application.asked)), asked)

    def test_initial_responses_save_a_round_trip(self) -> None:
        """With one, the empty challenge that asks for it is not sent; else it is."""
        for name in NAMES:
            with self.subTest(name):
                first, without = (
                    play(
                        accounts.make_client(name),
                        accounts.make_server(name),
                        initial=initial,
                    ).transcript
                    for initial in (True, False)
                )
                if find(name).client_first:
                    self.assertEqual(without[0], ("S", b""))
                    self.assertEqual(first[0][0], "C")
                    self.assertEqual(without[2:], first[1:])
                else:
                    sides = "".join(side for side, _ in first)
                    self.assertEqual(sides, "SC" * (len(first) // 2))

    def test_an_empty_initial_response_is_not_none(self) -> None:
        """EXTERNAL without an authzid: b"" for `start`, = on the command line."""
        client = accounts.make_client("EXTERNAL")
        self.assertEqual(client.start(), b"")
        self.assertEqual(client.profile.initial(b""), b"=")
        for empty in (b"", b"="):
            event = accounts.make_server("EXTERNAL").start(empty)
            self.assertIsInstance(event, sasl.Success)
        event = accounts.make_server("EXTERNAL").start(None)
        self.assertEqual(event, sasl.Challenge(b""))

    def test_an_initial_response_that_the_mechanism_does_not_take(self) -> None:
        """Where the server speaks first, one is refused; LOGIN is lenient, and by
        DIGEST-MD5 one can try to authenticate again, which gets a challenge.
        """
        for name in NAMES:
            mechanism = find(name)
            if mechanism.client_first:
                continue
            event = accounts.make_server(name).start(b"dXNlcg==")
            with self.subTest(name):
                if name == "DIGEST-MD5":
                    self.assertIsInstance(event, sasl.Challenge)
                elif mechanism.initial_response:
                    self.assertEqual(event, sasl.Challenge(b"UGFzc3dvcmQ6"))
                else:
                    self.assertIs(event.reason, sasl.Reason.UNEXPECTED_INITIAL)

    def test_success_without_data_takes_one_more_round(self) -> None:
        """The last data is a challenge that the client answers with nothing."""
        with_data, without = (
            play(
                accounts.make_client("SCRAM-SHA-256", profile=profile),
                accounts.make_server("SCRAM-SHA-256", profile=profile),
            )
            for profile in (FRAMINGS[-2], profiles.BASE64)
        )
        self.assertEqual(with_data.event.data, with_data.transcript[-1][1])
        self.assertEqual(without.transcript, [*with_data.transcript, ("C", b"")])


class IdentityTest(unittest.TestCase):
    """Who is meant, after preparation."""

    def run_as(self, name: str, username: str, authzid: str) -> tuple[Any, list[str]]:
        """Run an exchange of another spelling; return the event and what was asked."""
        application = accounts.Application()
        has = TABLE[name].right | {"username": username}
        credentials = sasl.Credentials(**has, authzid=authzid)
        client = accounts.make_client(name, credentials=credentials)
        outcome = play(client, accounts.make_server(name), application)
        return outcome.event, application.asked

    def test_spellings_of_oneself_need_no_authorization(self) -> None:
        """authcid and authzid are compared after SASLprep, on the server."""
        for name in ("PLAIN", "SCRAM-SHA-256", "OAUTHBEARER", "EXTERNAL"):
            event, asked = self.run_as(name, USER, "us\N{SOFT HYPHEN}er")
            with self.subTest(name):
                self.assertIsInstance(event, sasl.Success)
                self.assertEqual(event.identity, sasl.Identity(USER, USER))
                self.assertNotIn("Authorize", asked)

    def test_the_user_name_is_prepared_before_it_is_asked_about(self) -> None:
        """Full-width letters log in to the account of the plain ones."""
        wide = "\N{FULLWIDTH LATIN SMALL LETTER U}ser"
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
            event, _ = self.run_as(name, wide, "")
            with self.subTest(name):
                self.assertEqual(event.identity, sasl.Identity(USER))

    def test_an_authzid_that_the_mechanism_cannot_carry(self) -> None:
        """It is never dropped in silence."""
        for name in NAMES:
            mechanism = find(name)
            if mechanism.authzid and not mechanism.anonymous:
                continue
            with self.subTest(name), self.assertRaises(sasl.NoMechanism):
                accounts.make_client(name, authzid=OTHER)

    def test_names_with_every_separator(self) -> None:
        """Commas, equals signs, escapes and percent signs come through unchanged."""
        for user in ("a,b", "a=b", "=2C", "a=2Cb,=3D", "%x01", "a b", "é,", "=", ","):
            application = accounts.Application(username=user)
            for name in NAMES:
                if "username" not in find(name).needs:
                    continue
                has = TABLE[name].right | {"username": user}
                client = accounts.make_client(name, credentials=sasl.Credentials(**has))
                outcome = play(client, accounts.make_server(name), application)
                with self.subTest(name, user=user):
                    self.assertTrue(outcome.succeeded)
                    self.assertEqual(outcome.event.identity, sasl.Identity(user))


if __name__ == "__main__":
    unittest.main()
