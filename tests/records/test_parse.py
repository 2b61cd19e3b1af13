"""One parser for every form of a stored password."""

from __future__ import annotations

import contextlib
import unittest
from typing import Any

from sasl_core import ScramKeys, records
from sasl_core.records import verifiers

from .._data import vectors
from .._hypothesis import given, st

# Of "pencil": who made it, by which command or class; and by hashlib where it says
# Werkzeug or Django's scrypt, in the form that these document.
PENCIL = [
    ("doveadm pw -s SSHA", "{SSHA}tie8PZJFZhFpH3gYC4w5dZ5Yx6H8/PV2"),
    (
        "doveadm pw -s SSHA256",
        "{SSHA256}Ksekuo1uu+bgxmQHnK16CFO7QzW4rUIsDm3WFOYDzpvtjOcH",
    ),
    (
        "doveadm pw -s SSHA512",
        "{SSHA512}nHLgWDqZQmoAdWrFeDFOjPDWi3NO3mTZy8c4ro+tsluaC4bxTG7kjyLdnspW8McQlYVluUuDP36BwBni0Li8ogRxb1I=",
    ),
    ("doveadm pw -s SHA1", "{SHA1}0vxRJJChUDZGC1SJQBQ51tpUB/o="),
    (
        "doveadm pw -s SHA256.HEX",
        "{SHA256.HEX}13809668fb436386706f67dcb052ed584a04ba16a8c02a17d66d34c30fceda21",
    ),
    ("doveadm pw -s SMD5", "{SMD5}LbBFAR/uTC9bHJTZIKe9l+0aVXQ="),
    ("doveadm pw -s LDAP-MD5", "{LDAP-MD5}qPaDC855Copn/C6E4SCTug=="),
    ("doveadm pw -s PLAIN-MD5", "{PLAIN-MD5}a8f6830bce790a8a67fc2e84e12093ba"),
    (
        "doveadm pw -s CRAM-MD5",
        "{CRAM-MD5}7f47ace0e2af8f6cdeb72c03243a8c87834e19104164d6a42de72d243adb4080",
    ),
    ("Dovecot 2.2, doveadm pw -s NTLM", "{NTLM}0f0800266a19a0ddc7ff30bba6c76e9b"),
    ("FreeBSD's crypt", "$3$$0f0800266a19a0ddc7ff30bba6c76e9b"),
    ("Samba, marked", "{NT}0F0800266A19A0DDC7FF30BBA6C76E9B"),
    (
        "doveadm pw -s SCRAM-SHA-1",
        "{SCRAM-SHA-1}4096,wg86rAPRLVLKkIYXDxfEpg==,tfp4kbM920x8UKVXPnDk5pzMz7E=,QEpqeuc4s1OwjyRirqZt8QhuRDM=",
    ),
    (
        "doveadm pw -s SCRAM-SHA-256",
        "{SCRAM-SHA-256}4096,oeu+lZL6a73lvkMi0AA+0A==,Mnw6y8KFQr7g8b/4aiPptL2mAq/YKEy3QES05438xbE=,tQUOI3LZg7qHKCJedmW2RlhO3mIErloqEnpE7ypL3vU=",
    ),
    (
        "doveadm pw -s PBKDF2",
        "{PBKDF2}$1$EbtExQREiB2DuuNw$5$86362961042d62bdfa6d6b1dcb4e59819ded3974",
    ),
    ("doveadm pw -s PLAIN", "{PLAIN}pencil"),
    ("doveadm pw -s CLEAR.HEX", "{CLEAR.HEX}70656e63696c"),
    ("doveadm pw -s CLEARTEXT.B64", "{CLEARTEXT.B64}cGVuY2ls"),
    ("htpasswd -s", "{SHA}0vxRJJChUDZGC1SJQBQ51tpUB/o="),
    (
        "passlib pbkdf2_sha1",
        "$pbkdf2$5$U4qR8n6PsRbCOIeQUqq19g$EMTejqMIlBmYot6QdJ/Ltd0nhWU",
    ),
    (
        "passlib pbkdf2_sha256",
        "$pbkdf2-sha256$5$BkCI8b43xrh3zjmnNCaktA$nmhw6oxk2nORhbKmQW8ev282tv2eV.18wbYsg4g.LYM",
    ),
    (
        "passlib pbkdf2_sha512",
        "$pbkdf2-sha512$5$tdYaQyjFWKsVQuh9zzknxA$djH8YoBYMcNRRWx.yMtAltucE184pFqXopu3VUHh.Ttyu1PSzGkAzO8WdHv.i6ACY2aIpOt1oRvNNjIO2oVL1w",
    ),
    (
        "passlib scrypt",
        "$scrypt$ln=2,r=8,p=1$fa/1vpdSilGKUap1znkvpQ$wLZvqn56RSiA2p0hLMLjvOvCwV2Z3DWiJ66cwxHF9Zc",
    ),
    (
        "passlib django_pbkdf2_sha256",
        "pbkdf2_sha256$5$kh2EZzteNemJ$FOAha9obRojEs+QGZjHms/8BuISvvyEzkkgep1qcJQs=",
    ),
    (
        "passlib django_pbkdf2_sha1",
        "pbkdf2_sha1$5$8hMtT3CNMEuS$EVuJ9MCsELrZVKhFFUMyTOaBY0w=",
    ),
    (
        "passlib ldap_pbkdf2_sha256",
        "{PBKDF2-SHA256}5$1ZpTas1Z6907p3Tu3RtjLA$Afd7ycd.8KKtJ9iuUF.JbJ7jtSs1Z6nTa3DcpEvwyIQ",
    ),
    (
        "passlib ldap_pbkdf2_sha512",
        "{PBKDF2-SHA512}5$S0kpxdibsxYixBijVIrRWg$Q17cETx7KGJenRUBJzXkPdPyndYRP5Nu63USPdOGFds1tHgqxM9p5oniT2GgIvqtzED2cIGtnoROfO4zyHdwaA",
    ),
    (
        "passlib ldap_pbkdf2_sha1",
        "{PBKDF2}5$bo2xFoLwnpOS0vo/x5izVg$k2BbDba86UOajIs/ZwEJWSkqSUc",
    ),
    (
        "passlib scram",
        "$scram$5$J0RoTanVWotxDiHk$sha-1=kKKqQjpEiPYcEPAw5/t8MhW58kM,sha-256=wnP52u2M4sR4QKuYY.ckDcuhGxw2G15LB8BWHCoBscQ,sha-512=rWD7MNXxD.P0Wan1cFHB78EePRGP/IWTjaC86rDFI1lamZ2TwZ.ALqPJ873MVcr0jdxNdQUpYbRD3yd9EaQIeA",
    ),
    ("passlib django_salted_md5", "md5$FRK1M7rVugVv$49e9c21adf0a5965f38f1cb62c6e3bdf"),
    (
        "passlib django_salted_sha1",
        "sha1$zhzUddRcBbh7$79641f38dd4ca8f3fbc8f57cc46034bf7898748c",
    ),
    (
        "passlib ldap_salted_sha256",
        "{SSHA256}QgUqVUYTfqQGhzFkjfcULRDSN/31rsFYFywNUsbZ6yqY0xrj3DuH8A==",
    ),
    (
        "Werkzeug scrypt",
        "scrypt:16:8:1$abcdefgh$431eb0cae0a664467a53e602a2da1a72ae3383d47a45b143a7108589867e59edf7337b34ae835471fe59b940afc7584ce2e28ca1a79334886ef4c40ef57f48b9",
    ),
    (
        "Werkzeug pbkdf2",
        "pbkdf2:sha256:5$abcdefgh$811208a3f8dfd807c67be259c372c4dcf34d82abf30e8d731db58bd0d5495903",
    ),
    (
        "Django scrypt",
        "scrypt$16$abcdefgh$8$1$Qx6wyuCmZEZ6U+YCotoacq4zg9R6RbFDpxCFiYZ+We33M3s0roNUcf5ZuUCvx1hM4uKMoaeTNIhu9MQO9X9IuQ==",
    ),
]
FOREIGN = {
    "$2b$05$abcdefghijklmnopqrstuuZQm0n4Zcz5cQ6kQk8J1K2L3M4N5O6P7": "BCRYPT",
    "{BLF-CRYPT}$2y$05$abcdefghijklmnopqrstuuZQm0n4Zcz5cQ6kQk8J1K2L3M4N5O6P7": "BCRYPT",
    "bcrypt$$2b$12$abcdefghijklmnopqrstuuZQm0n4Zcz5cQ6kQk8J1K2L3M4N5O6P7": "BCRYPT",
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA": "ARGON2",
    "argon2$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA": "ARGON2",
    "{ARGON2}$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGI": "ARGON2",
    "{ARGON2I}$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGE": "ARGON2",
    "$6$saltsalt$" + "a" * 86: "CRYPT",
    "{CRYPT}$5$rounds=5000$salt$" + "b" * 43: "CRYPT",
    "{MD5}$1$saltsalt$" + "c" * 22: "CRYPT",
    "{DES-CRYPT}abJnggxhB/yWI": "CRYPT",
    "{CRYPT}abJnggxhB/yWI": "CRYPT",
    "$y$j9T$salt$" + "d" * 43: "CRYPT",
    "$apr1$abcdefgh$0123456789abcdef012345": "APR1",
}


class ParseTest(unittest.TestCase):
    """What programs write is read, verified, and written again."""

    def test_what_programs_write(self) -> None:
        """Each verifies its password and no other."""
        for origin, text in PENCIL:
            with self.subTest(origin):
                found = records.parse(text)
                self.assertEqual(len(found), 3 if "scram" in origin else 1)
                for record in found:
                    self.assertTrue(record.verify("pencil"))
                    for wrong in (
                        "Pencil",
                        "pencil ",
                        "",
                        "pencil\0",
                        "\ud800",
                        "p" * 5000,
                    ):
                        self.assertFalse(record.verify(wrong))

    def test_what_is_read_is_written_again(self) -> None:
        """In the same form, but for those that have several."""
        for origin, text in PENCIL:
            with self.subTest(origin):
                for record in records.parse(text):
                    again = record.format()
                    self.assertEqual(records.parse(again), (record,))
                    self.assertEqual(again, records.parse(again)[0].format())
                if origin.startswith(("passlib", "Werkzeug", "Django")):
                    if "scram" not in origin:
                        self.assertEqual(records.parse(text)[0].format(), text)

    def test_decoys(self) -> None:
        """Of the same form and size; no password fits."""
        for origin, text in PENCIL:
            with self.subTest(origin):
                for record in records.parse(text):
                    decoy = record.decoy()
                    self.assertEqual(decoy.scheme, record.scheme)
                    self.assertNotEqual(decoy, record)
                    self.assertEqual(len(decoy.format()), len(record.format()))
                    self.assertFalse(decoy.verify("pencil"))

    def test_nothing_secret_is_shown(self) -> None:
        """In no repr."""
        for origin, text in PENCIL:
            with self.subTest(origin):
                for record in records.parse(text):
                    self.assertNotIn("pencil", repr(record))
                    self.assertIn("<hidden>", repr(record))

    def test_stored_credentials_of_the_vectors(self) -> None:
        """Every published form of stored SCRAM keys."""
        count = 0
        for vector in vectors("scram"):
            if vector["kind"] != "stored_credential":
                continue
            count += 1
            stored = vector["stored"]
            source: Any = stored.get("text") or {
                "salt": stored["salt_base64"],
                "iterations": stored["iterations"],
                "stored_key": stored["stored_key_base64"],
                "server_key": stored["server_key_base64"],
            }
            with self.subTest(vector["id"]):
                if vector["polarity"] == "negative":
                    with self.assertRaises(ValueError):
                        records.parse(source)
                    continue
                (keys,) = records.parse(source)
                self.assertEqual(keys.iterations, stored["iterations"])
        self.assertGreaterEqual(count, 13)

    def test_white_space_of_rfc_5803(self) -> None:
        """Around the dollar signs, as directories give it."""
        keys = ScramKeys.derive("pencil", iterations=2)
        text = keys.format().replace("$", " $ ")
        self.assertEqual(records.parse(text), (keys,))

    def test_foreign_hashes(self) -> None:
        """Told by their beginning, verified by what is passed in, written as they were."""
        for text, kind in FOREIGN.items():
            with self.subTest(text[:20]):
                seen: list[tuple[str, str]] = []

                def verify(text: str, password: str, seen: Any = seen) -> Any:
                    seen.append((text, password))
                    return True if password == "right" else "yes"

                (record,) = records.parse(text, verifiers={kind: verify})
                self.assertEqual(record.scheme, kind)
                self.assertTrue(record.verify("right"))
                self.assertIs(record.verify("wrong"), False)  # "yes" is no yes
                self.assertFalse(record.verify(""))
                self.assertIn(seen[0][0], text)
                self.assertEqual(len(seen), 2)
                decoy = record.decoy()
                self.assertEqual(len(decoy.format()), len(record.format()))
                self.assertNotEqual(decoy.format(), record.format())
                self.assertEqual(decoy.format()[:8], record.format()[:8])
                twin = records.parse(record.format(), verifiers={kind: verify})
                self.assertEqual(twin, (record,))
                with self.assertRaises(records.Unverifiable):
                    records.parse(text)[0].verify("right")

    def test_refused(self) -> None:
        """Nothing is guessed."""
        for text in (
            "",
            "pencil",
            "$",
            "{",
            "{}",
            "{SSHA",
            "{SSHA}",
            "{SSHA}AAAA",
            "{SHA}AAAA",
            "{SSHA}St5tXbJ8C+Y88ro+Hr4UJe2mGgE=",  # no salt
            "{SHA.XYZ}AAAA",
            "{PLAIN}",
            "{PLAIN-MD4}00000000000000000000000000000000",
            "{NTLM}0",
            "{NT}00",
            "$3$$00",
            "{CRYPT}abc",
            "{SASL}alice@example.org",
            "{CRAM-MD5}00",
            "{DIGEST-MD5}zz",
            "abJnggxhB/yWI",
            "$pbkdf2-sha256$0$c2FsdA$aGFzaA",
            "$pbkdf2-sha256$1_0$c2FsdA$aGFzaA",
            "$pbkdf2-md5$10$c2FsdA$aGFzaA",
            "$pbkdf2-sha256$99999999999$c2FsdA$aGFzaA",
            "$scrypt$ln=30,r=8,p=1$c2FsdA$aGFzaA",
            "$scrypt$ln=14,r=8,p=99999$c2FsdA$aGFzaA",
            "$scrypt$ln=14,r=8$c2FsdA$aGFzaA",
            "scrypt:15:8:1$salt$00",
            "scrypt:1073741824:8:1$salt$00",
            "$scram$10$c2FsdA$md5=aGFzaA",
            "SCRAM-SHA-256$x",
            "x" * 70_000,
            "{PLAIN.HEX}ff",
        ):
            with self.subTest(text[:40]):
                with self.assertRaises(ValueError) as caught:
                    records.parse(text)
                self.assertIsNone(caught.exception.__context__)

    def test_a_default_scheme(self) -> None:
        """For text without any mark, as Dovecot's default_pass_scheme."""
        (record,) = records.parse("pencil", default="PLAIN")
        self.assertEqual(record, records.Plaintext("pencil"))
        sha = "St5tXbJ8C+Y88ro+Hr4UJe2mGgE="
        self.assertEqual(records.parse(sha, default="SHA")[0].scheme, "SHA")
        self.assertEqual(records.parse("{PLAIN}x", default="SHA")[0].scheme, "PLAIN")
        samba = "0F0800266A19A0DDC7FF30BBA6C76E9B"  # sambaNTPassword
        (record,) = records.parse(samba, default="NT")
        self.assertEqual(record, records.NtHash.derive("pencil"))

    @given(st.text(max_size=80))
    def test_nothing_but_value_errors(self, text: str) -> None:
        """Any text at all, behind any beginning."""
        for start in ("", "$scram$", "{SSHA}", "{PLAIN.b64}", "$scrypt$ln=", "scrypt$"):
            with contextlib.suppress(ValueError):
                for record in records.parse(start + text, username="u@r"):
                    record.format()

    @given(
        st.dictionaries(
            st.sampled_from(["salt", "iterations", "stored_key"]), st.text()
        )
    )
    def test_any_fields(self, fields: dict[str, Any]) -> None:
        """Any mapping at all."""
        with contextlib.suppress(ValueError):
            records.parse({**fields, "server_key": "AAAA"})

    @given(st.text(min_size=1, max_size=40))
    def test_any_password_in_the_clear(self, password: str) -> None:
        """Is written on one line, and read again."""
        with contextlib.suppress(UnicodeEncodeError):
            password.encode()
            record = records.Plaintext(password)
            text = record.format()
            self.assertTrue(text.isascii() and text.isprintable())
            self.assertEqual(records.parse(text), (record,))


class FieldsTest(unittest.TestCase):
    """Databases that keep keys in fields."""

    def test_what_is_written_is_read(self) -> None:
        """MongoDB's documents, Prosody's and ejabberd's fields."""
        sha1 = ScramKeys.derive("pencil", "sha1", iterations=2, salt=b"a-uuid")
        sha256 = ScramKeys.derive("pencil", iterations=3)
        document = records.mongodb([sha1, sha256])
        self.assertEqual(set(document), {"SCRAM-SHA-1", "SCRAM-SHA-256"})
        self.assertEqual(records.parse(document), (sha1, sha256))
        self.assertEqual(records.parse(records.prosody(sha1)), (sha1,))
        for keys in (sha1, sha256):
            self.assertEqual(records.parse(records.ejabberd(keys)), (keys,))
        with self.assertRaises(ValueError):
            records.prosody(sha256.replace(salt=b"\xff\xfe"))

    def test_passlib_s_string(self) -> None:
        """Made of a password; read as keys of every hash in it."""
        text = records.passlib("pencil", iterations=4, salt=b"saltsaltsalt")
        expected = [
            ScramKeys.derive("pencil", name, iterations=4, salt=b"saltsaltsalt")
            for name in ("sha1", "sha256", "sha512")
        ]
        self.assertEqual(list(records.parse(text)), expected)

    def test_refused(self) -> None:
        """Fields of something else."""
        wrong: Any
        for wrong in (
            {},
            {"salt": "AAAA"},
            {"SCRAM-SHA-256": {}},
            {"SCRAM-SHA-256": {"salt": 1, "storedKey": 2, "serverKey": 3}},
            {"SCRAM-SHA-256": 1},
            {"salt": "AAAA", "iterations": 1, "stored_key": "AA", "server_key": "AA=="},
        ):
            with self.subTest(repr(wrong)), self.assertRaises(ValueError):
                records.parse(wrong)


class VerifiersTest(unittest.TestCase):
    """Packages that are passed in, played here; the real ones are in tests/interop."""

    def test_what_raises_is_no_yes(self) -> None:
        """A mismatch is a no, any other error is one."""

        class Mismatch(Exception):
            __module__ = "argon2.exceptions"

        class Argon:
            def verify(self, text: str, password: str) -> bool:
                if password == "boom":
                    raise OSError
                if password != "right":
                    raise Mismatch
                return True

        verify = verifiers.from_argon2(Argon())["ARGON2"]
        self.assertTrue(verify("x", "right"))
        self.assertFalse(verify("x", "wrong"))
        with self.assertRaises(OSError):
            verify("x", "boom")

    def test_crypt(self) -> None:
        """The C library's function, by its result."""
        verify = verifiers.from_crypt(lambda word, salt: salt if word == "x" else None)
        self.assertTrue(verify["CRYPT"]("$6$a$b", "x"))
        self.assertFalse(verify["CRYPT"]("$6$a$b", "y"))
        self.assertFalse(verify["CRYPT"]("$6$a$b", "x\0"))


if __name__ == "__main__":
    unittest.main()
