"""The rules of the design, by number: one short test class for each.

The big matrices are elsewhere (states, exchanges, misuse, secrets); here a reader finds
what each rule says, held directly.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import os
import pickle
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core._strict import Malformed, integer, utf8
from sasl_core._strict import base64 as strict_base64
from sasl_core.mechanisms import find, registered

from . import _accounts as accounts
from ._accounts import PASSWORD, TOKEN, USER
from .test_states import NASTY

_ROOT = Path(sasl.__file__).parent.parent
ENCRYPTED = sasl.Channel(True, host="mail.example.org")
PLAINTEXT = sasl.Channel(False, host="mail.example.org")
BOUND = sasl.Channel(True, bindings=accounts.BINDINGS[:1])
RAW = profiles.RAW


def scram_client(**more: Any) -> sasl.Client:
    """Make a raw client of SCRAM-SHA-256 and send its first message."""
    client = accounts.make_client("SCRAM-SHA-256", profile=RAW, **more)
    client.start()
    return client


def scram_server(*, known: bool = True) -> sasl.Server:
    """Make a raw server of SCRAM-SHA-256 that waits for the client's proof."""
    server = accounts.make_server("SCRAM-SHA-256", profile=RAW)
    request = server.start(b"n,,n=user,r=" + accounts.CLIENT_NONCE)
    request.answer(accounts.keys(PASSWORD, "sha256") if known else None)
    return server


class Rule01NoOctetsRaise(unittest.TestCase):
    """Nothing a client sends makes a server raise; a client raises SASLError only."""

    def test_rule_01_servers(self) -> None:
        """Every mechanism, as its first message."""
        for name in accounts.NAMES:
            for message in NASTY:
                event = accounts.make_server(name, profile=RAW).start(message)
                kinds = (sasl.Challenge, sasl.Request, sasl.Success, sasl.Failure)
                self.assertIsInstance(event, kinds)

    def test_rule_01_clients(self) -> None:
        """Every mechanism, as the first challenge after its first message."""
        for name in accounts.NAMES:
            for message in NASTY:
                client = accounts.make_client(name, profile=RAW)
                client.start()
                with contextlib.suppress(sasl.SASLError):
                    client.step(message)


class Rule02Strict(unittest.TestCase):
    """One text for each message, and no second reading of any."""

    def test_rule_02_base64(self) -> None:
        """No white space, all the padding, no spare bits, one alphabet."""
        for text in (
            b"QQ",
            b"QQ=",
            b"QR==",
            b" QQ==",
            b"QQ==\n",
            b"QQ==QQ==",
            b"Q\0==",
        ):
            with self.subTest(text), self.assertRaises(Malformed):
                strict_base64(text)
        for text in (b"-_8=", b"=", b"====", b"QQ===", b"\xff", b"QUI"):
            with self.subTest(text), self.assertRaises(Malformed):
                strict_base64(text)
        for octets in (b"", b"A", b"AB", b"ABC", bytes(range(256))):
            self.assertEqual(strict_base64(base64.b64encode(octets)), octets)

    def test_rule_02_integers(self) -> None:
        """Decimal ASCII digits only."""
        for digits in (
            b"",
            b"+1",
            b"-1",
            b" 1",
            b"1 ",
            b"4_096",
            b"01",
            b"0x1",
            b"1.0",
        ):
            with self.subTest(digits), self.assertRaises(Malformed):
                integer(digits, 0, 10_000)
        for digits in ("\u0661".encode(), "\u00b2".encode(), b"10001", b"9" * 5000):
            with self.subTest(digits), self.assertRaises(Malformed):
                integer(digits, 0, 10_000)
        self.assertEqual(integer(b"4096", 0, 10_000), 4096)

    def test_rule_02_utf8(self) -> None:
        """No overlong form, no surrogate, nothing cut short or beyond the end."""
        for octets in (b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82", b"\xf4\x90\x80\x80"):
            with self.subTest(octets), self.assertRaises(Malformed):
                utf8(octets)

    def test_rule_02_attributes(self) -> None:
        """Order, duplicates and m= in SCRAM's messages."""
        for message in (
            b"n,,r=x,n=user",
            b"n,,n=user,n=user,r=x",
            b"n,,n=user,r=x,r=x",
            b"n,,m=x,n=user,r=x",
            b"n,,n=user,r=x,m=x",
            b"n,,n=user,r=x,x",
            b"n,,n=user,r=x,1=x",
            b"n,,n=user,r=x,",
        ):
            event = accounts.make_server("SCRAM-SHA-256", profile=RAW).start(message)
            with self.subTest(message):
                self.assertEqual(event.reason, sasl.Reason.MALFORMED)

    def test_rule_02_extensions(self) -> None:
        """An optional extension is ignored where the grammar has room for it."""
        server = accounts.make_server("SCRAM-SHA-256", profile=RAW)
        event = server.start(b"n,,n=user,r=x,x=y,z=a=b")
        self.assertEqual(
            accounts.question(event), (sasl.FindScramKeys, "user", "sha256")
        )


class Rule03Limits(unittest.TestCase):
    """Limits come before decoding and before normalization."""

    def test_rule_03_before_decoding(self) -> None:
        """What is too long is never decoded; what is just short enough is."""
        policy = sasl.Policy(allow=["PLAIN"], max_message=100)
        for size, decoded in ((100, True), (101, False)):
            server = sasl.server("PLAIN", channel=ENCRYPTED, policy=policy)
            with mock.patch("sasl_core._profile.base64", return_value=b"") as decode:
                event = server.start(b"A" * size)
            self.assertEqual(decode.called, decoded)
            reason = sasl.Reason.MALFORMED if decoded else sasl.Reason.TOO_LONG
            self.assertEqual(event.reason, reason)

    def test_rule_03_both_sides_of_every_mechanism(self) -> None:
        """64 KiB by default, everywhere."""
        long = b"A" * 65537
        for name in accounts.NAMES:
            server = accounts.make_server(name)
            server.start()
            with self.subTest(name):
                self.assertIs(server.step(long).reason, sasl.Reason.TOO_LONG)
                client = accounts.make_client(name)
                client.start()
                with self.assertRaisesRegex(sasl.ProtocolError, "more than 65536"):
                    client.step(long)

    def test_rule_03_before_normalization(self) -> None:
        """A long run of combining marks is refused, not sorted."""
        marks = "a" + "\N{COMBINING ACUTE ACCENT}" * 20_000
        server = accounts.make_server("PLAIN", profile=RAW)
        with mock.patch("sasl_core._saslprep.ucd_3_2_0") as ucd:
            event = server.start(b"\0%b\0pencil" % marks.encode())
        self.assertFalse(ucd.normalize.called)
        self.assertEqual(event.reason, sasl.Reason.MALFORMED)


class Rule04NoSuccessWithoutADecision(unittest.TestCase):
    """Nobody succeeds without a yes; no client finishes without the promise kept."""

    def test_rule_04_deny_is_no(self) -> None:
        """Who denies everything lets nobody in but whom a fact has proven."""
        for name, entry in accounts.TABLE.items():
            client, server = accounts.make_client(name), accounts.make_server(name)
            nobody = accounts.Application("", "", "", ())
            outcome = accounts.play(client, server, nobody)
            with self.subTest(name):
                self.assertEqual(outcome.succeeded, entry.by_fact)

    def test_rule_04_scram_needs_the_signature(self) -> None:
        """A success that comes instead of v= is no success."""
        client = scram_client()
        first = scram_first()
        client.step(first)
        with self.assertRaises(sasl.ServerNotAuthenticated) as caught:
            client.finish()
        self.assertFalse(caught.exception.try_another)

    def test_rule_04_an_answered_error_challenge_is_a_failure(self) -> None:
        """OAUTHBEARER and XOAUTH2: success after the error challenge is a lie."""
        for name in ("OAUTHBEARER", "XOAUTH2"):
            client = accounts.make_client(name, profile=RAW)
            client.start()
            client.step(b'{"status":"invalid_token"}')
            with self.subTest(name), self.assertRaises(sasl.ServerNotAuthenticated):
                client.finish()

    def test_rule_04_a_discovery_never_succeeds(self) -> None:
        """An empty token asks where to get one: no answer to it is a yes."""
        server = accounts.make_server("OAUTHBEARER", profile=RAW)
        request = server.start(b"n,,\x01auth=\x01\x01")
        self.assertEqual(
            accounts.question(request), (sasl.CheckToken, "", "", None, None)
        )
        event = request.answer(USER)
        self.assertIsInstance(event, sasl.Challenge)
        self.assertIsInstance(server.step(b"\x01"), sasl.Failure)


def scram_first() -> bytes:
    """Return an honest server-first message."""
    return b"r=%b%b,s=%b,i=%d" % (
        accounts.CLIENT_NONCE,
        accounts.SERVER_NONCE,
        base64.b64encode(accounts.SALT),
        accounts.ITERATIONS,
    )


class Rule05Early(unittest.TestCase):
    """Early success, late challenges, data where none can be."""

    def test_rule_05_early_success(self) -> None:
        """At every point before the end, in every mechanism with a promise."""
        for point in accounts.points():
            waits = isinstance(point.waiting, sasl.Client) and point.method == "step"
            if waits and point.name in accounts.SCRAMS:
                with self.assertRaises(sasl.ServerNotAuthenticated):
                    point.copy().finish()

    def test_rule_05_a_challenge_after_the_end(self) -> None:
        """The last message is the last."""
        for name in ("PLAIN", "CRAM-MD5", "EXTERNAL", "ANONYMOUS"):
            client = accounts.make_client(name, profile=RAW)
            client.start()
            if name == "CRAM-MD5":
                client.step(b"<x@y>")
            with self.subTest(name), self.assertRaises(sasl.ProtocolError):
                client.step(b"more?")

    def test_rule_05_data_with_success(self) -> None:
        """Refused where the protocol or the mechanism has none."""
        for profile in (profiles.BASE64, RAW):
            client = accounts.make_client("PLAIN", profile=profile)
            client.start()
            with self.subTest(profile.name), self.assertRaises(sasl.ProtocolError):
                client.finish(b"QQ==")

    def test_rule_05_an_acknowledgement_is_empty(self) -> None:
        """What a client says to server-final is nothing at all."""
        name = "SCRAM-SHA-256"

        def watch(machine: Any, method: str, arguments: tuple[Any, ...]) -> Any:
            acknowledges = isinstance(machine, sasl.Server) and arguments == (b"",)
            return (b"QQ==",) if acknowledges and method == "step" else None

        outcome = accounts.play(
            accounts.make_client(name), accounts.make_server(name), watch=watch
        )
        self.assertEqual(outcome.event.reason, sasl.Reason.MALFORMED)


class Rule06OneExchange(unittest.TestCase):
    """One exchange per object, copied at most, never pickled."""

    def test_rule_06_after_the_end(self) -> None:
        """Everything is a StateError."""
        server = accounts.make_server("PLAIN")
        server.start(b"*")
        for line in (b"", b"*", b"AHVzZXIAcGVuY2ls", b"!"):
            with self.assertRaises(sasl.StateError):
                server.step(line)

    def test_rule_06_copies_and_pickles(self) -> None:
        """A deep copy goes its own way; a pickle is refused."""
        server = scram_server()
        copied = copy.deepcopy(server)
        copied.abort()
        self.assertIsInstance(server.step(b"x"), sasl.Failure)
        for thing in (server, scram_client(), sasl.Credentials("user", "pencil")):
            with self.assertRaises(TypeError):
                pickle.dumps(thing)


class Rule07CompareDigest(unittest.TestCase):
    """Secret-derived octets are compared by `hmac.compare_digest`."""

    def test_rule_07_its_word_is_final(self) -> None:
        """When it says no, the right proof fails; on both sides."""
        for name in ("SCRAM-SHA-256", "CRAM-MD5"):
            client, server = accounts.make_client(name), accounts.make_server(name)
            with mock.patch("hmac.compare_digest", return_value=False):
                outcome = accounts.play(client, server)
            with self.subTest(name):
                self.assertIs(outcome.event.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_rule_07_its_yes_does_not_make_a_user(self) -> None:
        """An unknown user fails even where every comparison says yes."""
        for name in ("SCRAM-SHA-256", "CRAM-MD5"):
            client, server = accounts.make_client(name), accounts.make_server(name)
            nobody = accounts.Application(username="nobody")
            with mock.patch("hmac.compare_digest", return_value=True):
                outcome = accounts.play(client, server, nobody)
            with self.subTest(name):
                self.assertIsInstance(outcome.event, sasl.Failure)


class Rule08UnknownUsers(unittest.TestCase):
    """An unknown user looks like a known one until the proof."""

    def test_rule_08_the_challenge_has_the_same_form(self) -> None:
        """The same size, the same count, and the same salt each time."""
        challenges = []
        for answer in (accounts.keys(PASSWORD, "sha256"), None, None):
            server = accounts.make_server("SCRAM-SHA-256", profile=RAW)
            request = server.start(b"n,,n=user,r=x")
            challenges.append(request.answer(answer).data)
        known, unknown, again = challenges
        self.assertEqual(len(known), len(unknown))
        self.assertEqual(known.split(b",")[2], unknown.split(b",")[2])
        self.assertEqual(unknown, again)

    def test_rule_08_deny_is_the_same_as_none(self) -> None:
        """A database that knows nobody answers neither earlier nor otherwise."""
        ends = []
        for settle in (lambda r: r.deny(), lambda r: r.answer(None)):
            server = accounts.make_server("SCRAM-SHA-256", profile=RAW)
            ends.append(settle(server.start(b"n,,n=user,r=x")))
        self.assertEqual(*ends)

    def test_rule_08_a_wrong_proof_and_no_user_fail_alike(self) -> None:
        """One failure, in every word."""
        bound = b"c=biws,r=" + accounts.CLIENT_NONCE + accounts.SERVER_NONCE
        final = bound + b",p=" + base64.b64encode(bytes(32))
        ends = [scram_server(known=known).step(final) for known in (True, False)]
        self.assertEqual(*ends)
        self.assertIs(ends[0].reason, sasl.Reason.BAD_CREDENTIALS)


class Rule09NoSecretShows(unittest.TestCase):
    """No secret in a repr, an error or a log line."""

    def test_rule_09_reprs(self) -> None:
        """Credentials, requests, keys, exchanges."""
        keys = accounts.keys(PASSWORD, "sha256")
        things = [
            sasl.Credentials(USER, PASSWORD, token=TOKEN),
            sasl.CheckPassword(USER, PASSWORD),
            sasl.CheckToken(TOKEN, USER, None, None),
            scram_client(),
            scram_server(),
            keys,
        ]
        for thing in things:
            shown = f"{thing!r} {thing!s} {thing}"
            for secret in (PASSWORD, TOKEN, repr(keys.stored_key)[2:-1]):
                self.assertNotIn(secret, shown)

    def test_rule_09_errors_have_no_chain(self) -> None:
        """A chained exception would show the frames and octets behind it."""
        client = scram_client()
        with self.assertRaises(sasl.ProtocolError) as caught:
            client.step(b"r=" + b"\xff")
        self.assertIsNone(caught.exception.__context__)
        self.assertIsNone(caught.exception.__cause__)


class Rule10Cleartext(unittest.TestCase):
    """What shows the password or token needs an encrypted channel."""

    showing = tuple(m.name for m in registered() if m.shows)

    def test_rule_10_there_are_such_mechanisms(self) -> None:
        """The registry marks the four that everyone knows."""
        known = {"PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"}
        self.assertLessEqual(known, set(self.showing))

    def test_rule_10_neither_offered_nor_used(self) -> None:
        """Not by `offer`, not by `server`, not by `client`, named or in a list."""
        for name in self.showing:
            with self.subTest(name):
                self.assertNotIn(name, sasl.offer(channel=PLAINTEXT))
                self.refused(name, PLAINTEXT, accounts.policy(name))
                self.refused(name, ENCRYPTED, accounts.policy(name, cleartext="never"))

    def refused(self, name: str, channel: sasl.Channel, policy: sasl.Policy) -> None:
        """Check that neither side runs it."""
        credentials = sasl.Credentials(USER, PASSWORD, token=TOKEN)
        for offered in (name, [name]):
            with self.assertRaises(sasl.NoMechanism):
                sasl.client(offered, credentials, channel=channel, policy=policy)
        with self.assertRaises(sasl.NoMechanism):
            sasl.server(name, channel=channel, policy=policy)

    def test_rule_10_unless_the_policy_says_so(self) -> None:
        """`cleartext="always"` is in so many words."""
        for name in self.showing:
            policy = accounts.policy(name, cleartext="always")
            self.assertIn(name, sasl.offer(channel=PLAINTEXT, policy=policy))


class Rule11ChannelBinding(unittest.TestCase):
    """y says "I could have", a server that offered -PLUS refuses it, require is no wish."""

    def test_rule_11_a_client_that_could_bind_sends_y(self) -> None:
        """And n where it could not, or where -PLUS was on offer but not wanted."""
        for channel, wish, flag in (
            (BOUND, "prefer", b"y,,"),
            (ENCRYPTED, "prefer", b"n,,"),
            (BOUND, "disable", b"n,,"),
        ):
            client = sasl.client(
                ["SCRAM-SHA-256"],
                sasl.Credentials(USER, PASSWORD),
                channel=channel,
                policy=sasl.Policy(channel_binding=wish),
                profile=RAW,
            )
            self.assertEqual(client.start()[:3], flag)

    def test_rule_11_a_server_that_offered_plus_refuses_y(self) -> None:
        """Somebody took -PLUS out of the list; a server that did not offer it agrees."""
        for channel, kind in ((BOUND, sasl.Failure), (ENCRYPTED, sasl.FindScramKeys)):
            server = sasl.server("SCRAM-SHA-256", channel=channel, profile=RAW)
            self.assertIsInstance(server.start(b"y,,n=user,r=x"), kind)

    def test_rule_11_require_never_falls_back(self) -> None:
        """Not without a binding, not where -PLUS is not on offer, not on a server."""
        policy = sasl.Policy(channel_binding="require")
        credentials = sasl.Credentials(USER, PASSWORD)
        for offered, channel in (
            (["SCRAM-SHA-256", "PLAIN"], BOUND),
            (["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"], ENCRYPTED),
        ):
            with self.assertRaises(sasl.NoMechanism):
                sasl.client(offered, credentials, channel=channel, policy=policy)
        names = sasl.offer(channel=BOUND, policy=policy)
        self.assertTrue(names)
        self.assertTrue(all(find(name).plus for name in names), names)
        self.assertEqual(sasl.offer(channel=ENCRYPTED, policy=policy), ())

    def test_rule_11_plus_without_data_is_an_error(self) -> None:
        """Never n under a -PLUS name."""
        with self.assertRaises(sasl.NoMechanism):
            accounts.make_client("SCRAM-SHA-256-PLUS", on=ENCRYPTED)
        server = accounts.make_server("SCRAM-SHA-256-PLUS", profile=RAW)
        self.assertIsInstance(server.start(b"n,,n=user,r=x"), sasl.Failure)


class Rule12Iterations(unittest.TestCase):
    """A client computes within its window only."""

    def ask(self, count: int, **policy: Any) -> bytes:
        """Ask a client for a number of iterations."""
        client = sasl.client(
            "SCRAM-SHA-256",
            sasl.Credentials(USER, PASSWORD),
            channel=ENCRYPTED,
            policy=sasl.Policy(**policy),
            profile=RAW,
            nonce=accounts.CLIENT_NONCE,
        )
        client.start()
        return client.step(b"r=%bx,s=QQ==,i=%d" % (accounts.CLIENT_NONCE, count))

    def test_rule_12_the_default_window(self) -> None:
        """4,096 to 1,000,000, both ends included."""
        with mock.patch("hashlib.pbkdf2_hmac", return_value=bytes(32)) as slow:
            for count in (4096, 1_000_000):
                self.assertIn(b",p=", self.ask(count))
            self.assertEqual(slow.call_count, 2)
            for count in (0, 1, 4095, 1_000_001, 2**31, 2**32, 2**64):
                with self.subTest(count), self.assertRaises(sasl.ProtocolError):
                    self.ask(count)
            self.assertEqual(slow.call_count, 2)

    def test_rule_12_both_ends_can_be_set(self) -> None:
        """Real servers exist below, and above."""
        self.assertIn(b",p=", self.ask(1, iterations=(1, 1)))
        with self.assertRaises(sasl.ProtocolError):
            self.ask(2, iterations=(1, 1))


class Rule13OnlyWhatWasOffered(unittest.TestCase):
    """A server runs what it offered on this channel, nothing else."""

    def test_rule_13_offer_and_server_agree(self) -> None:
        """On every kind of channel, under many policies, for every name."""
        channels = [
            ENCRYPTED,
            PLAINTEXT,
            BOUND,
            sasl.Channel(True, external=USER, bindings=accounts.BINDINGS),
            sasl.Channel(False, external=USER, bindings=accounts.BINDINGS),
        ]
        policies = [
            sasl.Policy(**settings)
            for settings in (
                {},
                {"allow": ["PLAIN", "ANONYMOUS", "CRAM-MD5"]},
                {"deny": ["PLAIN", "SCRAM-SHA-256-PLUS"]},
                {"cleartext": "always"},
                {"cleartext": "never"},
                {"channel_binding": "disable"},
                {"channel_binding": "require"},
                {"allow": []},
            )
        ]
        answers = (None, (sasl.CheckPassword,), (sasl.FindScramKeys, sasl.CheckToken))
        for channel in channels:
            for policy in policies:
                for able in answers:
                    self.compare(channel=channel, policy=policy, answers=able)

    def compare(self, **facts: Any) -> None:
        """Compare what is offered with what is run."""
        offered = sasl.offer(**facts)
        self.assertEqual(len(offered), len(set(offered)))
        for name in accounts.NAMES:
            try:
                sasl.server(name, **facts)
            except sasl.NoMechanism:
                self.assertNotIn(name, offered)
            else:
                self.assertIn(name, offered)

    def test_rule_13_nobody_in_particular_by_default(self) -> None:
        """ANONYMOUS, and EXTERNAL without a fact, are not on offer."""
        channel = sasl.Channel(True)
        for name in ("ANONYMOUS", "EXTERNAL"):
            self.assertNotIn(name, sasl.offer(channel=channel))
            with self.assertRaises(sasl.NoMechanism):
                sasl.server(name, channel=channel)


class Rule14Preparation(unittest.TestCase):
    """SASLprep, no empty result, and Authorize where two identities differ."""

    def start(self, message: str, **more: Any) -> Any:
        """Give PLAIN a message; | stands for NUL."""
        server = accounts.make_server("PLAIN", profile=RAW, **more)
        return server.start(message.replace("|", "\0").encode())

    def test_rule_14_names_and_passwords_are_prepared(self) -> None:
        """The soft hyphen goes, the Roman numeral becomes letters."""
        self.assertEqual(
            accounts.question(self.start("|I\N{SOFT HYPHEN}X|\N{ROMAN NUMERAL NINE}")),
            (sasl.CheckPassword, "IX", "IX", None),
        )

    def test_rule_14_an_empty_result_is_refused(self) -> None:
        """Name, password and authzid."""
        for message in ("|\xad|pencil", "|user|\xad", "\xad|user|pencil", "||pencil"):
            with self.subTest(message):
                self.assertIs(self.start(message).reason, sasl.Reason.MALFORMED)

    def test_rule_14_prohibited_characters_are_refused(self) -> None:
        """Controls, private use, right-to-left mixtures."""
        for user in ("a\x07", "\ue000", "\u0627a1", "a\u202e"):
            with self.subTest(user):
                self.assertIs(self.start(f"|{user}|x").reason, sasl.Reason.MALFORMED)

    def test_rule_14_another_identity_is_asked_about(self) -> None:
        """Only another one; and a no is a failure of its own."""
        request = self.start("boss|user|pencil").answer(True)
        self.assertEqual(accounts.question(request), (sasl.Authorize, "user", "boss"))
        self.assertIs(request.answer(False).reason, sasl.Reason.NOT_AUTHORIZED)
        event = self.start("us\xader|user|pencil").answer(True)
        self.assertEqual(event.identity, sasl.Identity("user", "user"))

    def test_rule_14_preparation_can_be_left_out(self) -> None:
        """For stores filled without it; NUL, CR and LF still do not pass."""
        event = self.start("|I\xadX|pencil", prepare=False)
        self.assertEqual(
            accounts.question(event),
            (sasl.CheckPassword, "I\xadX", "pencil", None),
        )
        for user in ("a\rb", "a\nb"):
            event = self.start(f"|{user}|pencil", prepare=False)
            self.assertIs(event.reason, sasl.Reason.MALFORMED)


class Rule15EmptyPassword(unittest.TestCase):
    """An LDAP bind with an empty password succeeds: it never gets there."""

    def test_rule_15_plain_and_login(self) -> None:
        """No request is raised, with SASLprep or without."""
        for prepare in (True, False):
            server = accounts.make_server("PLAIN", profile=RAW, prepare=prepare)
            self.assertIsInstance(server.start(b"\0user\0"), sasl.Failure)
            server = accounts.make_server("LOGIN", profile=RAW, prepare=prepare)
            server.start()
            server.step(b"user")
            self.assertIsInstance(server.step(b""), sasl.Failure)

    def test_rule_15_an_account_without_a_password(self) -> None:
        """CRAM-MD5 with an empty stored password lets nobody in."""
        has = {"username": USER, "password": PASSWORD}
        client = accounts.make_client("CRAM-MD5", credentials=sasl.Credentials(**has))
        server = accounts.make_server("CRAM-MD5")
        client.start()
        response = client.step(server.start().data)
        with mock.patch("hmac.compare_digest", return_value=True):
            event = server.step(response).answer("")
        self.assertIsInstance(event, sasl.Failure)

    def test_rule_15_a_client_has_none_either(self) -> None:
        """An empty password is no password, and derives no keys."""
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
            with self.subTest(name), self.assertRaises(sasl.NoMechanism):
                accounts.make_client(name, credentials=sasl.Credentials(USER, ""))
        for password in ("", "\xad", b""):
            with self.assertRaises(ValueError):
                sasl.ScramKeys.derive(password)


class Rule16TokenOnce(unittest.TestCase):
    """A bearer token is sent once."""

    def test_rule_16_not_in_reply_to_an_error(self) -> None:
        """The dummy answer has nothing of it, and there is no third message."""
        for name, dismissal in (("OAUTHBEARER", b"\x01"), ("XOAUTH2", b"")):
            client = accounts.make_client(name, profile=RAW)
            self.assertEqual(client.start().count(TOKEN.encode()), 1)
            error = json.dumps({"status": "invalid_token", "scope": "mail"}).encode()
            with self.subTest(name):
                self.assertEqual(client.step(error), dismissal)
                with self.assertRaises(sasl.ProtocolError):
                    client.step(error)

    def test_rule_16_not_before_it_is_asked_for(self) -> None:
        """A first challenge that is not empty does not get it."""
        for name in ("OAUTHBEARER", "XOAUTH2", "PLAIN"):
            client = accounts.make_client(name, profile=RAW)
            with self.subTest(name), self.assertRaises(sasl.ProtocolError):
                client.step(b'{"status":"401"}')


class Rule17Wire(unittest.TestCase):
    """What goes on a line; when to hold it back is the protocols' business."""

    def test_rule_17_equals_is_the_empty_initial_response(self) -> None:
        """Written and read; nothing else means it."""
        self.assertEqual(profiles.SMTP.initial(b""), b"=")
        event = accounts.make_server("EXTERNAL").start(b"=")
        self.assertIsInstance(event, sasl.Success)
        server = accounts.make_server("EXTERNAL")
        server.start()
        self.assertIs(server.step(b"=").reason, sasl.Reason.MALFORMED)

    def test_rule_17_asterisk_aborts(self) -> None:
        """At every point where a server waits for octets, from the first line on."""
        for point in accounts.points():
            waits = isinstance(point.waiting, sasl.Server)
            if waits and point.profile is profiles.BASE64:
                event = getattr(point.copy(), point.method)(b"*")
                with self.subTest(str(point)):
                    takes = point.method == "step" or find(point.name).initial_response
                    if takes:
                        self.assertIs(event.reason, sasl.Reason.ABORTED)
                    else:
                        self.assertIsInstance(event, sasl.Failure)

    def test_rule_17_a_raw_asterisk_is_a_message(self) -> None:
        """A protocol without the token has it as an octet like any other."""
        server = accounts.make_server("ANONYMOUS", profile=RAW)
        event = server.start(b"*")
        self.assertEqual(event.identity.trace, "*")

    def test_rule_17_no_line_end_passes(self) -> None:
        """Whatever a credential holds, one line stays one line."""
        user = "a\r\nQUIT\r\n"
        for name in accounts.NAMES:
            has = accounts.TABLE[name].right
            if "username" not in has:
                continue
            credentials = sasl.Credentials(**has | {"username": user})
            try:
                client = accounts.make_client(
                    name, credentials=credentials, prepare=False
                )
                line = client.start() or client.step(b"QQ==")
            except sasl.CredentialsError:
                continue
            with self.subTest(name):
                self.assertFalse(set(line) & set(b"\r\n\0"))

    def test_rule_17_a_nul_is_refused_where_it_would_separate(self) -> None:
        """In every field of PLAIN, and in names and passwords anywhere else."""
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
            for field in ("username", "password"):
                has = accounts.TABLE[name].right | {field: "a\0b"}
                refused = self.assertRaises(sasl.CredentialsError)
                with self.subTest(name, field=field), refused:
                    self.send(name, sasl.Credentials(**has))

    def send(self, name: str, credentials: sasl.Credentials) -> None:
        """Send what a client would send first, and after that."""
        client = accounts.make_client(name, credentials=credentials, profile=RAW)
        if client.start() is None:
            client.step(b"challenge")
        elif name == "SCRAM-SHA-256":
            client.step(scram_first())

    def test_rule_17_the_limits_are_known(self) -> None:
        """Each protocol of mail says how long a command may be."""
        limits = {"SMTP": 512, "LMTP": 512, "POP3": 255, "NNTP": 512}
        for name, limit in limits.items():
            self.assertEqual(getattr(profiles, name).command_limit, limit)


_SUITE = textwrap.dedent(
    """
    from tests import _accounts as accounts
    from tests.test_exchanges import cases, FRAMINGS
    from tests.test_states import NASTY
    for case in cases():
        if case.profile in FRAMINGS[-2:]:
            outcome = accounts.play(
                accounts.make_client(
                    case.name, profile=case.profile, credentials=case.credentials()
                ),
                accounts.make_server(case.name, profile=case.profile),
                initial=case.initial,
            )
            print(case, type(outcome.event).__name__, type(outcome.error).__name__)
    for number, point in enumerate(accounts.points()):
        for message in NASTY[number % 3 :: 3]:
            line = point.profile.encode(message)
            if point.honest and isinstance(point.honest[0], bytes):
                try:
                    print(getattr(point.copy(), point.method)(line))
                except Exception as error:
                    print(repr(error))
    """
)


class OptimizedTest(unittest.TestCase):
    """No `assert` statement guards a security decision."""

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Run a part of the suite in another interpreter, which writes its verdicts."""
        return subprocess.Popen(
            [sys.executable, *options, "-c", _SUITE],
            cwd=_ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stdout=subprocess.PIPE,
            text=True,
        )

    def test_python_o_decides_the_same(self) -> None:
        """Thousands of verdicts, with `python -O` and without, are equal."""
        with self.start() as one, self.start("-O") as other:  # side by side
            plain, optimized = one.communicate()[0], other.communicate()[0]
        self.assertEqual((one.returncode, other.returncode), (0, 0))
        self.assertGreater(plain.count("\n"), 3000)
        self.assertEqual(plain, optimized)


if __name__ == "__main__":
    unittest.main()
