"""Other programs log in to our servers with Kerberos: curl, msmtp, gsasl, ldapwhoami; and
pyspnego makes the contexts of either side. More of GNU SASL is in `test_kerberos_gsasl`.
"""

from __future__ import annotations

import contextlib
import io
import os
import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core.adapters import spnego
from sasl_core.adapters.gssapi import acceptor, initiator

from .application import REQUESTS
from .checks import OURS
from .imap_server import ImapServer
from .outcomes import note
from .packages import need_package
from .peers import curl, gsasl, kerberos, ldap_tools, msmtp
from .peers.accounts import ALICE
from .peers.mail import Attempt
from .peers.process import HOST, Sandbox, run
from .peers.tls import certificates
from .serving import Serving
from .submission import Submission
from .test_kerberos import CYRUS_ENCRYPTS, LAYERS, PRINCIPAL, pairs, policy, settle
from .test_ldap_sasl import Directory


def setUpModule() -> None:
    need_package("gssapi")
    unittest.enterModuleContext(kerberos.running())


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


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
        done = msmtp.log_in(Attempt(ours.port, "GSSAPI", sasl.Credentials(*ALICE)))
        self.assertEqual(done.returncode, 0, done.stdout)
        event: Any = ours.outcome()
        self.assertEqual(event.identity, sasl.Identity(ALICE.user))
        note(OURS, f"msmtp {msmtp.version()}", "GSSAPI", "in our realm", "accepted")

    def test_the_example(self) -> None:
        """It sends a mail, and says so; or why not."""
        from examples import kerberos_send

        ours = OurSubmission()
        self.addCleanup(ours.close)
        trusted = {"SSL_CERT_FILE": str(certificates().authority)}
        people = "alice@example.org", "bob@example.org"
        for more, said in (
            ({}, "by GSSAPI"),
            ({"KRB5CCNAME": "/"}, "refused: Missing"),
        ):
            ours.expect(policy("GSSAPI"))
            with (
                mock.patch.dict(os.environ, trusted | more),
                contextlib.redirect_stdout(io.StringIO()) as shown,
            ):
                kerberos_send.main(kerberos.SERVER, *people, str(ours.port))
            self.assertIn(said, shown.getvalue())

    def test_ldap(self) -> None:
        ours = OurDirectory()
        self.addCleanup(ours.close)
        for name, layer in pairs():
            if (name, layer) in CYRUS_ENCRYPTS:
                continue
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
                Attempt(ours.port, "GSSAPI", alice)
            ),
            f"gsasl {gsasl.version()}": lambda: gsasl.log_in(
                Attempt(ours.port, "GSSAPI", alice)
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
        return curl.log_in(Attempt(port, "GSSAPI", mine, None, protocol, options))


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


if __name__ == "__main__":
    unittest.main()
