"""The channels, and the two sides of SCRAM, that the tests of the rules share."""

from __future__ import annotations

import base64
from typing import Any

import sasl_core as sasl
from sasl_core import profiles

from . import _accounts as accounts
from ._accounts import PASSWORD

ENCRYPTED = sasl.Channel(True, host="mail.example.org")
PLAINTEXT = sasl.Channel(False, host="mail.example.org")
BOUND = sasl.Channel(True, bindings=accounts.BINDINGS[:1])
RAW = profiles.RAW


def scram_client(**more: Any) -> sasl.Client:
    """Make a raw client of SCRAM-SHA-256 and send its first message."""
    client = accounts.make_client("SCRAM-SHA-256", profile=RAW, **more)
    client.start()
    return client


def scram_server(*, known: bool = True) -> sasl.Server:
    """Make a raw server of SCRAM-SHA-256 that waits for the client's proof."""
    server = accounts.make_server("SCRAM-SHA-256", profile=RAW)
    request = server.start(b"n,,n=user,r=" + accounts.CLIENT_NONCE)
    request.answer(accounts.keys(PASSWORD, "sha256") if known else None)
    return server


def scram_first() -> bytes:
    """Return an honest server-first message."""
    return b"r=%b%b,s=%b,i=%d" % (
        accounts.CLIENT_NONCE,
        accounts.SERVER_NONCE,
        base64.b64encode(accounts.SALT),
        accounts.ITERATIONS,
    )
