"""Kerberos with MIT's KDC: GSSAPI, GS2-KRB5 and GSS-SPNEGO with Cyrus SASL, Dovecot and
OpenLDAP; layers; channel bindings. Clients are in `test_kerberos_programs`.
"""

from __future__ import annotations

import imaplib
import socket
import unittest
from functools import partial
from typing import Any

import sasl_core as sasl
from sasl_core.adapters import blocking
from sasl_core.adapters.gssapi import acceptor, initiator
from sasl_core.adapters.imaplib import login
from sasl_core.backends import Account, Application
from sasl_core.backends.memory import MemoryStore
from sasl_core.protocols import ldap
from sasl_core.protocols.ldap import _messages as messages

from . import sample
from .checks import OURS
from .outcomes import note
from .packages import need_package
from .peers import dovecot, kerberos, slapd
from .peers.accounts import ALICE
from .peers.cyrus import Cyrus, installed
from .peers.process import HOST
from .peers.tls import client_context

NAMES = ("GSSAPI", "GS2-KRB5", "GSS-SPNEGO")
PRINCIPAL = f"{ALICE.user}@{kerberos.REALM}"
# Our layers, in our order, with Cyrus's least and greatest numbers of bits.
LAYERS = {
    "none": (("none",), "min=0,max=0"),
    "integrity": (("integrity",), "min=1,max=1"),
    "confidentiality": (("confidentiality",), "min=56,max=256"),
    "the best": (("confidentiality", "integrity", "none"), "min=0,max=256"),
}
# Its client encrypts whenever it protects: the flag is on with all layers.
CYRUS_ENCRYPTS = [("GSS-SPNEGO", "integrity")]
_WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"  # RFC 4532
EXPORTER = sasl.ChannelBinding("tls-exporter", bytes(range(32)))

# gssapi alone knows GSS-SPNEGO if GSSAPI was loaded before it.
_DOVECOT = """
import_environment = $import_environment KRB5_CONFIG KRB5_KTNAME
auth_mechanisms = gssapi gss-spnego
auth_krb5_keytab = {keytab}
auth_gssapi_hostname = "$ALL"
passdb {{
  driver = static
  args = nopassword=y
  mechanisms = gssapi gss-spnego
}}
"""

realm: kerberos.Kerberos
cyrus: Cyrus
CYRUS = ""


def setUpModule() -> None:
    global realm, cyrus, CYRUS
    need_package("gssapi")
    realm = unittest.enterModuleContext(kerberos.running())
    cyrus = unittest.enterModuleContext(installed(NAMES))
    CYRUS = f"Cyrus SASL {cyrus.version}"


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


# A user is the principal of that name in the realm.
_APPLICATION = Application(
    MemoryStore(),
    contexts=dict.fromkeys(NAMES, acceptor),
    authorize=lambda authcid, authzid: authcid == f"{authzid}@{kerberos.REALM}",
)


def settle(request: sasl.Request) -> sasl.Event:
    """Answer as a server of the realm."""
    return _APPLICATION.answer(request)


def policy(name: str, *layers: Any) -> sasl.Policy:
    return sasl.Policy(allow=[name], layers=layers or ("none",))


def pairs() -> list[tuple[str, str]]:
    """Return each mechanism with the layers that it has."""
    return [
        (name, layer)
        for name in NAMES
        for layer in LAYERS
        if name != "GS2-KRB5" or "none" in LAYERS[layer][0]
    ]


class CyrusServerTest(unittest.TestCase):
    """Our client logs in to sasl-sample-server, and talks to it through the layer."""

    def check(
        self, name: str, layer: str, authzid: str, options: tuple[str, ...]
    ) -> None:
        layers, _ = LAYERS[layer]
        mine = sasl.Credentials(gss=initiator(), authzid=authzid)
        client = sample.client(name, mine, *options, policy=policy(name, *layers))
        user = sample.log_in(cyrus, client, *options, "-b", "min=0,max=256")
        self.assertEqual(user, f"{ALICE.user}@{kerberos.SERVER}")
        expected = None if name == "GS2-KRB5" else layers[0] == "confidentiality"
        if layers[0] == "none":
            expected = None
        self.assertEqual(client.layer and client.layer.confidential, expected)
        note(CYRUS, OURS, name, f"layer {layer}, {authzid or 'no authzid'}", "accepted")

    def test_layers(self) -> None:
        for name, layer in pairs():
            with self.subTest(name, layer=layer):
                self.check(name, layer, "", ())

    def test_authzid_and_data_with_success(self) -> None:
        for name in NAMES:
            authzid = "" if name == "GSS-SPNEGO" else ALICE.user
            with self.subTest(name):
                self.check(name, "none", authzid, ("-l",))

    def test_not_authorized(self) -> None:
        for name in ("GSSAPI", "GS2-KRB5"):
            with self.subTest(name), self.assertRaises(sasl.AuthenticationError):
                self.check(name, "none", "bob", ())

    def test_no_ticket(self) -> None:
        """For a service that the realm does not know."""
        for name in NAMES:
            with self.subTest(name), self.assertRaises(sasl.CredentialsError):
                sasl.client(
                    name,
                    sasl.Credentials(gss=initiator()),
                    channel=sasl.Channel(True, service="nntp", host="localhost"),
                    policy=policy(name),
                )


class CyrusClientTest(unittest.TestCase):
    """sasl-sample-client logs in to our server, and talks to it through the layer."""

    def check(
        self, name: str, layer: str, authzid: str, options: tuple[str, ...]
    ) -> Any:
        layers, bits = LAYERS[layer]
        server = sample.server(name, *options, policy=policy(name, *layers))
        mine = sasl.Credentials(ALICE.user, authzid=authzid)
        return sample.serve(cyrus, server, mine, *options, "-b", bits, settle=settle)

    def test_layers(self) -> None:
        for name, layer in pairs():
            if (name, layer) in CYRUS_ENCRYPTS:
                continue
            for options in ((), ("-l",)):
                with self.subTest(name, layer=layer, options=options):
                    event = self.check(name, layer, "", options)
                    self.assertEqual(event.identity, sasl.Identity(PRINCIPAL))
                    self.assertFalse(event.bound)
                note(OURS, CYRUS, name, f"layer {layer} {options}", "accepted")

    def test_more_protection_than_the_policy_names(self) -> None:
        for name, layer in CYRUS_ENCRYPTS:
            event = self.check(name, layer, "", ())
            self.assertIs(event.reason, sasl.Reason.TOO_WEAK)
            note(OURS, CYRUS, name, f"layer {layer}", "refused: it encrypts")

    def test_authzid(self) -> None:
        for name in ("GSSAPI", "GS2-KRB5"):
            with self.subTest(name):
                event = self.check(name, "none", "bob", ())
                self.assertIs(event.reason, sasl.Reason.NOT_AUTHORIZED)
                event = self.check(name, "none", ALICE.user, ())
                self.assertEqual(event.identity.authcid, PRINCIPAL)
                note(OURS, CYRUS, name, "authzid", "accepted, foreign refused")


class DovecotTest(unittest.TestCase):
    """Our client logs in to Dovecot, whose GSS-SPNEGO goes on as GSSAPI does."""

    def test_every_authzid(self) -> None:
        more = _DOVECOT.format(keytab=realm.keytab)
        with dovecot.running(["GSSAPI"], more) as peer:
            for name, authzid, user in (
                ("GSSAPI", "", PRINCIPAL.lower()),
                ("GSSAPI", ALICE.user, ALICE.user),
                ("GSSAPI", kerberos.OTHER, None),
                ("GSS-SPNEGO", "", PRINCIPAL.lower()),
            ):
                with self.subTest(name, authzid=authzid):
                    self.check(peer, name, authzid, user)
                outcome = "accepted" if user else "refused"
                note(f"Dovecot {peer.version}", OURS, name, authzid, outcome)

    def check(
        self, peer: dovecot.Dovecot, name: str, authzid: str, user: str | None
    ) -> None:
        who = sasl.Credentials(gss=initiator(), authzid=authzid)
        connection = imaplib.IMAP4("localhost", peer.imap, timeout=10)
        self.addCleanup(connection.shutdown)
        connection.starttls(client_context(None))
        if user is None:
            with self.assertRaises(sasl.AuthenticationError):
                login(connection, who, policy=policy(name))
            return
        login(connection, who, policy=policy(name))
        self.assertEqual(connection.state, "AUTH")
        self.assertGreater(peer.logins(user, name), 0)


class SlapdTest(unittest.TestCase):
    """Our client binds to OpenLDAP, and asks on inside the layer."""

    def test_layers(self) -> None:
        peer = self.enterContext(slapd.running())
        for name, layer in (
            ("GSSAPI", "none"),
            ("GSSAPI", "integrity"),
            ("GSSAPI", "confidentiality"),
            ("GSS-SPNEGO", "integrity"),
            ("GSS-SPNEGO", "confidentiality"),
        ):
            client = ldap.ClientSession(
                sasl.Credentials(gss=initiator()),
                channel=sasl.Channel(False, service="ldap", host=kerberos.SERVER),
                policy=policy(name, *LAYERS[layer][0]),
                starttls="never",
            )
            sock = socket.create_connection((HOST, peer.port), 10)
            with (
                self.subTest(name, layer=layer),
                sock,
                blocking.authenticate(client, sock) as layered,
            ):
                number = client.message_id + 1
                layered.sendall(messages.extended_request(number, _WHO_AM_I))
                self.assertIn(f"uid={ALICE.user}".encode(), layered.recv(4096))
                version = f"OpenLDAP {peer.version} slapd"
                note(version, OURS, name, f"layer {layer}", "accepted")


class BindingTest(unittest.TestCase):
    """Both of our sides, with real contexts between them."""

    def served(
        self,
        client: Any,
        name: str,
        *bindings: sasl.ChannelBinding,
        settle: Any = settle,
    ) -> Any:
        server = sasl.server(
            name,
            channel=sasl.Channel(True, host="localhost", bindings=bindings),
            policy=policy(name),
        )
        event = server.start(client.start())
        while not isinstance(event, (sasl.Success, sasl.Failure)):
            if isinstance(event, sasl.Request):
                event = settle(event)
            else:
                event = server.step(client.step(event.data))
        return event

    def client(
        self, name: str, make: Any, *bindings: sasl.ChannelBinding, authzid: str = ""
    ) -> Any:
        who = sasl.Credentials(gss=make, authzid=authzid)
        channel = sasl.Channel(
            True, service="imap", host="localhost", bindings=bindings
        )
        return sasl.client(name, who, channel=channel, policy=policy(name))

    def test_accounts(self) -> None:
        """They say who may act as whom, and who may not log in."""
        off = sasl.Reason.DISABLED
        for name in ("GSSAPI", "GS2-KRB5"):
            for authzid, refusal, reason in (
                ("sales", None, None),
                ("bob", None, sasl.Reason.NOT_AUTHORIZED),
                ("", off, off),
                ("sales", off, off),
            ):
                account = Account(authzids={"sales"}, refusal=refusal)
                application = Application(
                    MemoryStore({ALICE.user: account}),
                    contexts={name: partial(acceptor, realm=kerberos.REALM)},
                )
                client = self.client(name, initiator(), authzid=authzid)
                event = self.served(client, name, settle=application.answer)
                with self.subTest(name, authzid=authzid, refusal=refusal):
                    if reason is None:
                        who = sasl.Identity(ALICE.user, authzid)
                        self.assertEqual(event.identity, who)
                    else:
                        self.assertIs(event.reason, reason)
                outcome = reason.value if reason else "accepted"
                note(OURS, OURS, name, f"{authzid or 'no authzid'}, account", outcome)

    def test_bound(self) -> None:
        name = "GS2-KRB5-PLUS"
        client = self.client(name, initiator(), EXPORTER)
        event = self.served(client, name, EXPORTER)
        client.finish(event.data)
        self.assertTrue(event.bound)
        note(OURS, OURS, name, "tls-exporter", "accepted")

    def test_bound_to_another_channel(self) -> None:
        name = "GS2-KRB5-PLUS"
        other = sasl.ChannelBinding("tls-exporter", bytes(32))
        event = self.served(self.client(name, initiator(), other), name, EXPORTER)
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
        note(OURS, OURS, name, "other channel", "refused")

    def test_bound_to_nothing(self) -> None:
        """MIT's acceptor takes a client without bindings, and only says so."""
        make = initiator()

        def careless(target: str, **terms: Any) -> Any:
            return make(target, **terms | {"bindings": None})

        for name, bindings in (("GS2-KRB5-PLUS", [EXPORTER]), ("GS2-KRB5", [])):
            client = self.client(name, careless, *bindings)
            event = self.served(client, name, *bindings)
            self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
            self.assertIn("bound to nothing", event.detail)
            note(OURS, OURS, name, "no bindings", "refused")


if __name__ == "__main__":
    unittest.main()
