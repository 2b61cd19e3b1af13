"""What known servers say that no standard allows, dialog by dialog."""

from __future__ import annotations

import json
import unittest
from pathlib import Path
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols import imap, quirks, smtp

from .._data import add_test, method_name

DIALOGS = json.loads(
    (Path(__file__).parent / "quirks.json").read_text(encoding="utf-8")
)["dialogs"]
SESSIONS = {
    "smtp": (smtp.ClientSession, profiles.SMTP),
    "imap": (imap.ClientSession, profiles.IMAP),
}
LONG = "t" * 600  # more than a command line of SMTP takes


def session_for(dialog: dict[str, Any]) -> Any:
    """Make the client that the dialog is with."""
    kind, profile = SESSIONS[dialog["protocol"]]
    if "quirk" in dialog:
        profile = getattr(quirks, dialog["quirk"]).apply(profile)
    token = dialog.get("token")
    password = None if token else "pencil"
    mechanism = dialog["mechanism"]
    return kind(
        sasl.Credentials("user", password, token=LONG if token == "long" else token),
        channel=sasl.Channel(True, host=dialog.get("host", "mail.example.com")),
        policy=sasl.Policy(allow=None if dialog.get("any") else [mechanism]),
        profile=profile,
    )


def turns(lines: list[str]) -> list[tuple[str, str]]:
    """Join the lines that one side says in a row."""
    joined: list[tuple[str, str]] = []
    for line in lines:
        side, text = line[0], line[3:]
        if joined and joined[-1][0] == side:
            text = f"{joined.pop()[1]}\r\n{text}"
        joined.append((side, text))
    return joined


class DialogTest(unittest.TestCase):
    """One method a dialog: just these lines, and this end."""

    def play(self, dialog: dict[str, Any]) -> None:
        session = session_for(dialog)
        try:
            said = b""
            for side, text in turns(dialog["lines"]):
                if side == "S":
                    said = session.receive(f"{text}\r\n".encode())
                elif text == "<held>":
                    self.assertGreater(len(said), 512)
                else:
                    self.assertEqual(said, f"{text}\r\n".encode())
            outcome = "success"
        except sasl.SASLError as error:
            self.check_error(dialog, error)
            outcome = type(error).__name__
        self.assertEqual(outcome, dialog["outcome"])
        self.assertEqual(session.authenticated, outcome == "success")

    def check_error(self, dialog: dict[str, Any], error: sasl.SASLError) -> None:
        if "reason" in dialog:
            assert isinstance(error, sasl.AuthenticationError), error
            self.assertIs(error.reason, sasl.Reason[dialog["reason"]])
            self.assertEqual(error.tried, (dialog["mechanism"],))
            status = error.token_error.status if error.token_error else None
            self.assertEqual(status, dialog.get("status"))


def _generate() -> None:
    def add(dialog: dict[str, Any]) -> None:
        def run(self: DialogTest) -> None:
            self.play(dialog)

        add_test(DialogTest, method_name(dialog["id"]), run)

    for dialog in DIALOGS:
        add(dialog)


_generate()


class QuirkTest(unittest.TestCase):
    """How a quirk finds its server."""

    def test_by_the_end_of_the_name(self) -> None:
        for host in ("imap.126.com", "IMAP.163.COM.", "x.imap.yeah.net"):
            with self.subTest(host):
                found = quirks.for_host(profiles.IMAP, host)
                self.assertFalse(found.initial_response)

    def test_no_other_name(self) -> None:
        for host in ("", "126.com", "ximap.126.com", "imap.126.com.example.org"):
            with self.subTest(host):
                self.assertIs(quirks.for_host(profiles.IMAP, host), profiles.IMAP)

    def test_no_other_protocol(self) -> None:
        host = "outlook.office365.com"
        self.assertIs(quirks.for_host(profiles.IMAP, host), profiles.IMAP)
        self.assertFalse(quirks.for_host(profiles.POP3, host).initial_response)

    def test_each_known_one_names_its_servers_and_changes_something(self) -> None:
        for quirk in quirks.KNOWN:
            with self.subTest(quirk.servers):
                self.assertTrue(quirk.hosts and quirk.protocol)
                base = getattr(profiles, quirk.protocol.upper())
                self.assertNotEqual(quirk.apply(base), base)

    def test_a_dialog_for_every_quirk(self) -> None:
        played = {dialog.get("quirk") for dialog in DIALOGS}
        self.assertLessEqual({"OPENING_TEXT", "NO_INITIAL_RESPONSE"}, played)


if __name__ == "__main__":
    unittest.main()
