"""Accounts in a directory: what is asked of ldap3, and what is made of its answers."""

from __future__ import annotations

import re
import unittest
from typing import Any

from sasl_core import Reason, records
from sasl_core.backends import Account, Unavailable

from .._hypothesis import given, st
from ._contract import HOSTILE, IMPOSSIBLE
from ._ldap import (
    ALICE,
    BOTH,
    DIGEST,
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


class FindTest(Base):
    """One entry becomes an account."""

    def test_the_records(self) -> None:
        """Of every strategy; what cannot be read is none, what has no scheme a password."""
        values = [b"{SASL}alice@REALM", SSHA, DOVECOT, b"wonder land", b"\xff\xfe"]
        for style in ("safe", "sync", "raising"):
            fake = Fake([entry("alice", *values)], style=style)
            account = self.store_on(fake).find("alice")
            plain = records.Plaintext("wonder land")
            self.assertEqual(account, Account([DIGEST, PENCIL, plain]))

    def test_slapd_s_argon2(self) -> None:
        """It is read, and written as it was."""
        value = b"{ARGON2}$argon2id$v=19$m=7,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b8dWQ"
        verifiers = {"ARGON2": lambda text, password: password == "pencil"}
        fake = Fake(*[[entry("alice", value)]] * 2, OK)
        store = self.store_on(fake, verifiers=verifiers, version_attribute=None)
        old = store.find("alice")
        self.assertTrue(old.records[0].verify("pencil"))
        store.replace("alice", old, old.replace(records=(*old.records, PENCIL)))
        delete, add = fake.asked[2]["changes"]["userPassword"]
        self.assertEqual(delete, ("MODIFY_DELETE", [value]))
        self.assertEqual(add, ("MODIFY_ADD", [value, DOVECOT]))

    def test_what_is_asked(self) -> None:
        """A filter with the name in it, for two entries at most, of all attributes."""
        fake = Fake([])
        store = self.store_on(
            fake,
            find="(&(objectClass=person)(|(uid={username})(mail={username})))",
            name_attributes=("uid", "mail"),
            authzids_attribute="actAs",
            refusals={"gone": lambda value: None},
            scope="LEVEL",
            timeout=3,
        )
        self.assertIsNone(store.find("a*b"))
        self.assertEqual(
            fake.asked[0],
            {
                "search_base": "ou=people",
                "search_filter": r"(&(objectClass=person)(|(uid=a\2ab)(mail=a\2ab)))",
                "search_scope": "LEVEL",
                "size_limit": 2,
                "time_limit": 3,
                "attributes": [
                    "uid", "mail", "userPassword", "actAs", "entryCSN", "gone"
                ],
            },
        )  # fmt: skip

    def test_no_records_may_be_seen(self) -> None:
        """Then nobody can log in, but he is known."""
        self.assertEqual(self.store_on(Fake([entry()])).find("alice"), Account())

    def test_names_of_attributes_have_no_case(self) -> None:
        """And an option makes another one of it."""
        found = entry()
        found["raw_attributes"] = {
            "UID": [b"alice"],
            "userpassword": [SSHA],
            "userPassword;x-old": [DOVECOT],
            "entryCSN": None,
        }
        account = self.store_on(Fake([found])).find("alice")
        self.assertEqual(account, Account([DIGEST]))

    def test_only_the_exact_name(self) -> None:
        """A directory takes one for the other."""
        for stored, asked in (
            ("alice", "ALICE"),
            ("alice", "alice "),
            ("alice", " alice"),
            ("alice", "\uff41lice"),
            ("alice", "*"),
            ("alice@example.org", "alice"),
            ("alice", "alice@example.org"),
            ("\ufffd", "alice"),
        ):
            store = self.store_on(Fake([entry(stored, SSHA)]))
            self.assertIsNone(store.find(asked), asked)
            store = self.store_on(Fake([entry(stored, SSHA)]), exact=False)
            self.assertEqual(store.find(asked), Account([DIGEST]))
        two = entry("x", SSHA, uid=[b"\xff", b"bob", b"alice"])
        self.assertEqual(self.store_on(Fake([two])).find("alice"), Account([DIGEST]))

    def test_hostile_names_are_data(self) -> None:
        """Nothing of them is left that means something in a filter."""
        for name in HOSTILE:
            with self.subTest(ascii(name)[:40]):
                fake = Fake([entry(name, SSHA)])
                self.assertIsNotNone(self.store_on(fake).find(name))
                asked = fake.asked[0]["search_filter"]
                self.assertRegex(asked, r"\A\(uid=(?:[0-9A-Za-z]|\\[0-9a-f]{2})+\)\Z")

    @given(st.text(min_size=1, max_size=40))
    def test_a_filter_says_the_name(self, name: str) -> None:
        """As RFC 4515 reads it; one that is nobody's reaches no filter."""
        fake = Fake([])
        self.assertIsNone(self.store_on(fake).find(name))
        if fake.asked:
            value = fake.asked[0]["search_filter"][len("(uid=") : -1].encode()
            self.assertEqual(_unescaped(value), name.encode())

    def test_impossible_names_are_nobody_s(self) -> None:
        """They do not even reach a connection."""
        store = self.store_on()
        for name in IMPOSSIBLE:
            with self.subTest(ascii(name)[:40]):
                self.assertIsNone(store.find(name))
                with self.assertRaises(ValueError):
                    store.replace(name, Account(), BOTH)

    def test_references_are_passed_over(self) -> None:
        """Nobody else is asked."""
        reference = {"type": "searchResRef", "uri": ["ldap://127.0.0.2/"]}
        self.assertIsNone(self.store_on(Fake([reference])).find("alice"))
        account = self.store_on(Fake([reference, ALICE])).find("alice")
        self.assertEqual(account, Account([DIGEST]))

    def test_two_entries_are_nobody(self) -> None:
        """Which of them is meant?"""
        text = self.unavailable(self.store_on(Fake([ALICE, ALICE])))
        self.assertIn("several", text)

    def test_whom_else_he_may_act_as(self) -> None:
        """One name a value."""
        found = entry("alice", SSHA, actAs=[b"bob", "jürgen".encode(), b"\xff", b""])
        store = self.store_on(Fake([found]), authzids_attribute="actAs")
        self.assertEqual(store.find("alice").authzids, {"bob", "jürgen"})

    def test_keys_in_an_attribute_of_their_own(self) -> None:
        """By RFC 5803; nothing there is a password as such."""
        found = entry("alice", SSHA, authPassword=[PENCIL.format().encode(), b"x"])
        store = self.store_on(Fake([found]), scram_attribute="authPassword")
        self.assertEqual(store.find("alice"), Account([PENCIL, DIGEST]))

    def test_refusals(self) -> None:
        """As the directories have them; what is no permission is none."""
        for attribute, value, reason in (
            ("pwdAccountLockedTime", b"000001010000Z", Reason.DISABLED),
            ("pwdReset", b"TRUE", Reason.PASSWORD_EXPIRED),
            ("pwdReset", b"FALSE", None),
            ("nsAccountLock", b"true", Reason.DISABLED),
            ("nsAccountLock", b"false", None),
            ("nsAccountLock", b"\xff", Reason.DISABLED),
            ("ds-pwp-account-disabled", b"true", Reason.DISABLED),
            ("userAccountControl", b"512", None),
            ("userAccountControl", b"514", Reason.DISABLED),
            ("userAccountControl", b"66048", None),
            ("userAccountControl", b"66050", Reason.DISABLED),
            ("userAccountControl", b"", Reason.DISABLED),
            ("userAccountControl", b"9" * 5000, Reason.DISABLED),
            ("userAccountControl", b"0x200", Reason.DISABLED),
        ):
            with self.subTest(attribute, value=value[:20]):
                fake = Fake([entry("alice", SSHA, **{attribute: [value]})])
                self.assertIs(self.store_on(fake).find("alice").refusal, reason)

    def test_rules_of_one_s_own(self) -> None:
        """The first one that says something."""
        rules = {
            "a": lambda value: None,
            "b": lambda value: Reason.NOT_AUTHORIZED if value == "no" else None,
        }
        found = entry("alice", SSHA, a=[b"x"], b=[b"yes", b"no"], nsAccountLock=[b"1"])
        account = self.store_on(Fake([found]), refusals=rules).find("alice")
        self.assertIs(account.refusal, Reason.NOT_AUTHORIZED)

    def test_what_is_no_store(self) -> None:
        """Said when it is made."""
        with self.assertRaises(ValueError):
            self.store_on(find="(uid=alice)")
        with self.assertRaises(TypeError):
            self.store_on(name_attributes="uid")


class AccountsTest(Base):
    """All of them, page by page, over a connection of their own."""

    @staticmethod
    def page(*found: dict[str, Any], cookie: bytes) -> tuple[Any, ...]:
        """Return a page; another one follows where there is a cookie."""
        value = {"value": {"size": 0, "cookie": cookie}}
        controls = {"1.2.840.113556.1.4.319": value}
        return OK | {"controls": controls}, list(found)

    def test_page_by_page(self) -> None:
        """By each name that is one."""
        bob = entry("bob", DOVECOT, uid=[b"bob", b"robert", b"b\nb", b"\xff", b"bob"])
        fake = Fake(self.page(ALICE, cookie=b"1"), self.page(bob, cookie=b""))
        store = self.store_on(fake, find="(&(a=b)(uid={username}))")
        found = list(store.accounts())
        names = {"alice": DIGEST, "bob": PENCIL, "robert": PENCIL}
        expected = [(name, Account([record])) for name, record in names.items()]
        self.assertEqual(found, expected)
        asked = [(each["search_filter"], each["paged_cookie"]) for each in fake.asked]
        self.assertEqual(asked, [("(&(a=b)(uid=*))", None), ("(&(a=b)(uid=*))", b"1")])
        self.assertEqual(fake.closed, 1)

    def test_a_server_without_pages(self) -> None:
        """It shows all at once."""
        fake = Fake([ALICE])
        store = self.store_on(fake, accounts="(objectClass=person)")
        self.assertEqual(list(store.accounts()), [("alice", Account([DIGEST]))])
        self.assertEqual(fake.asked[0]["search_filter"], "(objectClass=person)")

    def test_it_breaks(self) -> None:
        """Or has a limit: what came so far is not all."""
        for end in (BrokenError("secret"), result(4), result(11)):
            fake = Fake(self.page(ALICE, cookie=b"1"), end)
            found = self.store_on(fake).accounts()
            self.assertEqual(next(found)[0], "alice")
            with self.assertRaises(Unavailable):
                next(found)
            self.assertEqual(fake.closed, 1)

    def test_it_is_not_read_to_the_end(self) -> None:
        """The connection is closed, not used for others."""
        fake = Fake(self.page(ALICE, cookie=b"1"))
        found = self.store_on(fake).accounts()
        next(found)
        found.close()
        self.assertEqual(fake.closed, 1)


def _unescaped(value: bytes) -> bytes:
    return re.sub(
        rb"\\([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), value
    )


if __name__ == "__main__":
    unittest.main()
