"""Recorded exchanges of OTP and SECURID, replayed as far as they go.

Neither came to a good end. Cyrus SASL's client gave up at the challenge, without a word;
GNU SASL's server program has nobody who checks a passcode.
"""

from __future__ import annotations

import json
import unittest
from base64 import b64decode
from pathlib import Path
from typing import Any

import sasl_core as sasl
from sasl_core.otp import OtpState

from ._drive import Calling, Serving, Store

_FILE = Path(__file__).parent / "transcripts" / "otp" / "recordings.json"
RECORDINGS: dict[str, dict[str, Any]] = {
    recording["mechanism"]: recording
    for recording in json.loads(_FILE.read_text(encoding="utf-8"))["transcripts"]
}
CHANNEL = sasl.Channel(True, host="localhost")
USER = "alice"


def said(mechanism: str) -> list[bytes]:
    """Return the octets of a recording's messages."""
    return [b64decode(one["text"]) for one in RECORDINGS[mechanism]["messages"]]


def client(mechanism: str, password: str) -> Calling:
    """Return our client, begun as theirs: both name the user as authzid, too."""
    calling = Calling(
        sasl.client(
            mechanism,
            sasl.Credentials(USER, password, authzid=USER),
            channel=CHANNEL,
            policy=sasl.Policy(allow=[mechanism]),
        )
    )
    calling.begin()
    return calling


def serving(mechanism: str, store: Store) -> Serving:
    """Return our server in the place of theirs."""
    policy = sasl.Policy(allow=[mechanism])
    return Serving(sasl.server(mechanism, channel=CHANNEL, policy=policy), store)


class ReplayTest(unittest.TestCase):
    """Both roles of both recordings."""

    def test_all_recordings_are_replayed(self) -> None:
        """There are two."""
        self.assertEqual(set(RECORDINGS), {"OTP", "SECURID"})
        outcomes = {recording["outcome"] for recording in RECORDINGS.values()}
        self.assertEqual(outcomes, {"failure"})

    def test_otp(self) -> None:
        """Our server challenges in the same words; our client goes on where theirs
        stopped, and our server is content with it.
        """
        first, challenge = said("OTP")
        password = RECORDINGS["OTP"]["account"]["password"]
        state = OtpState.derive(password, "md5", sequence=499, seed="vm6711")
        ours = serving("OTP", Store(one_time={USER: state}))
        ours.receive(first)
        self.assertEqual(ours.said, challenge)
        calling = client("OTP", password)
        calling.receive(challenge)
        self.assertEqual(calling.sent[0], first)
        ours.receive(calling.sent[1])
        self.assertIsInstance(ours.event, sasl.Success)

    def test_securid(self) -> None:
        """Our server takes the passcode that theirs could not check."""
        (response,) = said("SECURID")
        self.assertEqual(client("SECURID", "123456").sent, [response])
        ours = serving("SECURID", Store({USER: "123456"}))
        ours.receive(response)
        self.assertIsInstance(ours.event, sasl.Success)
        self.assertEqual(ours.event.identity.authcid, USER)


if __name__ == "__main__":
    unittest.main()
