"""Recorded exchanges of NTLM, replayed: each of our sides in the place of theirs.

All of them are of NTLMv1, the only one that Cyrus SASL and Exim have a challenge for.
Exim asks for the first message in words of its own.
"""

from __future__ import annotations

import json
import unittest
from base64 import b64decode
from pathlib import Path
from typing import Any

import sasl_core as sasl
from sasl_core.mechanisms import _ntlm_messages as messages
from sasl_core.mechanisms._ntlm_server import _AwaitAuthenticate

from ._data import generate, ids
from ._des import MAKERS
from ._drive import Calling, Serving, Store
from ._recorded import PASSWORDS

Transcript = dict[str, Any]

_FILE = Path(__file__).parent / "transcripts" / "ntlm" / "recordings.json"
RECORDINGS: list[Transcript] = json.loads(_FILE.read_text(encoding="utf-8"))[
    "transcripts"
]
MECHANISM = "NTLM"
POLICY = sasl.Policy(allow=[MECHANISM], ntlm_v1=MAKERS["des"])
PROFILE = sasl.profiles.BASE64
ANY_TEXT = PROFILE.replace(opening_text=True)
CHANNEL = sasl.Channel(True, service="smtp", host="localhost")
# They reckon with no text there; ours goes on where its profile says so.
GIVES_UP = {"exim--gsasl--NTLM"}


def said(recording: Transcript, side: str) -> list[str]:
    """Return what one side said: its messages, as they stood on the wire."""
    return [m["text"] for m in recording["messages"] if m["from"] == side]


class Replay(unittest.TestCase):
    """Tests made of recordings."""

    def replay_server(self, recording: Transcript) -> None:
        """Feed the recorded client to our server, which says what theirs did."""
        server = sasl.server(MECHANISM, channel=CHANNEL, policy=POLICY, profile=PROFILE)
        serving = Serving(server, Store(PASSWORDS))
        serving.begin()
        negotiate, authenticate = said(recording, "client")
        serving.receive_text(negotiate.encode())
        self.assertIsInstance(serving.event, sasl.Challenge)
        challenge = b64decode(said(recording, "server")[-1])
        read = messages.read_challenge(challenge)
        mine = messages.read_challenge(serving.said or b"")
        charset = messages.UNICODE if read.flags & messages.UNICODE else messages.OEM
        if recording["server"] != "exim":  # which takes Unicode unasked
            self.assertTrue(mine.flags & charset)
        server._turn[:] = [
            _AwaitAuthenticate(
                b64decode(negotiate), challenge, read.flags, read.server_challenge
            )
        ]
        serving.receive_text(authenticate.encode())
        if recording["outcome"] == "success":
            self.assertIsInstance(serving.event, sasl.Success)
            user = recording["account"]["user"]
            self.assertEqual(serving.event.identity, sasl.Identity(user))
        else:
            self.assertIs(serving.event.reason, sasl.Reason.BAD_CREDENTIALS)

    def replay_client(self, recording: Transcript) -> None:
        """Feed the recorded server to our client, which answers what theirs did."""
        account = recording["account"]
        client = sasl.client(
            MECHANISM,
            sasl.Credentials(account["user"], account["password"]),
            channel=CHANNEL,
            policy=POLICY,
            profile=ANY_TEXT if recording["server"] == "exim" else PROFILE,
        )
        calling = Calling(client)
        heard = said(recording, "server")
        if recording["messages"][0]["from"] == "client":
            calling.begin()
        for text in heard:
            calling.receive_text(text.encode())
        messages.read_negotiate(calling.sent[0])
        if recording["id"] in GIVES_UP:
            return
        flags = messages.read_challenge(b64decode(heard[-1])).flags
        ours, theirs = (
            messages.read_authenticate(message, flags)
            for message in (calling.sent[1], b64decode(said(recording, "client")[1]))
        )
        self.assertEqual(ours.nt_response, theirs.nt_response)
        self.assertEqual(ours.username, theirs.username)
        if recording["outcome"] == "success":
            calling.finish()


def ways(recording: Transcript) -> list[tuple[type[Replay], str]]:
    """Return the roles in which a recording is replayed."""
    roles = ["client"] if recording["id"] in GIVES_UP else ["client", "server"]
    return [(Replay, role) for role in roles]


generated = generate(RECORDINGS, ways, "replay")


class CompletenessTest(unittest.TestCase):
    """Every recording is replayed."""

    def test_every_recording_has_a_test(self) -> None:
        """No recording is passed over in silence."""
        self.assertEqual(generated, ids(RECORDINGS))
        self.assertEqual(len(generated), 12)
        self.assertLessEqual(GIVES_UP, generated)


if __name__ == "__main__":
    unittest.main()
