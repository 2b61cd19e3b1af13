"""Recorded exchanges of GSSAPI, GS2 and GSS-SPNEGO, replayed with the recorded tokens.

Nobody has the keys any more, and nobody needs them: what is wrapped without encryption
(RFC 4121, section 4.2.6.2) can be read, and each context answers as the recorded one did.
"""

from __future__ import annotations

import json
import unittest
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sasl_core as sasl
from sasl_core.mechanisms import Mechanism, find, gs2
from sasl_core.mechanisms import _gss_messages as messages

from ._data import generate, ids
from ._drive import Calling, Serving, Store
from ._gss import BOUND, CONFIDENTIALITY, INTEGRITY, MUTUAL, Fault, Wrapped

Recording = dict[str, Any]

_FILE = Path(__file__).parent / "transcripts" / "kerberos" / "recordings.json"
_DOCUMENT = json.loads(_FILE.read_text(encoding="utf-8"))
RECORDINGS: list[Recording] = _DOCUMENT["transcripts"]
PRINCIPAL = _DOCUMENT["principal"]
CHANNEL = sasl.Channel(True, service="imap", host="localhost")
IAKERB = "1.3.6.1.5.2.5"
OIDS = {"GSS-SPNEGO": messages.SPNEGO, "GS2-IAKERB": IAKERB}
NAMES = {bit: name for name, bit in messages._BITS.items()}

# Why our server lets in whom theirs did not.
MORE_LENIENT = {"gsasl--gsasl--GSSAPI": "its program has nobody who says yes"}
# What refuses the client is the server's context, at the first token.
REFUSED = {"gsasl--gsasl--GS2-KRB5", "postfix-cyrus-sasldb--gsasl--GS2-KRB5"}


def said(recording: Recording, side: str) -> list[bytes]:
    """Return what one side said in the exchange that was no empty message."""
    return [
        b64decode(message["text"])
        for message in recording["messages"]
        if message["from"] == side and message["text"] and "after" not in message
    ]


def wrapped(recording: Recording, side: str) -> list[bytes]:
    """Return what one side wrapped."""
    return [token for token in said(recording, side) if token[:2] == b"\5\4"]


def opened(token: bytes) -> bytes:
    """Return what is in a token that is not encrypted: header, message, checksum."""
    extra, rotation = int.from_bytes(token[4:6]), int.from_bytes(token[6:8])
    if token[2] & 2 or rotation:
        raise Fault("encrypted")
    return token[16:-extra]


@dataclass
class Recorded:
    """One side of a recorded context."""

    recording: Recording
    side: str
    complete: bool = False
    wrapped: list[bytes] = field(default_factory=list)
    initiator_name = PRINCIPAL

    @property
    def actual_flags(self) -> int:
        """Return what the messages show, and take it that channel bindings were right."""
        mutual = MUTUAL if self._tokens("server") else 0
        return mutual | INTEGRITY | CONFIDENTIALITY | BOUND

    def _tokens(self, side: str) -> list[bytes]:
        found = [t for t in said(self.recording, side) if t[:2] != b"\5\4"]
        if side == "client" and self.recording["mechanism"].startswith("GS2"):
            oid = messages.der(OIDS.get(self.recording["mechanism"], messages.KERBEROS))
            found[0] = messages.restore(found[0].removeprefix(b"n,,"), oid)
        return found

    def step(self, token: bytes | None = None) -> bytes | None:
        """Say what was said, to whom said what was said."""
        (first,), answers = self._tokens("client"), self._tokens("server")
        if self.side == "client" and token is None:
            self.complete = not answers and self.recording["id"] not in REFUSED
            return first
        if [token] != (answers if self.side == "client" else [first]):
            raise Fault("another token")
        if self.recording["id"] in REFUSED:
            raise Fault("refused, as it was")
        self.complete = True
        return answers[0] if answers and self.side == "server" else None

    def wrap(self, message: bytes, encrypt: bool) -> Wrapped:
        """Say what was said here, whatever is wrapped."""
        sent = wrapped(self.recording, self.side)
        self.wrapped.append(message)
        return Wrapped(sent[len(self.wrapped) - 1], encrypt)

    def unwrap(self, message: bytes) -> Wrapped:
        """Return what is in a token."""
        return Wrapped(opened(message), False)

    def get_wrap_size_limit(self, size: int, encrypted: bool = True) -> int:
        """Leave room for a header and a checksum."""
        return size - 28


def mechanism_of(recording: Recording) -> str | Mechanism:
    """Return the mechanism, which need not be registered."""
    name = recording["mechanism"]
    return name if find(name) else gs2.variants(IAKERB, name)[1]


def terms(recording: Recording, side: str) -> dict[str, Any]:
    """Return a policy that offers, or chooses, what this side did."""
    layers, size = ["none"], 65536
    if recording["mechanism"] == "GSS-SPNEGO":
        layers = ["confidentiality"]
    for token in wrapped(recording, side):
        plain = opened(token)
        layers = [name for bit, name in NAMES.items() if plain[0] & bit]
        if plain[0] > 1:
            size = int.from_bytes(plain[1:4])
    allow = [recording["mechanism"]]
    policy = sasl.Policy(allow=allow, layers=layers, max_buffer=size)
    return {"channel": CHANNEL, "policy": policy}


class Replay(unittest.TestCase):
    """Tests made of recordings."""

    def replay_server(self, recording: Recording) -> None:
        """Feed the recorded client to our server, which says what theirs did."""
        context = Recorded(recording, "server")
        store = Store(
            contexts=lambda _: context,
            may_act=lambda authcid, authzid: authcid == f"{authzid}@SASL.LAB",
        )
        server = sasl.server(mechanism_of(recording), **terms(recording, "server"))
        serving = Serving(server, store)
        for message in recording["messages"]:
            if "after" in message:
                break
            if message["from"] == "client":
                serving.receive_text(message["text"].encode())
            elif message["text"]:
                self.assertEqual(serving.said, b64decode(message["text"]))
        self.compare(context, recording, "server")
        if recording["id"] in REFUSED:
            self.assertIs(serving.event.reason, sasl.Reason.BAD_CREDENTIALS)
            return
        lenient = recording["id"] in MORE_LENIENT
        self.assertEqual(recording["outcome"] == "success", not lenient)
        self.assertEqual(serving.event.identity.authcid, PRINCIPAL)
        self.frames(recording, "client", serving.event.layer)

    def replay_client(self, recording: Recording) -> None:
        """Feed the recorded server to our client, which answers what theirs did."""
        context = Recorded(recording, "client")
        asked: list[Any] = []

        def make(target: str, **more: Any) -> Recorded:
            asked.append(more["bindings"])
            return context

        choice = [opened(token) for token in wrapped(recording, "client")]
        authzid = choice[0][4:].decode() if choice else ""
        client = sasl.client(
            mechanism_of(recording),
            sasl.Credentials(gss=make, authzid=authzid),
            **terms(recording, "client"),
        )
        calling = Calling(client)
        heard = [m for m in recording["messages"] if "after" not in m]
        if heard[0]["from"] == "client":
            calling.begin()
        for message in heard:
            if message["from"] == "server":
                calling.receive_text(message["text"].encode())
        self.assertEqual(
            calling.sent,
            [b64decode(m["text"]) for m in heard if m["from"] == "client"],
        )
        self.compare(context, recording, "client")
        bindings = b"n,," if recording["mechanism"].startswith("GS2") else None
        self.assertEqual(asked, [bindings])
        if recording["id"] in REFUSED:
            with self.assertRaises(sasl.ServerNotAuthenticated):
                calling.finish()
            return
        calling.finish()
        self.frames(recording, "server", client.layer)

    def compare(self, context: Recorded, recording: Recording, side: str) -> None:
        """What was wrapped is what they wrapped; but without a layer, our size is zero."""
        theirs = [opened(token) for token in wrapped(recording, side)]
        for index, plain in enumerate(theirs):
            if plain[0] == 1:
                self.assertIn(plain[1:4], (b"\0\0\0", b"\xff\xff\xff"))
                theirs[index] = b"\1\0\0\0" + plain[4:]
        self.assertEqual(context.wrapped, theirs)

    def frames(self, recording: Recording, side: str, layer: Any) -> None:
        """The other side's message comes through the layer, where one can read it."""
        for message in recording["messages"]:
            if message["from"] == side and "after" in message:
                frame = b64decode(message["text"])
                if layer is not None and layer.confidential:
                    with self.assertRaises(sasl.ProtocolError):
                        layer.unwrap(frame)
                    return
                plain = frame if layer is None else layer.unwrap(frame)
                self.assertIn(b" message 1\0", plain)


def ways(recording: Recording) -> list[tuple[type[Replay], str]]:
    """Return the roles in which a recording is replayed."""
    return [(Replay, "client"), (Replay, "server")]


generated = generate(RECORDINGS, ways, "replay")


class CompletenessTest(unittest.TestCase):
    """Every recording is replayed; every exception is one."""

    def test_every_recording_has_a_test(self) -> None:
        self.assertEqual(generated, ids(RECORDINGS))
        self.assertEqual(len(generated), 27)
        self.assertLessEqual(REFUSED | set(MORE_LENIENT), generated)
        for recording in RECORDINGS:
            odd = recording["id"] in REFUSED | set(MORE_LENIENT)
            self.assertEqual(recording["outcome"] != "success", odd)


if __name__ == "__main__":
    unittest.main()
