"""OTP (RFC 2444)."""

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import otp, profiles
from sasl_core.mechanisms import _otp_messages as messages
from sasl_core.memory import Memory
from sasl_core.otp import OtpState

from ._both import client, reason, server

PASSPHRASE = "This is a test."
STATE = OtpState.derive(PASSPHRASE, "md5", sequence=40, seed="ke1234")
RIGHT = otp.compute(PASSPHRASE, "ke1234", 39, "md5").hex().encode()
HAS = {"username": "user", "password": PASSPHRASE}


def asked(state: OtpState | None = STATE, first: bytes = b"\0user") -> sasl.Server:
    """Return a server that has challenged."""
    one = server("OTP")
    request = one.start(first)
    assert isinstance(request, sasl.FindOtp)
    event = request.answer(state)
    assert isinstance(event, sasl.Challenge)
    return one


class ClientTest(unittest.TestCase):
    """One challenge, one response."""

    def answer(self, challenge: bytes, **more: Any) -> bytes:
        """Return what a client says to a challenge."""
        policy = {key: more.pop(key) for key in ("memory", "otp_jump") if key in more}
        one = client("OTP", HAS | more, **policy)
        one.start()
        response = one.step(challenge)
        one.finish()
        return response

    def test_names(self) -> None:
        """Up to 255 octets of each (RFC 2444, section 4)."""
        one = client("OTP", HAS | {"authzid": "a" * 255})
        self.assertEqual(one.start(), b"a" * 255 + b"\0user")
        for wrong in ({"authzid": "a" * 256}, {"username": "\xe9" * 128}):
            with self.assertRaises(sasl.CredentialsError):
                client("OTP", HAS | wrong)

    def test_passphrases(self) -> None:
        """Of ten characters at least; what has no octets is refused at once."""
        for wrong in ("123456789", "12345\x0067890", "\ud800" * 10):
            with (
                self.subTest(wrong),
                self.assertRaises(sasl.CredentialsError) as caught,
            ):
                client("OTP", HAS | {"password": wrong})
            self.assertIsNone(caught.exception.__context__)

    def test_white_space_and_sets(self) -> None:
        """Between the words there may be more of it; sets of extensions follow ext."""
        for challenge in (
            b"otp-md5 39 ke1234 ext",
            b"otp-md5  39\tke1234 ext,foo,bar\r\n",
            b"otp-md5 39 KE1234 ext",
        ):
            self.assertEqual(self.answer(challenge), b"hex:" + RIGHT)

    def test_challenges_that_are_none(self) -> None:
        """Other algorithms, numbers, seeds, and no ext."""
        for challenge in (
            b"",
            b"otp-md5 39 ke1234",
            b"otp-md5 39 ke1234 extra",
            b"otp-md4 39 ke1234 ext",
            b"otp-MD5 39 ke1234 ext",
            b"md5 39 ke1234 ext",
            b"otp-md5 +39 ke1234 ext",
            b"otp-md5 10000 ke1234 ext",
            b"otp-md5 39 ke-1234 ext",
            b"otp-md5 39 k\xc3\xa9 ext",
            b"otp-md5 39 " + b"k" * 17 + b" ext",
            b"otp-md5 39 ke1234 ext " + b" " * 600,
        ):
            with self.subTest(challenge[:40]), self.assertRaises(sasl.ProtocolError):
                self.answer(challenge)

    def test_the_last_ones(self) -> None:
        """Number 1 is answered, by a new beginning with the seed that was given."""
        one = sasl.client(
            "OTP",
            sasl.Credentials(**HAS),
            channel=sasl.Channel(True),
            policy=sasl.Policy(allow=["OTP"]),
            profile=profiles.RAW,
            nonce=b"mySeed1",
        )
        one.start()
        self.assertIn(b":md5 500 mySeed1:", one.step(b"otp-md5 1 ke1234 ext"))

    def test_a_number_far_below_the_last(self) -> None:
        """Would give away those between; only a client with a memory knows."""
        memory = Memory()
        self.answer(b"otp-md5 900 ke1234 ext", memory=memory)
        for sequence, more in (
            (800, {}),
            (400, {"otp_jump": 400}),
            (400, {}),
            (390, {"otp_jump": 10}),
            (9999, {"otp_jump": 1}),
            (389, {"otp_jump": 1}),
        ):
            challenge = b"otp-md5 %d KE1234 ext" % sequence
            self.answer(challenge, memory=memory, **more)
        for sequence, more in ((288, {}), (1, {}), (387, {"otp_jump": 1})):
            challenge = b"otp-md5 %d ke1234 ext" % sequence
            with self.subTest(sequence), self.assertRaises(sasl.ProtocolError):
                self.answer(challenge, memory=memory, **more)
        for challenge in (b"otp-md5 20 ke1235 ext", b"otp-sha1 20 ke1234 ext"):
            self.answer(challenge, memory=memory)
        self.answer(b"otp-md5 20 ke1234 ext", memory=memory, username="other")
        self.answer(b"otp-md5 20 ke1234 ext", memory=Memory())
        with self.assertRaises(ValueError):
            sasl.Policy(otp_jump=0)

    def test_it_begins_anew_before_the_end(self) -> None:
        """With ten left, and a seed of its own that the server has not had."""
        self.assertTrue(self.answer(b"otp-md5 11 ke1234 ext").startswith(b"hex:"))
        state = OtpState.derive(PASSPHRASE, "md5", sequence=11, seed="ke1234")
        response = self.answer(b"otp-md5 10 ke1234 ext")
        octets, new, problem = messages.read_response(response, state)
        self.assertTrue(state.fits(octets))
        self.assertEqual(problem, "")
        assert new is not None
        self.assertEqual((new.algorithm, new.sequence), ("md5", 500))
        self.assertTrue(new.verify(PASSPHRASE))
        self.assertNotEqual(new.seed, state.seed)


class ServerTest(unittest.TestCase):
    """What is asked, and in which order."""

    def consume(self, response: bytes) -> Any:
        """Return the event after a response."""
        return asked().step(response)

    def test_a_login(self) -> None:
        """Found, challenged, and used up."""
        one = server("OTP")
        request = one.start(b"boss\0user")
        self.assertEqual(repr(request), "FindOtp(username='user')")
        event = request.answer(STATE)
        self.assertEqual(event.data, b"otp-md5 39 ke1234 ext")
        request = one.step(b"HEX:" + RIGHT.upper())
        self.assertIsInstance(request, sasl.ConsumeOtp)
        self.assertEqual(request.old, STATE)
        self.assertEqual(request.new, STATE.after(bytes.fromhex(RIGHT.decode())))
        request = request.answer(True)
        self.assertEqual((request.authcid, request.authzid), ("user", "boss"))
        self.assertIsInstance(request.answer(True), sasl.Success)

    def test_one_time_only(self) -> None:
        """Where another login was faster, this one fails as a wrong password does."""
        self.assertIs(
            reason(self.consume(b"hex:" + RIGHT).answer(False)),
            sasl.Reason.BAD_CREDENTIALS,
        )

    def test_one_login_at_a_time(self) -> None:
        """The lock of RFC 2289, section 9, is the application's to take and give back."""
        locked: set[str] = set()

        def find(request: sasl.FindOtp) -> Any:
            if request.username in locked:
                return request.unavailable("another login is under way")
            locked.add(request.username)
            return request.answer(STATE)

        first, second = server("OTP"), server("OTP")
        self.assertIsInstance(find(first.start(b"\0user")), sasl.Challenge)
        self.assertIs(reason(find(second.start(b"\0user"))), sasl.Reason.UNAVAILABLE)

    def test_used_up(self) -> None:
        """No challenge is numbered 0: the user is told."""
        for sequence in (0, 1):
            event = server("OTP").start(b"\0user")
            event = event.answer(STATE.replace(sequence=sequence))
            self.assertIs(reason(event), sasl.Reason.PASSWORD_EXPIRED)
        asked(STATE.replace(sequence=2))

    def test_words(self) -> None:
        """In any case, with any white space, from any dictionary."""
        words = otp.to_words(bytes.fromhex(RIGHT.decode())).encode()
        for response in (
            b"word:" + words,
            b"WORD:" + words.lower().replace(b" ", b"  \t"),
        ):
            self.assertIsInstance(self.consume(response), sasl.ConsumeOtp)

    def test_begin_anew(self) -> None:
        """The new state replaces the old one; its algorithm may be another."""
        new = OtpState.derive("another passphrase", "sha1", sequence=99, seed="ke1235")
        for response in (
            messages.write_renewal(bytes.fromhex(RIGHT.decode()), new),
            b"init-word:%b:sha1 99 ke1235:%b"
            % tuple(
                otp.to_words(octets).encode()
                for octets in (bytes.fromhex(RIGHT.decode()), new.last)
            ),
        ):
            request = self.consume(response)
            self.assertEqual((request.old, request.new), (STATE, new))
            self.assertIsInstance(request.answer(True), sasl.Success)

    def test_the_new_number(self) -> None:
        """2 is the least, 9999 the most; the RFC writes it with three or four digits."""
        for digits, sequence in (
            (b"2", 2),
            (b"099", 99),
            (b"0099", 99),
            (b"9999", 9999),
        ):
            last = b"0" * 16
            request = self.consume(
                b"init-hex:%b:md5 %b ke1235:%b" % (RIGHT, digits, last)
            )
            self.assertEqual(
                (request.new.sequence, request.new.seed), (sequence, "ke1235")
            )
            self.assertIsInstance(request.answer(True), sasl.Success)

    def test_begin_anew_wrongly(self) -> None:
        """The one-time password is used up all the same (RFC 2243, section 4.3)."""
        for terms in (
            b"md5 99 KE1234:0000000000000000",
            b"md5 1 ke1235:0000000000000000",
            b"md5 000 ke1235:0000000000000000",
            b"md5 00099 ke1235:0000000000000000",
            b"md5 10000 ke1235:0000000000000000",
            b"md4 99 ke1235:0000000000000000",
            b"m\xc3\xa9 99 ke1235:0000000000000000",
            b"md5 99 ke_1235:0000000000000000",
            b"md5 99:0000000000000000",
            b"md5 99 ke1235:000000000000000",
        ):
            with self.subTest(terms):
                request = self.consume(b"init-hex:%b:%b" % (RIGHT, terms))
                self.assertEqual(request.new.sequence, 39)
                self.assertEqual(request.new.seed, "ke1234")
                self.assertIs(reason(request.answer(True)), sasl.Reason.MALFORMED)

    def test_begin_anew_without_the_old(self) -> None:
        """Whoever does not have the next one-time password takes no account over."""
        event = self.consume(b"init-hex:%b:md5 99 ke1235:%b" % (b"0" * 16, b"1" * 16))
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)

    def test_responses_that_are_none(self) -> None:
        """Nothing is used up by them."""
        for response in (
            b"",
            RIGHT,
            b"hex",
            b"hex:",
            b"hex:" + RIGHT + b":",
            b"init-hex:" + RIGHT,
            b"init-init-hex:" + RIGHT,
            b"hex:" + b"g" * 16,
            b"word:A B",
            b"word:\xff",
            b"hex:" + b" " * 600 + RIGHT,
        ):
            with self.subTest(response[:20]):
                self.assertIs(reason(self.consume(response)), sasl.Reason.MALFORMED)

    def test_the_longest(self) -> None:
        """512 octets, most of them white space."""
        response = b"hex:" + RIGHT + b" " * (512 - 4 - 16)
        self.assertIsInstance(self.consume(response), sasl.ConsumeOtp)
        self.assertIs(reason(self.consume(response + b" ")), sasl.Reason.MALFORMED)

    def test_nobody_s_does_not_fit(self) -> None:
        """Even if it did: who does not exist is not let in."""
        one = asked(None)
        with mock.patch.object(OtpState, "fits", return_value=True):
            event = one.step(b"hex:" + RIGHT)
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)

    def test_first_messages_that_are_none(self) -> None:
        """Two names, neither too long."""
        for first in (b"user", b"\0", b"user\0", b"\0a\0b", b"\0" + b"u" * 256):
            with self.subTest(first[:9]):
                event = server("OTP").start(first)
                self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_unknown_users(self) -> None:
        """Their challenge is the same each time, and another for each."""

        def challenge(name: bytes) -> bytes:
            return bytes(server("OTP").start(b"\0" + name).answer(None).data)

        self.assertEqual(challenge(b"nobody"), challenge(b"nobody"))
        self.assertNotEqual(challenge(b"nobody"), challenge(b"somebody"))
        self.assertRegex(challenge(b"nobody"), rb"\Aotp-sha1 \d{3} ot\d{8} ext\Z")
        # A decoy of one's own, for stores with other algorithms and seeds.
        self.assertIsInstance(asked(STATE.decoy()), sasl.Server)


if __name__ == "__main__":
    unittest.main()
