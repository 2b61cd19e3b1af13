"""The same work by the library, by raw messages (RAW), as its users would write it."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import sasl_core as sasl
from sasl_core.backends import Account
from sasl_core.backends.sql import SqlStore
from sasl_core.records import DigestMd5Secret

from . import floors

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = sasl.Channel(
    encrypted=True, service=floors.SERVICE, host=floors.HOST, port=floors.PORT
)
CREDENTIALS = sasl.Credentials(floors.USER, floors.PASSWORD)
KEYS = sasl.ScramKeys(
    "sha256",
    floors.SALT,
    floors.ITERATIONS,
    floors.KEYS.stored,
    floors.KEYS.server,
)
_RAW = {"channel": CHANNEL, "policy": sasl.Policy(), "profile": sasl.profiles.RAW}
server = partial(sasl.server, **_RAW)
client = partial(sasl.client, **_RAW)


def scram_server_first(first: bytes) -> tuple[sasl.Server, bytes]:
    """Ask for the stored keys, and challenge."""
    exchange = server("SCRAM-SHA-256")
    return exchange, exchange.start(first).answer(KEYS).data


def scram_server_final(exchange: sasl.Server, final: bytes) -> bytes:
    """Verify the proof."""
    return exchange.step(final).data


def scram_client_first(credentials: sasl.Credentials) -> tuple[sasl.Client, bytes]:
    """Begin."""
    exchange = client("SCRAM-SHA-256", credentials)
    return exchange, exchange.start()


def plain_client() -> bytes:
    """Begin and end."""
    exchange = client("PLAIN", CREDENTIALS)
    message = exchange.start()
    exchange.finish()
    return message


def plain_server(message: bytes) -> sasl.Identity:
    """Ask whether the password is right."""
    request = server("PLAIN").start(message)
    return request.answer(request.password == floors.PASSWORD).identity


def cram_challenge() -> tuple[sasl.Server, bytes]:
    """Challenge."""
    exchange = server("CRAM-MD5")
    return exchange, exchange.start().data


def cram_server(exchange: sasl.Server, response: bytes) -> sasl.Identity:
    """Ask for the password, and verify."""
    return exchange.step(response).answer(floors.PASSWORD).identity


_DIGEST = sasl.Policy(allow=["DIGEST-MD5"])
_SECRET = DigestMd5Secret(floors.USER, floors.REALM, floors.HA1)


def digest_challenge() -> tuple[sasl.Server, bytes]:
    """Challenge."""
    exchange = server("DIGEST-MD5", policy=_DIGEST, realm=floors.REALM)
    return exchange, exchange.start().data


def digest_server(exchange: sasl.Server, response: bytes) -> bytes:
    """Ask for the stored secret, and verify."""
    return exchange.step(response).answer(_SECRET).data


def digest_client(challenge: bytes) -> tuple[sasl.Client, bytes]:
    """Answer."""
    exchange = client("DIGEST-MD5", CREDENTIALS, policy=_DIGEST)
    return exchange, exchange.step(challenge)


def token_server(name: str, message: bytes) -> sasl.Identity:
    """Ask whose token it is."""
    request = server(name).start(message)
    return request.answer(floors.USER if request.token == floors.TOKEN else "").identity


def lookups(path: str, count: int) -> Callable[[], object]:
    """Return a look-up of a store in SQLite, each time of the next of `count` users."""
    store = SqlStore.sqlite(path)
    names = [f"user{number}@example.org" for number in range(count)]
    for name in names:
        store.replace(name, None, Account([KEYS]))
    following = itertools.cycle(names)
    return lambda: store.find(next(following))
