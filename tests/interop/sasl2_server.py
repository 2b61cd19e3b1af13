"""Our XMPP server by SASL2, over TLS at once, by pyOpenSSL: it exports keying material,
which Python's ssl module does not.
"""

from __future__ import annotations

import contextlib
import datetime
import queue
import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any, Self

import sasl_core as sasl
from sasl_core.backends.hashed_tokens import HashedTokens
from sasl_core.protocols.sasl2 import (
    NAMESPACE,
    STREAM,
    Element,
    ServerSession,
    issued,
)

from .application import REQUESTS, settle
from .peers.process import HOST
from .peers.tls import certificates
from .pyopenssl import accepted, bindings, ended, server_context

DOMAIN = "localhost"
_RFC6120 = "urn:ietf:params:xml:ns:xmpp-sasl"
_BIND = "urn:ietf:params:xml:ns:xmpp-bind"
_ANSWERS = (
    *REQUESTS,
    sasl.FindHashedTokens,
    sasl.UseHashedToken,
    sasl.SaveScramKeys,
)
_LIFETIME = 3600


class Sasl2Server:
    """A running server; `policy`, `bindings`, `latest` and `upgrades` are for the next
    connection. Set `spoiled`, and the features that it sends are others than it knows of.
    """

    def __init__(self) -> None:
        certificates()  # made here: not by two threads at once
        self.policy = sasl.Policy()
        self.latest = "TLSv1.3"
        server_context(self.latest)  # what is missing is told here
        self.upgrades: tuple[str, ...] = ()
        self.spoiled: str = ""  # the mechanism that somebody in between takes away
        self.tokens = HashedTokens(lifetime=_LIFETIME, uses=0)
        self.rotates = False
        self.saved: dict[tuple[str, str], sasl.ScramKeys] = {}
        self.outcomes: queue.Queue[sasl.Success | sasl.Failure] = queue.Queue()
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # close alone wakes no thread
        self._thread.join(5)
        self._listener.close()
        self.tokens.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(*ended()):
                _Stream(self, accepted(server_context(self.latest), connection)).run()

    def settle(self, request: sasl.Request) -> sasl.Event:
        """Answer a request; return the next event."""
        match request:
            case sasl.FindHashedTokens(username):
                found = self.tokens.find(username, device=request.device)
                return request.answer(found)
            case sasl.UseHashedToken(username, token):
                return request.answer(self.tokens.use(username, token))
            case sasl.SaveScramKeys(username, keys):
                self.saved[username, keys.hash_name] = keys
                return request.answer(True)
            case sasl.FindScramKeys(username, hash_name) if self.upgrades or self.saved:
                if hash_name != "sha1":
                    return request.answer(self.saved.get((username, hash_name)))
        return settle(request)


class _Stream:
    """One connection."""

    def __init__(self, server: Sasl2Server, tls: Any) -> None:
        self._server, self._tls = server, tls
        channel = sasl.Channel(
            True,
            service="xmpp",
            host=DOMAIN,
            bindings=bindings(tls, certificates().server.read_bytes()),
        )
        self._session = ServerSession(
            channel,
            policy=server.policy,
            answers=_ANSWERS,
            upgrades=server.upgrades,
        )

    def run(self) -> None:
        for event, depth, element in self._events():
            if depth == 0:
                self._write(b"</stream:stream>")
                return
            if (event, depth) == ("start", 1):
                self._write(_header() + self._features())
            elif (event, depth) == ("end", 1):
                self._take(element)

    def _events(self) -> Iterator[tuple[str, int, ET.Element]]:
        parser, depth = ET.XMLPullParser(["start", "end"]), 0
        while True:
            parser.feed(self._tls.recv(65536))
            for event, element in parser.read_events():
                depth += 1 if event == "start" else -1
                yield event, depth, element

    def _take(self, element: ET.Element) -> None:
        if element.tag.startswith(f"{{{NAMESPACE}}}"):
            reply = self._sasl(Element.of(element))
            self._write(bytes(reply))
            if reply.name == "success":
                self._write(_features(f"<bind xmlns='{_BIND}'/>".encode()))
        elif element.tag == "{jabber:client}iq":
            self._write(_result(element))

    def _sasl(self, element: Element) -> Element:
        session, server = self._session, self._server
        reply = session.receive(element)
        while isinstance(reply, sasl.Request):
            reply = session.resume(server.settle(reply))
        if (decision := session.decision()) is not None:
            server.outcomes.put(decision[1])
        if reply.name != "success" or session.identity is None:
            return reply
        user, device = session.identity.authcid, session.device
        if session.forgets:
            server.tokens.revoke(user, device=device)
        if session.token_for and (session.asks_token or server.rotates):
            token = server.tokens.issue(user, session.token_for, device=device)
            until = datetime.datetime.now(datetime.UTC)
            until += datetime.timedelta(seconds=_LIFETIME)
            expiry = until.strftime("%Y-%m-%dT%H:%M:%SZ")
            return reply.replace(children=(*reply.children, issued(token, expiry)))
        return reply

    def _features(self) -> bytes:
        features = self._session.features()
        # As servers do, RFC 6120's list is shown, too: go-xmpp 0.2 hashes it for the other
        # (XEP-0474, section 6.1, wants that of the protocol which the client uses).
        names = [
            Element("mechanism", one.text, namespace=_RFC6120)
            for one in features[0].all("mechanism")
        ]
        older = Element("mechanisms", children=names, namespace=_RFC6120)
        written = b"".join(map(bytes, (older, *features)))
        spoiled = f"<mechanism>{self._server.spoiled}</mechanism>"
        return _features(written.replace(spoiled.encode(), b""))

    def _write(self, octets: bytes) -> None:
        self._tls.sendall(octets)


def _header() -> bytes:
    return (
        "<stream:stream xmlns='jabber:client' version='1.0' id='1'"
        f" from='{DOMAIN}' xmlns:stream='{STREAM}'>"
    ).encode()


def _features(within: bytes) -> bytes:
    return b"<stream:features>%b</stream:features>" % within


def _result(iq: ET.Element) -> bytes:
    name = f"somebody@{DOMAIN}/1"
    bind = iq.find(f"{{{_BIND}}}bind") is not None
    said = f"<bind xmlns='{_BIND}'><jid>{name}</jid></bind>" if bind else ""
    return f"<iq type='result' id='{iq.get('id')}'>{said}</iq>".encode()
