"""A small XMPP server, over TLS at once: logins, and a resource for whoever is in."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import ssl
import xml.etree.ElementTree as ET

import sasl_core as sasl
from sasl_core.layers import Layer
from sasl_core.protocols.xmpp import NAMESPACE, Element, ServerSession

from .application import REQUESTS, settle
from .peers.process import HOST
from .peers.tls import certificates, server_context

_DOMAIN = "localhost"
_STREAM = (
    "<stream:stream xmlns='jabber:client' version='1.0' id='1' from='localhost'"
    " xmlns:stream='http://etherx.jabber.org/streams'>"
)
_BIND = "urn:ietf:params:xml:ns:xmpp-bind"


class XmppServer:
    """A running server in this loop: `policy` is that of the next connection."""

    port: int

    def __init__(self, policy: sasl.Policy) -> None:
        self.policy = policy
        self.outcomes: queue.Queue[sasl.Success | sasl.Failure] = queue.Queue()
        self._certificate = ssl.PEM_cert_to_DER_cert(certificates().server.read_text())

    async def listen(self) -> asyncio.Server:
        """Begin to serve."""
        tls = server_context()
        server = await asyncio.start_server(self._connected, HOST, 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        channel = sasl.Channel.from_ssl(
            writer.get_extra_info("ssl_object"),
            service="xmpp",
            host=_DOMAIN,
            certificate=self._certificate,
        )
        session = ServerSession(channel, policy=self.policy, answers=REQUESTS)
        with contextlib.suppress(OSError), contextlib.closing(writer):
            await self._serve(session, reader, writer)

    async def _serve(
        self,
        session: ServerSession,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        parser = ET.XMLPullParser(["start", "end"])
        depth = 0
        layer: Layer | None = None  # until the new stream
        while data := await reader.read(65536):
            parser.feed(layer.unwrap(data) if layer else data)
            for event, element in parser.read_events():
                depth += 1 if event == "start" else -1
                if depth == 0:
                    return
                if (event, depth) == ("start", 1):
                    said = f"{_STREAM}{_features(session)}".encode()
                    writer.write(layer.wrap(said) if layer else said)
                if (event, depth) != ("end", 1):
                    continue
                said = self._stanza(session, element)
                writer.write(layer.wrap(said) if layer else said)
                if said.startswith(b"<success"):
                    # a new stream, in a new parser
                    layer = session.layer
                    parser, depth = ET.XMLPullParser(["start", "end"]), 0
                    break

    def _stanza(self, session: ServerSession, element: ET.Element) -> bytes:
        name = element.tag.rpartition("}")[2]
        if element.tag == f"{{{NAMESPACE}}}{name}":
            mechanism = element.get("mechanism", "")
            return bytes(
                self._sasl(
                    session, Element(name, element.text or "", mechanism=mechanism)
                )
            )
        if name == "iq" and element.find(f"{{{_BIND}}}bind") is not None:
            bound = f"<bind xmlns='{_BIND}'><jid>somebody@{_DOMAIN}/1</jid></bind>"
            return f"<iq type='result' id='{element.get('id')}'>{bound}</iq>".encode()
        return b""

    def _sasl(self, session: ServerSession, element: Element) -> Element:
        action = session.receive(element)
        while isinstance(action, sasl.Request):
            action = session.resume(settle(action))
        decision = session.decision()
        if decision is not None:
            self.outcomes.put(decision[1])
        return action


def _features(session: ServerSession) -> str:
    if session.success is not None:
        return f"<stream:features><bind xmlns='{_BIND}'/></stream:features>"
    names = "".join(f"<mechanism>{name}</mechanism>" for name in session.mechanisms())
    listed = f"<mechanisms xmlns='{NAMESPACE}'>{names}</mechanisms>"
    return f"<stream:features>{listed}</stream:features>"
