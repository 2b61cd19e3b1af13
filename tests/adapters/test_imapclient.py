"""The adapter of IMAPClient, on what it uses of one: tests/interop has the package."""

from __future__ import annotations

import imaplib
import types

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.adapters.imapclient import authenticate, login

from ._imap import Case
from ._loopback import ALWAYS, HOST, needs_tls

USER = sasl.Credentials("user", "pencil")


class IMAPClient(Case):
    def connect(self, port: int, host: str = HOST) -> types.SimpleNamespace:
        inside = imaplib.IMAP4(host, port, timeout=5)
        self.addCleanup(inside.shutdown)
        return types.SimpleNamespace(_imap=inside, _cached_capabilities=(b"OLD",))

    def test_login(self) -> None:
        server = self.serve(policy=ALWAYS, capabilities=["IMAP4rev1", "MOVE"])
        client = self.connect(server.port)
        policy = sasl.Policy(cleartext="always", iterations=(1, 5000))
        name = login(client, USER, policy=policy)
        self.assertEqual(name, "SCRAM-SHA-512")
        self.assertEqual(client._imap.state, "AUTH")
        self.assertEqual(client._cached_capabilities, (b"IMAP4REV1", b"MOVE"))

    def test_after_starttls(self) -> None:
        serving, trusting = needs_tls()
        policy = sasl.Policy(allow=["PLAIN"])
        server = self.serve(tls=serving, starttls=True, policy=policy)
        client = self.connect(server.port, "localhost")
        client._imap.starttls(trusting)
        self.assertEqual(login(client, USER), "PLAIN")
        self.assertTrue(server.mailboxes[-1].session.channel.encrypted)

    def test_options_go_through(self) -> None:
        server = self.serve(policy=sasl.Policy(cleartext="always", allow=["PLAIN"]))
        client = self.connect(server.port)
        off = profiles.IMAP.replace(initial_response=False)
        name = login(client, USER, channel=sasl.Channel(True), profile=off)
        self.assertEqual(name, "PLAIN")

    def test_refused(self) -> None:
        client = self.connect(self.serve(policy=ALWAYS).port)
        with self.assertRaises(sasl.AuthenticationError):
            login(client, sasl.Credentials("user", "wrong"), policy=ALWAYS)
        self.assertEqual(client._cached_capabilities, (b"OLD",))

    def test_authenticate(self) -> None:
        client = self.connect(self.serve(policy=ALWAYS).port)
        one = sasl.client(
            "PLAIN",
            USER,
            channel=sasl.Channel(False),
            policy=ALWAYS,
            profile=profiles.IMAP,
        )
        authenticate(client, one)
        self.assertEqual(client._cached_capabilities, (b"IMAP4REV1",))
