"""A KDC checks passwords: what is asked of `gssapi`, and what its errors mean."""

from __future__ import annotations

import unittest
from types import SimpleNamespace

from sasl_core.backends import Unavailable
from sasl_core.backends.kerberos import KerberosCheck

TABLE = 2529638912  # MIT's errors, as GSS-API shows them


class GSSError(Exception):
    def __init__(self, min_code: int) -> None:
        super().__init__("s3cret")
        self.min_code = min_code


class Gssapi:
    """As much of the package as is used; a name is its text."""

    NameType = SimpleNamespace(kerberos_principal="user", hostbased_service="service")
    MechType = SimpleNamespace(kerberos="krb5")

    def __init__(self, *, log_in=None, accept=None, who=None, complete=True) -> None:
        self.log_in, self.accept = log_in, accept
        self.who, self.complete = who, complete
        self.asked: list[object] = []
        self.raw = SimpleNamespace(acquire_cred_with_password=self.acquire)

    def Name(self, text, kind):
        self.asked.append((kind, text))
        return text

    def acquire(self, name, password, *, usage, mechs):
        self.asked.append((name, password, usage, mechs))
        self.name = name
        if self.log_in is not None:
            raise self.log_in
        return SimpleNamespace(creds="raw")

    def Credentials(self, **facts):
        return facts

    def SecurityContext(self, *, creds, usage, name=None, mech=None):
        def step(token=None):
            if usage == "accept" and self.accept is not None:
                raise self.accept
            return None if token else b"ticket"

        who = self.name if self.who is None else self.who
        return SimpleNamespace(
            step=step, complete=self.complete, initiator_name=who, creds=creds
        )


class Kerberos(unittest.TestCase):
    def check(self, lib, username="alice", password="pw", **options) -> bool:
        return KerberosCheck(lib, "smtp@localhost", **options)(username, password)

    def test_yes(self) -> None:
        lib = Gssapi()
        self.assertIs(self.check(lib), True)
        self.assertEqual(lib.asked[0], ("user", "alice"))
        self.assertEqual(lib.asked[1], ("alice", b"pw", "initiate", ["krb5"]))
        self.assertEqual(lib.asked[2], ("service", "smtp@localhost"))

    def test_no(self) -> None:
        for code in (1, 6, 18, 21, 23, 24, 31):
            lib = Gssapi(log_in=GSSError(TABLE + code))
            self.assertIs(self.check(lib), False)

    def test_it_cannot_tell(self) -> None:
        for error in (GSSError(TABLE + 156), GSSError(31), OSError("s3cret")):
            with self.assertRaises(Unavailable) as caught:
                self.check(Gssapi(log_in=error))
            self.assertNotIn("s3cret", str(caught.exception))

    def test_a_kdc_that_is_not_ours(self) -> None:
        """Whoever answers in its place can make up the first ticket, not the second."""
        for code in (TABLE + 31, 39756033):
            with self.assertRaises(Unavailable):
                self.check(Gssapi(accept=GSSError(code)))
        self.assertIs(self.check(Gssapi(who="mallory")), False)
        self.assertIs(self.check(Gssapi(complete=False)), False)

    def test_a_name_takes_nobody_to_another_realm(self) -> None:
        for name, realm, principal in (
            ("alice", "X.ORG", "alice@X.ORG"),
            ("alice@EVIL", None, r"alice\@EVIL"),
            ("alice@EVIL", "X.ORG", r"alice\@EVIL@X.ORG"),
            ("a/admin", "X.ORG", r"a\/admin@X.ORG"),
            ("a\\", "X.ORG", r"a\\@X.ORG"),
        ):
            lib = Gssapi()
            self.check(lib, name, realm=realm)
            self.assertEqual(lib.asked[0], ("user", principal))

    def test_what_reaches_nobody(self) -> None:
        for name, password in (("", "x"), ("a", ""), ("a\0", "x"), ("a", "\0")):
            lib = Gssapi()
            self.assertFalse(self.check(lib, name, password))
            self.assertEqual(lib.asked, [])


if __name__ == "__main__":
    unittest.main()
