"""Our sides in the place of recorded ones: the same accounts, settings and fresh values."""

from __future__ import annotations

import re
from base64 import b64decode
from functools import cache
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core._saslprep import saslprep

from ._drive import Store, hash_of

if TYPE_CHECKING:
    Transcript = dict[str, Any]

PROFILE = sasl.profiles.BASE64

# What the servers really stored, whatever password a client tried.
PASSWORDS = {
    "admin": "master-Key1",
    "alice": "wonderland",
    "bob": "builder-Pa55!",
    "carol,=x": "com,ma=eq",
    "crammy": "cram it",
    "dave@example.org": "Tr0ub4dor&3",
    "digesty": "digest it",
    "hashed": "only-hash",
    "j\u00fcrgen": "p\u00e453w\u00f6rd",
    "longpw": "L0ng" * 50,
    "nfkc": "I\u00adX\u00aa",
    "prep": "IX",
    "quote": 'qu"ote\\back',
    "scram1": "only-sha-1",
    "spacey": " two  spaces ",
}
TOKENS = {"tok-alice-valid": "alice"}


def octets_of(message: dict[str, Any]) -> bytes:
    """Return the raw octets of a recorded line."""
    text = message["text"]
    return b"" if text in ("", "=") else b64decode(text)


def channel_of(transcript: Transcript) -> sasl.Channel:
    """Return what was known of the connection."""
    text = _first(transcript)
    host = re.search(rb"host=([^\x01]*)\x01", text)
    port = re.search(rb"port=(\d+)\x01", text)
    return sasl.Channel(
        encrypted=True,
        host=host[1].decode() if host else "",
        port=int(port[1]) if port else None,
        external=transcript["account"].get("certificate_CN"),
    )


def server_of(transcript: Transcript) -> sasl.Server:
    """Make our server, with the fresh value of theirs."""
    return sasl.server(
        transcript["mechanism"],
        channel=channel_of(transcript),
        policy=sasl.Policy(allow=[transcript["mechanism"]]),
        profile=PROFILE,
        nonce=_server_nonce(transcript),
    )


def client_of(transcript: Transcript) -> sasl.Client:
    """Make our client, with the fresh value and the settings of theirs."""
    account, mechanism = transcript["account"], transcript["mechanism"]
    first = _first(transcript)
    nonce = None
    if mechanism.startswith("SCRAM"):
        nonce = first.rpartition(b",r=")[2]
    return sasl.client(
        mechanism,
        sasl.Credentials(
            account.get("user", ""),
            account.get("password"),
            authzid=_authzid(first, mechanism),
            token=account.get("bearer_token"),
            trace=trace_of(transcript) if mechanism == "ANONYMOUS" else None,
        ),
        channel=channel_of(transcript),
        policy=sasl.Policy(allow=[mechanism]),
        profile=PROFILE,
        nonce=nonce,
    )


def store_of(transcript: Transcript) -> Store:
    """Return what the recorded server knew, for one mechanism."""
    mechanism = transcript["mechanism"]
    passwords = {name: saslprep(word) for name, word in PASSWORDS.items()}
    if mechanism == "CRAM-MD5":
        passwords = dict(PASSWORDS)
    stored = transcript["account"].get("stored_as", "cleartext")
    if stored not in ("cleartext", mechanism) and mechanism not in ("PLAIN", "LOGIN"):
        passwords = {}
    keys = {}
    user = transcript["account"].get("user")
    if mechanism.startswith("SCRAM") and user in passwords:
        keys[user] = _keys(transcript, passwords[user])
    return Store(
        passwords,
        keys=keys,
        tokens=TOKENS,
        may_act=lambda authcid, _authzid: authcid == "admin",
    )


def _keys(transcript: Transcript, password: str) -> sasl.ScramKeys:
    """Derive the keys, with the recorded salt and iteration count."""
    for message in transcript["messages"]:
        if message["from"] == "server":
            found = re.search(rb",s=([^,]+),i=(\d+)", octets_of(message))
            if found:
                salt, count = found[1].decode(), int(found[2])
                return _derived(password, hash_of(transcript["mechanism"]), salt, count)
    return _derived(password, hash_of(transcript["mechanism"]), "c2FsdA==", 4096)


@cache
def _derived(password: str, hash_name: str, salt: str, count: int) -> sasl.ScramKeys:
    return sasl.ScramKeys.derive(
        password, hash_name, iterations=count, salt=b64decode(salt)
    )


def _first(transcript: Transcript) -> bytes:
    """Return the client's first message, b"" where it was no message."""
    for message in transcript["messages"]:
        if message["from"] == "client":
            try:
                return octets_of(message)
            except ValueError:
                break
    return b""


def trace_of(transcript: Transcript) -> str:
    """Return the trace that the client of ANONYMOUS left."""
    return _first(transcript).decode()


def _authzid(first: bytes, mechanism: str) -> str:
    if mechanism == "PLAIN":
        return first.partition(b"\0")[0].decode()
    if mechanism == "EXTERNAL":
        return first.decode()
    found = re.match(rb"[ny],a=([^,]*),", first)
    return found[1].decode() if found and mechanism.startswith("SCRAM") else ""


def _server_nonce(transcript: Transcript) -> bytes | None:
    mechanism = transcript["mechanism"]
    said = [octets_of(m) for m in transcript["messages"] if m["from"] == "server"]
    if mechanism == "CRAM-MD5":
        return said[0] if said else None
    if not mechanism.startswith("SCRAM"):
        return None
    mine = _first(transcript).rpartition(b",r=")[2].partition(b",")[0]
    for text in said:
        if text.startswith(b"r=" + mine):
            return text.partition(b",")[0].removeprefix(b"r=" + mine)
    return None
