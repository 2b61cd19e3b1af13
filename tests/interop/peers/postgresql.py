"""PostgreSQL, as a database for accounts, and as a writer and reader of SCRAM keys."""

from __future__ import annotations

import shutil
from pathlib import Path

from .accounts import USERS
from .process import HOST, Sandbox, free_ports, missing, must_run, need, wait_until
from .tls import certificates

PASSWORD = "postgres-Key1"

MECHANISMS = frozenset({"SCRAM-SHA-256"})
BOUND = frozenset({"SCRAM-SHA-256-PLUS"})  # by tls-server-end-point


class Postgresql(Sandbox):
    """A cluster of its own: user `postgres`, by SCRAM-SHA-256.

    With `tls`, it speaks TLS to who asks for it, and then binds the channel.
    """

    def __init__(self, *, tls: bool = False) -> None:
        need("runuser", "psql", root=True)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not found:
            missing("postgresql is not installed")
        super().__init__("postgresql")
        self._bin = found[-1].parent
        (self.port,) = free_ports(1)
        self._data = self.directory("data", "postgres")
        self.directory("socket", "postgres")
        secret = self.write("secret", PASSWORD)
        secret.chmod(0o644)
        must_run(
            [
                *self._as_postgres("initdb"),
                *("-D", self._data, "-A", "scram-sha-256", "-E", "UTF8"),
                *("--locale=C.UTF-8", f"--pwfile={secret}", "--no-sync"),
            ]
        )
        self._settings = self._with_tls() if tls else []
        self.begin()

    def _with_tls(self) -> list[str]:
        files = certificates()
        # It takes no key that others may read.
        key = self.path / "server.key"
        shutil.copy(files.server_key, key)
        key.chmod(0o600)
        shutil.chown(key, "postgres")
        return ["ssl=on", f"ssl_cert_file={files.server}", f"ssl_key_file={key}"]

    def begin(self) -> None:
        """Start the server; also after `halt`."""
        settings = [
            *self._settings,
            f"port={self.port}",
            f"listen_addresses={HOST}",
            f"unix_socket_directories={self.path / 'socket'}",
            "fsync=off",
        ]
        options = [word for setting in settings for word in ("-c", setting)]
        command = [*self._as_postgres("postgres"), "-D", self._data, *options]
        self.start(command, [self.port])
        # It listens before it answers.
        wait_until(self._answers, "PostgreSQL")

    def _answers(self) -> bool:
        try:
            return self.sql("SELECT 1").strip() == "1"
        except RuntimeError:
            return False

    def halt(self) -> None:
        """Stop it at once, connections and all."""
        must_run([*self._as_postgres("pg_ctl"), "-D", self._data, "-m", "fast", "stop"])

    def add_accounts(self) -> None:
        """Let the accounts log in, too."""
        for user, password in USERS:
            self.sql(f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{password}'")

    def sql(self, statement: str, *, user: str = "postgres", password: str = "") -> str:
        """Run a statement by psql; return what it printed, bare."""
        address = f"host={HOST} port={self.port} dbname=postgres user={user}"
        return must_run(
            ["psql", address, "-At", "-v", "ON_ERROR_STOP=1", "-c", statement],
            env={"PGPASSWORD": password or PASSWORD},
        ).decode()

    def _as_postgres(self, program: str) -> list[str | Path]:
        return ["runuser", "-u", "postgres", "--", self._bin / program]
