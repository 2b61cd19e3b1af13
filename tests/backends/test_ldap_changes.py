"""Accounts in a directory: what changes in an entry, and what does not."""

from __future__ import annotations

import unittest
from typing import Any

from sasl_core import Reason, records
from sasl_core.backends import Account, Unavailable

from ._ldap import (
    ALICE,
    BOTH,
    CSN,
    DIGEST,
    DN,
    DOVECOT,
    OK,
    PENCIL,
    SSHA,
    Base,
    BrokenError,
    Fake,
    entry,
    result,
)


class ReplaceTest(Base):
    """One change, of just what is different."""

    def change(self, found: dict[str, Any], new: Account, **options: Any) -> Any:
        """Replace what is found; return what was asked of the connection."""
        fake = Fake([found], [found], OK)
        store = self.store_on(fake, **options)
        old = store.find("alice")
        self.assertTrue(store.replace("alice", old, new))
        self.assertEqual(len(fake.asked), 3)
        return fake.asked[2]

    def test_a_record_more(self) -> None:
        """It is added, if the entry is still the one that was read."""
        asked = self.change(ALICE, BOTH)
        self.assertEqual(asked["dn"], DN)
        self.assertEqual(
            asked["changes"], {"userPassword": [("MODIFY_ADD", [DOVECOT])]}
        )
        # RFC 4528; a3: equalityMatch
        match = b"\xa3\x34\x04\x08entryCSN\x04\x28" + CSN
        self.assertEqual(asked["controls"], [("1.3.6.1.1.12", True, match)])

    def test_a_long_version(self) -> None:
        """BER has another form for its length."""
        found = entry("alice", SSHA, etag=[b"x" * 300])
        (control,) = self.change(found, BOTH, version_attribute="etag")["controls"]
        match = b"\xa3\x82\x01\x36\x04\x04etag\x04\x82\x01\x2c" + b"x" * 300
        self.assertEqual(control[2], match)

    def test_a_record_less(self) -> None:
        """Only its own value is deleted; with the last one, not all that there is."""
        found = entry("alice", b"{SASL}alice", SSHA, DOVECOT)
        asked = self.change(found, Account([PENCIL]))
        self.assertEqual(
            asked["changes"], {"userPassword": [("MODIFY_DELETE", [SSHA])]}
        )
        asked = self.change(found, Account())
        self.assertEqual(
            asked["changes"], {"userPassword": [("MODIFY_DELETE", [SSHA, DOVECOT])]}
        )

    def test_another_password(self) -> None:
        """All at one stroke: values are deleted as they stand there."""
        mine = b"{ssha}" + SSHA.removeprefix(b"{SSHA}")
        asked = self.change(entry("alice", mine, b"wonder"), Account([PENCIL]))
        self.assertEqual(
            asked["changes"],
            {
                "userPassword": [
                    ("MODIFY_DELETE", [mine, b"wonder"]),
                    ("MODIFY_ADD", [DOVECOT]),
                ]
            },
        )

    def test_where_there_is_no_version(self) -> None:
        """What stays is deleted and added: that fails where somebody else deleted it."""
        asked = self.change(
            entry("alice", b"{SASL}alice", SSHA), BOTH, version_attribute=None
        )
        self.assertEqual(
            asked["changes"],
            {
                "userPassword": [
                    ("MODIFY_DELETE", [SSHA]),
                    ("MODIFY_ADD", [SSHA, DOVECOT]),
                ]
            },
        )
        self.assertIsNone(asked["controls"])

    def test_keys_in_an_attribute_of_their_own(self) -> None:
        """And the others where they were, at one stroke."""
        asked = self.change(ALICE, Account([PENCIL]), scram_attribute="authPassword")
        self.assertEqual(
            asked["changes"],
            {
                "userPassword": [("MODIFY_DELETE", [SSHA])],
                "authPassword": [("MODIFY_ADD", [PENCIL.format().encode()])],
            },
        )

    def test_what_is_written_is_read_again(self) -> None:
        """With a {SCHEME}, or a directory would take it for what a password is."""
        made = records.derive(
            "pencil",
            ("SCRAM-SHA-512", "CRAM-MD5", "DIGEST-MD5"),
            iterations=2,
            username="alice",
        )
        crypt = records.parse("$6$saltsalt$" + "x" * 86)
        for record in (
            *made,
            *crypt,
            *records.parse("{PBKDF2-SHA256}2$c2FsdHNhbHQ$" + "x" * 42 + "w"),
            *records.parse("$2b$04$" + "x" * 53),
            records.Plaintext("pen: cil, ü {x}$"),
            *map(records.Plaintext, ("{SSHA}x", SSHA.decode(), PENCIL.format(), "{")),
        ):
            with self.subTest(record.scheme):
                asked = self.change(ALICE, Account([DIGEST, record]))
                ((_, (value,)),) = asked["changes"]["userPassword"]
                if record.scheme != "PLAIN":
                    self.assertRegex(value, rb"\A\{[A-Z0-9-]+\}")
                store = self.store_on(Fake([entry("alice", value)]))
                self.assertEqual(store.find("alice"), Account([record]))

    def test_what_cannot_be_written(self) -> None:
        """No word of it is in the text."""
        for record in (
            *records.parse("pbkdf2_sha256$2$salt$" + "x" * 43 + "="),
            *records.parse("$scrypt$ln=4,r=8,p=1$c2FsdA$" + "x" * 43),
            records.Plaintext("wonder\n"),
        ):
            fake = Fake([ALICE])
            with self.assertRaises(ValueError) as caught:
                self.store_on(fake).replace(
                    "alice", Account([DIGEST]), Account([record])
                )
            self.assertNotIn(record.format()[7:], str(caught.exception))
            self.assertEqual(len(fake.asked), 1)

    def test_somebody_was_faster(self) -> None:
        """Before it is read, or between that and the change."""
        old = Account([DIGEST])
        for found in ([], [entry("alice", DOVECOT)], [entry("alice", SSHA, DOVECOT)]):
            self.assertFalse(self.store_on(Fake(found)).replace("alice", old, BOTH))
        for style in ("safe", "sync", "raising"):
            for number in (16, 20, 32, 122):
                fake = Fake([ALICE], result(number), style=style)
                self.assertFalse(self.store_on(fake).replace("alice", old, BOTH))

    def test_nothing_to_change(self) -> None:
        """Then nothing is; but it is compared."""
        old = Account([DIGEST])
        fake = Fake([ALICE])
        self.assertTrue(self.store_on(fake).replace("alice", old, old))
        self.assertFalse(self.store_on(Fake([])).replace("alice", old, old))

    def test_the_order_is_the_directory_s(self) -> None:
        """It may be another one each time."""
        fake = Fake([entry("alice", DOVECOT, SSHA)], OK)
        store = self.store_on(fake)
        self.assertTrue(store.replace("alice", BOTH, Account([DIGEST])))

    def test_what_the_directory_refuses(self) -> None:
        """A policy of one password, a schema without the attribute; or no permission."""
        old = Account([DIGEST])
        for style in ("safe", "sync", "raising"):
            for number in (17, 19, 21, 65):
                fake = Fake([ALICE], result(number), style=style)
                with self.assertRaises(ValueError) as caught:
                    self.store_on(fake).replace("alice", old, BOTH)
                self.assertNotIn("secret", str(caught.exception))
            for number in (1, 12, 50, 51, 53, 80):
                fake = Fake([ALICE], result(number), style=style)
                with self.assertRaises(Unavailable) as caught:
                    self.store_on(fake).replace("alice", old, BOTH)
                self.assertNotIn("secret", str(caught.exception))

    def test_the_version_is_not_shown(self) -> None:
        """Then nothing is changed: who knows what would be lost."""
        fake = Fake([entry("alice", SSHA, entryCSN=[])])
        with self.assertRaisesRegex(Unavailable, "entryCSN"):
            self.store_on(fake).replace("alice", Account([DIGEST]), BOTH)

    def test_a_change_is_not_made_twice(self) -> None:
        """The search is done again, the change is not: it may have been made."""
        first = Fake([ALICE], BrokenError())
        second = Fake([ALICE], BrokenError("cn=secret"))
        store = self.store_on(first, second)
        store.find("alice")
        with self.assertRaises(Unavailable) as caught:
            store.replace("alice", Account([DIGEST]), BOTH)
        self.assertIsNone(caught.exception.__context__)
        self.assertEqual((len(second.asked), second.closed), (2, 1))

    def test_what_is_the_directory_s_own(self) -> None:
        """Accounts, and all but their records."""
        store, old = self.store_on(), Account([DIGEST])
        for was, becomes in (
            (None, old),
            (old, None),
            (None, None),
            (old, old.replace(authzids={"bob"})),
            (old, old.replace(refusal=Reason.DISABLED)),
        ):
            with self.assertRaises(ValueError):
                store.replace("alice", was, becomes)


if __name__ == "__main__":
    unittest.main()
