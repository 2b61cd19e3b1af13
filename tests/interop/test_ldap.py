"""Accounts in OpenLDAP's slapd, found and changed through ldap3."""

from __future__ import annotations

import multiprocessing
import ssl
import threading
import unittest
from collections.abc import Callable
from typing import Any

from sasl_core import Reason, ScramKeys, records
from sasl_core.backends import Account, Unavailable
from sasl_core.backends.ldap import LdapStore

from ..backends._contract import HOSTILE, IMPOSSIBLE
from .packages import need_package
from .peers.accounts import ALICE, CAROL, JUERGEN, USERS
from .peers.process import HOST, NAME
from .peers.slapd import PEOPLE, Slapd, person, running, slappasswd
from .peers.tls import certificates

_PASSWORD = "pen: cil, ü {x}$"
_SCRAM = ScramKeys.derive(_PASSWORD, iterations=4096)
_CROWD = 1200  # more than two pages, and than the limit of a search without pages
_TURNS = 50
_LONGEST = 400  # that slapd takes into the name of an entry
# Those that slapd takes for one and the same as another one: it has one entry of them.
_ALIASES = {"ALICE", " alice", "alice ", "alice\u00a0", "\uff41lice"}

ldap3: Any
slapd: Slapd


def setUpModule() -> None:
    global ldap3, slapd
    ldap3 = need_package("ldap3")
    slapd = unittest.enterModuleContext(running(_more()))


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


def _more() -> str:
    forms = {
        "ssha": slappasswd("{SSHA}", _PASSWORD),
        "smd5": slappasswd("{SMD5}", _PASSWORD),
        "sha": slappasswd("{SHA}", _PASSWORD),
        "scram": _SCRAM.format("dovecot"),
        "scram-sha-1": ScramKeys.derive(_PASSWORD, "sha1").format("dovecot"),
        "clear": _PASSWORD,
        "clear-scheme": "{CLEARTEXT}" + _PASSWORD,
    }
    entries = [person(user, [form]) for user, form in forms.items()]
    for name in HOSTILE:
        if len(name) > _LONGEST:
            entries.append(person("long", ["{CLEARTEXT}" + name], f"uid: {name}\n"))
        elif name not in {*_ALIASES, JUERGEN.user}:
            entries.append(person(name, ["{CLEARTEXT}" + name]))
    entries.append(
        person("mixed", ["{SASL}mixed@REALM", forms["ssha"], forms["scram"]])
    )
    entries.append(person("locked", ["x"], "pwdAccountLockedTime: 000001010000Z\n"))
    entries.append(person("reset", ["x"], "pwdReset: TRUE\n"))
    entries.append(person("helper", ["x"], "mail: alice\nmail: bob\n"))
    entries += [
        person(user, [forms["ssha"]]) for user in ("one", "two", "three", "four")
    ]
    entries += [person(f"crowd-{number}", ["x"]) for number in range(_CROWD)]
    # two people of one name
    twin = f"ou=others,{PEOPLE}"
    entries.append(f"dn: {twin}\nobjectClass: organizationalUnit\nou: others\n\n")
    entries.append(person("twin", ["x"]))
    entries.append(person("twin", ["y"]).replace(PEOPLE, twin))
    return "".join(entries)


def connector(
    port: int, who: tuple[str, str], strategy: str = "SAFE_SYNC", **options: Any
) -> Callable[[], Any]:
    """Return what connects as the documentation of the store has it."""
    ldap3 = need_package("ldap3")
    user, password = who

    def connect() -> Any:
        server = ldap3.Server(HOST, port, get_info=ldap3.NONE, connect_timeout=5)
        settings = {
            "auto_bind": True,
            "client_strategy": strategy,
            "receive_timeout": 20,
            "auto_referrals": False,
            "check_names": False,
        }
        return ldap3.Connection(server, user, password, **settings | options)

    return connect


class Base(unittest.TestCase):
    """A store on the running server."""

    def store_as(
        self, who: tuple[str, str], strategy: str = "SAFE_SYNC", **options: Any
    ) -> LdapStore:
        """Make it."""
        connect = connector(slapd.port, who, strategy)
        store = LdapStore(connect, PEOPLE, **options)
        self.addCleanup(store.close)
        return store

    def setUp(self) -> None:
        """Make the usual one."""
        self.store = self.store_as(slapd.admin)

    def binds(self, user: str, password: str) -> bool:
        """Tell whether slapd itself lets somebody in."""
        dn = self.store._connections.run(
            lambda session: self.store._entry(session, user).dn
        )
        server = ldap3.Server(HOST, slapd.port, get_info=ldap3.NONE)
        connection = ldap3.Connection(server, dn, password)
        self.addCleanup(connection.unbind)
        return bool(connection.bind())


class FindTest(Base):
    """What stands in the directory."""

    def test_the_accounts(self) -> None:
        """By every strategy, whatever their names are."""
        for strategy in ("SYNC", "SAFE_SYNC"):
            store = self.store_as(slapd.admin, strategy)
            for user, password in USERS:
                with self.subTest(strategy, user=user):
                    account = store.find(user)
                    self.assertTrue(account.records[0].verify(password))
                    self.assertFalse(account.records[0].verify(password + "x"))

    def test_every_form(self) -> None:
        """Of slappasswd, of ours, and the password as such."""
        for user, scheme in (
            ("ssha", "SSHA"),
            ("smd5", "SMD5"),
            ("sha", "SHA"),
            ("scram", "SCRAM-SHA-256"),
            ("scram-sha-1", "SCRAM-SHA-1"),
            ("clear", "PLAIN"),
            ("clear-scheme", "PLAIN"),
        ):
            with self.subTest(user):
                (record,) = self.store.find(user).records
                self.assertEqual(record.scheme, scheme)
                self.assertTrue(record.verify(_PASSWORD))
                self.assertFalse(record.verify(_PASSWORD + "x"))
        self.assertEqual(len(self.store.find("mixed").records), 2)

    def test_hostile_names_are_data(self) -> None:
        """Each finds itself and nobody else, or nobody."""
        for name in HOSTILE:
            with self.subTest(ascii(name)[:40]):
                account = self.store.find(name)
                if name in _ALIASES:
                    self.assertIsNone(account)
                elif name == JUERGEN.user:
                    self.assertTrue(account.records[0].verify(JUERGEN.password))
                else:
                    self.assertEqual(account, Account([records.Plaintext(name)]))
        for name in (*IMPOSSIBLE, "*", "a*", "*)(objectClass=*", "\\2a", "nobody"):
            self.assertIsNone(self.store.find(name))

    def test_slapd_is_less_exact(self) -> None:
        """And so is the store, if so wished."""
        loose = self.store_as(slapd.admin, exact=False)
        for name in ("ALICE", " alice", "alice "):
            self.assertIsNone(self.store.find(name))
            self.assertTrue(loose.find(name).records[0].verify(ALICE.password))

    def test_two_of_one_name(self) -> None:
        """Nobody knows which one is meant; a narrower search does."""
        with self.assertRaisesRegex(Unavailable, "several"):
            self.store.find("twin")
        narrow = self.store_as(slapd.admin, scope="LEVEL")
        self.assertEqual(narrow.find("twin"), Account([records.Plaintext("x")]))

    def test_a_filter_that_finds_too_many(self) -> None:
        """The server counts up to two only."""
        store = self.store_as(
            slapd.admin, find="(|(uid={username})(uid=crowd-*))", exact=False
        )
        with self.assertRaisesRegex(Unavailable, "sizeLimitExceeded"):
            store.find("alice")

    def test_who_may_not_log_in(self) -> None:
        """By the attributes of the password policy."""
        self.assertIs(self.store.find("locked").refusal, Reason.DISABLED)
        self.assertIs(self.store.find("reset").refusal, Reason.PASSWORD_EXPIRED)
        self.assertIsNone(self.store.find("alice").refusal)

    def test_whom_else_he_may_act_as(self) -> None:
        """In whatever attribute that stands."""
        store = self.store_as(slapd.admin, authzids_attribute="mail")
        self.assertEqual(store.find("helper").authzids, {"alice", "bob"})

    def test_passwords_may_not_be_read(self) -> None:
        """Then a user is known, and without records."""
        self.assertEqual(self.store_as(slapd.reader).find("alice"), Account())

    def test_nothing_may_be_seen_at_all(self) -> None:
        """Or the base is wrong: that is not an unknown user."""
        alice = f"uid={ALICE.user},{PEOPLE}", ALICE.password
        store = self.store_as(alice)
        with self.assertRaisesRegex(Unavailable, "noSuchObject"):
            store.find("alice")

    def test_a_wrong_password_of_one_s_own(self) -> None:
        """It is not shown."""
        store = self.store_as((slapd.admin[0], "wrong-Key"))
        with self.assertRaises(Unavailable) as caught:
            store.find("alice")
        self.assertNotIn("wrong-Key", str(caught.exception))

    def test_over_tls_and_with_a_schema(self) -> None:
        """What ldap3 does of itself, when it knows the schema, does no harm."""
        tls = ldap3.Tls(
            validate=ssl.CERT_REQUIRED, ca_certs_file=str(certificates().authority)
        )
        server = ldap3.Server(
            f"ldaps://{NAME}:{slapd.tls_port}", tls=tls, get_info=ldap3.SCHEMA
        )

        def connect() -> Any:
            return ldap3.Connection(
                server, *slapd.admin, auto_bind=True, raise_exceptions=True
            )

        # Of the schema's attributes only: ldap3 refuses others before it asks.
        store = LdapStore(connect, PEOPLE, refusals={})
        self.addCleanup(store.close)
        for user, password in USERS:
            account = store.find(user)
            self.assertTrue(account.records[0].verify(password))
            more = account.replace(records=(*account.records, _SCRAM))
            self.assertTrue(store.replace(user, account, more))
            self.assertTrue(store.replace(user, more, account))
        self.assertIsNone(store.find("nobody"))

    def test_everybody(self) -> None:
        """Page by page."""
        found = [name for name, _ in self.store.accounts()]
        self.assertEqual(len([name for name in found if name[:6] == "crowd-"]), _CROWD)
        self.assertLessEqual({user for user, _ in USERS}, set(found))
        self.assertEqual(found.count("twin"), 2)

    def test_many_threads(self) -> None:
        """Each gets the answer to its own question."""
        wrong = []

        def work() -> None:
            for number in range(100):
                account = self.store.find(f"crowd-{number}")
                if account != Account([records.Plaintext("x")]):
                    wrong.append(number)
                if self.store.find(f"nobody-{number}") is not None:
                    wrong.append(number)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class ReplaceTest(Base):
    """What is written there."""

    def test_an_upgrade(self) -> None:
        """slapd keeps the keys as they are; nobody logs in by knowing them."""
        old = self.store.find("one")
        both = old.replace(records=(*old.records, _SCRAM))
        self.assertTrue(self.store.replace("one", old, both))
        self.assertEqual(self.store.find("one"), both)
        self.assertTrue(self.binds("one", _PASSWORD))
        self.assertFalse(self.binds("one", _SCRAM.format("dovecot")))
        self.assertFalse(self.binds("one", _SCRAM.format()))
        self.assertFalse(self.store.replace("one", old, both))
        self.assertTrue(self.store.replace("one", both, old.replace(records=[_SCRAM])))
        self.assertEqual(self.store.find("one").records, (_SCRAM,))
        self.assertFalse(self.binds("one", _PASSWORD))

    def test_a_password_that_slapd_takes(self) -> None:
        """As such, and as the hashes that it knows."""
        crypt = records.parse(slappasswd("{CRYPT}", _PASSWORD))
        for record in (records.Plaintext(_PASSWORD), *crypt):
            old = self.store.find("two")
            self.assertTrue(
                self.store.replace("two", old, old.replace(records=[record]))
            )
            self.assertEqual(self.store.find("two").records, (record,))
            self.assertTrue(self.binds("two", _PASSWORD))
            self.assertFalse(self.binds("two", record.format()))

    def test_what_is_not_ours_stays(self) -> None:
        """Though all records that are go."""
        old = self.store.find("mixed")
        self.assertTrue(self.store.replace("mixed", old, old.replace(records=())))
        entry = self.store._connections.run(
            lambda session: self.store._entry(session, "mixed")
        )
        self.assertEqual(entry.get("userPassword"), (b"{SASL}mixed@REALM",))

    def test_names_that_a_dn_escapes(self) -> None:
        """Their entries are changed by the name that the server gave."""
        for user in (JUERGEN.user, CAROL.user, '"; DROP', *HOSTILE[:4]):
            old = self.store.find(user)
            if old is not None:
                new = old.replace(records=(*old.records, _SCRAM))
                self.assertTrue(self.store.replace(user, old, new))
                self.assertTrue(self.store.replace(user, new, old))

    def test_who_may_not_write(self) -> None:
        """That is not the user's fault."""
        store = self.store_as(slapd.reader)
        with self.assertRaisesRegex(Unavailable, "insufficientAccessRights"):
            store.replace("alice", Account(), Account([_SCRAM]))

    def test_an_attribute_that_slapd_lacks(self) -> None:
        """authPassword of RFC 3112: then the record cannot be stored."""
        store = self.store_as(slapd.admin, scram_attribute="authPassword")
        old = store.find("alice")
        with self.assertRaisesRegex(ValueError, "undefinedAttributeType"):
            store.replace("alice", old, old.replace(records=(*old.records, _SCRAM)))

    def test_a_policy_of_one_password(self) -> None:
        """OpenLDAP's ppolicy lets one value be added at a time."""
        others = [ScramKeys.derive(_PASSWORD, name) for name in ("sha1", "sha512")]
        with running(settings="overlay ppolicy") as server:
            store = LdapStore(connector(server.port, server.admin), PEOPLE)
            self.addCleanup(store.close)
            old = store.find("alice")
            with self.assertRaisesRegex(ValueError, "constraintViolation"):
                store.replace("alice", old, old.replace(records=others))
            self.assertEqual(store.find("alice"), old)
            for new in (
                old.replace(records=(*old.records, _SCRAM)),
                old.replace(records=[_SCRAM]),
                old.replace(records=others[:1]),
            ):
                self.assertTrue(store.replace("alice", old, new))
                old = store.find("alice")
                self.assertEqual(old, new)

    def test_between_reading_and_writing(self) -> None:
        """What somebody else does then is seen by the version of the entry.

        Without one, it is seen where it deleted what was read.
        """
        other, third = (ScramKeys.derive(word, iterations=1) for word in "ab")
        old = self.store.find("three")
        more = old.replace(records=(*old.records, other))
        fewer = Account([other])
        for version, unnoticed in (("entryCSN", False), (None, True)):
            with self.subTest(version):
                store = self.meanwhile(lambda: self.put("three", more), version)
                changed = store.replace("three", old, Account([third]))
                self.assertIs(changed, unnoticed)
                self.put("three", old)
                store = self.meanwhile(lambda: self.put("three", fewer), version)
                keep = old.replace(records=(*old.records, third))
                self.assertFalse(store.replace("three", old, keep))
                self.assertEqual(self.store.find("three"), fewer)
                self.put("three", old)

    def put(self, user: str, new: Account) -> None:
        """Store it, whatever there was."""
        old = self.store.find(user)
        self.assertTrue(self.store.replace(user, old, new))

    def meanwhile(self, happens: Callable[[], None], version: str | None) -> LdapStore:
        """Make a store to which something happens before each change."""
        connect = connector(slapd.port, slapd.admin)

        def hooked() -> Any:
            connection = connect()
            modify = connection.modify

            def late(*arguments: Any, **options: Any) -> Any:
                happens()
                return modify(*arguments, **options)

            connection.modify = late
            return connection

        store = LdapStore(hooked, PEOPLE, version_attribute=version)
        self.addCleanup(store.close)
        return store

    def test_two_processes_lose_nothing(self) -> None:
        """Each adds records of its own, at the same time; with a version, and without."""
        spawn = multiprocessing.get_context("spawn")
        for version in ("entryCSN", None):
            with self.subTest(version):
                old = self.store.find("four")
                begin = spawn.Barrier(2)
                processes = [
                    spawn.Process(target=add, args=(slapd.port, begin, name, version))
                    for name in ("first", "second")
                ]
                for process in processes:
                    process.start()
                for process in processes:
                    process.join(120)
                self.assertEqual([process.exitcode for process in processes], [0, 0])
                found = {
                    record.password: record
                    for record in self.store.find("four").records
                    if isinstance(record, records.Plaintext)
                }
                expected = {
                    f"{name}-{turn}"
                    for name in ("first", "second")
                    for turn in range(_TURNS)
                }
                self.assertEqual(set(found), expected)
                self.put("four", old)


class OutageTest(unittest.TestCase):
    """A server of its own, that is killed."""

    def test_it_comes_back(self) -> None:
        """Nothing can be told meanwhile; then all is there, with what was changed."""
        with running() as server:
            store = LdapStore(connector(server.port, server.admin), PEOPLE)
            self.addCleanup(store.close)
            old = store.find("alice")
            new = old.replace(records=(*old.records, _SCRAM))
            self.assertTrue(store.replace("alice", old, new))
            server.kill()
            for name in ("alice", "nobody"):
                with self.assertRaises(Unavailable):
                    store.find(name)
            with self.assertRaises(Unavailable):
                store.replace("alice", new, old)
            with self.assertRaises(Unavailable):
                list(store.accounts())
            server.start()
            self.assertEqual(store.find("alice"), new)
            self.assertIsNone(store.find("nobody"))
            # a restart that nobody noticed: the idle connection is dead
            server.kill()
            server.start()
            self.assertTrue(store.replace("alice", new, old))
            self.assertEqual(len(list(store.accounts())), len(USERS))

    def test_killed_in_the_middle_of_changes(self) -> None:
        """What was said to be stored is."""
        with running() as server:
            store = LdapStore(connector(server.port, server.admin), PEOPLE)
            self.addCleanup(store.close)
            said = []
            started = threading.Event()

            def work() -> None:
                old = store.find("alice")
                for number in range(10_000):
                    record = records.Plaintext(f"number-{number}")
                    new = old.replace(records=[record])
                    if store.replace("alice", old, new):
                        said.append(record)
                    old = new
                    if number == 20:
                        started.set()

            def until_it_breaks() -> None:
                try:
                    work()
                except Unavailable:
                    broken.append(True)

            broken: list[bool] = []
            thread = threading.Thread(target=until_it_breaks)
            thread.start()
            self.assertTrue(started.wait(30))
            server.kill()
            thread.join(30)
            self.assertEqual(broken, [True])
            server.start()
            (record,) = store.find("alice").records
            last = len(said) - 1
            # The one after it may have been stored, too: nobody could tell.
            self.assertIn(record.password, (f"number-{last}", f"number-{last + 1}"))


def add(port: int, begin: Any, name: str, version: str | None) -> None:
    """Add records to an account, as a process of its own."""
    admin = Slapd.admin
    store = LdapStore(connector(port, admin), PEOPLE, version_attribute=version)
    begin.wait(60)
    for turn in range(_TURNS):
        record = records.Plaintext(f"{name}-{turn}")
        while True:
            old = store.find("four")
            new = old.replace(records=(*old.records, record))
            if store.replace("four", old, new):
                break
    store.close()


if __name__ == "__main__":
    unittest.main()
