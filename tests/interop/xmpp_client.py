"""A small XMPP client for SASL2, over TLS at once."""

from __future__ import annotations

import base64
import socket
import xml.etree.ElementTree as ET
from typing import Any, Self

import sasl_core as sasl
from sasl_core.protocols import xmpp
from sasl_core.protocols.sasl2 import STREAM, ClientSession, Element

from .peers.process import HOST
from .peers.tls import certificates
from .pyopenssl import bindings, client_context, connected, ended

BINDINGS = "urn:xmpp:sasl-cb:0"
DEVICE = "8ff2bd1a-2a4f-4d6a-9c0c-6f8f0a9f2b11"


class XmppClient:
    """One stream, opened in the name of a user; a context manager."""

    features: Element
    channel: sasl.Channel

    def __init__(
        self, port: int, user: str, domain: str, *, latest: str = "TLSv1.3"
    ) -> None:
        self._user, self._domain = user, domain
        self._socket = socket.create_connection((HOST, port), 10)
        self._tls = connected(client_context(latest), self._socket)
        self._parser = ET.XMLPullParser(["start", "end"])
        self._depth = 0
        self._came: list[Element] = []
        self.sent: list[Element] = []
        self.received: list[Element] = []

    def __enter__(self) -> Self:
        try:
            found = bindings(self._tls, certificates().server.read_bytes())
            self.channel = sasl.Channel(
                True, service="xmpp", host=self._domain, bindings=found
            )
            self._write(
                f"<stream:stream to='{self._domain}' xmlns='jabber:client'"
                f" from='{self._user}@{self._domain}' xmlns:stream='{STREAM}'"
                " version='1.0'>".encode()
            )
            self.features = self.receive()
        except BaseException:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def log_in(self, credentials: sasl.Credentials, **options: Any) -> ClientSession:
        """Authenticate; return the session. Raise what it raises."""
        options = {"channel": self.channel, "device": DEVICE, **options}
        session = ClientSession(self.features, credentials, **options)
        element = session.begin()
        while element is not None:
            self.send(element)
            element = session.receive(self.receive())
        return session

    def log_in_by_rfc_6120(
        self, credentials: sasl.Credentials, *, policy: sasl.Policy
    ) -> None:
        """Authenticate by the older protocol, and check what it had told all the same."""
        offer = self.features.child("mechanisms", xmpp.NAMESPACE)
        told = self.features.child("sasl-channel-binding", BINDINGS)
        assert offer is not None and told is not None
        names = [one.text for one in offer.all("mechanism", xmpp.NAMESPACE)]
        types = [one.get("type") for one in told.all("channel-binding", BINDINGS)]
        session = xmpp.ClientSession(
            names,
            credentials,
            channel=self.channel,
            policy=policy,
            advertised=sasl.Advertised(names, types),
        )
        said = session.begin()
        while said is not None:
            self._write(bytes(said))
            came = self.receive()
            condition = came.children[0].name if came.children else ""
            element = xmpp.Element(came.name, came.text, condition=condition)
            said = session.receive(element)

    def challenges(self) -> list[bytes]:
        """Return the server's challenges so far."""
        return [
            base64.b64decode(one.text)
            for one in self.received
            if one.name == "challenge"
        ]

    def send(self, element: Element) -> None:
        """Send an element."""
        self.sent.append(element)
        self._write(bytes(element))

    def receive(self) -> Element:
        """Return the next element; raise EOFError where the stream has ended."""
        while not self._came:
            self._read()
        element = self._came.pop(0)
        self.received.append(element)
        return element

    def _write(self, octets: bytes) -> None:
        self._tls.sendall(octets)

    def _read(self) -> None:
        try:
            self._parser.feed(self._tls.recv(65536))
        except ended():
            raise EOFError("the stream has ended") from None
        for event, element in self._parser.read_events():
            self._depth += 1 if event == "start" else -1
            if (event, self._depth) == ("end", 1):
                self._came.append(Element.of(element))
