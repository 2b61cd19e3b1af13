"""The property cases of `attacks/api.json`: one test for each, named after it.

Here are the strict readers and the choice of a mechanism, and that no case is left out.
"""

from __future__ import annotations

import itertools
import os
import re
import unittest

import sasl_core as sasl
from sasl_core import Reason
from sasl_core._saslprep import PrepError, saslprep
from sasl_core._strict import Malformed
from sasl_core._strict import base64 as strict_base64
from sasl_core._strict import integer as strict_integer
from sasl_core.mechanisms import registered

from . import (
    test_attacks_api_answers,
    test_attacks_api_interpreter,
    test_attacks_api_shown,
)
from ._api_cases import CHANNEL, NAMES, PASSWORD, USER, Pair
from ._data import attacks, ids, vectors

# The other modules with cases of the same file.
SUITES = (
    test_attacks_api_answers,
    test_attacks_api_interpreter,
    test_attacks_api_shown,
)

# Cases that there is no code for yet.
LATER = {"API-33": "there is no authentication cache"}


class HelpersTest(unittest.TestCase):
    """The strict readers."""

    def test_API_23_integers_are_decimal_ascii_digits(self) -> None:
        """Every other spelling that `int` would take is refused."""
        for good, value in ((b"0", 0), (b"7", 7), (b"4096", 4096), (b"65535", 65535)):
            self.assertEqual(strict_integer(good, 0, 65535), value)
        wrong = [b"", b"+1", b"-1", b" 1", b"1 ", b"1\n", b"4_096", b"0x10", b"1.0"]
        wrong += ["\u0664\u0660".encode(), "\uff11".encode(), b"1e3", b"1\0", b"007"]
        wrong += [b"65536", b"9" * 5000, b"00"]
        for text in wrong:
            with self.assertRaises(Malformed):
                strict_integer(text, 0, 65535)
        with self.assertRaises(Malformed):
            strict_integer(b"0", 1, 65535)

    def test_API_24_one_text_for_each_message(self) -> None:
        """What decodes is what encoding gives: tried on every short text."""
        profile = sasl.profiles.BASE64
        alphabet = b"AQg=-/ \n\0*"
        for size in range(6):
            for letters in itertools.product(alphabet, repeat=size):
                text = bytes(letters)
                try:
                    decoded = strict_base64(text)
                except Malformed:
                    continue
                self.assertEqual(profile.encode(decoded), text)

    def test_API_24_every_message_has_a_text(self) -> None:
        """What is encoded is decoded again."""
        for size in range(64):
            message = os.urandom(size)
            self.assertEqual(
                strict_base64(sasl.profiles.BASE64.encode(message)), message
            )

    def test_API_25_saslprep_is_of_unicode_3_2(self) -> None:
        """The RFC's examples hold, and later Unicode changes nothing."""
        given = [v for v in vectors("saslprep") if "rfc4013" in v["id"]]
        self.assertGreaterEqual(len(given), 5)  # run in test_vectors
        self.assertEqual(saslprep("\u0221", stored=False), "\u0221")
        for later in ("\u0221", "\u1e9e", "\U0001f600"):  # of Unicode 4.0, 5.1, 6.1
            with self.assertRaises(PrepError):
                saslprep(later)
        # Corrigendum 4 came after 3.2: the mapping of that time stays.
        self.assertEqual(saslprep("\U0002f868"), "\U0002136a")

    def test_API_25_bidi_is_checked_on_mapped_text(self) -> None:
        """What is mapped to nothing neither breaks nor saves the rule."""
        self.assertEqual(saslprep("\u0627\u00ad"), "\u0627")
        self.assertEqual(saslprep("\u00ad\u0627"), "\u0627")
        with self.assertRaises(PrepError):
            saslprep("\u0627\u2168")  # becomes IX


class ChoosingTest(unittest.TestCase):
    """Which mechanism, and whether to try another."""

    def test_API_29_the_choice_is_our_own(self) -> None:
        """Order, case, repetition and junk in the server's list change nothing."""
        names = ["PLAIN", "scram-sha-256", "LOGIN", "Scram-Sha-1", "CRAM-MD5"]
        junk = ["", "X-UNKNOWN", "PLAIN\r\nX", "A" * 5000, "\u017fCRAM-SHA-512", "\0"]
        channel = sasl.Channel(encrypted=True)
        mine = sasl.Credentials(USER, PASSWORD)
        for order in itertools.permutations(names):
            offered = [*junk, *order, *order]
            client = sasl.client(offered, mine, channel=channel)
            self.assertEqual(client.name, "SCRAM-SHA-256")

    def test_API_29_a_refusal_shows_no_junk(self) -> None:
        """Names that are none do not get into the exception's text."""
        with self.assertRaises(sasl.NoMechanism) as caught:
            sasl.client(
                ["PLAIN\r\n250 OK", "A" * 5000],
                sasl.Credentials(USER, PASSWORD),
                channel=CHANNEL,
            )
        self.assertNotRegex(str(caught.exception), "[\r\n]|AAAA")

    def test_API_30_wrong_credentials_end_the_attempts(self) -> None:
        """Only what is not about the credentials may be tried another way."""
        another = {
            Reason.UNSUPPORTED,
            Reason.UNEXPECTED_INITIAL,
            Reason.TOO_WEAK,
            Reason.ENCRYPTION_NEEDED,
            Reason.TRANSITION_NEEDED,
            Reason.UNAVAILABLE,
        }
        for reason in Reason:
            error = Pair("PLAIN").client.refused(reason)
            self.assertEqual(error.try_another, reason in another, reason)


class CompletenessTest(unittest.TestCase):
    """Every case has a test, or stands in the table with the reason."""

    def test_every_case_has_a_test(self) -> None:
        """No case is passed over in silence."""
        done = set()
        kinds = [*globals().values()]
        for suite in SUITES:
            kinds += vars(suite).values()
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, unittest.TestCase):
                for name in dir(kind):
                    if found := re.match(r"test_(API)_(\d+)_", name):
                        done.add("-".join(found.groups()))
        known = ids(attacks("api"))
        self.assertEqual(done | LATER.keys(), known)
        self.assertEqual(done & LATER.keys(), set())

    def test_every_mechanism_is_run(self) -> None:
        """The names of `_api_cases` are all that the library has."""
        self.assertEqual(sorted(m.name for m in registered()), sorted(NAMES))


if __name__ == "__main__":
    unittest.main()
