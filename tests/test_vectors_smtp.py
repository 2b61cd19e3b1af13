"""The published vectors of SMTP's profile, xtext and framing base64.

The same file has vectors of other protocols: they are listed, and left to those.
"""

from __future__ import annotations

import unittest
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols.smtp import (
    ClientSession,
    Command,
    Reply,
    ServerSession,
    read_identity,
)
from sasl_core.protocols.smtp._xtext import decode, encode

from ._data import add_test, ids, method_name, vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = dict[str, Any]

VECTORS = vectors("smtp_profile")
ELSEWHERE = ("pop3", "imap", "nntp", "irc")

# RFC 3461 asks for capitals, RFC 4954 takes both cases; so do we.
LENIENT = {"xtext-neg-6": b"a="}

# Exchanges that a server of ours cannot have, because a client of ours is at fault, or
# the account is not published; each has a test of its own.
BY_HAND = {
    "smtp-4954-cram-md5",
    "smtp-4954-mail-auth",
    "smtp-neg-challenge-text",
    "smtp-neg-too-long",
    "smtp-neg-credentials",
    "smtp-neg-temporary",
    "smtp-neg-transition",
    "smtp-neg-required",
    "smtp-neg-final-data-in-235",
}


class Codec(unittest.TestCase):
    """xtext, AUTH= and base64."""

    def xtext(self, vector: Vector) -> None:
        text = vector["inputs"]["xtext"].encode()
        expected = vector["expect"]
        if vector["id"] in LENIENT:
            self.assertEqual(decode(text), LENIENT[vector["id"]])
        elif expected["outcome"] == "failure":
            with self.assertRaises(ValueError):
                decode(text)
        else:
            found = decode(text)
            self.assertEqual(found.hex(), expected["decoded_hex"])
            self.assertEqual(encode(found.decode()), expected["canonical_encoding"])

    def mail_from_auth_parameter(self, vector: Vector) -> None:
        parameter = vector["inputs"]["parameter"]
        expected = vector["expect"]
        session = ServerSession(sasl.Channel(True))
        session.receive(b"EHLO client.example")
        action = session.receive(f"MAIL FROM:<a@example.com> {parameter}".encode())
        if expected["outcome"] == "failure":
            self.assertIsInstance(action, Reply)
            shown = f"{action.code} {action.lines[0]}"
            self.assertTrue(shown.startswith(expected["server_error"]), shown)
            return
        value = parameter.removeprefix("AUTH=").encode()
        self.assertEqual(read_identity(value), expected["identity"] or "")
        self.assertIsInstance(action, Command)
        self.assertEqual(action.auth, "")  # who says it has not authenticated

    def profile_base64(self, vector: Vector) -> None:
        text = vector["inputs"]["text"].encode()
        expected = vector["expect"]
        if expected["outcome"] == "success":
            octets = bytes.fromhex(expected["hex"])
            self.assertEqual(profiles.SMTP.decode(text), octets)
            self.assertEqual(profiles.SMTP.encode(octets), text)
            return
        with self.assertRaises(ValueError):
            profiles.SMTP.decode(text)
        session = ServerSession(sasl.Channel(True))
        session.receive(b"EHLO client.example")
        session.receive(b"AUTH PLAIN")
        reply = session.receive(text)
        shown = f"{reply.code} {reply.lines[0]}"
        self.assertTrue(shown.startswith(expected["server_error"]), shown)


def _settle(session: ServerSession, line: str) -> Reply:
    action = session.receive(line.encode())
    while isinstance(action, sasl.Request):
        match action:
            case sasl.CheckPassword(username, password):
                yes = username == "test" and password == "1234"
                action = session.resume(action.answer(yes))
            case _:
                action = session.resume(action.deny())
    if isinstance(action, Command):
        return Reply(250, "x", *session.keywords())
    return action


class Wire(unittest.TestCase):
    """Dialogs, with our server in the server's place."""

    def dialog(self, vector: Vector) -> None:
        # One account; EXTERNAL wants an identity from outside.
        session = ServerSession(sasl.Channel(True, external="test"))
        session.receive(b"EHLO client.example.com")
        lines = vector["wire"]["lines"]
        for mine, line in zip(lines[1:], lines, strict=False):
            if not line.startswith("C: ") or line == "C: EHLO client.example.com":
                continue
            reply = _settle(session, line.removeprefix("C: "))
            expected = mine.removeprefix("S: ")
            self.assertEqual(reply.code, int(expected[:3]))
            wanted = vector["expect"].get("server_error", "")
            if mine == lines[-1]:
                shown = f"{reply.code} {reply.lines[0]}"
                self.assertTrue(shown.startswith(wanted), shown)
        succeeded = vector["expect"]["outcome"] == "success"
        again = vector["id"] == "smtp-neg-second-auth"
        self.assertEqual(session.identity is not None, succeeded or again)


class ByHand(unittest.TestCase):
    """What needs a client of ours, or more than a dialog."""

    def client(self, mechanism: str) -> ClientSession:
        client = ClientSession(
            sasl.Credentials("test", "1234"),
            channel=sasl.Channel(True),
            policy=sasl.Policy(allow=[mechanism]),
        )
        client.receive(b"220 mail.example.org\r\n")
        client.receive(f"250-x\r\n250 AUTH {mechanism}\r\n".encode())
        return client

    def lines(self, identifier: str) -> list[str]:
        return next(v for v in VECTORS if v["id"] == identifier)["wire"]["lines"]

    def refuse(self, identifier: str, mechanism: str) -> sasl.AuthenticationError:
        reply = self.lines(identifier)[-1].removeprefix("S: ") + "\r\n"
        with self.assertRaises(sasl.AuthenticationError) as caught:
            self.client(mechanism).receive(reply.encode())
        return caught.exception

    def test_smtp_4954_cram_md5(self) -> None:
        _, challenge, response, success = self.lines("smtp-4954-cram-md5")
        client = self.client("CRAM-MD5")
        mine = client.receive(challenge.removeprefix("S: ").encode() + b"\r\n")
        # The password is not published: the answer has the form, not the octets.
        form = rb"^[a-z0-9]+ [0-9a-f]{32}$"
        self.assertRegex(b64decode(mine), form)
        self.assertRegex(b64decode(response.removeprefix("C: ")), form)
        client.receive(success.removeprefix("S: ").encode() + b"\r\n")
        self.assertTrue(client.authenticated)

    def test_smtp_4954_mail_auth(self) -> None:
        session = ServerSession(sasl.Channel(True))
        _settle(session, "EHLO client.example")
        _settle(session, "AUTH PLAIN AHRlc3QAMTIzNA==")
        line = self.lines("smtp-4954-mail-auth")[0].removeprefix("C: ")
        self.assertEqual(session.receive(line.encode()).auth, "e=mc2@example.com")

    def test_smtp_neg_challenge_text(self) -> None:
        lines = self.lines("smtp-neg-challenge-text")
        client = self.client("CRAM-MD5")
        challenge = lines[1].removeprefix("S: ").encode() + b"\r\n"
        self.assertEqual(client.receive(challenge), b"*\r\n")
        with self.assertRaises(sasl.ProtocolError):
            client.receive(lines[3].removeprefix("S: ").encode() + b"\r\n")

    def test_smtp_neg_too_long(self) -> None:
        session = ServerSession(sasl.Channel(True))
        self.assertEqual(session.line_limit, 12288)
        _settle(session, "EHLO client.example")
        _settle(session, "AUTH PLAIN")
        reply = _settle(session, "A" * 12287)
        self.assertEqual((reply.code, reply.lines[0][:5]), (500, "5.5.6"))

    def test_smtp_neg_credentials(self) -> None:
        error = self.refuse("smtp-neg-credentials", "PLAIN")
        self.assertIs(error.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_smtp_neg_temporary(self) -> None:
        error = self.refuse("smtp-neg-temporary", "PLAIN")
        self.assertIs(error.reason, sasl.Reason.UNAVAILABLE)

    def test_smtp_neg_transition(self) -> None:
        error = self.refuse("smtp-neg-transition", "CRAM-MD5")
        self.assertIs(error.reason, sasl.Reason.TRANSITION_NEEDED)

    def test_smtp_neg_required(self) -> None:
        session = ServerSession(sasl.Channel(True), require_auth=True)
        _settle(session, "EHLO client.example")
        reply = _settle(session, "MAIL FROM:<a@example.org>")
        expected = self.lines("smtp-neg-required")[-1].removeprefix("S: ")
        self.assertEqual(bytes(reply), f"{expected}\r\n".encode())

    def test_smtp_neg_final_data_in_235(self) -> None:
        client = self.client("SCRAM-SHA-256")
        reply = self.lines("smtp-neg-final-data-in-235")[-1].removeprefix("S: ")
        with self.assertRaises(sasl.ServerNotAuthenticated):
            client.receive(reply.encode() + b"\r\n")

    def test_no_vector_is_left_over(self) -> None:
        others = {v["id"] for v in VECTORS if v.get("profile") in ELSEWHERE}
        made = {
            name
            for kind in (Codec, Wire, ByHand)
            for name in dir(kind)
            if name.startswith("test_")
        }
        for wanted in ids(VECTORS) - others:
            self.assertIn(method_name(wanted), made)
        for foreign in others:
            self.assertTrue(foreign.startswith(ELSEWHERE), foreign)


def _run(vector: Vector) -> tuple[type[unittest.TestCase], Callable[[Any], None]]:
    if vector["kind"] == "wire":
        return Wire, lambda self: self.dialog(vector)
    operation = vector["operation"].replace("-", "_")
    return Codec, lambda self: getattr(self, operation)(vector)


def _generate() -> None:
    for vector in VECTORS:
        if vector.get("profile") not in ELSEWHERE and vector["id"] not in BY_HAND:
            kind, test = _run(vector)
            add_test(kind, method_name(vector["id"]), test)


_generate()
