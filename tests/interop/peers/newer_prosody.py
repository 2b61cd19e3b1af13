"""A newer Prosody than Debian 12's own, with community modules: SASL2, FAST, XEP-0474.

Each of its domains has tokens of another kind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .accounts import ALICE, USERS
from .process import Sandbox, free_ports, missing, must_run, need
from .tls import certificates

# What it tells of channel bindings (XEP-0440) it does, those of either version of TLS.
MECHANISMS = frozenset(
    {"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"}
)
LASTING = "localhost"  # tokens that last
ROTATING = "rotating.localhost"  # each is to be replaced at its first use
SHORT = "short.localhost"  # they expire at once

_USER = "prosody"
_UNPACKED = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "sasl-core-interop/newer-prosody"
)
_CONFIGURATION = """
data_path = "{here}/data"
pidfile = "{here}/data/pid"
log = {{ debug = "{here}/data/log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ }}
c2s_direct_tls_ports = {{ {port} }}
modules_enabled = {{
  "saslauth", "tls", "disco", "roster", "sasl2", "sasl2_fast", "sasl_ssdp"
}}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = true
authentication = "internal_plain"
ssl = {{ certificate = "{tls.server}", key = "{tls.server_key}" }}

VirtualHost "{lasting}"

VirtualHost "{rotating}"
  sasl2_fast_token_min_ttl = -1

VirtualHost "{short}"
  sasl2_fast_token_ttl = -1
"""


class Prosody(NamedTuple):
    """A running Prosody, over TLS at once."""

    version: str
    port: int


@contextlib.contextmanager
def running() -> Iterator[Prosody]:
    """Run it with a directory of its own."""
    need("runuser", "lua5.4", root=True)
    if not _UNPACKED.exists():
        missing("the newer Prosody is not unpacked")
    with Sandbox("newer-prosody") as box:
        (port,) = free_ports(1)
        box.directory("data", owner=_USER)
        library = box.path / "library"  # its user cannot read our cache
        shutil.copytree(_UNPACKED / "usr/lib/prosody", library)
        configuration = box.write(
            "prosody.cfg.lua",
            _CONFIGURATION.format(
                here=box.path,
                port=port,
                tls=certificates(),
                lasting=LASTING,
                rotating=ROTATING,
                short=SHORT,
            ),
        )
        # The paths are written into its programs.
        for name in ("prosody", "prosodyctl"):
            program = (_UNPACKED / "usr/bin" / name).read_text()
            program = program.replace("/usr/lib/prosody", str(library))
            box.write(name, program)
        command = "lua5.4", box.path / "prosodyctl", "--config", configuration
        everybody = [(LASTING, *account) for account in USERS]
        for domain, user, password in (
            *everybody,
            (ROTATING, *ALICE),
            (SHORT, *ALICE),
        ):
            must_run([*command, "register", user, domain, password])
        program = ["runuser", "-u", _USER, "--", "lua5.4", box.path / "prosody", "-F"]
        box.start([*program, "--config", configuration], [port])
        yield Prosody((library / "prosody.version").read_text().strip(), port)
