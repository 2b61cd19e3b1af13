"""Passwords that somebody else checks: the store, directories by bind, PAM."""

from __future__ import annotations

import ssl
import unittest
from types import SimpleNamespace

import sasl_core as sasl
from sasl_core.backends import Account, Application, Unavailable
from sasl_core.backends.bind import LdapBind, LdapSearch
from sasl_core.backends.checked import Checked, CheckedStore, by_verdict
from sasl_core.backends.pam import PamCheck
from sasl_core.protocols.forwarding import Continue, Refused, Verified

DN = "uid=alice,ou=people,dc=example,dc=org"


class ExplodedError(Exception):
    """What a package raises; its text shows too much."""

    def __init__(self, result: int | None = None) -> None:
        super().__init__("s3cret")
        if result is not None:
            self.result = result


class Store(unittest.TestCase):
    def setUp(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.audit: list[object] = []
        self.answer: object = None

    def check(self, username: str, password: str) -> bool:
        self.asked.append((username, password))
        if self.answer is not None:
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer
        return (username, password) == ("alice", "wonderland")

    def log_in(self, username="alice", password="wonderland", **options) -> sasl.Event:
        store = CheckedStore(self.check, **options)
        application = Application(store, audit=self.audit.append)
        server = sasl.server(
            "PLAIN",
            channel=sasl.Channel(True),
            policy=application.policy(prepare=False),
            profile=sasl.profiles.RAW,
            answers=application.requests,
        )
        self.asked.clear()
        event = server.start(f"\0{username}\0{password}".encode())
        while isinstance(event, sasl.Request):
            event = application.answer(event)
        return event

    def test_right_and_wrong(self) -> None:
        self.assertEqual(self.log_in().identity, sasl.Identity("alice"))
        self.assertEqual(self.asked, [("alice", "wonderland")])
        wrong = self.log_in(password="x")
        self.assertIs(wrong.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual([e.outcome for e in self.audit], ["success", "failure"])

    def test_what_cannot_be_told_is_no_wrong_password(self) -> None:
        self.answer = Unavailable("dead")
        self.assertIs(self.log_in().reason, sasl.Reason.UNAVAILABLE)

    def test_only_true_is_yes(self) -> None:
        for self.answer in (1, "yes", object(), Verified(sasl.Identity("alice"))):
            self.assertIs(self.log_in().reason, sasl.Reason.UNAVAILABLE)

    def test_what_reaches_nobody(self) -> None:
        record = Checked("alice", self.check)
        for password in ("", "a\0b", "\udcff", "p" * 5000):
            self.assertFalse(record.verify(password))
        self.assertIsNone(CheckedStore(self.check).find("a\nb"))
        self.assertEqual(self.asked, [])

    def test_a_name_that_is_none_costs_the_same(self) -> None:
        name = "a\x85b"  # as it comes where SASLprep is left out
        for self.answer in (None, True):
            refused = self.log_in(username=name)
            self.assertIs(refused.reason, sasl.Reason.BAD_CREDENTIALS)
            self.assertEqual(self.asked, [("nobody-has-this-name", "wonderland")])

    def test_no_other_mechanism(self) -> None:
        policy = Application(CheckedStore(self.check)).policy()
        offered = sasl.offer(channel=sasl.Channel(True), policy=policy)
        self.assertEqual(offered, ("PLAIN", "LOGIN"))

    def test_who_may_not_log_in(self) -> None:
        def refuse(username):
            return sasl.Reason.DISABLED

        self.assertIs(self.log_in(refuse=refuse).reason, sasl.Reason.DISABLED)
        wrong = self.log_in(password="x", refuse=refuse)
        self.assertIs(wrong.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_nothing_is_stored(self) -> None:
        store = CheckedStore(self.check)
        account = store.find("alice")
        with self.assertRaises(ValueError):
            store.replace("alice", account, Account())
        self.assertEqual(account.records[0].format(), "{CHECKED}")
        self.assertEqual(account.records[0].scheme, "CHECKED")
        self.assertEqual(len(list(store.accounts())), 1)

    def test_by_another_s_verdict(self) -> None:
        verdicts = {
            "yes": Verified(sasl.Identity("yes")),
            "another": Verified(sasl.Identity("somebody")),
            "no": Refused(sasl.Reason.BAD_CREDENTIALS),
            "off": Refused(sasl.Reason.DISABLED),
        }
        check = by_verdict(lambda username, password: verdicts[username])
        found = {username: check(username, "x") for username in verdicts}
        self.assertEqual([name for name, yes in found.items() if yes], ["yes"])
        for verdict in (Refused(sasl.Reason.UNAVAILABLE), Continue(b""), True, None):
            with self.assertRaises(Unavailable):
                by_verdict(lambda *_, v=verdict: v)("x", "x")


class Directory:
    """The servers and connections of ldap3, as far as a bind needs them."""

    def __init__(self, result=0, *, style="safe", tls=ssl.CERT_REQUIRED, ldaps=True):
        self.code = result
        self.style = style
        self.server = SimpleNamespace(
            ssl=ldaps, tls=None if tls is None else SimpleNamespace(validate=tls)
        )
        self.starts = True
        self.calls: list[object] = []
        self.bound = False
        self.result = None
        self.response = None

    def __call__(self, dn: str, password: str) -> Directory:
        self.calls.append((dn, password))
        return self

    def open(self):
        self.calls.append("open")

    def start_tls(self):
        self.calls.append("tls")
        if isinstance(self.starts, Exception):
            raise self.starts
        return (self.starts, {}, [], {}) if self.style == "safe" else self.starts

    def bind(self):
        self.calls.append("bind")
        if isinstance(self.code, Exception):
            self.result = {"result": getattr(self.code, "result", None)}
            raise self.code
        result = {"result": self.code, "description": "said", "message": "cn=secret"}
        if self.style == "safe":
            return self.code == 0, result, [], {}
        self.result = result
        return self.code == 0

    def unbind(self):
        self.calls.append("unbind")


class Bind(unittest.TestCase):
    def check(self, directory, username="alice", password="pw", **options) -> bool:
        options = options or {"dn": "uid={username},ou=people,dc=example,dc=org"}
        return LdapBind(directory, **options)(username, password)

    def test_yes(self) -> None:
        for style in ("safe", "sync"):
            directory = Directory(style=style)
            self.assertIs(self.check(directory), True)
            self.assertEqual(directory.calls, [(DN, "pw"), "bind", "unbind"])

    def test_no(self) -> None:
        for code in (49, 32, 48, 34, 53, 19):
            for style in ("safe", "sync"):
                self.assertIs(self.check(Directory(code, style=style)), False)
            self.assertIs(self.check(Directory(ExplodedError(code))), False)

    def test_it_cannot_tell(self) -> None:
        for result in (1, 8, 10, 13, 51, 52, 80, ExplodedError(52), ExplodedError()):
            directory = Directory(result)
            with self.assertRaises(Unavailable) as caught:
                self.check(directory)
            self.assertNotIn("secret", str(caught.exception))
            self.assertNotIn("s3cret", str(caught.exception))
            self.assertEqual(directory.calls[-1], "unbind")

        def refused(dn, password):
            raise ExplodedError

        with self.assertRaises(Unavailable) as caught:
            self.check(refused)
        self.assertNotIn("s3cret", str(caught.exception))

    def test_no_empty_password_reaches_it(self) -> None:
        directory = Directory()
        for username, password in (("alice", ""), ("", "x"), ("a\0b", "x")):
            self.assertFalse(self.check(directory, username, password))
        self.assertEqual(directory.calls, [])

    def test_names_are_data(self) -> None:
        directory = Directory()
        self.check(directory, "a,dc=x+b=\\j\xfc ")
        dn, _ = directory.calls[0]
        self.assertEqual(
            dn,
            r"uid=a\2cdc\3dx\2bb\3d\5cj\c3\bc\20,ou=people,dc=example,dc=org",
        )
        for template, name in (
            ("{username}@example.org", "alice@example.org"),
            ("EXAMPLE\\{username}", "EXAMPLE\\alice"),
        ):
            directory = Directory()
            self.check(directory, dn=template)
            self.assertEqual(directory.calls[0][0], name)

    def test_no_password_without_tls(self) -> None:
        for options in (
            {"tls": None},
            {"tls": ssl.CERT_NONE},
            {"tls": ssl.CERT_OPTIONAL},
        ):
            for ldaps in (True, False):
                directory = Directory(ldaps=ldaps, **options)
                with self.assertRaises(Unavailable):
                    self.check(directory)
                self.assertNotIn("bind", directory.calls)
        for starts in (False, None, ExplodedError()):
            for style in ("safe", "sync"):
                directory = Directory(ldaps=False, style=style)
                directory.starts = starts
                with self.assertRaises(Unavailable):
                    self.check(directory)
                self.assertEqual(directory.calls[-2:], ["tls", "unbind"])

    def test_starttls(self) -> None:
        for style in ("safe", "sync"):
            directory = Directory(ldaps=False, style=style)
            self.assertTrue(self.check(directory))
            self.assertEqual(directory.calls[1:], ["open", "tls", "bind", "unbind"])

    def test_in_the_clear_where_told(self) -> None:
        directory = Directory(ldaps=False, tls=None)
        self.assertTrue(self.check(directory, dn="uid={username}", cleartext=True))

    def test_either_a_template_or_a_search(self) -> None:
        for options in ({}, {"dn": "x{username}", "search": print}, {"dn": "uid=x"}):
            with self.assertRaises(ValueError):
                LdapBind(Directory(), **options)

    def test_by_search(self) -> None:
        directory = Directory()
        self.assertTrue(self.check(directory, search={"alice": DN}.get))
        self.assertEqual(directory.calls[0], (DN, "pw"))
        self.assertFalse(self.check(directory, "bob", search={"alice": DN}.get))


class Searching:
    """A bound connection that finds these entries."""

    bound = True

    def __init__(self, *entries) -> None:
        self.entries = entries
        self.asked: dict[str, object] = {}

    def search(self, **options):
        self.asked = options
        found = [
            {"type": "searchResEntry", "dn": dn, "raw_attributes": {"uid": [name]}}
            for dn, name in self.entries
        ]
        referral = {"type": "searchResRef", "uri": ["ldap://evil.example"]}
        return True, {"result": 0}, [*found, referral], {}

    def unbind(self):
        pass


class Search(unittest.TestCase):
    def find(self, username, *entries, **options):
        self.connection = Searching(*entries)
        return LdapSearch(lambda: self.connection, "dc=example", **options)(username)

    def test_found(self) -> None:
        self.assertEqual(self.find("alice", (DN, b"alice")), DN)
        self.assertIsNone(self.find("alice"))
        self.assertEqual(self.connection.asked["size_limit"], 2)
        with self.assertRaises(Unavailable):
            self.find("alice", (DN, b"alice"), (DN + ",dc=x", b"alice"))

    def test_just_this_name(self) -> None:
        self.assertIsNone(self.find("ALICE", (DN, b"alice")))
        self.assertEqual(self.find("ALICE", (DN, b"alice"), exact=False), DN)

    def test_an_entry_without_a_dn_is_nobody(self) -> None:
        self.assertIsNone(self.find("alice", ("", b"alice")))

    def test_names_are_data(self) -> None:
        self.find("*)(uid=*", find="(&(uid={username})(mail=*))")
        self.assertEqual(
            self.connection.asked["search_filter"],
            r"(&(uid=\2a\29\28uid\3d\2a)(mail=*))",
        )

    def test_arguments(self) -> None:
        for options, error in (
            ({"find": "(uid=*)"}, ValueError),
            ({"name_attributes": "uid"}, TypeError),
        ):
            with self.assertRaises(error):
                LdapSearch(Searching, "dc=example", **options)
        LdapSearch(Searching, "dc=example").close()


class Pam(unittest.TestCase):
    def check(self, answer, code=0, username="alice", password="pw"):
        asked = self.asked = []

        def authenticate(*arguments):
            asked.append(arguments)
            if isinstance(answer, Exception):
                raise answer
            return answer

        def make():
            return SimpleNamespace(code=code, authenticate=authenticate)

        return PamCheck(make, "smtp")(username, password)

    def test_verdicts(self) -> None:
        self.assertIs(self.check(True), True)
        self.assertEqual(self.asked, [("alice", "pw", "smtp")])
        for code in (6, 7, 10, 11, 12, 13, 27):
            self.assertIs(self.check(False, code), False)
        for answer, code in ((False, 4), (False, 9), (False, 0), (1, 0), (None, 26)):
            with self.assertRaises(Unavailable):
                self.check(answer, code)
        with self.assertRaises(Unavailable) as caught:
            self.check(ExplodedError())
        self.assertNotIn("s3cret", str(caught.exception))

    def test_what_reaches_nobody(self) -> None:
        for username, password in (("alice", ""), ("a\0b", "x"), ("alice", "x\0")):
            self.assertFalse(self.check(True, username=username, password=password))
            self.assertEqual(self.asked, [])


if __name__ == "__main__":
    unittest.main()
