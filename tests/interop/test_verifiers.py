"""Password hashes, ours and those of the packages that people install."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

from sasl_core import ScramKeys, records
from sasl_core.records import verifiers

from .packages import need_package
from .peers.process import cached, missing

_PASSWORDS = ("pencil", "pä53 wörd", "x" * 72)
# passlib's name -> settings that make it quick
_SHARED: dict[str, dict[str, Any]] = {
    "pbkdf2_sha1": {"rounds": 5},
    "pbkdf2_sha256": {"rounds": 5},
    "pbkdf2_sha512": {"rounds": 5},
    "scrypt": {"rounds": 4},
    "django_pbkdf2_sha256": {"rounds": 5},
    "django_pbkdf2_sha1": {"rounds": 5},
    "django_salted_md5": {},
    "django_salted_sha1": {},
    "ldap_pbkdf2_sha1": {"rounds": 5},
    "ldap_pbkdf2_sha256": {"rounds": 5},
    "ldap_pbkdf2_sha512": {"rounds": 5},
    "ldap_md5": {},
    "ldap_sha1": {},
    "ldap_salted_md5": {},
    "ldap_salted_sha1": {},
    "ldap_salted_sha256": {},
    "ldap_salted_sha512": {},
    "scram": {"rounds": 5},
}
_CRYPTS = ("apr_md5_crypt", "sha512_crypt", "sha256_crypt", "md5_crypt", "des_crypt")
_LIBPASS = """
import sys
from passlib import hash as hashes
from passlib.context import CryptContext
from sasl_core import records
from sasl_core.records import verifiers
context = CryptContext(schemes=["sha512_crypt", "sha256_crypt"])
for name in sys.argv[1:]:
    kind = getattr(hashes, name)
    text = kind.hash("pencil")
    found = records.parse(text, verifiers=verifiers.from_passlib(context))
    assert found and all(record.verify("pencil") for record in found), name
    assert not any(record.verify("Pencil") for record in found), name
print("good")
"""


class PasslibTest(unittest.TestCase):
    """passlib 1.7."""

    def test_what_both_can(self) -> None:
        """It makes them and we verify; we write them and it verifies."""
        hashes = need_package("passlib.hash")
        for name, settings in _SHARED.items():
            kind = getattr(hashes, name)
            kind = kind.using(**settings) if settings else kind
            for password in _PASSWORDS:
                with self.subTest(name, password=password[:12]):
                    found = records.parse(kind.hash(password))
                    for record in found:
                        self.assertTrue(record.verify(password))
                        self.assertFalse(record.verify("x" + password))
                        if name != "scram":
                            self.assertTrue(kind.verify(password, record.format()))

    def test_ours(self) -> None:
        """It verifies what we derive, and its scram string made by us."""
        hashes = need_package("passlib.hash")
        for password in _PASSWORDS:
            for name in ("sha1", "sha256", "sha512"):
                scheme = f"PBKDF2-{name.upper()}"
                (record,) = records.derive(password, (scheme,), iterations=5)
                kind = getattr(hashes, f"pbkdf2_{name}")
                self.assertTrue(kind.verify(password, record.format()))
            text = records.passlib(password, iterations=5, salt=b"saltsaltsalt")
            self.assertTrue(hashes.scram.verify(password, text))
            self.assertFalse(hashes.scram.verify("x" + password, text))

    def test_as_a_verifier(self) -> None:
        """Of what the standard library cannot do."""
        hashes = need_package("passlib.hash")
        context = need_package("passlib.context").CryptContext(schemes=_CRYPTS)
        mine = verifiers.from_passlib(context)
        for name in _CRYPTS:
            text = getattr(hashes, name).hash("pencil")
            text = "{CRYPT}" + text if name == "des_crypt" else text
            (record,) = records.parse(text, verifiers=mine)
            self.assertTrue(record.verify("pencil"), name)
            self.assertFalse(record.verify("Pencil"), name)
            self.assertFalse(record.decoy().verify("pencil"), name)


class LibpassTest(unittest.TestCase):
    """Its fork, under the same name."""

    def test_it(self) -> None:
        """In a process that has it in place of passlib."""
        found = cached("libpass")
        if not (found / "passlib").exists():
            missing("libpass is not installed")
        names = ["pbkdf2_sha256", "sha512_crypt", "sha256_crypt", "ldap_salted_sha1"]
        root = Path(__file__).parents[2]
        done = subprocess.run(
            [sys.executable, "-c", _LIBPASS, *names],
            env={**os.environ, "PYTHONPATH": f"{found}{os.pathsep}{root}"},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        self.assertEqual(done.stdout.strip(), "good", done.stderr[-2000:])


class OthersTest(unittest.TestCase):
    """bcrypt and argon2-cffi."""

    def test_bcrypt(self) -> None:
        """Of 72 octets at most; what is longer counts as cut there."""
        bcrypt = need_package("bcrypt")
        mine = verifiers.from_bcrypt(bcrypt)
        for password in _PASSWORDS:
            text = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
            (record,) = records.parse(text, verifiers=mine)
            self.assertTrue(record.verify(password))
            self.assertFalse(record.verify("y" + password[1:]))
            self.assertFalse(record.decoy().verify(password))
        self.assertTrue(record.verify("x" * 100))
        (broken,) = records.parse("$2b$04$" + "!" * 53, verifiers=mine)
        self.assertFalse(broken.verify("x"))

    def test_argon2(self) -> None:
        """Every variant."""
        argon2 = need_package("argon2")
        for kind in (argon2.Type.ID, argon2.Type.I, argon2.Type.D):
            hasher = argon2.PasswordHasher(1, 8, 1, type=kind)
            mine = verifiers.from_argon2(hasher)
            for password in _PASSWORDS:
                (record,) = records.parse(hasher.hash(password), verifiers=mine)
                self.assertTrue(record.verify(password))
                self.assertFalse(record.verify("x" + password))
                self.assertFalse(record.decoy().verify(password))

    def test_scram_keys_of_all(self) -> None:
        """A password of every kind has keys."""
        for password in _PASSWORDS:
            self.assertTrue(ScramKeys.derive(password, iterations=5).verify(password))


if __name__ == "__main__":
    unittest.main()
