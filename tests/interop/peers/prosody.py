"""Prosody, an XMPP server, for clients only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .accounts import USERS
from .process import Sandbox, free_ports, must_run, need
from .tls import certificates

# Under TLS; before it, STARTTLS is all that is offered. An authorization identity is not
# looked at, whosever it is.
MECHANISMS = frozenset({"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"})
# By tls-unique, and therefore not under TLS 1.3.
BOUND = frozenset({"SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"})

DOMAIN = "localhost"
# Its only mechanism is ANONYMOUS.
ANONYMOUS_DOMAIN = "anonymous.localhost"

_USER = "prosody"

_CONFIGURATION = """
data_path = "{here}/data"
pidfile = "{here}/data/pid"
log = "{here}/data/log"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ {tls_port} }}
modules_enabled = {{ "saslauth", "tls", "disco", "roster" }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = true
ssl = {{ certificate = "{tls.server}", key = "{tls.server_key}" }}

VirtualHost "{domain}"
  authentication = "internal_plain"

VirtualHost "{anonymous}"
  authentication = "anonymous"
"""


class Prosody(NamedTuple):
    """A running Prosody: STARTTLS at `port`, TLS at once at `tls_port`."""

    version: str
    port: int
    tls_port: int


@contextlib.contextmanager
def running() -> Iterator[Prosody]:
    """Run a Prosody with a directory of its own."""
    need("prosody", "prosodyctl", "runuser", root=True)
    with Sandbox("prosody") as box:
        port, tls_port = free_ports(2)
        box.directory("data", owner=_USER)
        text = _CONFIGURATION.format(
            here=box.path,
            port=port,
            tls_port=tls_port,
            tls=certificates(),
            domain=DOMAIN,
            anonymous=ANONYMOUS_DOMAIN,
        )
        configuration = box.write("prosody.cfg.lua", text)
        command = "prosodyctl", "--config", configuration
        for user, password in USERS:
            must_run([*command, "register", user, DOMAIN, password])
        # unlike prosodyctl, it refuses to be started by root
        program = ["runuser", "-u", _USER, "--", "prosody", "-F"]
        box.start([*program, "--config", configuration], [port, tls_port])
        yield Prosody(_version(), port, tls_port)


def _version() -> str:
    return Path("/usr/lib/prosody/prosody.version").read_text().strip()
