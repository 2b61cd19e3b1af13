"""The published vectors of IMAP's profile (RFC 4959, section 4)."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core.protocols.imap import Attempts, Reply, ServerSession

from ..._data import vectors

VECTORS = {v["id"]: v for v in vectors("smtp_profile") if v.get("profile") == "imap"}


def lines(identifier: str) -> list[tuple[str, bytes]]:
    """Return the lines of a dialog, with who says each."""
    found = VECTORS[identifier]["wire"]["lines"]
    return [(line[0], line[3:].encode()) for line in found]


def respond(session: ServerSession, line: bytes) -> bytes:
    """Return what the server says to a line."""
    action = session.receive(line)
    while isinstance(action, sasl.Request):
        match action:
            case sasl.CheckPassword("test", "test"):
                action = session.resume(action.answer(True))
            case sasl.Authorize("test"):
                action = session.resume(action.answer(True))
            case _:
                action = session.resume(action.deny())
    assert isinstance(action, Reply)
    return bytes(action)


class Vectors(unittest.TestCase):
    def test_none_is_left_over(self) -> None:
        mine = {"imap-4959-plain-ir", "imap-4959-external-no-ir"}
        self.assertEqual(set(VECTORS), mine)

    def test_plain_with_an_initial_response(self) -> None:
        (_, offered), (_, command), (_, success) = lines("imap-4959-plain-ir")
        login = Attempts(
            offered.decode().split(),
            sasl.Credentials("test", "test"),
            channel=sasl.Channel(True),
            tag="A0",
        )
        login.command()  # ours has no authorization identity where the RFC's has one
        self.assertIsNone(login.reply(success))
        session = ServerSession(sasl.Channel(True))
        self.assertTrue(respond(session, command).startswith(b"A01 OK "))
        self.assertEqual(session.identity, sasl.Identity("test"))

    def test_external_without_one(self) -> None:
        command, challenge, response, success = lines("imap-4959-external-no-ir")
        login = Attempts(
            ["AUTH=EXTERNAL"], sasl.Credentials(), channel=sasl.Channel(True), tag="A0"
        )
        self.assertEqual(login.command(), command[1])
        self.assertEqual(login.reply(challenge[1]), response[1])
        self.assertIsNone(login.reply(success[1]))
        session = ServerSession(sasl.Channel(True, external="test"))
        self.assertEqual(respond(session, command[1]), challenge[1] + b"\r\n")
        self.assertTrue(respond(session, response[1]).startswith(b"A01 OK "))
