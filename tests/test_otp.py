"""sasl_core.otp: one-time passwords, their words, and what is stored of them."""

from __future__ import annotations

import unittest

from hypothesis import given
from hypothesis import strategies as st

from sasl_core import otp, records
from sasl_core._otp_words import NUMBERS, WORDS
from sasl_core.otp import OtpState

PASSPHRASE = "This is a test."
STATE = OtpState.derive(PASSPHRASE, "md5", sequence=9, seed="ke1234")


class WordsTest(unittest.TestCase):
    """RFC 2289, section 6.0 and appendix D."""

    def test_the_dictionary(self) -> None:
        """2048 words of one to four letters, sorted by length class."""
        self.assertEqual(len(NUMBERS), 2048)
        self.assertEqual((WORDS[0], WORDS[570], WORDS[571]), ("A", "YOU", "ABED"))
        self.assertEqual(WORDS[-1], "YOKE")
        self.assertEqual(sorted(WORDS[571:]), list(WORDS[571:]))
        self.assertEqual(sorted(WORDS[:571]), list(WORDS[:571]))
        self.assertEqual({len(word) for word in WORDS}, {1, 2, 3, 4})

    @given(st.binary(min_size=8, max_size=8))
    def test_every_value_has_six(self, octets: bytes) -> None:
        """Written and read again, in any case."""
        text = otp.to_words(octets)
        self.assertEqual(otp.from_words(text), octets)
        self.assertEqual(otp.from_words(text.lower().replace(" ", "\t ")), octets)

    def test_letters_that_only_look_like_those(self) -> None:
        """The long s has an S as its upper case: the word is of another dictionary."""
        otp.from_words("so so so so so abe")
        with self.assertRaisesRegex(ValueError, "checksum"):
            otp.from_words("\N{LATIN SMALL LETTER LONG S}o so so so so abe")

    def test_what_has_no_words(self) -> None:
        """More octets or fewer would lose some."""
        for octets in (b"", bytes(7), bytes(9)):
            with self.assertRaises(ValueError):
                otp.to_words(octets)

    def test_too_few_and_too_many(self) -> None:
        """Six, and their checksum."""
        six = otp.to_words(bytes(8)).split()
        for words in ([], six[:5], [*six, "A"], [*six[:5], "NO"]):
            with self.subTest(words), self.assertRaises(ValueError):
                otp.from_words(" ".join(words))


class StateTest(unittest.TestCase):
    """What a server stores."""

    def test_one_login_after_another(self) -> None:
        """Each one-time password fits once, and leads to the next."""
        state = STATE
        for sequence in range(8, 0, -1):
            right = otp.compute(PASSPHRASE, "ke1234", sequence, "md5")
            self.assertTrue(state.fits(right))
            state = state.after(right)
            self.assertFalse(state.fits(right))
            self.assertEqual(state.sequence, sequence)
            self.assertTrue(state.verify(PASSPHRASE))

    def test_what_is_none(self) -> None:
        """Wrong parts are a ValueError."""
        for wrong in (
            {"algorithm": "md4"},
            {"sequence": -1},
            {"sequence": 10_000},
            {"seed": ""},
            {"seed": "a" * 17},
            {"seed": "ke 1"},
            {"seed": "k\xe9"},
            {"last": bytes(7)},
        ):
            with self.subTest(wrong), self.assertRaises(ValueError):
                STATE.replace(**wrong)
        with self.assertRaises(TypeError):
            STATE.replace(last="text")
        for bad in ("short", "\ud800" * 10):
            with self.assertRaises(ValueError):
                OtpState.derive(bad)

    def test_the_ends(self) -> None:
        """Numbers from 0 to 9999; 500 where nobody says another."""
        for sequence in (0, 9999):
            text = f"{{OTP}}sha1 {sequence} ke1234 {'0' * 16}"
            self.assertEqual(records.parse(text)[0].format(), text)
            self.assertEqual(len(otp.compute(PASSPHRASE, "ke1234", sequence)), 8)
        for sequence in (-1, 10_000):
            with self.assertRaises(ValueError):
                otp.compute(PASSPHRASE, "ke1234", sequence)
        self.assertEqual(OtpState.derive(PASSPHRASE).sequence, 500)

    def test_the_seed_s_case_does_not_count(self) -> None:
        """RFC 2289, section 6.0: it is hashed in lower case."""
        one, other = (otp.compute(PASSPHRASE, seed, 1) for seed in ("TeSt", "test"))
        self.assertEqual(one, other)

    def test_passphrases(self) -> None:
        """Ten characters, not octets, at least; more than 63 are no error."""
        for passphrase in ("1234567890", "\xe9" * 10, "a" * 63, "a" * 1000):
            self.assertEqual(len(otp.compute(passphrase, "ke1234", 1)), 8)
        for passphrase in ("", "123456789", "\xe9" * 9):
            with self.assertRaises(ValueError):
                otp.compute(passphrase, "ke1234", 1)

    def test_md4_is_computed_only(self) -> None:
        """For whoever has a generator of it: no state is of it, so no server asks."""
        self.assertEqual(len(otp.compute(PASSPHRASE, "ke1234", 3, "md4")), 8)
        for wrong in ("md2", "MD5", "sha256", ""):
            with self.assertRaisesRegex(ValueError, "none of"):
                otp.compute(PASSPHRASE, "ke1234", 3, wrong)
            with self.assertRaisesRegex(ValueError, "none of"):
                otp.from_words("A A A A A A", wrong)
        with self.assertRaisesRegex(ValueError, "neither"):
            OtpState.derive(PASSPHRASE, "md4", sequence=3)

    def test_a_passphrase_is_verified(self) -> None:
        """Of another one, and of what is none, it is not."""
        for wrong in ("This is a test", "", "short"):
            self.assertFalse(STATE.verify(wrong))

    def test_text(self) -> None:
        """Dovecot's form, of `doveadm pw -s OTP`, read and written."""
        text = "{OTP}sha1 1024 b196c1d89cbf6453 afba4115064d6f29"
        (state,) = records.parse(text)
        self.assertEqual(state.format(), text)
        self.assertEqual(state.scheme, "OTP")
        self.assertTrue(state.verify(PASSPHRASE))
        for bad in (
            "{OTP}",
            "{OTP}sha1 1024 b196c1d89cbf6453",
            "{OTP}md4 1024 b196c1d89cbf6453 afba4115064d6f29",
            "{OTP}sha1 +1 b196c1d89cbf6453 afba4115064d6f29",
            "{OTP}sha1 1 b196c1d89cbf6453 afba4115064d6f2g",
            "{OTP}sha1  1 b196c1d89cbf6453 afba4115064d6f29",
        ):
            with self.subTest(bad), self.assertRaises(ValueError):
                records.parse(bad)

    def test_decoys_look_alike(self) -> None:
        """Same algorithm, sizes and letters; the same draw gives the same."""
        for seed in ("ke1234", "abcdef", "1a2b3c"):
            like = STATE.replace(seed=seed, sequence=400)
            one, other = like.drawn(1234567), like.drawn(1234567)
            self.assertEqual((one.seed, one.sequence), (other.seed, other.sequence))
            self.assertEqual(len(one.seed), 6)
            self.assertEqual(one.algorithm, "md5")
            self.assertTrue(200 <= one.sequence <= 400)
            self.assertNotEqual(one.seed, like.drawn(7654321).seed)
            self.assertNotEqual(one.last, other.last)
        self.assertEqual(STATE.replace(sequence=0).drawn(5).sequence, 0)
        self.assertFalse(STATE.decoy().verify(PASSPHRASE))

    def test_seeds_of_decoys(self) -> None:
        """Letters stay only in front of digits: in Dovecot's seeds they are digits, too,
        and what never changes would tell who does not exist.
        """
        for seed, form in (
            ("ke1234", r"ke\d{4}"),
            ("KE1234", r"KE\d{4}"),
            ("123456", r"\d{6}"),
            ("b196c1d89cbf6453", r"[0-9a-f]{16}"),
            ("B196C1D89CBF6453", r"[0-9A-F]{16}"),
            ("abcdefghijklmnop", r"[a-z]{16}"),
            ("ABCDEFGHIJKLMNOP", r"[A-Z]{16}"),
            ("1z2y3x", r"[0-9a-z]{6}"),
            ("1Z2Y3X", r"[0-9A-Z]{6}"),
            ("1z2Y3x", r"[0-9a-z]{6}"),
        ):
            like = STATE.replace(seed=seed)
            drawn = [like.drawn(draw).seed for draw in range(2, 300)]
            kept = [{one[at] for one in drawn} for at in range(len(seed))]
            with self.subTest(seed):
                for one in drawn:
                    self.assertRegex(one, rf"\A{form}\Z")
                at = 2 if seed.lower() == "ke1234" else 0
                self.assertEqual([len(each) for each in kept[:at]], [1] * at)
                self.assertGreaterEqual(min(map(len, kept[at:])), 10)
        self.assertNotEqual(otp.fresh_seed(), otp.fresh_seed())

    def test_nothing_shows(self) -> None:
        """The last one is enough to guess at the passphrase."""
        self.assertNotIn(repr(STATE.last), repr(STATE))
        self.assertIn("<hidden>", repr(STATE))


if __name__ == "__main__":
    unittest.main()
