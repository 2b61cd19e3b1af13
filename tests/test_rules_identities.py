"""The rules of the design, by number: identities, and the wire (14 to 17)."""

from __future__ import annotations

import json
import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find

from . import _accounts as accounts
from ._accounts import PASSWORD, TOKEN, USER
from ._points import points
from ._rules import RAW, scram_first


class Rule14Preparation(unittest.TestCase):
    """SASLprep, no empty result, and Authorize where two identities differ."""

    def start(self, message: str, **more: Any) -> Any:
        """Give PLAIN a message; | stands for NUL."""
        server = accounts.make_server("PLAIN", profile=RAW, **more)
        return server.start(message.replace("|", "\0").encode())

    def test_rule_14_names_and_passwords_are_prepared(self) -> None:
        """The soft hyphen goes, the Roman numeral becomes letters."""
        self.assertEqual(
            accounts.question(self.start("|I\N{SOFT HYPHEN}X|\N{ROMAN NUMERAL NINE}")),
            (sasl.CheckPassword, "IX", "IX", None),
        )

    def test_rule_14_an_empty_result_is_refused(self) -> None:
        """Name, password and authzid."""
        for message in ("|\xad|pencil", "|user|\xad", "\xad|user|pencil", "||pencil"):
            with self.subTest(message):
                self.assertIs(self.start(message).reason, sasl.Reason.MALFORMED)

    def test_rule_14_prohibited_characters_are_refused(self) -> None:
        """Controls, private use, right-to-left mixtures."""
        for user in ("a\x07", "\ue000", "\u0627a1", "a\u202e"):
            with self.subTest(user):
                self.assertIs(self.start(f"|{user}|x").reason, sasl.Reason.MALFORMED)

    def test_rule_14_another_identity_is_asked_about(self) -> None:
        """Only another one; and a no is a failure of its own."""
        request = self.start("boss|user|pencil").answer(True)
        self.assertEqual(accounts.question(request), (sasl.Authorize, "user", "boss"))
        self.assertIs(request.answer(False).reason, sasl.Reason.NOT_AUTHORIZED)
        event = self.start("us\xader|user|pencil").answer(True)
        self.assertEqual(event.identity, sasl.Identity("user", "user"))

    def test_rule_14_preparation_can_be_left_out(self) -> None:
        """For stores filled without it; NUL, CR and LF still do not pass."""
        event = self.start("|I\xadX|pencil", prepare=False)
        self.assertEqual(
            accounts.question(event),
            (sasl.CheckPassword, "I\xadX", "pencil", None),
        )
        for user in ("a\rb", "a\nb"):
            event = self.start(f"|{user}|pencil", prepare=False)
            self.assertIs(event.reason, sasl.Reason.MALFORMED)


class Rule15EmptyPassword(unittest.TestCase):
    """An LDAP bind with an empty password succeeds: it never gets there."""

    def test_rule_15_plain_and_login(self) -> None:
        """No request is raised, with SASLprep or without."""
        for prepare in (True, False):
            server = accounts.make_server("PLAIN", profile=RAW, prepare=prepare)
            self.assertIsInstance(server.start(b"\0user\0"), sasl.Failure)
            server = accounts.make_server("LOGIN", profile=RAW, prepare=prepare)
            server.start()
            server.step(b"user")
            self.assertIsInstance(server.step(b""), sasl.Failure)

    def test_rule_15_an_account_without_a_password(self) -> None:
        """CRAM-MD5 with an empty stored password lets nobody in."""
        has = {"username": USER, "password": PASSWORD}
        client = accounts.make_client("CRAM-MD5", credentials=sasl.Credentials(**has))
        server = accounts.make_server("CRAM-MD5")
        client.start()
        response = client.step(server.start().data)
        with mock.patch("hmac.compare_digest", return_value=True):
            event = server.step(response).answer("")
        self.assertIsInstance(event, sasl.Failure)

    def test_rule_15_a_client_has_none_either(self) -> None:
        """An empty password is no password, and derives no keys."""
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
            with self.subTest(name), self.assertRaises(sasl.NoMechanism):
                accounts.make_client(name, credentials=sasl.Credentials(USER, ""))
        for password in ("", "\xad", b""):
            with self.assertRaises(ValueError):
                sasl.ScramKeys.derive(password)


class Rule16TokenOnce(unittest.TestCase):
    """A bearer token is sent once."""

    def test_rule_16_not_in_reply_to_an_error(self) -> None:
        """The dummy answer has nothing of it, and there is no third message."""
        for name, dismissal in (("OAUTHBEARER", b"\x01"), ("XOAUTH2", b"")):
            client = accounts.make_client(name, profile=RAW)
            self.assertEqual(client.start().count(TOKEN.encode()), 1)
            error = json.dumps({"status": "invalid_token", "scope": "mail"}).encode()
            with self.subTest(name):
                self.assertEqual(client.step(error), dismissal)
                with self.assertRaises(sasl.ProtocolError):
                    client.step(error)

    def test_rule_16_not_before_it_is_asked_for(self) -> None:
        """A first challenge that is not empty does not get it."""
        for name in ("OAUTHBEARER", "XOAUTH2", "PLAIN"):
            client = accounts.make_client(name, profile=RAW)
            with self.subTest(name), self.assertRaises(sasl.ProtocolError):
                client.step(b'{"status":"401"}')


class Rule17Wire(unittest.TestCase):
    """What goes on a line; when to hold it back is the protocols' business."""

    def test_rule_17_equals_is_the_empty_initial_response(self) -> None:
        """Written and read; nothing else means it."""
        self.assertEqual(profiles.SMTP.initial(b""), b"=")
        event = accounts.make_server("EXTERNAL").start(b"=")
        self.assertIsInstance(event, sasl.Success)
        server = accounts.make_server("EXTERNAL")
        server.start()
        self.assertIs(server.step(b"=").reason, sasl.Reason.MALFORMED)

    def test_rule_17_asterisk_aborts(self) -> None:
        """At every point where a server waits for octets, from the first line on."""
        for point in points():
            waits = isinstance(point.waiting, sasl.Server)
            if waits and point.profile is profiles.BASE64:
                event = getattr(point.copy(), point.method)(b"*")
                with self.subTest(str(point)):
                    takes = point.method == "step" or find(point.name).initial_response
                    if takes:
                        self.assertIs(event.reason, sasl.Reason.ABORTED)
                    else:
                        self.assertIsInstance(event, sasl.Failure)

    def test_rule_17_a_raw_asterisk_is_a_message(self) -> None:
        """A protocol without the token has it as an octet like any other."""
        server = accounts.make_server("ANONYMOUS", profile=RAW)
        event = server.start(b"*")
        self.assertEqual(event.identity.trace, "*")

    def test_rule_17_no_line_end_passes(self) -> None:
        """Whatever a credential holds, one line stays one line."""
        user = "a\r\nQUIT\r\n"
        for name in accounts.NAMES:
            has = accounts.TABLE[name].right
            if "username" not in has:
                continue
            credentials = sasl.Credentials(**has | {"username": user})
            try:
                client = accounts.make_client(
                    name, credentials=credentials, prepare=False
                )
                line = client.start() or client.step(b"QQ==")
            except sasl.CredentialsError:
                continue
            with self.subTest(name):
                self.assertFalse(set(line) & set(b"\r\n\0"))

    def test_rule_17_a_nul_is_refused_where_it_would_separate(self) -> None:
        """In every field of PLAIN, and in names and passwords anywhere else."""
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
            for field in ("username", "password"):
                has = accounts.TABLE[name].right | {field: "a\0b"}
                refused = self.assertRaises(sasl.CredentialsError)
                with self.subTest(name, field=field), refused:
                    self.send(name, sasl.Credentials(**has))

    def send(self, name: str, credentials: sasl.Credentials) -> None:
        """Send what a client would send first, and after that."""
        client = accounts.make_client(name, credentials=credentials, profile=RAW)
        if client.start() is None:
            client.step(b"challenge")
        elif name == "SCRAM-SHA-256":
            client.step(scram_first())

    def test_rule_17_the_limits_are_known(self) -> None:
        """Each protocol of mail says how long a command may be."""
        limits = {"SMTP": 512, "LMTP": 512, "POP3": 255, "NNTP": 512}
        for name, limit in limits.items():
            self.assertEqual(getattr(profiles, name).command_limit, limit)


if __name__ == "__main__":
    unittest.main()
