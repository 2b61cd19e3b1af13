"""Our client logs in to PostgreSQL; psql and psycopg log in to our server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import unittest
from collections.abc import Iterator
from typing import Any

import sasl_core as sasl
from sasl_core.adapters import blocking, streams
from sasl_core.protocols.postgresql import (
    READY,
    ClientSession,
    Command,
    Reply,
    ServerSession,
    error,
    message,
)

from .application import REQUESTS
from .cases import RIGHT, WRONG, Case, each, matrix
from .checks import Checks, ProgramChecks
from .packages import need_package
from .peers import psql
from .peers.accounts import ALICE
from .peers.mail import Attempt
from .peers.postgresql import BOUND, MECHANISMS, Postgresql
from .peers.process import HOST
from .peers.tls import certificates, client_context
from .serving import Serving

BEST = "SCRAM-SHA-256-PLUS"

postgresql: Postgresql
version: str
ours: Database


class Database(Serving):
    """Our server: every query is answered with nothing."""

    service = "postgres"
    answers: Any = REQUESTS

    def new_session(self, channel: sasl.Channel) -> ServerSession:
        """Make the session of a connection."""
        return ServerSession(
            channel, policy=self.policy, answers=self.answers, starttls=True
        )

    def greeting(self, session: ServerSession) -> None:
        """The client speaks first."""

    async def handle(
        self, session: ServerSession, command: Command, ask: streams.Ask
    ) -> Reply:
        """Answer as a database with nothing in it."""
        if command.kind != "Q":
            return Reply(error("0A000", "not here") + READY)
        if command.body.strip(b"; \0"):
            return Reply(message("C", b"SELECT 0\0") + READY)
        return Reply(message("I") + READY)


def setUpModule() -> None:
    global postgresql, version, ours
    postgresql = unittest.enterModuleContext(Postgresql(tls=True))
    postgresql.add_accounts()
    version = postgresql.sql("SHOW server_version").split()[0]
    ours = PsqlTest.ours = Database()
    unittest.addModuleCleanup(ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@contextlib.contextmanager
def logged_in(
    client: ClientSession, port: int, context: ssl.SSLContext | None
) -> Iterator[socket.socket]:
    """Log in by a blocking socket, which is gone in the end."""
    with (
        socket.create_connection((HOST, port), 10) as sock,
        blocking.authenticate(client, sock, tls=context) as secure,
    ):
        yield secure


def session(credentials: sasl.Credentials, **options: Any) -> ClientSession:
    """Make our client."""
    channel = sasl.Channel(False, service="postgres", host="localhost")
    return ClientSession(credentials, channel=channel, database="postgres", **options)


def ask(sock: socket.socket, client: ClientSession, query: str) -> bytes:
    """Run a query; return all octets that come back, up to the next ReadyForQuery."""
    octets = client.unread()
    while not octets.endswith(READY):
        octets += sock.recv(65536)
    sock.sendall(message("Q", query.encode() + b"\0"))
    octets = b""
    while not octets.endswith(READY):
        octets += sock.recv(65536)
    return octets


@each(matrix(MECHANISMS | BOUND, authzid=False))
class OursTest(Checks):
    """Our client over TLS."""

    def check(self, mechanism: str, case: Case) -> None:
        # Without -PLUS, as a client that cannot bind.
        binding = "require" if mechanism in BOUND else "disable"
        policy = sasl.Policy(allow=[mechanism], channel_binding=binding)
        client = session(case.credentials, policy=policy)
        name = f"PostgreSQL {version} TLS"
        with (
            self.attempt(name, mechanism, case),
            logged_in(client, postgresql.port, client_context()) as sock,
        ):
            self.assertEqual(client.mechanism, mechanism)
            said = ask(sock, client, "SELECT 'I am ' || current_user")
            self.assertIn(f"I am {case.credentials.username}".encode(), said)
        self.assertEqual(client.authenticated, case.welcome)


class BestTest(Checks):
    """What is not a matter of the mechanism."""

    def test_in_the_clear(self) -> None:
        for case in (RIGHT, WRONG):
            client = session(case.credentials, starttls="never")
            with (
                self.subTest(case.name),
                self.attempt(f"PostgreSQL {version} clear", "SCRAM-SHA-256", case),
                logged_in(client, postgresql.port, None),
            ):
                self.assertEqual(client.mechanism, "SCRAM-SHA-256")

    def test_streams(self) -> None:
        for port, name in (
            (postgresql.port, f"PostgreSQL {version} TLS"),
            (ours.port, "sasl_core TLS"),
        ):
            for case in (RIGHT, WRONG):
                ours.expect(sasl.Policy())
                with self.subTest(name, case=case.name):
                    asyncio.run(self.log_in_by_streams(name, port, case))

    async def log_in_by_streams(self, name: str, port: int, case: Case) -> None:
        client = session(case.credentials)
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            with self.attempt(f"{name} (streams)", BEST, case):
                await streams.authenticate(
                    client, reader, writer, tls=client_context(), timeout=10
                )
                self.assertEqual(client.mechanism, BEST)
        finally:
            writer.transport.abort()

    def test_a_password_that_saslprep_refuses(self) -> None:
        """PostgreSQL takes it as it is, and so do we."""
        for number, password in enumerate(("\x07bell", "\u0221", "\u0627\u0031")):
            user = f"raw{number}"
            postgresql.sql(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
            for given, welcome in ((password, True), (f"{password}x", False)):
                case = Case("raw password", sasl.Credentials(user, given), welcome)
                client = session(case.credentials)
                with (
                    self.subTest(password, welcome=welcome),
                    self.attempt(f"PostgreSQL {version} TLS", BEST, case),
                    logged_in(client, postgresql.port, client_context()),
                ):
                    self.assertEqual(client.mechanism, BEST)

    def test_a_password_in_clear(self) -> None:
        ours.answers = [sasl.CheckPassword]
        self.addCleanup(setattr, ours, "answers", REQUESTS)
        for case in (RIGHT, WRONG):
            with self.subTest(case.name):
                ours.expect(sasl.Policy())
                attempt = Attempt(ours.port, "password", case.credentials)
                done = psql.log_in(attempt)
                name = f"psql {psql.version()}, password in clear"
                self.check_event(ours.outcome(), name, "PLAIN", case)
                expected = 0 if case.welcome else psql.REFUSED
                self.assertEqual(done.returncode, expected, done.stdout)

    def test_a_user_without_a_password(self) -> None:
        postgresql.sql("CREATE ROLE nopassword LOGIN")
        case = Case("no password", sasl.Credentials("nopassword", "x"), False)
        with (
            self.attempt(f"PostgreSQL {version} TLS", BEST, case),
            logged_in(session(case.credentials), postgresql.port, client_context()),
        ):
            pass

    def test_keys_that_we_wrote(self) -> None:
        """A record of ours as the role's password, and stored keys in place of it."""
        record = sasl.ScramKeys.derive("pencil", iterations=5000).format("postgresql")
        postgresql.sql(f"CREATE ROLE written LOGIN PASSWORD '{record}'")
        client = session(sasl.Credentials("written", "pencil"))
        with logged_in(client, postgresql.port, client_context()):
            self.assertEqual(client.mechanism, BEST)

    def test_the_example(self) -> None:
        """examples.postgresql_login, as it is started."""
        done = subprocess.run(
            [
                *(sys.executable, "-m", "examples.postgresql_login"),
                *("localhost", ALICE.user, "postgres", str(postgresql.port)),
            ],
            input=f"{ALICE.password}\n",
            env=os.environ | {"SSL_CERT_FILE": str(certificates().authority)},
            capture_output=True,
            text=True,
            timeout=30,
            start_new_session=True,  # without a terminal, the password comes from stdin
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"alice, by {BEST}", done.stdout)


@each(matrix(psql.MECHANISMS, authzid=False))
class PsqlTest(ProgramChecks):
    """psql, which is libpq, to our server."""

    program = psql
    protocol = "postgresql"
    policy = sasl.Policy()


class PsycopgTest(Checks):
    """psycopg, which is libpq too: it takes no SASL from outside."""

    def test_it(self) -> None:
        psycopg = need_package("psycopg")
        for case in (RIGHT, WRONG):
            ours.expect(sasl.Policy())
            refused = contextlib.nullcontext()
            if not case.welcome:
                refused = self.assertRaises(psycopg.OperationalError)
            with (
                self.subTest(case.name),
                refused,
                psycopg.connect(
                    host=HOST,
                    port=ours.port,
                    user=case.credentials.username,
                    password=case.credentials.password,
                    sslmode="verify-full",
                    sslrootcert=str(certificates().authority),
                    channel_binding="require",
                    autocommit=True,
                ) as connection,
            ):
                self.assertEqual(
                    connection.execute("SELECT 1").statusmessage, "SELECT 0"
                )
            name = f"psycopg {psycopg.__version__}"
            self.check_event(ours.outcome(), name, BEST, case)


if __name__ == "__main__":
    unittest.main()
