"""SASL in LDAP: our client and ldap3 bind to slapd, ldapwhoami and ldap3 to our server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import ssl
import subprocess
import sys
import unittest
from collections.abc import Iterator
from typing import Any

import sasl_core as sasl
from sasl_core.adapters import blocking, streams
from sasl_core.adapters import ldap3 as adapter
from sasl_core.protocols.ldap import ClientSession, Command, Reply, ServerSession
from sasl_core.protocols.ldap import _messages as messages

from .cases import RIGHT, WRONG, Case, each, matrix
from .checks import Checks, ProgramChecks, expected_user
from .packages import need_package
from .peers import ldap_tools
from .peers.accounts import ALICE, USERS
from .peers.process import HOST, NAME
from .peers.slapd import MECHANISMS, PEOPLE, WITHOUT_TLS, Slapd, dn, running
from .peers.tls import certificates, client_context
from .serving import Serving

_WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"
NOT_AUTHORIZED = 50
BEST = "SCRAM-SHA-512-PLUS"
ALICE_DN = dn(ALICE.user)

slapd: Slapd
ours: Directory


class Directory(Serving):
    """Our server: it tells who one is, and that is all."""

    service = "ldap"

    def new_session(self, channel: sasl.Channel) -> ServerSession:
        """Make the session of a connection."""
        return ServerSession(
            channel,
            policy=self.policy,
            answers=self.requests,
            starttls=True,
            simple=_user,
            anonymous=True,
        )

    def greeting(self, session: ServerSession) -> None:
        """The client speaks first."""

    async def handle(
        self, session: ServerSession, command: Command, ask: streams.Ask
    ) -> Reply:
        """Answer "Who am I?" (RFC 4532)."""
        if command.name != _WHO_AM_I:
            return command.done(53, "not here")
        who = f"u:{session.identity.authzid}" if session.identity else ""
        return command.done(value=who.encode())


def _user(name: str) -> str:
    """Return the user of a person's entry."""
    return {dn(account.user): account.user for account in USERS}.get(name, name)


def setUpModule() -> None:
    global slapd, ours
    slapd = unittest.enterModuleContext(running())
    ours = LdapwhoamiCase.ours = Directory()
    unittest.addModuleCleanup(ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@contextlib.contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """Open a connection, which is gone in the end."""
    with socket.create_connection((HOST, port), 10) as sock:
        yield sock


def session(credentials: sasl.Credentials, **options: Any) -> ClientSession:
    """Make our client."""
    channel = sasl.Channel(False, service="ldap", host="localhost")
    return ClientSession(credentials, channel=channel, **options)


def who_am_i(sock: socket.socket, message_id: int) -> str:
    """Ask the server."""
    sock.sendall(messages.extended_request(message_id, _WHO_AM_I))
    _, _, answer = sock.recv(65536).partition(b"\x8b")
    # Any octet may be escaped, or not (RFC 4514, section 2.4).
    plain = re.sub(
        rb"\\([0-9A-Fa-f]{2})", lambda m: bytes.fromhex(m[1].decode()), answer
    )
    return plain[1:].decode()


class OursTest(Checks):
    """Our client over a blocking socket."""

    def log_in(
        self, mechanism: str, case: Case, *, context: ssl.SSLContext | None
    ) -> None:
        client = session(
            case.credentials,
            policy=sasl.Policy(allow=[mechanism]),
            starttls="require" if context else "never",
        )
        how = "StartTLS" if context else "clear"
        name = f"OpenLDAP {slapd.version} slapd {how}"
        with connected(slapd.port) as sock:
            with self.attempt(name, mechanism, case):
                with blocking.authenticate(client, sock, tls=context) as secure:
                    self.assertEqual(client.mechanism, mechanism)
                    found = who_am_i(secure, client.message_id + 1)
                    self.assertEqual(found, expected(mechanism, case))
            self.assertEqual(client.authenticated, case.welcome)


def expected(mechanism: str, case: Case) -> str:
    """Return who slapd takes one for."""
    if mechanism == "ANONYMOUS":
        return ""
    user = case.credentials.authzid or case.credentials.username
    return f"dn:uid={user or case.certificate},{PEOPLE}"


@each(matrix(MECHANISMS))
class StartTLSTest(OursTest):
    """Over StartTLS."""

    def check(self, mechanism: str, case: Case) -> None:
        self.log_in(mechanism, case, context=client_context(case.certificate))

    def test_offered(self) -> None:
        client = session(sasl.Credentials("x"), policy=sasl.Policy(allow=()))
        with connected(slapd.port) as sock, self.assertRaises(sasl.NoMechanism) as no:
            blocking.authenticate(client, sock, tls=client_context("alice"))
        self.assertLessEqual(MECHANISMS, set(no.exception.refusals))


@each(matrix(WITHOUT_TLS & {"SCRAM-SHA-256", "CRAM-MD5"}))
class ClearTest(OursTest):
    """Without TLS: what shows the password to nobody."""

    def check(self, mechanism: str, case: Case) -> None:
        self.log_in(mechanism, case, context=None)


class BestTest(Checks):
    """Nothing is said but the credentials."""

    def test_streams(self) -> None:
        for case in (RIGHT, WRONG):
            with self.subTest(case.name):
                asyncio.run(self.log_in_by_streams(case))

    async def log_in_by_streams(self, case: Case) -> None:
        """Over TLS from the beginning."""
        reader, writer = await asyncio.open_connection(
            HOST, slapd.tls_port, ssl=client_context()
        )
        tls = writer.get_extra_info("ssl_object")
        channel = sasl.Channel.from_ssl(tls, service="ldap", host="localhost")
        client = ClientSession(case.credentials, channel=channel)
        try:
            with self.attempt(f"OpenLDAP {slapd.version} slapd ldaps", BEST, case):
                await streams.authenticate(client, reader, writer, timeout=10)
                self.assertEqual(client.mechanism, BEST)
        finally:
            writer.transport.abort()

    def test_simple_binds(self) -> None:
        for case in (RIGHT, WRONG):
            name = dn(case.credentials.username)
            client = session(case.credentials, mechanisms=(), dn=name)
            server = f"OpenLDAP {slapd.version} slapd StartTLS"
            with self.subTest(case.name), connected(slapd.port) as sock:
                with self.attempt(server, "(simple)", case):
                    with blocking.authenticate(
                        client, sock, tls=client_context()
                    ) as secure:
                        found = who_am_i(secure, client.message_id + 1)
                        self.assertEqual(found, expected("", case))

    def test_both_sides_ours(self) -> None:
        """Bound, and by a simple bind."""
        for case in (RIGHT, WRONG):
            for name, options in (
                (BEST, {}),
                ("PLAIN", {"mechanisms": (), "dn": ALICE_DN}),
            ):
                ours.expect(sasl.Policy())
                client = session(case.credentials, **options)
                with self.subTest(name, case=case.name), connected(ours.port) as sock:
                    with self.attempt("sasl_core StartTLS", name, case):
                        with blocking.authenticate(
                            client, sock, tls=client_context()
                        ) as secure:
                            self.assertEqual(client.mechanism, name)
                            found = who_am_i(secure, client.message_id + 1)
                            self.assertEqual(found, "u:alice")
                    sock.close()
                    self.check_event(ours.outcome(), "sasl_core", name, case)


class Ldap3Case(Checks):
    """ldap3, whose connections our adapter binds."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.ldap3 = need_package("ldap3")

    @contextlib.contextmanager
    def connection(
        self,
        peer: Slapd | Directory,
        strategy: str,
        certificate: str | None = None,
        **options: Any,
    ) -> Iterator[Any]:
        files = certificates()
        mine = {}
        if certificate:
            mine = {
                "local_certificate_file": str(files.alice),
                "local_private_key_file": str(files.alice_key),
            }
        tls = self.ldap3.Tls(
            validate=ssl.CERT_REQUIRED, ca_certs_file=str(files.authority), **mine
        )
        server = self.ldap3.Server(
            NAME, peer.port, tls=tls, connect_timeout=10, **options
        )
        # With a timeout, the thread of ASYNC goes on for ever after the end.
        timeout = None if strategy == "ASYNC" else 10
        connection = self.ldap3.Connection(
            server, client_strategy=strategy, receive_timeout=timeout
        )
        connection.open(read_server_info=False)
        if strategy != "ASYNC":
            # That reads in a thread already, and TLS begins under it: sometimes it fails.
            connection.start_tls(read_server_info=False)
        try:
            yield connection
        finally:
            connection.unbind()

    def who(self, connection: Any) -> str:
        """Ask the server, by what ldap3 has for it."""
        return str(connection.extend.standard.who_am_i() or "")


@each(matrix(MECHANISMS))
class Ldap3Test(Ldap3Case):
    """Each mechanism of slapd."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"OpenLDAP {slapd.version} slapd, by ldap3 {self.ldap3.__version__}"
        only = sasl.Policy(allow=[mechanism])
        with self.connection(slapd, "SAFE_SYNC", case.certificate) as connection:
            with self.attempt(name, mechanism, case):
                found = adapter.login(connection, case.credentials, policy=only)
                self.assertEqual(found, mechanism)
            self.assertEqual(connection.bound, case.welcome)


class Ldap3StrategiesTest(Ldap3Case):
    """Each strategy, and what a connection can do then."""

    strategies = (
        ("SYNC", BEST),
        ("SAFE_SYNC", BEST),
        ("ASYNC", BEST.removesuffix("-PLUS")),  # without TLS
    )

    def test_slapd(self) -> None:
        for strategy, best in self.strategies:
            for case in (RIGHT, WRONG):
                name = f"OpenLDAP {slapd.version} slapd, by ldap3 {strategy}"
                with (
                    self.subTest(strategy, case=case.name),
                    self.connection(
                        slapd, strategy, get_info=self.ldap3.DSA
                    ) as connection,
                ):
                    with self.attempt(name, best, case):
                        found = adapter.login(connection, case.credentials)
                        self.assertEqual(found, best)
                    self.assertEqual(connection.bound, case.welcome)
                    self.assertNotIn(ALICE.password, repr(connection))
                    if case.welcome and strategy == "SYNC":
                        self.assertIn("uid=alice", self.who(connection))
                        info = connection.server.info
                        self.assertIn(best, info.supported_sasl_mechanisms)

    def test_ours(self) -> None:
        for strategy, best in self.strategies:
            for case in (RIGHT, WRONG):
                ours.expect(sasl.Policy())
                with (
                    self.subTest(strategy, case=case.name),
                    self.connection(ours, strategy) as connection,
                ):
                    with self.attempt(f"sasl_core, by ldap3 {strategy}", best, case):
                        adapter.login(connection, case.credentials)
                    if case.welcome and strategy == "SYNC":
                        self.assertEqual(self.who(connection), "u:alice")
                self.check_event(ours.outcome(), f"ldap3 {strategy}", best, case)

    def test_raised_as_it_is_wanted(self) -> None:
        """ldap3's own exceptions for refusals do not get in the way."""
        with self.connection(slapd, "SYNC") as connection:
            connection.raise_exceptions = True
            with self.assertRaises(sasl.AuthenticationError):
                adapter.login(connection, WRONG.credentials)
            self.assertTrue(connection.raise_exceptions)
            self.assertEqual(adapter.login(connection, RIGHT.credentials), BEST)

    def test_the_example(self) -> None:
        """examples.ldap3_bind, as it is started."""
        done = subprocess.run(
            [sys.executable, "-m", "examples.ldap3_bind", NAME, ALICE.user],
            input=f"{ALICE.password}\n",
            env=os.environ
            | {
                "LDAP_PORT": str(slapd.port),
                "SSL_CERT_FILE": str(certificates().authority),
            },
            capture_output=True,
            text=True,
            timeout=30,
            start_new_session=True,  # without a terminal, the password comes from stdin
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{BEST}", done.stdout)
        self.assertIn("uid=alice", done.stdout)


class LdapwhoamiCase(ProgramChecks):
    """OpenLDAP's client, which binds with the Cyrus library, to our server."""

    program = ldap_tools
    name = "ldapwhoami"

    def has_logged_in(
        self, done: subprocess.CompletedProcess[bytes], mechanism: str, case: Case
    ) -> bool:
        if case.name == "foreign authzid":
            self.assertEqual(done.returncode, NOT_AUTHORIZED, done.stdout)
            return False
        welcome = super().has_logged_in(done, mechanism, case)
        if welcome:
            who = done.stdout.decode(errors="replace").strip()
            self.assertEqual(who, f"u:{expected_user(mechanism, case)}")
        return welcome


@each(matrix(ldap_tools.MECHANISMS, masters=True))
class LdapwhoamiTest(LdapwhoamiCase):
    """Over StartTLS."""

    protocol = "ldap"


@each(matrix(["SCRAM-SHA-256-PLUS", "EXTERNAL"]))
class LdapsTest(LdapwhoamiCase):
    """Over TLS from the beginning."""

    protocol = "ldaps"


if __name__ == "__main__":
    unittest.main()
