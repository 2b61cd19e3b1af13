"""SCRAM (RFC 5802, RFC 7677): the published exchanges, and the rules of each message."""

from __future__ import annotations

import base64
import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find

from .. import _accounts as accounts
from ._both import client, reason, server

NONCE = accounts.CLIENT_NONCE
WHOLE = NONCE + accounts.SERVER_NONCE
FIRST = b"r=%b,s=%b,i=16" % (WHOLE, base64.b64encode(accounts.SALT))
NAME = "SCRAM-SHA-256"

# RFC 5802, section 5; RFC 7677, section 3
PUBLISHED = {
    "SCRAM-SHA-1": (
        b"fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "SCRAM-SHA-256": (
        b"rOprNGfwEbeRWgbNEkqO",
        (
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        ),
        b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


class PublishedTest(unittest.TestCase):
    """The exchanges of the RFCs, from both sides."""

    def test_client(self) -> None:
        """The proof, and the signature that it waits for."""
        for name, (nonce, first, proof, verifier) in PUBLISHED.items():
            one = sasl.client(
                name,
                sasl.Credentials("user", "pencil"),
                channel=sasl.Channel(True),
                profile=profiles.RAW,
                nonce=nonce,
            )
            with self.subTest(name):
                self.assertEqual(one.start(), b"n,,n=user,r=" + nonce)
                whole = first.split(b",")[0]
                self.assertEqual(one.step(first), b"c=biws,%b,p=%b" % (whole, proof))
                self.assertEqual(one.step(b"v=" + verifier), b"")
                one.finish()

    def test_server(self) -> None:
        """The challenge, and the signature in the end."""
        for name, (nonce, first, proof, verifier) in PUBLISHED.items():
            whole, salt, _ = first.split(b",")
            one = sasl.server(
                name,
                channel=sasl.Channel(True),
                profile=profiles.RAW,
                nonce=whole[2:].removeprefix(nonce),
            )
            keys = sasl.ScramKeys.derive(
                "pencil",
                find(name).hash_name,
                iterations=4096,
                salt=base64.b64decode(salt[2:]),
            )
            request = one.start(b"n,,n=user,r=" + nonce)
            with self.subTest(name):
                self.assertEqual(request.answer(keys), sasl.Challenge(first))
                success = one.step(b"c=biws,%b,p=%b" % (whole, proof))
                self.assertEqual(success.data, b"v=" + verifier)


class ServerFirstTest(unittest.TestCase):
    """What a client takes for the server's first message."""

    def step(self, message: bytes, has: Any = None, **more: Any) -> bytes:
        """Give it to a client that has sent its own."""
        one = client(NAME, has, **more)
        one.start()
        return one.step(message)

    def test_malformed(self) -> None:
        """Nonce, salt, count: each in its place, once, in its form."""
        for message in (
            b"",
            FIRST.replace(b"i=16", b""),
            FIRST.replace(b",i=16", b""),
            FIRST.replace(WHOLE, NONCE),
            FIRST.replace(WHOLE, b"x" + WHOLE),
            FIRST.replace(WHOLE, WHOLE.swapcase()),
            FIRST.replace(WHOLE, WHOLE + b"\x7f"),
            FIRST.replace(WHOLE, WHOLE + b" "),
            FIRST.replace(b"s=", b"s=\n"),
            FIRST.replace(base64.b64encode(accounts.SALT), b""),
            FIRST.replace(base64.b64encode(accounts.SALT), b"QR=="),
            FIRST.replace(base64.b64encode(accounts.SALT), b"AAAA" * 5000),
            FIRST.replace(b"i=16", b"i=016"),
            FIRST.replace(b"i=16", b"i=+16"),
            FIRST.replace(b"i=16", b"i=1_6"),
            FIRST.replace(b"i=16", b"i="),
            FIRST.replace(b"i=16", b"i=0"),
            FIRST.replace(b"i=16", b"I=16"),
            FIRST + b",i=16",
            FIRST + b",m=x",
            FIRST + b",x",
            FIRST + b",",
            b"m=x," + FIRST,
            b"x=y," + FIRST,
            b",".join(FIRST.split(b",")[::-1]),
        ):
            with self.subTest(message[:60]), self.assertRaises(sasl.ProtocolError):
                self.step(message)

    def test_extensions_are_ignored_and_signed(self) -> None:
        """They are a part of what the proof covers."""
        proofs = {
            self.step(FIRST),
            self.step(FIRST + b",x=y"),
            self.step(FIRST + b",x=z"),
        }
        self.assertEqual(len(proofs), 3)

    def test_passwords_that_cannot_be_prepared(self) -> None:
        """They are the user's fault, not the server's."""
        for password in ("a\x07", "\xad", "\ud800"):
            with (
                self.subTest(ascii(password)),
                self.assertRaises(sasl.CredentialsError),
            ):
                self.step(FIRST, {"username": "user", "password": password})

    def test_stored_keys(self) -> None:
        """They do in place of the password, for their own salt and count."""
        keys = sasl.ScramClientKeys.derive(
            "pencil", "sha256", iterations=16, salt=accounts.SALT
        )
        has = {"username": "user", "keys": keys}
        self.assertEqual(self.step(FIRST, has), self.step(FIRST))
        with self.assertRaises(sasl.CredentialsError):
            self.step(FIRST.replace(b"i=16", b"i=17"), has)

    def test_errors(self) -> None:
        """A server that refuses here says why; its words are untrusted."""
        for error, expected in (
            (b"e=unknown-user", sasl.Reason.BAD_CREDENTIALS),
            (b"e=no-resources", sasl.Reason.UNAVAILABLE),
            (b"e=channel-binding-not-supported", sasl.Reason.UNSUPPORTED),
            (b"e=\x1b[2J", sasl.Reason.BAD_CREDENTIALS),
        ):
            with self.subTest(error):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    self.step(error)
                self.assertIs(caught.exception.reason, expected)
                self.assertTrue(str(caught.exception).isprintable())


class ServerFinalTest(unittest.TestCase):
    """What a client takes for the server's signature."""

    def step(self, message: bytes) -> bytes:
        """Give it to a client that has sent its proof."""
        one = client(NAME)
        one.start()
        one.step(FIRST)
        return one.step(message)

    def test_malformed(self) -> None:
        """Anything but v= or e=."""
        for message in (b"", b"v=", b"e=", b"x=y", b"V=AAAA", b"v=QR==", b"v=AA,v=AA"):
            with self.subTest(message), self.assertRaises(sasl.ProtocolError):
                self.step(message)

    def test_wrong_signatures(self) -> None:
        """Of any size; it is not the server."""
        for size in (1, 20, 31, 32, 33, 64):
            message = b"v=" + base64.b64encode(bytes(size))
            with self.subTest(size), self.assertRaises(sasl.ServerNotAuthenticated):
                self.step(message)

    def test_refusals(self) -> None:
        """e= is a refusal, and no reason to try again."""
        with self.assertRaises(sasl.AuthenticationError) as caught:
            self.step(b"e=invalid-proof")
        self.assertNotIsInstance(caught.exception, sasl.ServerNotAuthenticated)
        self.assertFalse(caught.exception.try_another)
        self.assertEqual(caught.exception.reply, "invalid-proof")


class ClientFirstTest(unittest.TestCase):
    """What a server takes for the client's first message."""

    def test_the_question(self) -> None:
        """The name, unescaped and prepared, and the hash."""
        for name in accounts.SCRAMS:
            flag = b"p=tls-exporter" if name.endswith("-PLUS") else b"n"
            request = server(name).start(flag + b",,n=a=2Cb=3D\xc2\xadc,r=x")
            with self.subTest(name):
                self.assertEqual(
                    accounts.question(request),
                    (sasl.FindScramKeys, "a,b=c", find(name).hash_name),
                )

    def test_malformed(self) -> None:
        """Header, names, nonce, extensions."""
        for message in (
            b"",
            b"n",
            b"n,",
            b"n,,",
            b"n,,n=user",
            b"n,,n=user,",
            b"n,,r=x,n=user",
            b"N,,n=user,r=x",
            b" n,,n=user,r=x",
            b"n,x,n=user,r=x",
            b"n,a=,n=user,r=x",
            b"n,a=\xff,n=user,r=x",
            b"n,a=a=2c,n=user,r=x",
            b"n,,n=,r=x",
            b"n,,n=us=er,r=x",
            b"n,,n=us=2er,r=x",
            b"n,,n=\xff,r=x",
            b"n,,n=\0,r=x",
            b"n,,n=\xc2\xad,r=x",
            b"n,,n=user,r=",
            b"n,,n=user,r=a b",
            b"n,,n=user,r=\xc3\xa9",
            b"n,,n=user,r=x,r=y",
            b"n,,n=user,r=x,n=y",
            b"n,,n=user,r=x,xx",
            b"n,,n=user,r=x,x=",
            b"n,,n=user,r=x,x=\xff",
            b"n,,n=user,r=x,x=\0",
            b"n,,n=user,r=x,\xc3=y",
        ):
            with self.subTest(message):
                self.assertIs(
                    reason(server(NAME).start(message)), sasl.Reason.MALFORMED
                )

    def test_a_binding_that_cannot_be_had(self) -> None:
        """Another mechanism could do: the client may try one."""
        event = server(NAME).start(b"p=tls-exporter,,n=user,r=x")
        self.assertIs(reason(event), sasl.Reason.UNSUPPORTED)

    def test_the_nonce_grows(self) -> None:
        """The server's part is its own and fresh; the client's comes first."""
        seen = set()
        for _ in range(20):
            one = sasl.server(NAME, channel=sasl.Channel(True), profile=profiles.RAW)
            first = one.start(b"n,,n=user,r=abc").deny().data
            nonce = first.split(b",")[0][2:]
            self.assertTrue(nonce.startswith(b"abc"))
            self.assertGreaterEqual(len(nonce), 3 + 22)
            seen.add(nonce)
        self.assertEqual(len(seen), 20)

    def test_an_empty_name(self) -> None:
        """PostgreSQL's clients send one: its protocol told the name before."""
        for sent in (b"", b"*", b"other", b"=2", b"\xff"):
            one = accounts.make_server(NAME, profile=profiles.POSTGRESQL)
            request = one.start(b"n,,n=" + sent + b",r=x")
            self.assertEqual(
                accounts.question(request), (sasl.FindScramKeys, "user", "sha256")
            )

    def test_the_name_of_an_unknown_user_makes_the_salt(self) -> None:
        """It is the told one: else all unknown users would show the same."""
        salts = set()
        for name in ("a", "b", "b"):
            one = sasl.server(
                NAME,
                channel=sasl.Channel(True),
                profile=profiles.POSTGRESQL,
                username=name,
            )
            salts.add(one.start(b"n,,n=,r=x").deny().data.split(b",")[1])
        self.assertEqual(len(salts), 2)

    def test_no_name_is_sent_where_it_was_told(self) -> None:
        """As libpq has it."""
        one = accounts.make_client(NAME, profile=profiles.POSTGRESQL)
        self.assertTrue(one.start().startswith(b"n,,n=,r="))


class ClientFinalTest(unittest.TestCase):
    """What a server takes for the proof."""

    def setUp(self) -> None:
        """Make an honest proof."""
        one = client(NAME)
        one.start()
        self.final = one.step(FIRST)

    def step(self, message: bytes) -> Any:
        """Give it to a server that has sent its challenge."""
        one = server(NAME)
        request = one.start(b"n,,n=user,r=" + NONCE)
        self.assertEqual(request.answer(accounts.keys("pencil", "sha256")).data, FIRST)
        return one.step(message)

    def test_the_honest_one(self) -> None:
        """It succeeds, and the answer is the signature."""
        self.assertIsInstance(self.step(self.final), sasl.Success)

    def test_malformed(self) -> None:
        """Binding, nonce, order, proof, what stands after it."""
        head, proof = self.final.rsplit(b",", 1)
        for message in (
            b"",
            head,
            head + b",p=",
            head + b",p=AAAA",
            head + b",p=" + base64.b64encode(bytes(33)),
            head + b",p=!" + proof[3:],
            self.final + b",x=y",
            self.final + b"\n",
            self.final.replace(b"biws", b""),
            self.final.replace(b"biws", b"!"),
            self.final.replace(b"biws", b"biw"),
            self.final.replace(WHOLE, NONCE),
            self.final.replace(WHOLE, WHOLE + b"x"),
            b",".join([*head.split(b",")[::-1], proof]),
            b"x=y," + self.final,
            head + b",c=biws," + proof,
            head + b",m=x," + proof,
            head + b",x," + proof,
            head + b"," + proof + b"," + proof,
        ):
            with self.subTest(message):
                self.assertIs(reason(self.step(message)), sasl.Reason.MALFORMED)

    def test_another_binding(self) -> None:
        """Somebody stands in between: no error of syntax, and no reason to try again."""
        for binding in (b"eSws", b"biwsAA==", b"cD1hLCw="):
            event = self.step(self.final.replace(b"biws", binding))
            with self.subTest(binding):
                self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)

    def test_wrong_proofs(self) -> None:
        """One bit is enough; so is an extension that was not signed."""
        head, proof = self.final.rsplit(b",p=", 1)
        octets = base64.b64decode(proof)
        for bit in (0, 7, 100, 255):
            changed = int.from_bytes(octets, "big") ^ 1 << bit
            text = base64.b64encode(changed.to_bytes(32, "big"))
            event = self.step(head + b",p=" + text)
            self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)
        event = self.step(head + b",x=y,p=" + proof)
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)


class NonceTest(unittest.TestCase):
    """The client's own part."""

    def test_it_is_fresh(self) -> None:
        """From os.urandom, long enough, printable without a comma."""
        seen = set()
        for _ in range(50):
            one = sasl.client(
                NAME,
                sasl.Credentials("user", "pencil"),
                channel=sasl.Channel(True),
                profile=profiles.RAW,
            )
            nonce = one.start().split(b",r=")[1]
            self.assertGreaterEqual(len(nonce), 22)
            self.assertNotIn(b",", nonce)
            seen.add(nonce)
        self.assertEqual(len(seen), 50)


if __name__ == "__main__":
    unittest.main()
