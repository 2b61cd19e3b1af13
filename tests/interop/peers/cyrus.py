"""Cyrus SASL: its password file (Postfix and Exim use it too) and sample programs."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from .accounts import USERS
from .process import Sandbox, must_run, need

REALM = "localhost"
MECHANISMS = frozenset(
    [
        "PLAIN",
        "LOGIN",
        "CRAM-MD5",
        "SCRAM-SHA-1",
        "SCRAM-SHA-224",
        "SCRAM-SHA-256",
        "SCRAM-SHA-384",
        "SCRAM-SHA-512",
        "ANONYMOUS",
        "EXTERNAL",
    ]
)
# What it offers besides where the application tells it a channel binding.
BOUND = frozenset(f"{name}-PLUS" for name in MECHANISMS if name.startswith("SCRAM-"))

_BOUND = Path(__file__).with_name("cyrus_bound.py")

_CONFIGURATION = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {sasldb}
mech_list: {mechanisms}
"""


class PasswordFile:
    """A sasldb with the accounts, and configurations of the library that use it."""

    def __init__(self, sandbox: Sandbox) -> None:
        need("saslpasswd2")
        self._sandbox = sandbox
        self.path = sandbox.path / "sasldb2"
        self.directory = self.configure("saslpasswd").parent
        for user, password in USERS:
            must_run(
                ["saslpasswd2", "-p", "-c", "-a", "saslpasswd", "-u", REALM, user],
                stdin=password.encode(),
                env=self.environment,
            )
        self.path.chmod(0o644)

    def configure(
        self,
        application: str,
        directory: str = "sasl2",
        mechanisms: Collection[str] = MECHANISMS,
    ) -> Path:
        """Write the library's configuration for one application."""
        text = _CONFIGURATION.format(
            sasldb=self.path, mechanisms=" ".join(sorted(mechanisms))
        )
        return self._sandbox.write(f"{directory}/{application}.conf", text)

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes the library read these configurations."""
        return {"SASL_CONF_PATH": str(self.directory)}


class Cyrus:
    """The sample programs; `server()` and `client()` are command lines to talk to."""

    def __init__(
        self, file: PasswordFile, mechanisms: Collection[str] = MECHANISMS
    ) -> None:
        file.configure("sample", mechanisms=mechanisms)
        self.environment = file.environment
        self.version = _version()

    def server(self, *options: str) -> list[str]:
        """Return the command line of the server."""
        # its output is no terminal, and it never flushes: stdbuf
        program = ["stdbuf", "-o0", "sasl-sample-server", "-s", "smtp"]
        return [*program, "-d", REALM, "-u", REALM, *options]

    def client(self, mechanism: str, authcid: str, *options: str) -> list[str]:
        """Return the command line of the client; it will ask for the password."""
        program = ["stdbuf", "-o0", "sasl-sample-client", "-s", "smtp", "-n", REALM]
        return [*program, "-m", mechanism, "-a", authcid, *options]

    def bound(self, side: str, mechanism: str, *arguments: str) -> list[str]:
        """Return the command line of a side that knows a channel binding."""
        return [sys.executable, str(_BOUND), side, mechanism, *arguments]


@contextlib.contextmanager
def installed(mechanisms: Collection[str] = MECHANISMS) -> Iterator[Cyrus]:
    """Make the programs ready to run, with a password file of their own."""
    need("sasl-sample-server", "sasl-sample-client", "stdbuf")
    with Sandbox("cyrus") as box:
        yield Cyrus(PasswordFile(box), mechanisms)


def _version() -> str:
    parts = [ctypes.c_int() for _ in range(3)]
    library = ctypes.CDLL("libsasl2.so.2")
    library.sasl_version_info(None, None, *map(ctypes.byref, parts), None)
    return ".".join(str(part.value) for part in parts)
