"""Our server delegates: to a real Dovecot, to a real saslauthd, to a directory by bind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import unittest
from pathlib import Path
from typing import Any

import sasl_core as sasl
from sasl_core.adapters import saslauthd as adapter
from sasl_core.adapters.dovecot import Delegate
from sasl_core.backends import Application, Unavailable
from sasl_core.backends.bind import LdapBind, LdapSearch
from sasl_core.backends.checked import CheckedStore, by_verdict
from sasl_core.protocols import smtp
from sasl_core.protocols.dovecot import LookedUp, MasterClient
from sasl_core.protocols.saslauthd import Refused, Verified

from .cases import Case, each, matrix
from .checks import OURS, REFUSALS, Checks, expected_user
from .outcomes import note
from .packages import need_package
from .peers import dovecot, saslauthd, slapd
from .peers.accounts import ALICE, USERS
from .peers.process import HOST
from .peers.tls import certificates

peer: dovecot.Dovecot


def setUpModule() -> None:
    global peer
    peer = unittest.enterModuleContext(dovecot.running())


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@each(matrix(dovecot.MECHANISMS, masters=True))
class DovecotTest(Checks):
    """Our client, our SMTP server, and a Dovecot that authenticates for it."""

    def check(self, mechanism: str, case: Case) -> None:
        server = asyncio.run(self.exchange(mechanism, case))
        outcome = server.success or server.failure
        said = "accepted" if server.success else f"refused ({outcome.reason.value})"
        note(
            f"Dovecot {peer.version} auth, by {OURS}", OURS, mechanism, case.name, said
        )
        if case.welcome:
            self.assertEqual(
                server.identity.authzid, expected_user(mechanism, case), outcome
            )
            self.assertEqual(server.success.mechanism, mechanism)
        elif case.name == "other scope":
            # Dovecot's word for it; where it serves clients itself, they do not hear it.
            self.assertIs(outcome.reason, sasl.Reason.DISABLED)
        else:
            self.assertIn(outcome.reason, REFUSALS)

    async def exchange(self, mechanism: str, case: Case) -> smtp.ServerSession:
        """Run both sides of SMTP against each other."""
        channel = sasl.Channel(
            True, service="smtp", remote="127.0.0.1", external=case.certificate
        )
        policy = sasl.Policy(allow=[mechanism])
        server = smtp.ServerSession(channel, policy=policy)
        client = smtp.ClientSession(
            case.credentials, channel=channel, policy=policy, starttls="never"
        )
        delegate = Delegate(peer.mta_socket, timeout=10)
        server.forward(await delegate.mechanisms())
        said = bytes(smtp.Reply(220, "x"))
        with contextlib.suppress(sasl.AuthenticationError):
            while not client.authenticated:
                line = client.receive(said)
                if not line:
                    break
                action = server.receive(line)
                while isinstance(action, sasl.Request):
                    action = server.resume(await delegate.answer(action))
                if (decision := server.decision()) is not None:
                    await delegate.decided(*decision)
                if isinstance(action, smtp.Command):
                    action = smtp.Reply(250, "x", *server.keywords())
                said = bytes(action)
        await delegate.close()
        self.assertEqual(client.authenticated, case.welcome)
        return server

    def test_offered(self) -> None:
        async def offered() -> set[str]:
            delegate = Delegate(peer.mta_socket)
            names = {mechanism.name for mechanism in await delegate.mechanisms()}
            await delegate.close()
            return names

        self.assertEqual(asyncio.run(offered()), dovecot.MECHANISMS)

    def test_many_at_once_on_one_connection(self) -> None:
        async def many() -> list[sasl.Event]:
            delegate = Delegate(peer.mta_socket)
            mechanisms = {m.name: m for m in await delegate.mechanisms()}
            found = await asyncio.gather(
                *(self.one(delegate, mechanisms, number) for number in range(200))
            )
            await delegate.close()
            return found

        for number, event in enumerate(asyncio.run(many())):
            yes = number % 3 != 0
            self.assertEqual(isinstance(event, sasl.Success), yes, event)

    async def one(
        self, delegate: Delegate, mechanisms: dict[str, Any], number: int
    ) -> sasl.Event:
        name = ("PLAIN", "SCRAM-SHA-256", "CRAM-MD5")[number % 3 - 1]
        password = ALICE.password if number % 3 else "Wonderland"
        channel = sasl.Channel(True, service="smtp")
        profile = sasl.profiles.RAW
        client = sasl.client(
            name,
            sasl.Credentials(ALICE.user, password),
            channel=channel,
            profile=profile,
        )
        server = sasl.server(mechanisms[name], channel=channel, profile=profile)
        event = server.start(client.start())
        while not isinstance(event, sasl.Success | sasl.Failure):
            if isinstance(event, sasl.Request):
                event = await delegate.answer(event)
            else:
                event = server.step(client.step(event.data))
        await delegate.decided(server, event)
        return event

    def test_a_master_looks_users_up(self) -> None:
        client = MasterClient()
        answers: list[LookedUp] = []
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(peer.mta_socket.with_name("auth-userdb")))
            client.user(ALICE.user, "lmtp")
            while not answers:
                sock.sendall(client.data_to_send())
                answers = client.receive(sock.recv(4096))
        self.assertEqual(answers[0].found.username, ALICE.user)
        self.assertIn("uid", answers[0].found.fields)


class SaslauthdTest(unittest.TestCase):
    """Our program asks a real saslauthd, which logs in to the Dovecot."""

    def ask(self, mux: Path, user: str, password: str) -> Verified | Refused:
        found = adapter.verify(mux, user, password, service="imap", timeout=20)
        said = "accepted" if isinstance(found, Verified) else "refused"
        note(f"saslauthd {saslauthd.version()}", OURS, "saslauthd", user, said)
        return found

    def test_passwords(self) -> None:
        with saslauthd.running(peer.imap) as mux:
            for user, password in USERS:
                self.assertIsInstance(self.ask(mux, user, password), Verified)
            for user, password in ((ALICE.user, "x"), ("nobody", ALICE.password)):
                refused = self.ask(mux, user, password)
                self.assertIs(refused.reason, sasl.Reason.BAD_CREDENTIALS)
            found = asyncio.run(adapter.verify_async(mux, *ALICE))
            self.assertIsInstance(found, Verified)
            check = by_verdict(lambda *who: adapter.verify(mux, *who))
            self.assertTrue(check(*ALICE))
        with self.assertRaises(Unavailable):
            check(*ALICE)


class BindTest(unittest.TestCase):
    """OpenLDAP's slapd checks the passwords, by bind."""

    @classmethod
    def setUpClass(cls) -> None:
        """Run it."""
        cls.ldap3 = need_package("ldap3")
        cls.slapd = cls.enterClassContext(slapd.running())

    def connector(
        self,
        port: int,
        *,
        ldaps: bool,
        strategy: str = "SAFE_SYNC",
        trusted: bool = True,
    ) -> Any:
        ldap3 = self.ldap3
        authority = str(certificates().authority) if trusted else None

        def connect(dn: str, password: str) -> Any:
            tls = ldap3.Tls(
                validate=ssl.CERT_REQUIRED,
                ca_certs_file=authority,
                valid_names=["localhost", HOST],
            )
            server = ldap3.Server(
                HOST,
                port,
                use_ssl=ldaps,
                tls=tls,
                get_info=ldap3.NONE,
                connect_timeout=5,
            )
            return ldap3.Connection(
                server,
                dn,
                password,
                client_strategy=strategy,
                receive_timeout=10,
                auto_referrals=False,
            )

        return connect

    def searching(self) -> Any:
        connect = self.connector(self.slapd.port, ldaps=False)

        def bound() -> Any:
            connection = connect(*self.slapd.reader)
            connection.bind()
            return connection

        return bound

    def checks(self) -> dict[str, LdapBind]:
        template = f"uid={{username}},{slapd.PEOPLE}"
        tls, plain = self.slapd.tls_port, self.slapd.port
        search = LdapSearch(self.searching(), slapd.PEOPLE)
        self.addCleanup(search.close)
        return {
            "LDAPS": LdapBind(self.connector(tls, ldaps=True), dn=template),
            "StartTLS": LdapBind(self.connector(plain, ldaps=False), dn=template),
            "SYNC": LdapBind(
                self.connector(plain, ldaps=False, strategy="SYNC"), dn=template
            ),
            "search": LdapBind(self.connector(tls, ldaps=True), search=search),
        }

    def test_passwords(self) -> None:
        for how, check in self.checks().items():
            for user, password in USERS:
                self.assertTrue(check(user, password), (how, user))
                self.assertFalse(check(user, password + "x"), (how, user))
                self.assertFalse(check(user, ""), (how, user))
                note(f"slapd {self.slapd.version}, {how}", OURS, "bind", user, "ok")
            for user in ("nobody", "*", "alice,ou=people", "alice)(uid=*"):
                self.assertFalse(check(user, ALICE.password), (how, user))

    def test_an_anonymous_bind_is_no_login(self) -> None:
        """slapd takes an empty password for nobody's, and says yes where it may."""
        check = self.checks()["LDAPS"]
        self.assertFalse(check(ALICE.user, ""))

    def test_no_tls_no_password(self) -> None:
        untrusted = self.connector(self.slapd.tls_port, ldaps=True, trusted=False)
        with self.assertRaises(Unavailable):
            LdapBind(untrusted, dn=f"uid={{username}},{slapd.PEOPLE}")(*ALICE)

    def test_a_dead_directory_is_no_wrong_password(self) -> None:
        with slapd.running() as other:
            connect = self.connector(other.tls_port, ldaps=True)
            check = LdapBind(connect, dn=f"uid={{username}},{slapd.PEOPLE}")
            self.assertTrue(check(*ALICE))
            other.kill()
            with self.assertRaises(Unavailable):
                check(*ALICE)
            application = Application(CheckedStore(check))
            exchange = sasl.server(
                "PLAIN",
                channel=sasl.Channel(True),
                policy=application.policy(),
                profile=sasl.profiles.RAW,
            )
            event = exchange.start(f"\0{ALICE.user}\0{ALICE.password}".encode())
            event = application.answer(event)
            self.assertIs(event.reason, sasl.Reason.UNAVAILABLE)


if __name__ == "__main__":
    unittest.main()
