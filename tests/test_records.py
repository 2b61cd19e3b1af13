"""Stored keys: derived, checked, and in every text form that servers have."""

from __future__ import annotations

import base64
import contextlib
import copy
import pickle
import unittest
from typing import Any

import sasl_core as sasl
from sasl_core._scram_math import NAMES

from ._hypothesis import given, st

_SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
_B64 = {
    "salt": "W22ZaJ0SNY7soEsUEjb6gQ==",
    "stored": "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
    "server": "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
}
# RFC 7677, section 3: user "user", password "pencil"
RFC7677 = f"SCRAM-SHA-256$4096:{_B64['salt']}${_B64['stored']}:{_B64['server']}"


def keys(hash_name: str = "sha256") -> sasl.ScramKeys:
    """Derive the example's keys."""
    return sasl.ScramKeys.derive("pencil", hash_name, iterations=4096, salt=_SALT)


class ScramKeysTest(unittest.TestCase):
    """What a server stores."""

    def test_the_example_of_rfc_7677(self) -> None:
        """Derived keys are the published ones."""
        self.assertEqual(keys().format(), RFC7677)

    def test_str_is_prepared_and_bytes_are_not(self) -> None:
        """SASLprep is for text."""
        options: dict[str, Any] = {"iterations": 1, "salt": b"salt"}
        derive = sasl.ScramKeys.derive
        self.assertEqual(derive("I\xadX", **options), derive(b"IX", **options))
        self.assertNotEqual(
            derive("I\xadX".encode(), **options), derive(b"IX", **options)
        )

    def test_refused_passwords(self) -> None:
        """Empty, empty after preparation, prohibited."""
        for password in ("", b"", "\xad", "\x07", "\u0221"):
            with self.subTest(password), self.assertRaises(ValueError):
                sasl.ScramKeys.derive(password, iterations=1)

    def test_a_fresh_salt_each_time(self) -> None:
        """Sixteen octets, never the same."""
        salts = {sasl.ScramKeys.derive("x", iterations=1).salt for _ in range(20)}
        self.assertEqual(len(salts), 20)
        self.assertEqual({len(salt) for salt in salts}, {16})

    def test_sizes_are_checked(self) -> None:
        """Keys of another hash, no salt, no iterations, no known hash."""
        good = keys()
        wrong = [
            ("sha1", good.salt, 4096, good.stored_key, good.server_key),
            ("sha256", b"", 4096, good.stored_key, good.server_key),
            ("sha256", good.salt, 0, good.stored_key, good.server_key),
            ("sha256", good.salt, 4096, good.stored_key[:-1], good.server_key),
            ("sha256", good.salt, 4096, good.stored_key, b""),
            ("md5", good.salt, 4096, good.stored_key, good.server_key),
        ]
        for fields in wrong:
            with self.assertRaises(ValueError):
                sasl.ScramKeys(*fields)

    def test_they_are_a_value(self) -> None:
        """Immutable, its own copy, and stored as one likes: that is what it is for."""
        value = keys()
        with self.assertRaises(AttributeError):
            value.salt = b"other"
        with self.assertRaises(AttributeError):
            del value.salt
        self.assertIs(copy.deepcopy(value), value)
        self.assertEqual(pickle.loads(pickle.dumps(value)), value)
        self.assertEqual(len({value, keys()}), 1)
        self.assertNotEqual(value, keys("sha512"))

    def test_client_keys_fit_server_keys(self) -> None:
        """What a client stores leads to what the server has."""
        for hash_name in NAMES:
            client_keys = sasl.ScramClientKeys.derive(
                "pencil", hash_name, iterations=4096, salt=_SALT
            )
            self.assertEqual(client_keys.stored_key, keys(hash_name).stored_key)
            self.assertEqual(client_keys.server_key, keys(hash_name).server_key)
            again = sasl.ScramClientKeys(
                hash_name, _SALT, 4096, client_keys.client_key, client_keys.server_key
            )
            self.assertEqual(again, client_keys)


class TextFormTest(unittest.TestCase):
    """The forms of Cyrus, PostgreSQL, Dovecot and gsasl."""

    def test_every_form_is_read_again(self) -> None:
        """For every hash; PostgreSQL has one only."""
        for hash_name in NAMES:
            for form in ("rfc5803", "postgresql", "dovecot", "gsasl"):
                with self.subTest(hash_name, form=form):
                    if form == "postgresql" and hash_name != "sha256":
                        with self.assertRaises(ValueError):
                            keys(hash_name).format(form)
                        continue
                    text = keys(hash_name).format(form)
                    self.assertEqual(sasl.ScramKeys.parse(text), keys(hash_name))

    @given(
        st.sampled_from(sorted(NAMES)),
        st.binary(min_size=1, max_size=64),
        st.integers(1, 2**31 - 1),
        st.sampled_from(["rfc5803", "dovecot", "gsasl"]),
    )
    def test_any_keys(self, name: str, salt: bytes, count: int, form: str) -> None:
        """Whatever the salt and the count are."""
        size = len(keys(name).stored_key)
        value = sasl.ScramKeys(name, salt, count, bytes(size), bytes(range(size)))
        self.assertEqual(sasl.ScramKeys.parse(value.format(form)), value)

    def test_what_others_write(self) -> None:
        """Line ends, lower case, and gsasl's fifth field."""
        dovecot = keys().format("dovecot")
        for text in (
            RFC7677 + "\n",
            RFC7677.replace("SCRAM-SHA", "scram-sha"),
            dovecot,
            dovecot + "," + "ab" * 32,
        ):
            self.assertEqual(sasl.ScramKeys.parse(text), keys())

    def test_refused(self) -> None:
        """Nothing is guessed."""
        good, dovecot = RFC7677, keys().format("dovecot")
        for text in (
            "",
            "$",
            "{}",
            "x" * 5000,
            good[:-1],
            good + "=",
            good.replace("4096", "4_096"),
            good.replace("4096", "0"),
            good.replace("4096", "-1"),
            good.replace("4096", "\u0664"),
            good.replace("SHA-256", "SHA-1"),
            good.replace("SHA-256", "MD5"),
            good.replace("$", "$$"),
            good + ":",
            good.replace("W22Z", "W2 2Z"),
            dovecot.replace(",", ""),
            dovecot + ",a,b",
            dovecot.replace("}", ""),
            "\ud800" + good,
        ):
            with self.subTest(ascii(text)), self.assertRaises(ValueError):
                sasl.ScramKeys.parse(text)

    @given(st.text(max_size=60))
    def test_nothing_but_value_errors(self, text: str) -> None:
        """Any text at all."""
        for scheme in ("", "{SCRAM-SHA-1}", "SCRAM-SHA-1$"):
            with contextlib.suppress(ValueError):
                sasl.ScramKeys.parse(scheme + text)

    def test_what_is_too_long_for_a_record(self) -> None:
        """It is not read, right as it is."""
        good = keys()
        for size, refused in ((1024, False), (4096, True)):
            text = sasl.ScramKeys(
                "sha256", bytes(size), 4096, good.stored_key, good.server_key
            ).format()
            if refused:
                with self.assertRaises(ValueError):
                    sasl.ScramKeys.parse(text)
            else:
                self.assertEqual(len(sasl.ScramKeys.parse(text).salt), size)

    def test_an_unknown_form(self) -> None:
        """It is named in the error."""
        with self.assertRaisesRegex(ValueError, "htpasswd"):
            keys().format("htpasswd")


if __name__ == "__main__":
    unittest.main()
