"""Kerberos with MIT's KDC: GSSAPI, GS2-KRB5 and GSS-SPNEGO with Cyrus SASL, Dovecot, GNU
SASL, curl and msmtp; layers; channel bindings; pyspnego.
"""

from __future__ import annotations

import imaplib
import os
import socket
import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core.adapters import blocking, spnego
from sasl_core.adapters.gssapi import acceptor, initiator
from sasl_core.adapters.imaplib import login
from sasl_core.protocols import ldap
from sasl_core.protocols.ldap import _messages as messages

from . import test_cyrus, test_gsasl
from .application import REQUESTS
from .checks import OURS
from .imap_server import ImapServer
from .outcomes import note
from .packages import need_package
from .peers import curl, dovecot, gsasl, kerberos, ldap_tools, msmtp, slapd
from .peers.accounts import ALICE
from .peers.cyrus import Cyrus, installed
from .peers.process import HOST, Sandbox, run
from .peers.talk import Talk
from .peers.tls import client_context
from .serving import Serving
from .submission import Submission
from .test_ldap_sasl import Directory

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


def settle(request: sasl.Request) -> sasl.Event:
    """Answer as a server of the realm: a user is the principal of that name in it."""
    match request:
        case sasl.AcceptSecurityContext():
            return request.answer(acceptor(request))
        case sasl.Authorize(authcid, authzid):
            return request.answer(authcid == f"{authzid}@{kerberos.REALM}")
    return request.deny()


def policy(name: str, *layers: Any) -> sasl.Policy:
    return sasl.Policy(allow=[name], layers=layers or ("none",))


def through(layer: Any, message: bytes | None) -> bytes:
    """Take a message off the layer, if there is one."""
    return layer.unwrap(message) if layer else message or b""


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
        client = sasl.client(
            name,
            sasl.Credentials(gss=initiator(), authzid=authzid),
            channel=test_cyrus.channel(),
            policy=policy(name, *layers),
            profile=test_cyrus.PROFILES[options],
        )
        command = cyrus.server(*options, "-b", "min=0,max=256")
        with Talk(command, cyrus.environment) as talk:
            user = test_cyrus.log_in(talk, client)
            self.assertEqual(user, f"{ALICE.user}@{kerberos.SERVER}")
            expected = None if name == "GS2-KRB5" else layers[0] == "confidentiality"
            if layers[0] == "none":
                expected = None
            made = client.layer
            self.assertEqual(made and made.confidential, expected)
            heard = through(made, test_cyrus.receive(talk, b"S"))
            self.assertEqual(heard, b"srv message 1\0")
            message = b"client message 1\0"
            test_cyrus.send(talk, b"C", made.wrap(message) if made else message)
            lines = iter(talk.read, None)
            self.assertTrue(any(b"'client message 1'" in line for line in lines))
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
        server = sasl.server(
            name,
            channel=test_cyrus.channel(),
            policy=policy(name, *layers),
            profile=test_cyrus.PROFILES[options],
        )
        more = ("-u", authzid) if authzid else ()
        command = cyrus.client(name, ALICE.user, *options, *more, "-b", bits)
        with Talk(command, cyrus.environment) as talk:
            test_cyrus.send(talk, b"S", name.encode())
            first = test_cyrus.receive(talk, b"C") or b""
            event: Any = server.start(first.partition(b"\0")[2])
            while not isinstance(event, (sasl.Success, sasl.Failure)):
                if isinstance(event, sasl.Request):
                    event = settle(event)
                    continue
                test_cyrus.send(talk, b"S", event.data)
                response = test_cyrus.receive(talk, b"C")
                event = server.abort() if response is None else server.step(response)
            if isinstance(event, sasl.Success):
                self.talk(talk, event)
        return event

    def talk(self, talk: Talk, event: sasl.Success) -> None:
        made, message = event.layer, b"srv message 1\0"
        if event.data is not None:
            test_cyrus.send(talk, b"S", event.data)
        test_cyrus.send(talk, b"S", made.wrap(message) if made else message)
        self.assertEqual(test_cyrus.receive(talk, b"C"), test_cyrus.SUCCESS)
        heard = through(made, test_cyrus.receive(talk, b"C"))
        self.assertEqual(heard, b"client message 1\0")

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


class GsaslTest(unittest.TestCase):
    """gsasl --client logs in to our server. Its own server can say no only."""

    def test_every_authzid(self) -> None:
        version = f"GNU SASL {gsasl.version()}"
        for name in ("GSSAPI", "GS2-KRB5"):
            for authzid, welcome in (("", True), (ALICE.user, True), ("bob", False)):
                with self.subTest(name, authzid=authzid):
                    event = self.log_in(name, authzid)
                    self.assertIsInstance(
                        event, sasl.Success if welcome else sasl.Failure
                    )
                note(OURS, version, name, authzid, "accepted" if welcome else "refused")

    def log_in(self, name: str, authzid: str) -> Any:
        server = sasl.server(
            name,
            channel=sasl.Channel(True, service="imap", host="localhost"),
            policy=policy(name),
        )
        command = ["gsasl", "--client", f"--mechanism={name}", "--quiet", "--no-cb"]
        command += ["--service=imap", "--host=localhost", "--application-data"]
        command.append(f"--authentication-id={ALICE.user}")
        if authzid:
            command.append(f"--authorization-id={authzid}")
        with Talk(command) as talk:
            return test_gsasl.serve(talk, server, settle)


class Kerberized(Serving):
    """Our server of a protocol, at its address, in the realm."""

    host = HOST
    requests = (*REQUESTS, sasl.AcceptSecurityContext)
    settle = staticmethod(settle)


class OurSubmission(Kerberized, Submission):
    """Of submission."""


class OurImap(Kerberized, ImapServer):
    """Of IMAP."""


class OurDirectory(Kerberized, Directory):
    """Of LDAP, by its name."""

    host = kerberos.SERVER


class ProgramsTest(unittest.TestCase):
    """Programs log in to our servers."""

    def test_imap(self) -> None:
        ours = OurImap()
        self.addCleanup(ours.close)
        ours.expect(policy("GSSAPI"))
        done = self.curl(ours.port, "", "imap")
        self.assertEqual(done.returncode, 0, done.stdout)
        event: Any = ours.outcome()
        self.assertEqual(event.identity, sasl.Identity(PRINCIPAL))
        note(OURS, f"curl {curl.version()} imap", "GSSAPI", "right", "accepted")

    def test_realm(self) -> None:
        """Who asks to be what the server calls him needs nobody's leave."""
        ours = OurSubmission()
        ours.settle = lambda request: request.answer(
            acceptor(request, realm=kerberos.REALM)
        )
        self.addCleanup(ours.close)
        ours.expect(policy("GSSAPI"))
        done = msmtp.log_in(ours.port, "GSSAPI", sasl.Credentials(*ALICE), None)
        self.assertEqual(done.returncode, 0, done.stdout)
        event: Any = ours.outcome()
        self.assertEqual(event.identity, sasl.Identity(ALICE.user))
        note(OURS, f"msmtp {msmtp.version()}", "GSSAPI", "in our realm", "accepted")

    def test_ldap(self) -> None:
        ours = OurDirectory()
        self.addCleanup(ours.close)
        for name, layer in pairs():
            if name == "GSS-SPNEGO" and layer == "integrity":
                continue  # see CYRUS_ENCRYPTS
            layers, bits = LAYERS[layer]
            ours.expect(policy(name, *layers))
            bits = bits.replace("min", "minssf").replace("max=", "maxssf=")
            command = ["ldapwhoami", "-H", f"ldap://{kerberos.SERVER}:{ours.port}/"]
            command += ["-N", "-Q", "-Y", name, "-U", ALICE.user, "-O", bits]
            with self.subTest(name, layer=layer):
                done = run(command, env={"LDAPCONF": "/dev/null"})
                self.assertIn(f"u:{PRINCIPAL}".encode(), done.stdout)
                self.assertEqual(done.returncode, 0, done.stdout)
                event: Any = ours.outcome()
                protected = layers[0] != "none" and name != "GS2-KRB5"
                self.assertEqual(event.layer is not None, protected)
                client = f"ldapwhoami {ldap_tools.version()}"
                note(OURS, client, name, f"layer {layer}", "accepted")

    def test_submission(self) -> None:
        ours = OurSubmission()
        self.addCleanup(ours.close)
        alice = sasl.Credentials(ALICE.user, ALICE.password)
        programs = {
            # It runs GSSAPI for nobody, or for a name with a realm.
            f"curl {curl.version()}": lambda: self.curl(ours.port, ""),
            f"curl {curl.version()} --user": lambda: self.curl(ours.port, PRINCIPAL),
            f"msmtp {msmtp.version()}": lambda: msmtp.log_in(
                ours.port, "GSSAPI", alice, None
            ),
        }
        for program, log_in in programs.items():
            with self.subTest(program):
                ours.expect(policy("GSSAPI"))
                done = log_in()
                event = ours.outcome()
                self.assertIsInstance(event, sasl.Success, done.stdout)
                self.assertEqual(event.identity.authcid, PRINCIPAL)
                self.assertEqual(done.returncode, 0, done.stdout)
                note(OURS, program, "GSSAPI", "right", "accepted")

    def curl(self, port: int, user: str, protocol: str = "smtp") -> Any:
        options = ("--login-options", "AUTH=GSSAPI")
        mine = sasl.Credentials(authzid=user)
        return curl.log_in(port, "GSSAPI", mine, None, options, protocol=protocol)


class PyspnegoTest(unittest.TestCase):
    """Our sides with contexts of pyspnego, NTLM inside SPNEGO, and of both packages."""

    def setUp(self) -> None:
        need_package("spnego")
        box = self.enterContext(Sandbox("pyspnego"))
        users = box.write("users", f"INTEROP:{ALICE.user}:{ALICE.password}\n")
        self.enterContext(mock.patch.dict(os.environ, {"NTLM_USER_FILE": str(users)}))

    def run_with(self, layer: str, make: Any, accept: Any) -> tuple[Any, Any]:
        layers, _ = LAYERS[layer]
        channel = sasl.Channel(True, service="imap", host="localhost")
        terms: Any = {"channel": channel, "policy": policy("GSS-SPNEGO", *layers)}
        client = sasl.client("GSS-SPNEGO", sasl.Credentials(gss=make), **terms)
        server = sasl.server("GSS-SPNEGO", **terms)
        event: Any = server.start(client.start())
        while not isinstance(event, (sasl.Success, sasl.Failure)):
            if isinstance(event, sasl.Request):
                event = event.answer(accept(event))
            else:
                event = server.step(client.step(event.data))
        return client, event

    def check_layer(self, layer: str, client: sasl.Client, event: Any) -> None:
        client.finish(event.data)
        made = client.layer
        self.assertEqual(event.layer is None, made is None)
        if made is not None:
            self.assertEqual(made.confidential, layer != "integrity")
            data = bytes(200_000)
            self.assertEqual(event.layer.unwrap(made.wrap(data)), data)
            self.assertEqual(made.unwrap(event.layer.wrap(data)), data)

    def test_ntlm(self) -> None:
        user = f"INTEROP\\{ALICE.user}"
        make = spnego.initiator(user, ALICE.password)
        for layer in LAYERS:
            with self.subTest(layer):
                client, event = self.run_with(layer, make, spnego.acceptor)
                self.assertEqual(event.identity, sasl.Identity(user))
                if layer != "none":
                    self.check_layer(layer, client, event)
                    continue
                # NTLM's server proves nothing.
                with self.assertRaises(sasl.ServerNotAuthenticated):
                    client.finish(event.data)
            note(OURS, OURS, "GSS-SPNEGO", f"NTLM of pyspnego, {layer}", "as expected")

    def test_ntlm_wrong_password(self) -> None:
        make = spnego.initiator(f"INTEROP\\{ALICE.user}", "wrong")
        _, event = self.run_with("none", make, spnego.acceptor)
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_kerberos(self) -> None:
        """With pyspnego[kerberos]; its client always asks MIT for encryption, too."""
        need_package("krb5")
        for layer in ("none", "confidentiality"):
            for make, accept in (
                (spnego.initiator(), acceptor),
                (initiator(), spnego.acceptor),
            ):
                with self.subTest(layer, accept=accept.__module__):
                    client, event = self.run_with(layer, make, accept)
                    self.assertEqual(event.identity, sasl.Identity(PRINCIPAL))
                    self.check_layer(layer, client, event)
            note(OURS, OURS, "GSS-SPNEGO", f"pyspnego and gssapi, {layer}", "accepted")


class BindingTest(unittest.TestCase):
    """Both of our sides, with real contexts between them."""

    def served(self, client: Any, name: str, *bindings: sasl.ChannelBinding) -> Any:
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

    def client(self, name: str, make: Any, *bindings: sasl.ChannelBinding) -> Any:
        channel = sasl.Channel(
            True, service="imap", host="localhost", bindings=bindings
        )
        return sasl.client(
            name, sasl.Credentials(gss=make), channel=channel, policy=policy(name)
        )

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
