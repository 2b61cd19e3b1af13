"""PostgreSQL, as a database for accounts, and as a writer and reader of SCRAM keys."""

from __future__ import annotations

from pathlib import Path

from .process import HOST, Sandbox, free_ports, missing, must_run, need, wait_until

PASSWORD = "postgres-Key1"


class Postgresql(Sandbox):
    """A cluster of its own: user `postgres`, by SCRAM-SHA-256."""

    def __init__(self) -> None:
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
        self.begin()

    def begin(self) -> None:
        """Start the server; also after `halt`."""
        settings = (
            f"port={self.port}",
            f"listen_addresses={HOST}",
            f"unix_socket_directories={self.path / 'socket'}",
            "fsync=off",
        )
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

    def sql(self, statement: str, *, user: str = "postgres", password: str = "") -> str:
        """Run a statement by psql; return what it printed, bare."""
        address = f"host={HOST} port={self.port} dbname=postgres user={user}"
        return must_run(
            ["psql", address, "-At", "-v", "ON_ERROR_STOP=1", "-c", statement],
            env={"PGPASSWORD": password or PASSWORD},
        ).decode()

    def _as_postgres(self, program: str) -> list[str | Path]:
        return ["runuser", "-u", "postgres", "--", self._bin / program]
