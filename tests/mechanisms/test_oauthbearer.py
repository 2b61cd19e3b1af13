"""OAUTHBEARER (RFC 7628)."""

from __future__ import annotations

import json
import unittest
from typing import Any

import sasl_core as sasl

from .. import _accounts as accounts
from ._both import client, reason, server

TOKEN = accounts.TOKEN


def start(message: bytes) -> Any:
    """Give a server a message; | stands for %x01."""
    return server("OAUTHBEARER").start(message.replace(b"|", b"\x01"))


class ClientTest(unittest.TestCase):
    """One message; the error challenge is dismissed."""

    def test_the_example_of_the_rfc(self) -> None:
        """Section 4.1: the header, host, port, and the token."""
        one = sasl.client(
            "OAUTHBEARER",
            sasl.Credentials("user@example.com", token=TOKEN),
            channel=sasl.Channel(True, host="server.example.com", port=143),
            profile=sasl.profiles.RAW,
        )
        self.assertEqual(
            one.start(),
            b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
            b"auth=Bearer %b\x01\x01" % TOKEN.encode(),
        )

    def test_what_is_left_out(self) -> None:
        """No user name, no host, no port."""
        one = sasl.client(
            "OAUTHBEARER",
            sasl.Credentials(token="x"),
            channel=sasl.Channel(True),
            profile=sasl.profiles.RAW,
        )
        self.assertEqual(one.start(), b"n,,\x01auth=Bearer x\x01\x01")

    def test_what_could_inject(self) -> None:
        """In the token, in the host; a name is escaped."""
        for token in ("a\x01b", "a b", "a\r\n", "\xe9", "a\x7f"):
            with self.subTest(token), self.assertRaises(sasl.CredentialsError):
                client("OAUTHBEARER", {"token": token})
        for host in ("a\x01auth=Bearer x", "a b", "bücher.example", "a\r\n"):
            with self.subTest(host), self.assertRaises(sasl.CredentialsError):
                sasl.client(
                    "OAUTHBEARER",
                    sasl.Credentials(token="x"),
                    channel=sasl.Channel(True, host=host),
                )
        one = client("OAUTHBEARER", {"token": "x", "username": "a=b,c"})
        self.assertTrue(one.start().startswith(b"n,a=a=3Db=2Cc,\x01"))

    def test_error_challenges(self) -> None:
        """What the server said about the token is in the refusal."""
        for said, expected in (
            ({"status": "x"}, sasl.TokenError("x")),
            ({"status": "x", "scope": ["x"]}, sasl.TokenError("x")),
            (
                {"status": "x", "scope": "s", "openid-configuration": "u"},
                sasl.TokenError("x", "s", "u"),
            ),
        ):
            one = client("OAUTHBEARER")
            one.start()
            self.assertEqual(one.step(json.dumps(said).encode()), b"\x01")
            error = one.refused(sasl.Reason.BAD_CREDENTIALS)
            with self.subTest(said):
                self.assertEqual(error.token_error, expected)

    def test_challenges_that_are_no_errors(self) -> None:
        """JSON objects with a status only, however deep or long the rest is."""
        deep = b"[" * 50_000
        for challenge in (b"", b"{", b"{}", b"[]", b"1", b"null", b"\xff", deep):
            one = client("OAUTHBEARER")
            one.start()
            with self.subTest(challenge[:9]), self.assertRaises(sasl.ProtocolError):
                one.step(challenge)


class ServerTest(unittest.TestCase):
    """What the client wants, and where it believes to be."""

    def test_the_question(self) -> None:
        """Token, user, host, port."""
        request = start(b"n,a=us=2Cer,|host=h|port=143|auth=Bearer x|x=y|qs=a=b|")
        self.assertIs(reason(request), sasl.Reason.MALFORMED)  # a %x01 too few
        request = start(b"n,a=us=2Cer,|host=h|port=143|auth=Bearer x|qs=a=b||")
        self.assertEqual(
            accounts.question(request), (sasl.CheckToken, "x", "us,er", "h", 143)
        )
        request = start(b"y,,|auth=bEARER  x||")
        self.assertEqual(
            accounts.question(request), (sasl.CheckToken, "x", "", None, None)
        )

    def test_malformed(self) -> None:
        """The header, the separators, the keys, the values."""
        for message in (
            b"",
            b"|",
            b"n,,",
            b"n,,|",
            b"n,,||",
            b"|auth=Bearer x||",
            b"n,|auth=Bearer x||",
            b"n,,auth=Bearer x||",
            b"n,,|auth=Bearer x|",
            b"n,,|auth=Bearer x|||",
            b"n,,||auth=Bearer x||",
            b"n,,|auth=Bearer x|junk||",
            b"n,,|auth=Bearer x|a1=b||",
            b"n,,|=b|auth=Bearer x||",
            b"n,,|auth=Bearer x|auth=Bearer y||",
            b"n,,|AUTH=Bearer x||",
            b"n,,|auth=Basic x||",
            b"n,,|auth=Bearer||",
            b"n,,|auth=Bearer ||",
            b"n,,|auth=Bearer a b||",
            b"n,,|auth=Bearer a\xff||",
            b"n,,|auth=Bearer a\0||",
            b"n,,|host=|auth=Bearer x||",
            b"n,,|host=a b|auth=Bearer x||",
            b"n,,|port=0|auth=Bearer x||",
            b"n,,|port=65536|auth=Bearer x||",
            b"n,,|port=1_0|auth=Bearer x||",
            b"n,,|port=|auth=Bearer x||",
            b"p=tls-unique,,|auth=Bearer x||",
            b"x,,|auth=Bearer x||",
            b"n,user,|auth=Bearer x||",
            b"n,a=,|auth=Bearer x||",
            b"n,a=\xff,|auth=Bearer x||",
            b"n,a=a=2D,|auth=Bearer x||",
        ):
            with self.subTest(message):
                self.assertIs(reason(start(message)), sasl.Reason.MALFORMED)

    def test_the_proven_identity_counts(self) -> None:
        """The token's, not the client's word; another name is an authzid."""
        event = start(b"n,,|auth=Bearer x||").answer("owner")
        self.assertEqual(event.identity, sasl.Identity("owner"))
        request = start(b"n,a=user,|auth=Bearer x||").answer("owner")
        self.assertEqual(accounts.question(request), (sasl.Authorize, "owner", "user"))

    def test_the_error_challenge(self) -> None:
        """JSON in ASCII; any answer to it is a failure."""
        for response in (b"\x01", b"", b"n,,\x01auth=Bearer x\x01\x01"):
            one = server("OAUTHBEARER")
            request = one.start(b"n,,\x01auth=Bearer x\x01\x01")
            challenge = request.answer(sasl.TokenError("bäd", 'a"b', "u"))
            self.assertTrue(challenge.data.isascii())
            said = {"status": "bäd", "scope": 'a"b', "openid-configuration": "u"}
            self.assertEqual(json.loads(challenge.data), said)
            with self.subTest(response):
                event = one.step(response)
                self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)


if __name__ == "__main__":
    unittest.main()
