"""The rules of the design, by number: grammar and parsing (1 to 3).

One short class for each. The big matrices are elsewhere (states, exchanges, misuse,
secrets); here a reader finds what each rule says, held directly.
"""

from __future__ import annotations

import base64
import contextlib
import unittest
from unittest import mock

import sasl_core as sasl
from sasl_core._strict import Malformed, integer, utf8
from sasl_core._strict import base64 as strict_base64

from . import _accounts as accounts
from ._nasty import NASTY
from ._rules import ENCRYPTED, RAW


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


if __name__ == "__main__":
    unittest.main()
