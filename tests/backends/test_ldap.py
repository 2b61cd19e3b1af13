"""Accounts in a directory: what is asked of ldap3, and what is made of its answers."""

from __future__ import annotations

import os
import re
import traceback
import unittest
from typing import Any
from unittest import mock

from sasl_core import Reason, records
from sasl_core.backends import Account, Unavailable
from sasl_core.backends.ldap import LdapStore

from .._hypothesis import given, st
from ._contract import HOSTILE, IMPOSSIBLE, keys

DN = "uid=alice,ou=people,dc=example,dc=org"
CSN = b"20260101000000.000000Z#000000#000#000000"
SSHA = b"{SSHA}1kIVYAiZBlP34q9Mx2jzNi0dAW0ShR3n"
PENCIL = keys("pencil")
DIGEST = records.parse(SSHA.decode())[0]
BOTH = Account([DIGEST, PENCIL])
DOVECOT = PENCIL.format("dovecot").encode()


class BrokenError(Exception):
    """What ldap3 raises when the connection is gone; its text shows too much."""


class ResultError(Exception):
    """What ldap3 raises for a result, with raise_exceptions."""

    def __init__(self, result: int) -> None:
        super().__init__("cn=secret")
        self.result = result


def entry(name: str = "alice", *passwords: bytes, **more: Any) -> dict[str, Any]:
    """Return what ldap3 makes of an entry."""
    raw = {"uid": [name.encode()], "userPassword": [*passwords], "entryCSN": [CSN]}
    raw |= more
    return {"type": "searchResEntry", "dn": DN, "raw_attributes": raw}


ALICE = entry("alice", SSHA)
OK = {"result": 0, "description": "success"}


def result(number: int, **more: Any) -> dict[str, Any]:
    """Return what ldap3 makes of a result."""
    return {"result": number, "description": "said", "message": "cn=secret"} | more


class Fake:
    """A connection that gives one scripted answer after the other.

    An answer is a list of entries, a result, both in a tuple, or an exception.
    """

    def __init__(self, *script: Any, style: str = "safe", bound: bool = True) -> None:
        self.script = list(script)
        self.style = style
        self.bound = bound
        self.result: Any = None
        self.response: Any = None
        self.asked: list[dict[str, Any]] = []
        self.closed = 0

    def search(self, **options: Any) -> Any:
        """Answer a search."""
        return self._answer(options)

    def modify(self, **options: Any) -> Any:
        """Answer a change."""
        return self._answer(options)

    def unbind(self) -> None:
        """Count it; the server is gone."""
        self.closed += 1
        raise BrokenError

    def _answer(self, options: dict[str, Any]) -> Any:
        self.asked.append(options)
        answer = self.script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, list):
            answer = (OK, answer)
        self.result, self.response = (
            answer if isinstance(answer, tuple) else (answer, [])
        )
        if self.style == "raising" and self.result["result"]:
            raise ResultError(self.result["result"])
        if self.style == "safe":
            return True, self.result, self.response, {}
        return 7 if self.style == "async" else bool(self.response)


class Base(unittest.TestCase):
    """A store on connections that are given in order."""

    def store_on(self, *fakes: Fake | Exception, **options: Any) -> LdapStore:
        """Make it; one connection more than there are is a failure."""
        waiting = list(fakes)

        def connect() -> Any:
            fake = waiting.pop(0)
            if isinstance(fake, Exception):
                raise fake
            return fake

        return LdapStore(connect, "ou=people", **options)

    def unavailable(self, store: LdapStore, name: str = "alice") -> str:
        """Expect it; return the text, in which and behind which there is no secret."""
        with self.assertRaises(Unavailable) as caught:
            store.find(name)
        whole = "".join(traceback.format_exception(caught.exception))
        self.assertNotIn("secret", whole)
        self.assertIsNone(caught.exception.__context__)
        return str(caught.exception)


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


class ConnectionTest(Base):
    """They are used again, unless they broke."""

    def test_one_after_the_other_uses_the_same(self) -> None:
        """Until the store is closed."""
        fake = Fake([ALICE], [], [ALICE])
        store = self.store_on(fake)
        for found in (Account([DIGEST]), None, Account([DIGEST])):
            self.assertEqual(store.find("alice"), found)
        self.assertEqual(fake.closed, 0)
        store.close()
        self.assertEqual(fake.closed, 1)

    def test_one_that_lay_idle_and_died(self) -> None:
        """Once more, with a new one; what lay there beside it is closed as well."""
        first, second = Fake([ALICE], BrokenError("cn=secret")), Fake([ALICE])
        third = Fake([ALICE])
        store = self.store_on(first, second, third)
        search = first.search
        others = iter(["bob"])

        def meanwhile(**asked: Any) -> Any:
            for name in others:
                store.find(name)  # as another thread would
            return search(**asked)

        first.search = meanwhile
        store.find("alice")
        self.assertEqual(store.find("alice"), Account([DIGEST]))
        self.assertEqual([fake.closed for fake in (first, second, third)], [1, 1, 0])

    def test_one_retry_only(self) -> None:
        """What is new and dead is Unavailable."""
        first = Fake([ALICE], BrokenError("cn=secret"))
        second = Fake(BrokenError("cn=secret"))
        store = self.store_on(first, second, Fake([ALICE]))
        store.find("alice")
        self.assertIn("BrokenError", self.unavailable(store))
        self.assertEqual((first.closed, second.closed), (1, 1))
        self.assertEqual(store.find("alice"), Account([DIGEST]))

    def test_no_connection(self) -> None:
        """The error's own text is not told."""
        for error in (OSError("secret"), BrokenError("secret"), ValueError("secret")):
            text = self.unavailable(self.store_on(error))
            self.assertIn(type(error).__name__, text)

    def test_one_that_is_not_bound(self) -> None:
        """To nobody a directory looks empty: every user would be unknown."""
        fake = Fake([], bound=False)
        self.assertIn("bound", self.unavailable(self.store_on(fake)))
        self.assertEqual((fake.asked, fake.closed), ([], 1))

    def test_results_that_are_no_answer(self) -> None:
        """busy, referral, sizeLimitExceeded, noSuchObject: never "unknown"."""
        for style in ("safe", "sync", "raising"):
            for number in (1, 3, 4, 10, 32, 50, 51, 52, 80):
                fake = Fake((result(number), [ALICE]), [ALICE], style=style)
                store = self.store_on(fake)
                self.assertIn(f"({number})", self.unavailable(store))
                # but the connection is as good as before
                self.assertEqual(store.find("alice"), Account([DIGEST]))

    def test_an_old_result_is_no_answer(self) -> None:
        """An exception that has a result, of which the connection knows nothing."""
        fake = Fake([ALICE], ResultError(32))
        store = self.store_on(fake, Fake(ResultError(32)))
        store.find("alice")
        self.unavailable(store)

    def test_asynchronous_strategies_are_refused(self) -> None:
        """Their answers come later: what stands there is of another question."""
        with self.assertRaises(TypeError):
            self.store_on(Fake([ALICE], style="async")).find("alice")

    def test_an_interrupted_one_is_not_used_again(self) -> None:
        """The answer to its question would be taken for that to the next."""
        first = Fake(KeyboardInterrupt())
        store = self.store_on(first, Fake([]))
        with self.assertRaises(KeyboardInterrupt):
            store.find("alice")
        self.assertEqual(first.closed, 1)
        self.assertIsNone(store.find("alice"))

    def test_no_more_than_so_many_are_kept(self) -> None:
        """None at all, if so wished."""
        fakes = Fake([ALICE]), Fake([ALICE])
        store = self.store_on(*fakes, idle=0)
        store.find("alice")
        store.find("alice")
        self.assertEqual([fake.closed for fake in fakes], [1, 1])

    def test_a_fork_shares_none(self) -> None:
        """Neither used nor unbound: it is the parent's."""
        first, second = Fake([ALICE], [ALICE]), Fake([])
        store = self.store_on(first, second)
        store.find("alice")
        with mock.patch("os.getpid", return_value=os.getpid() + 1):
            self.assertIsNone(store.find("alice"))
            store.close()
        self.assertEqual((first.closed, len(first.asked)), (0, 1))
        self.assertEqual(second.closed, 1)


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
