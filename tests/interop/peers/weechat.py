"""WeeChat without a screen, as a client of IRC."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

import sasl_core as sasl

from ..._p256 import PrivateKey
from .process import HOST, Sandbox, must_run, need
from .tls import certificates

MECHANISMS = frozenset(
    {"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "EXTERNAL"}
)
SIGNS = "ECDSA-NIST256P-CHALLENGE"  # with a key in a file


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("weechat-headless")
    return must_run(["weechat-headless", "--version"]).decode().strip()


@contextlib.contextmanager
def connecting(
    port: int,
    mechanism: str,
    mine: sasl.Credentials,
    certificate: str | None,
    key: PrivateKey | None = None,
) -> Iterator[None]:
    """Connect over TLS, and log in once; it would stay to the end of the block."""
    files = certificates()
    options = {
        "ssl": "on",
        "autoreconnect": "off",
        "sasl_mechanism": mechanism.lower(),
        "sasl_username": mine.username,
        "sasl_password": mine.password or "",
        "sasl_fail": "disconnect",
    }
    with Sandbox("weechat") as box:
        if certificate is not None:
            both = files.alice.read_text() + files.alice_key.read_text()
            options["ssl_cert"] = str(box.write("alice.pem", both))
        if key is not None:
            options["sasl_key"] = str(box.write("key.pem", key.pem))
        commands = [
            f"/set weechat.network.gnutls_ca_user {files.authority}",
            f"/server add ours {HOST}/{port}",
            *(
                f"/set irc.server.ours.{name} {value}"
                for name, value in options.items()
            ),
            "/connect ours",
        ]
        home = str(box.directory("home"))
        box.start(["weechat-headless", "-d", home, "-r", ";".join(commands)], [])
        yield
