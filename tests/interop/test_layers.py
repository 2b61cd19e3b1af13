"""Whole protocols inside DIGEST-MD5's layers: Cyrus IMAP, OpenLDAP's server and client."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import unittest
from collections.abc import Iterator
from typing import Any

import sasl_core as sasl
from sasl_core.adapters import blocking, streams
from sasl_core.protocols import imap, ldap, pop3, sieve
from sasl_core.protocols.ldap import _messages as messages

from .. import _des
from .checks import OURS
from .outcomes import note
from .peers import cyrus_imapd, ldap_tools, slapd
from .peers.accounts import ALICE
from .peers.process import HOST, Sandbox, run
from .test_ldap_sasl import Directory

NAME = "DIGEST-MD5"
# Of OpenLDAP's words: so strong must a layer be, and may it be.
STRENGTHS = {
    "integrity": (1, 1),
    "rc4-40": (40, 40),
    "des": (55, 55),
    "rc4": (128, 128),
}

cyrus: cyrus_imapd.CyrusImapd
directory: slapd.Slapd
ours: Directory


def setUpModule() -> None:
    global cyrus, directory, ours
    cyrus = unittest.enterModuleContext(cyrus_imapd.running([NAME]))
    directory = unittest.enterModuleContext(slapd.running())
    ours = Directory()
    unittest.addModuleCleanup(ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


def policy(layer: str) -> sasl.Policy:
    """Make a policy that demands this layer: "integrity", or a cipher."""
    if layer == "integrity":
        return sasl.Policy(allow=[NAME], layers=[layer])
    return sasl.Policy(
        allow=[NAME],
        layers=["confidentiality"],
        ciphers={layer: _des.MAKERS[layer]},
        max_buffer=4096,
    )


def client_of(protocol: Any, service: str, layer: str) -> Any:
    """Make the session of our client, without TLS."""
    channel = sasl.Channel(False, service=service, host="localhost")
    return protocol.ClientSession(
        sasl.Credentials(*ALICE),
        channel=channel,
        policy=policy(layer),
        starttls="never",
    )


class CyrusImapTest(unittest.TestCase):
    """Our clients log in to Cyrus IMAP, and talk on inside the layer."""

    services: tuple[tuple[Any, str, bytes, bytes], ...] = (
        (imap, "imap", b"x CAPABILITY\r\n", b"x OK"),
        (pop3, "pop", b"STAT\r\n", b"+OK 0 0"),
        # Unasked it does not say them again, whatever RFC 5804, section 2.1, has.
        (sieve, "sieve", b"CAPABILITY\r\n", b'"IMPLEMENTATION"'),
    )

    def ports(self) -> Iterator[tuple[int, Any, str, bytes, bytes]]:
        """Yield the services with their ports."""
        ports = (cyrus.imap, cyrus.pop3, cyrus.sieve)
        for port, service in zip(ports, self.services, strict=True):
            yield port, *service

    def test_blocking(self) -> None:
        for port, protocol, service, command, reply in self.ports():
            for layer in STRENGTHS:
                client = client_of(protocol, service, layer)
                sock = socket.create_connection((HOST, port), 10)
                with (
                    self.subTest(service, layer=layer),
                    sock,
                    blocking.authenticate(client, sock) as layered,
                ):
                    layered.sendall(command)
                    self.assertIn(reply, _until(layered, reply))
                    self.note(service, layer, "blocking")

    def test_streams(self) -> None:
        for service in self.ports():
            with self.subTest(service[2]):
                asyncio.run(self.by_streams(*service))

    async def by_streams(
        self, port: int, protocol: Any, service: str, command: bytes, reply: bytes
    ) -> None:
        client = client_of(protocol, service, "rc4")
        reader, writer = await asyncio.open_connection(HOST, port)
        reader, writer = await streams.authenticate(client, reader, writer)
        writer.write(command)
        said = b""
        async with asyncio.timeout(10):
            while reply not in said:
                said += await reader.readline()
        self.note(service, "rc4", "streams")
        writer.transport.abort()

    def note(self, service: str, layer: str, how: str) -> None:
        server = f"Cyrus IMAP {cyrus.version} {service} ({how})"
        note(server, OURS, NAME, f"layer {layer}", "accepted")


def _until(sock: socket.socket, reply: bytes) -> bytes:
    """Read until a reply has come."""
    said = b""
    while reply not in said:
        data = sock.recv(4096)
        if not data:
            break
        said += data
    return said


class LdapTest(unittest.TestCase):
    """OpenLDAP, both sides."""

    def test_our_client(self) -> None:
        for layer in STRENGTHS:
            client = client_of(ldap, "ldap", layer)
            sock = socket.create_connection((HOST, directory.port), 10)
            with (
                self.subTest(layer),
                sock,
                blocking.authenticate(client, sock) as layered,
            ):
                request = messages.extended_request(
                    client.message_id + 1, "1.3.6.1.4.1.4203.1.11.3"
                )
                layered.sendall(request)
                self.assertIn(f"uid={ALICE.user}".encode(), layered.recv(4096))
                server = f"OpenLDAP {directory.version} slapd"
                note(server, OURS, NAME, f"layer {layer}", "accepted")

    def test_our_server(self) -> None:
        for layer, (least, most) in STRENGTHS.items():
            ours.expect(policy(layer))
            done = whoami(ours.port, f"minssf={least},maxssf={most}")
            with self.subTest(layer):
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertIn(f"u:{ALICE.user}".encode(), done.stdout)
                event = ours.outcome()
                assert isinstance(event, sasl.Success), event
                assert event.layer is not None
                self.assertFalse(event.layer.closed)
                client = f"ldapwhoami {ldap_tools.version()}"
                note(OURS, client, NAME, f"layer {layer}", "accepted")


def whoami(port: int, properties: str) -> subprocess.CompletedProcess[bytes]:
    """Let ldapwhoami bind without TLS, and ask through the layer."""
    with Sandbox("ldap") as sandbox:
        secret = sandbox.write("password", ALICE.password)
        secret.chmod(0o600)  # it warns
        return run(
            [
                *("ldapwhoami", "-H", f"ldap://localhost:{port}/", "-N", "-Q"),
                *("-Y", NAME, "-U", ALICE.user, "-O", properties, "-y", secret),
            ],
            env={"LDAPCONF": "/dev/null"},
        )


if __name__ == "__main__":
    unittest.main()
