"""Libraries' connections go on inside a security layer, with servers that demand one."""

from __future__ import annotations

import asyncio
import imaplib
import poplib
import smtplib
import unittest
from collections.abc import Iterator
from typing import Any, NamedTuple

import sasl_core as sasl
from sasl_core.adapters import aioimaplib as aioimap_adapter
from sasl_core.adapters import aiosmtplib as aiosmtp_adapter
from sasl_core.adapters import imapclient as imapclient_adapter
from sasl_core.adapters import imaplib as imap_adapter
from sasl_core.adapters import ldap3 as ldap_adapter
from sasl_core.adapters import poplib as pop_adapter
from sasl_core.adapters import smtplib as smtp_adapter
from sasl_core.adapters.gssapi import initiator

from .. import _des
from .checks import OURS
from .outcomes import note
from .packages import need_package
from .peers import cyrus_imapd, kerberos, slapd
from .peers.accounts import ALICE
from .peers.process import HOST
from .submission import Submission

HOSTNAME = "localhost"
# Longer than a buffer may be, either way: the most that each side takes is 4096.
MESSAGE = b"Subject: long\r\n\r\n" + b"0123456789abcdef\r\n" * 2000
VALUE = "0123456789abcdef" * 2000


class Way(NamedTuple):
    """A mechanism with a layer: "integrity", "confidentiality", or DIGEST-MD5's cipher."""

    mechanism: str
    layer: str

    @property
    def credentials(self) -> sasl.Credentials:
        if self.mechanism == "DIGEST-MD5":
            return sasl.Credentials(*ALICE)
        return sasl.Credentials(gss=initiator())

    @property
    def policy(self) -> sasl.Policy:
        if self.layer not in _des.MAKERS:
            return sasl.Policy(
                allow=[self.mechanism], layers=[self.layer], max_buffer=4096
            )
        return sasl.Policy(
            allow=[self.mechanism],
            layers=["confidentiality"],
            ciphers={self.layer: _des.MAKERS[self.layer]},
            max_buffer=4096,
        )


WEAK = [
    Way("DIGEST-MD5", "integrity"),
    Way("GSSAPI", "integrity"),
    Way("GSS-SPNEGO", "integrity"),
]
STRONG = [
    Way("DIGEST-MD5", "rc4"),
    Way("GSSAPI", "confidentiality"),
    Way("GSS-SPNEGO", "confidentiality"),
]
WAYS = [*WEAK, Way("DIGEST-MD5", "rc4-40"), *STRONG]

cyrus: cyrus_imapd.CyrusImapd


def setUpModule() -> None:
    global cyrus
    need_package("gssapi")
    unittest.enterModuleContext(kerberos.running())
    names = {way.mechanism for way in WAYS}
    settings = "sasl_minimum_layer: 1\nimapidlepoll: 1"
    cyrus = unittest.enterModuleContext(cyrus_imapd.running(names, settings))


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


def noted(server: str, library: str, way: Way) -> None:
    note(server, f"{library} ({OURS})", way.mechanism, f"layer {way.layer}", "accepted")


class CyrusImapTest(unittest.TestCase):
    """Cyrus IMAP, which lets nobody in without a layer."""

    def ways(self, library: str, protocol: str) -> Iterator[Way]:
        for way in WAYS:
            with self.subTest(library, way=way):
                yield way
                noted(f"Cyrus IMAP {cyrus.version} {protocol}", library, way)

    def test_imaplib(self) -> None:
        for way in self.ways("imaplib", "imap"):
            imap = imaplib.IMAP4(HOSTNAME, cyrus.imap, timeout=10)
            imap_adapter.login(imap, way.credentials, policy=way.policy)
            self.assertEqual(imap.append("INBOX", "", "", MESSAGE)[0], "OK")
            number = imap.select("INBOX")[1][0]
            assert number is not None
            found: Any = imap.fetch(number.decode(), "(RFC822)")[1][0]
            self.assertEqual(found[1], MESSAGE)
            self.assertEqual(imap.logout()[0], "BYE")

    def test_imapclient(self) -> None:
        imapclient = need_package("imapclient")
        for way in self.ways("imapclient", "imap"):
            imap = imapclient.IMAPClient(HOSTNAME, cyrus.imap, ssl=False, timeout=10)
            imapclient_adapter.login(imap, way.credentials, policy=way.policy)
            imap.append("INBOX", MESSAGE)
            number = imap.select_folder("INBOX")[b"EXISTS"]
            found = imap.fetch([number], ["RFC822"])[number]
            self.assertEqual(found[b"RFC822"], MESSAGE)
            if way == STRONG[0]:
                self.wait(imap, way, number + 1)
            imap.logout()

    def wait(self, imap: Any, way: Way, number: int) -> None:
        """Hear of a new message in IDLE, for which imapclient polls the socket."""
        imap.idle()
        self.deliver(way)
        said = imap.idle_check(timeout=10)
        self.assertIn((number, b"EXISTS"), [line[:2] for line in said])
        imap.idle_done()

    def deliver(self, way: Way) -> None:
        lmtp = smtplib.LMTP(HOSTNAME, cyrus.lmtp)
        channel = sasl.Channel(False, service="lmtp", host=HOSTNAME)
        smtp_adapter.login(lmtp, way.credentials, channel=channel, policy=way.policy)
        lmtp.sendmail("a@example.org", [ALICE.user], MESSAGE)
        lmtp.quit()

    def test_aioimaplib(self) -> None:
        aioimaplib = need_package("aioimaplib")
        for way in self.ways("aioimaplib", "imap"):
            asyncio.run(self.by_aioimaplib(aioimaplib, way))

    async def by_aioimaplib(self, aioimaplib: Any, way: Way) -> None:
        imap = aioimaplib.IMAP4(host=HOSTNAME, port=cyrus.imap, timeout=10)
        await imap.wait_hello_from_server()
        channel = sasl.Channel(False, service="imap", host=HOSTNAME)
        await aioimap_adapter.login(
            imap, way.credentials, channel=channel, policy=way.policy
        )
        self.assertEqual((await imap.append(MESSAGE, "INBOX")).result, "OK")
        lines = (await imap.select("INBOX")).lines
        number = next(line.split()[0] for line in lines if line.endswith(b"EXISTS"))
        found = await imap.fetch(number.decode(), "(RFC822)")
        self.assertEqual(found.lines[1], MESSAGE)
        await imap.logout()
        imap.protocol.transport.abort()

    def test_poplib(self) -> None:
        self.deliver(STRONG[0])
        for way in self.ways("poplib", "pop3"):
            pop = poplib.POP3(HOSTNAME, cyrus.pop3, timeout=10)
            pop_adapter.login(pop, way.credentials, policy=way.policy)
            lines = pop.retr(pop.stat()[0])[1]
            self.assertEqual(lines[-2000:], MESSAGE.splitlines()[-2000:])
            pop.quit()

    def test_smtplib(self) -> None:
        for way in self.ways("smtplib", "lmtp"):
            self.deliver(way)

    def test_without_a_layer(self) -> None:
        """The server's demand is not met unless the policy names a layer."""
        imap = imaplib.IMAP4(HOSTNAME, cyrus.imap, timeout=10)
        self.addCleanup(imap.shutdown)
        for way in WEAK[:2]:  # GSS-SPNEGO lets one in all the same
            none = way.policy.replace(layers=("none",))
            with self.subTest(way), self.assertRaises(sasl.SASLError):
                imap_adapter.login(imap, way.credentials, policy=none)


class LdapTest(unittest.TestCase):
    """OpenLDAP, which does nothing for anybody without a layer."""

    def check(self, peer: slapd.Slapd, way: Way, strategy: str) -> None:
        ldap3 = need_package("ldap3")
        server = ldap3.Server(HOSTNAME, peer.port, connect_timeout=5)
        connection = ldap3.Connection(
            server, client_strategy=strategy, receive_timeout=10
        )
        self.addCleanup(connection.strategy.close)
        ldap_adapter.login(connection, way.credentials, policy=way.policy)
        dn = slapd.dn(ALICE.user)
        self.assertEqual(connection.extend.standard.who_am_i(), f"dn:{dn}")
        connection.modify(dn, {"description": [("MODIFY_REPLACE", [VALUE])]})
        found = connection.search(
            dn, "(objectClass=*)", "BASE", attributes=["description"]
        )
        entries = connection.response if found is True else found[2]
        self.assertEqual(entries[0]["attributes"]["description"], [VALUE])
        connection.unbind()
        noted(f"OpenLDAP {peer.version} slapd", f"ldap3 {strategy}", way)

    def test_integrity_at_least(self) -> None:
        with slapd.running(settings="security ssf=1", demands="none,minssf=1") as peer:
            for way in WAYS:
                with self.subTest(way):
                    self.check(peer, way, "SYNC")

    def test_confidentiality(self) -> None:
        with slapd.running(
            settings="security ssf=56", demands="none,minssf=56"
        ) as peer:
            for way in STRONG:
                with self.subTest(way):
                    self.check(peer, way, "SAFE_SYNC")
            for way in WEAK[:2]:
                with self.subTest(way), self.assertRaises(sasl.ProtocolError):
                    self.check(peer, way, "SYNC")


class AioSmtpTest(unittest.TestCase):
    """aiosmtplib and our server: no other of SMTP has layers."""

    def test_aiosmtplib(self) -> None:
        aiosmtplib = need_package("aiosmtplib")
        ours = Submission()
        self.addCleanup(ours.close)
        for layer in ("integrity", "rc4-40", "rc4"):
            way = Way("DIGEST-MD5", layer)
            ours.expect(way.policy)
            with self.subTest(way):
                asyncio.run(self.submit(aiosmtplib, ours.port, way))
                event = ours.outcome()
                assert isinstance(event, sasl.Success), event
                self.assertIsNotNone(event.layer)
                noted(OURS, "aiosmtplib", way)

    async def submit(self, aiosmtplib: Any, port: int, way: Way) -> None:
        smtp = aiosmtplib.SMTP(hostname=HOST, port=port, timeout=10, start_tls=False)
        await smtp.connect()
        channel = sasl.Channel(False, service="smtp", host=HOSTNAME)
        await aiosmtp_adapter.login(
            smtp, way.credentials, channel=channel, policy=way.policy
        )
        self.assertTrue(smtp.supports_extension("auth"))
        await smtp.sendmail("a@example.org", ["b@example.org"], MESSAGE)
        await smtp.quit()


if __name__ == "__main__":
    unittest.main()
