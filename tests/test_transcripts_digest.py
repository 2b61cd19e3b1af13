"""Recorded exchanges of DIGEST-MD5, replayed: each of our sides in the place of theirs.

As in `test_transcripts`; directives are compared without order and quotes. Cyrus's have
data behind them that went through the layer.
"""

from __future__ import annotations

import json
import unittest
from base64 import b64decode
from collections import Counter
from pathlib import Path
from typing import Any

import sasl_core as sasl

from ._data import generate, ids
from ._des import MAKERS
from ._drive import Calling, Serving, Store
from ._recorded import PASSWORDS
from .test_vectors_digest import directives

Transcript = dict[str, Any]

_FILE = Path(__file__).parent / "transcripts" / "digest-md5" / "recordings.json"
RECORDINGS: list[Transcript] = json.loads(_FILE.read_text(encoding="utf-8"))[
    "transcripts"
]
PROFILE = sasl.profiles.BASE64
MECHANISM = "DIGEST-MD5"
LAYERS = {"auth": "none", "auth-int": "integrity", "auth-conf": "confidentiality"}
PLAIN_TEXT = {"server": b"srv message 1\0", "client": b"client message 1\0"}

# In these tables a key is the last words of an id, or a client.

# Why our server takes what theirs refused.
MORE_LENIENT = {
    "account-nfkc": "GNU SASL converts the password to ISO 8859-1, Dovecot does not",
}
# Why our client would not say what theirs said.
OTHER_CLIENT = {
    "raw-socket": "no client: messages by hand",
    "account-juergen-utf8": "GNU SASL converts the password, but not the name",
    "authzid-empty-but-present": "an authzid is not empty (RFC 2831, section 2.1.2)",
    "curl--DIGEST-MD5": "curl gives up on an empty realm; ours goes on",
}


def keys_of(recording: Transcript) -> set[str]:
    """Return the words under which a table may name a recording."""
    rest = recording["id"].partition("--")[2]
    keys = {recording["client"], rest.rpartition("--")[2]}
    if recording["client"] == "curl" and recording["outcome"] == "cancelled":
        keys.add(rest)
    return keys


def octets_of(message: dict[str, Any]) -> bytes:
    """Return the raw octets of a recorded line."""
    return b64decode(message["text"])


def said(recording: Transcript, side: str) -> list[bytes]:
    """Return what one side said, but for a cancel."""
    return [
        octets_of(message)
        for message in recording["messages"]
        if message["from"] == side and message["text"] != "*"
    ]


def words(message: bytes) -> Counter[tuple[str, str]]:
    """Return what counts of a message: Cyrus's and curl's clients leave charset out."""
    found = directives(message)
    for name, value in list(found):
        if name == "charset" or (name == "realm" and not value):
            del found[name, value]
        elif name in ("qop", "cipher"):
            del found[name, value]
            found[name, ",".join(sorted(value.split(",")))] += 1
    return found


def first_of(recording: Transcript, side: str, name: str) -> str:
    """Return the first value of a directive in a side's first message, "" for none."""
    for message in said(recording, side)[:1]:
        for found, value in directives(message):
            if found == name:
                return value
    return ""


def server_policy(recording: Transcript) -> sasl.Policy:
    """Make the policy of the recorded server: Cyrus's own has every layer."""
    if not recording["id"].startswith("cyrus--"):
        return sasl.Policy(allow=[MECHANISM])
    return sasl.Policy(
        allow=[MECHANISM], layers=LAYERS.values(), ciphers=MAKERS, max_buffer=2048
    )


def client_policy(recording: Transcript) -> sasl.Policy:
    """Make the policy of the recorded client, by what it chose."""
    qop = first_of(recording, "client", "qop")
    cipher = first_of(recording, "client", "cipher")
    return sasl.Policy(
        allow=[MECHANISM],
        layers=[LAYERS[qop]] if qop else ["none"],
        ciphers={cipher: MAKERS[cipher]} if cipher else MAKERS,
        max_buffer=int(first_of(recording, "client", "maxbuf") or 65536),
    )


def channel(recording: Transcript) -> sasl.Channel:
    """Return the channel that the recorded digest-uri names."""
    service, _, host = first_of(recording, "client", "digest-uri").partition("/")
    return sasl.Channel(True, service=service or "imap", host=host or "localhost")


class Replay(unittest.TestCase):
    """Tests made of recordings."""

    def replay_server(self, recording: Transcript) -> None:
        """Feed the recorded client to our server."""
        server = sasl.server(
            MECHANISM,
            channel=channel(recording),
            policy=server_policy(recording),
            profile=PROFILE,
            realm=first_of(recording, "server", "realm"),
            nonce=first_of(recording, "server", "nonce").encode(),
        )
        may_act = recording["account"].get("user") == "admin"
        stored = recording["account"].get("stored_as", "cleartext")
        known = stored in ("cleartext", MECHANISM)
        store = Store(
            PASSWORDS if known else {},
            may_act=lambda *_: may_act,
        )
        serving = Serving(server, store)
        serving.begin()
        for message in recording["messages"]:
            if serving.failed:
                break  # a locked account is nobody's here
            if message["from"] == "client":
                serving.receive_text(message["text"].encode())
            else:
                self.assertEqual(words(serving.said or b""), words(octets_of(message)))
        if isinstance(serving.event, sasl.Challenge):
            serving.close()
        self.check_outcome(serving.event, recording)

    def check_outcome(self, event: Any, recording: Transcript) -> None:
        if recording["outcome"] == "cancelled":
            self.assertIs(event.reason, sasl.Reason.ABORTED)
        elif recording["outcome"] == "success" or keys_of(recording) & set(
            MORE_LENIENT
        ):
            self.assertIsInstance(event, sasl.Success)
            account = recording["account"]
            self.assertEqual(event.identity.authcid, account["user"])
            authzid = account.get("authzid") or account["user"]
            self.assertEqual(event.identity.authzid, authzid)
            self.check_frames("server", event.layer, recording)
        else:
            self.assertIsInstance(event, sasl.Failure)

    def check_frames(self, side: str, layer: Any, recording: Transcript) -> None:
        """Send what the recorded side sent, and read what the other did."""
        self.assertEqual(layer is None, "frames" not in recording)
        for frame in recording.get("frames", ()):
            plain, wrapped = PLAIN_TEXT[frame["from"]], octets_of(frame)
            if frame["from"] == side:
                self.assertEqual(layer.wrap(plain), wrapped)
            else:
                self.assertEqual(layer.unwrap(wrapped), plain)

    def replay_client(self, recording: Transcript) -> None:
        """Feed the recorded server to our client."""
        account = recording["account"]
        client = sasl.client(
            MECHANISM,
            sasl.Credentials(
                account["user"],
                account["password"],
                authzid=first_of(recording, "client", "authzid"),
            ),
            channel=channel(recording),
            policy=client_policy(recording),
            profile=PROFILE,
            nonce=first_of(recording, "client", "cnonce").encode(),
        )
        calling = Calling(client)
        for message in said(recording, "server"):
            calling.receive(message)
        response = said(recording, "client")[0]
        self.assertEqual(words(calling.sent[0]), words(response))
        if recording["outcome"] == "success":
            self.assertEqual(calling.sent[1:], [b""])
            calling.finish()
            self.check_frames("client", client.layer, recording)
        else:
            error = client.refused(sasl.Reason.BAD_CREDENTIALS)
            self.assertIsInstance(error, sasl.AuthenticationError)


def ways(recording: Transcript) -> list[tuple[type[Replay], str]]:
    """Return the roles in which a recording is replayed."""
    if keys_of(recording).isdisjoint(OTHER_CLIENT):
        return [(Replay, "server"), (Replay, "client")]
    return [(Replay, "server")]


generated = generate(RECORDINGS, ways, "replay")


class CompletenessTest(unittest.TestCase):
    """Every recording is replayed; every exception is still one."""

    def test_every_recording_has_a_test(self) -> None:
        """No recording is passed over in silence."""
        self.assertEqual(generated, ids(RECORDINGS))
        self.assertEqual(len(generated), 72)

    def test_tables_have_no_stale_key(self) -> None:
        """A recording that is gone leaves no entry behind."""
        known = set().union(*map(keys_of, RECORDINGS))
        self.assertLessEqual({*MORE_LENIENT, *OTHER_CLIENT}, known)


if __name__ == "__main__":
    unittest.main()
