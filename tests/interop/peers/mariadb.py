"""MariaDB, as a database for accounts."""

from __future__ import annotations

from .process import HOST, Sandbox, free_ports, must_run, need

USER, PASSWORD, DATABASE = "sasl", "maria-Key1", "accounts"


class Mariadb(Sandbox):
    """A server of its own, with one database and its user."""

    def __init__(self) -> None:
        need("mariadbd", "mariadb", "mariadb-install-db", root=True)
        super().__init__("mariadb")
        (self.port,) = free_ports(1)
        self._data = self.directory("data", "mysql")
        self._socket = self.directory("socket", "mysql") / "s"
        must_run(
            [
                *("mariadb-install-db", "--no-defaults", "--user=mysql"),
                *(f"--datadir={self._data}", "--skip-test-db"),
            ],
            seconds=60,
        )
        self.begin()
        for statement in (
            f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4",
            f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON {DATABASE}.* TO {USER}@'%'",
        ):
            must_run(["mariadb", f"--socket={self._socket}", "-e", statement])

    def begin(self) -> None:
        """Start the server."""
        self.start(
            [
                "mariadbd",
                *("--no-defaults", "--user=mysql", f"--datadir={self._data}"),
                *(f"--socket={self._socket}", f"--port={self.port}"),
                *(f"--bind-address={HOST}", f"--pid-file={self._data}/pid"),
                *("--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"),
            ],
            [self.port],
        )
