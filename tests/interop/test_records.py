"""Stored credentials: what the real programs write we read, and what we write they read."""

from __future__ import annotations

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import sasl_core as sasl
from sasl_core import records

from .packages import need_package
from .peers.postgresql import Postgresql
from .peers.process import missing, must_run, need

_PASSWORDS = ("pencil", "pä53wörd", "com,ma=eq $:{}")
_DOVECOT = """SCRAM-SHA-1 SCRAM-SHA-256 SSHA SSHA256 SSHA512 SHA SHA1 SHA256 SHA512 SMD5
LDAP-MD5 PLAIN-MD5 CRAM-MD5 PBKDF2 PLAIN CLEAR CLEARTEXT SSHA.HEX SHA256.B64 PLAIN.HEX
PLAIN.B64""".split()
_DOVECOT_FOREIGN = """BLF-CRYPT SHA512-CRYPT SHA256-CRYPT MD5-CRYPT MD5 CRYPT DES-CRYPT
ARGON2I ARGON2ID""".split()


def run(*command: str) -> str:
    """Run a program to its end; return what it printed."""
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=30, check=True
    )
    return done.stdout.strip()


class Checks(unittest.TestCase):
    """What is true of whatever is read."""

    def check(self, text: str, password: str, **whose: str) -> None:
        """Expect a record of this password, and of no other, that is written again."""
        found = records.parse(text, **whose)  # type: ignore[arg-type]
        for record in found:
            self.assertTrue(record.verify(password))
            self.assertFalse(record.verify("x" + password))
            self.assertEqual(records.parse(record.format(), **whose), (record,))  # type: ignore[arg-type]


class DovecotTest(Checks):
    """doveadm pw."""

    def setUp(self) -> None:
        """Find it."""
        need("doveadm")

    def test_read(self) -> None:
        """Every scheme that the standard library can verify."""
        for scheme in _DOVECOT:
            for password in _PASSWORDS:
                with self.subTest(scheme, password=password):
                    self.check(
                        run("doveadm", "pw", "-s", scheme, "-p", password), password
                    )

    def test_read_digest_md5(self) -> None:
        """User and realm are those of the name."""
        name = "alice@example.org"
        for password in _PASSWORDS:
            text = run("doveadm", "pw", "-s", "DIGEST-MD5", "-u", name, "-p", password)
            self.check(text, password, username=name)

    def test_read_by_a_verifier(self) -> None:
        """Every scheme that needs one, by passlib, bcrypt and argon2-cffi."""
        verifiers = records_verifiers()
        for scheme in _DOVECOT_FOREIGN:
            for password in _PASSWORDS[:2]:
                with self.subTest(scheme, password=password):
                    text = run("doveadm", "pw", "-s", scheme, "-p", password)
                    (record,) = records.parse(text, verifiers=verifiers)
                    self.assertTrue(record.verify(password))
                    self.assertFalse(record.verify("x" + password))
                    self.assertFalse(record.decoy().verify(password))

    def test_written(self) -> None:
        """It verifies what we derive."""
        for password in _PASSWORDS:
            texts = [
                sasl.ScramKeys.derive(password, name).format("dovecot")
                for name in ("sha1", "sha256")
            ]
            texts += [
                record.format()
                for record in records.derive(password, ("CRAM-MD5", "PLAIN"))
            ]
            for text in texts:
                with self.subTest(text[:16], password=password):
                    said = run("doveadm", "pw", "-t", text, "-p", password)
                    self.assertIn("(verified)", said)

    def test_what_we_wrote_again(self) -> None:
        """It verifies its own hashes as we write them."""
        for scheme in ("SSHA", "SSHA512", "SHA256", "SMD5", "PBKDF2"):
            text = run("doveadm", "pw", "-s", scheme, "-p", "pencil")
            (record,) = records.parse(text)
            said = run("doveadm", "pw", "-t", record.format(), "-p", "pencil")
            self.assertIn("(verified)", said)


def records_verifiers() -> records.Verifiers:
    """Return verifiers by the packages that people install."""
    from sasl_core.records import verifiers

    context = need_package("passlib.context").CryptContext
    kinds = ["apr_md5_crypt", "sha512_crypt", "sha256_crypt", "md5_crypt", "des_crypt"]
    hasher = need_package("argon2").PasswordHasher()
    return {
        **verifiers.from_passlib(context(schemes=kinds)),
        **verifiers.from_bcrypt(need_package("bcrypt")),
        **verifiers.from_argon2(hasher),
    }


class GnuSaslTest(Checks):
    """gsasl --mkpasswd."""

    def test_read(self) -> None:
        """With the salted password at the end, or without it."""
        need("gsasl")
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
            for password in _PASSWORDS:
                with self.subTest(mechanism, password=password):
                    options = ("--mkpasswd", "--mechanism", mechanism)
                    text = run("gsasl", *options, "--password", password)
                    keys = sasl.ScramKeys.parse(text)
                    self.assertTrue(keys.verify(password))
                    self.assertTrue(text.startswith(keys.format("gsasl")))
                    self.check(text, password)


class ApacheTest(Checks):
    """htpasswd, and OpenLDAP's slappasswd."""

    def test_htpasswd(self) -> None:
        """Every form that it makes, the old crypt by its name."""
        need("htpasswd")
        verifiers = records_verifiers()
        for option in ("-B", "-m", "-s", "-2", "-5", "-d"):
            password = "pencil"
            with self.subTest(option):
                text = run("htpasswd", "-nb", option, "u", password).partition(":")[2]
                text = "{CRYPT}" + text if option == "-d" else text
                (record,) = records.parse(text, verifiers=verifiers)
                self.assertTrue(record.verify(password))
                self.assertFalse(record.verify("x" + password))

    def test_htpasswd_verifies_ours(self) -> None:
        """What Htpasswd writes."""
        from sasl_core.backends import Account
        from sasl_core.backends.htpasswd import Htpasswd

        need("htpasswd")
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "users")
            path.write_text("# ours\n")
            sha = records.parse("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")
            Htpasswd(path).replace("alice", None, Account(sha))
            for password, code in (("secret", 0), ("Secret", 3)):
                command = ["htpasswd", "-vb", str(path), "alice", password]
                done = subprocess.run(command, capture_output=True, check=False)
                self.assertEqual(done.returncode, code)

    def test_slappasswd(self) -> None:
        """Every scheme that it makes."""
        need("slappasswd")
        for scheme in ("{SSHA}", "{SHA}", "{SMD5}", "{MD5}"):
            for password in _PASSWORDS:
                self.check(run("slappasswd", "-h", scheme, "-s", password), password)


class CyrusTest(Checks):
    """saslpasswd2, by what is in its database."""

    def test_read(self) -> None:
        """It stores the password itself."""
        need("saslpasswd2", "db_dump")
        with tempfile.TemporaryDirectory() as directory:
            path = str(Path(directory, "sasldb2"))
            make = ["saslpasswd2", "-p", "-c", "-f", path, "-u", "realm", "alice"]
            must_run(make, stdin=b"pencil")
            dump = run("db_dump", "-p", path)
        found = re.search(r"alice\\00realm\\00userPassword\n (.*)", dump)
        if found is None:
            missing(f"saslpasswd2 stored no userPassword: {dump[-300:]!r}")
        (record,) = records.parse(found[1], default="PLAIN")
        self.assertTrue(record.verify("pencil"))


class PostgresqlTest(Checks):
    """pg_authid, both ways."""

    def test_both_ways(self) -> None:
        """It makes keys that we verify, and lets in whom we made keys for."""
        with Postgresql() as peer:
            for number, password in enumerate(_PASSWORDS):
                quoted = password.replace("'", "''")
                peer.sql(f"CREATE ROLE theirs{number} LOGIN PASSWORD '{quoted}'")
                query = (
                    f"SELECT rolpassword FROM pg_authid WHERE rolname='theirs{number}'"
                )
                self.check(peer.sql(query).strip(), password)
                ours = sasl.ScramKeys.derive(password).format("postgresql")
                peer.sql(f"CREATE ROLE ours{number} LOGIN PASSWORD '{ours}'")
                who = peer.sql(
                    "SELECT current_user", user=f"ours{number}", password=password
                )
                self.assertEqual(who.strip(), f"ours{number}")
                with self.assertRaises(RuntimeError):
                    peer.sql("SELECT 1", user=f"ours{number}", password="x" + password)


if __name__ == "__main__":
    unittest.main()
