"""What the cases of a client's session are asked with: a protocol's words, and helpers."""

from __future__ import annotations

import unittest
from types import ModuleType
from typing import Any, NamedTuple

import sasl_core as sasl

USER = sasl.Credentials("user", "pencil")


class ClientWords(NamedTuple):
    """What a server of the protocol says, and what our client says to it."""

    session: type[Any]
    peer: ModuleType  # the protocol's `_peer`
    offer: tuple[bytes, ...]  # over TLS, from the greeting until PLAIN is on offer
    sent: tuple[bytes, ...]  # what the client says to each; the last one logs in
    bare: tuple[bytes, ...]  # an offer of nothing
    cram_md5: tuple[bytes, ...]  # an offer of CRAM-MD5
    nonsense: bytes  # a challenge that is not base64
    cancel: bytes
    yes: bytes
    starttls: tuple[bytes, ...]  # an offer in the clear, of PLAIN and STARTTLS
    asks: bytes  # what the client says to it
    go: bytes
    refusals: tuple[bytes, ...]  # of STARTTLS
    no_reply: bytes  # neither
    first: bytes  # what the client says within TLS
    again: tuple[bytes, ...]  # what the server says then; PLAIN is on offer
    gone: bytes  # the last of it where there is nothing on offer
    not_greetings: tuple[bytes, ...]
    unavailable: bytes  # a greeting
    out_of_turn: tuple[tuple[bytes, ...], ...]  # the last of each says too much
    endless: tuple[tuple[bytes, ...], ...]  # the last of each never ends
    replies: tuple[bytes, ...]  # what else a server may say
    logs_in: str  # an expression that finds a command which can log in
    success: bytes  # is in every reply that ends in success

    def make(self, encrypted: bool = True, **options: Any) -> Any:
        """Make a client, over TLS or in the clear."""
        credentials = options.pop("credentials", USER)
        channel = self.peer.TLS if encrypted else self.peer.CLEAR
        return self.session(credentials, channel=channel, **options)


def feed(client: Any, *replies: bytes) -> bytes:
    """Feed replies; return what the client sends to the last one."""
    output = b""
    for reply in replies:
        output = client.receive(reply)
    return output


class ClientCase(unittest.TestCase):
    """The base of the tests of a client's session."""

    words: ClientWords

    def assert_raises(
        self, kind: type[Exception], *replies: bytes, **options: Any
    ) -> Any:
        """Expect the last of these replies to end the session; return the error."""
        client = self.words.make(**options)
        feed(client, *replies[:-1])
        with self.assertRaises(kind) as caught:
            client.receive(replies[-1])
        self.assertFalse(client.authenticated)
        self.assertFalse(client.wants_tls)
        with self.assertRaises(sasl.StateError):
            client.receive(self.words.yes)
        return caught.exception
