"""Cyrus SASL: its password file (Postfix and Exim use it too) and sample programs."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from .accounts import USERS, Account
from .process import Sandbox, cached, missing, must_run, need

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
        for account in USERS:
            self.store(account)
        self.path.chmod(0o644)

    def store(self, account: Account) -> None:
        """Store a password, and what some mechanisms make of it for themselves."""
        must_run(
            ["saslpasswd2", "-p", "-c", "-a", "saslpasswd", "-u", REALM, account.user],
            stdin=account.password.encode(),
            env=self.environment,
        )

    def configure(
        self,
        application: str,
        directory: str = "sasl2",
        mechanisms: Collection[str] = MECHANISMS,
        more: str = "",
    ) -> Path:
        """Write the library's configuration for one application."""
        text = _CONFIGURATION.format(
            sasldb=self.path, mechanisms=" ".join(sorted(mechanisms))
        )
        text += more
        return self._sandbox.write(f"{directory}/{application}.conf", text)

    def load(self, user: str, kind: str, value: str) -> None:
        """Store what saslpasswd2 cannot make."""
        lines = f"{user}\\00{REALM}\\00{kind}\n{value}\n"
        must_run(["db_load", "-T", "-t", "hash", self.path], stdin=lines.encode())

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes the library read these configurations."""
        return {"SASL_CONF_PATH": str(self.directory)}


class Cyrus:
    """The sample programs; `server()` and `client()` are command lines to talk to."""

    def __init__(
        self, file: PasswordFile, mechanisms: Collection[str] = MECHANISMS
    ) -> None:
        self.file = file
        file.configure("sample", mechanisms=mechanisms)
        self.environment = {**file.environment, **dict(_made(mechanisms))}
        self.version = _version()

    def server(self, *options: str) -> list[str]:
        """Return the command line of the server."""
        # its output is no terminal, and it never flushes: stdbuf
        program = ["stdbuf", "-o0", "sasl-sample-server", "-s", "smtp"]
        path = self.environment.get("SASL_PATH")  # it looks at its options only
        places = ["-p", path] if path else []
        return [*program, "-d", REALM, "-u", REALM, *places, *options]

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


def _made(mechanisms: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield what makes the library use what `install` compiled for it."""
    if "SRP" in mechanisms:
        plugins = [_compiled("libsrp.so").parent, *Path("/usr/lib").glob("*/sasl2")]
        yield "SASL_PATH", ":".join(map(str, plugins))
    if "DIGEST-MD5" in mechanisms:
        yield "LD_PRELOAD", str(_compiled("preload/any_des_key.so"))


def _compiled(name: str) -> Path:
    path = cached("cyrus-sasl") / name
    if not path.exists():
        missing(f"Cyrus SASL's {name} was not compiled")
    return path


def _version() -> str:
    parts = [ctypes.c_int() for _ in range(3)]
    library = ctypes.CDLL("libsasl2.so.2")
    library.sasl_version_info(None, None, *map(ctypes.byref, parts), None)
    return ".".join(str(part.value) for part in parts)
