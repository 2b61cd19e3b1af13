"""Log in a `slixmpp.ClientXMPP` (from PyPI), imported only when it is used, by every
mechanism of this library, in place of its own.

    xmpp = ClientXMPP("user@example.org", None)
    xmpp.connect()  # begins when this task waits
    await login(xmpp, Credentials("user", "pencil"))

slixmpp's own reads base64 leniently, binds to the channel below TLS 1.3 only, and after
a wrong password sends it again by the next mechanism.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl
from typing import TYPE_CHECKING, Any, cast

from .._channel import Channel
from .._errors import NoMechanism, ProtocolError, StateError
from .._policy import DEFAULT
from ..protocols.xmpp import NAMESPACE, ClientSession, Element
from ._calls import token_later
from ._layered_transport import LayeredTransport

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Protocol

    from .._policy import Policy
    from .._values import Credentials

    class ClientXMPP(Protocol):
        """What is used of `slixmpp.ClientXMPP`."""

        authenticated: bool
        socket: Any
        parser: Any
        transport: Any
        requested_jid: Any
        features: set[str]
        plugin: Any
        stream_header: str

        def register_feature(
            self, name: str, handler: Any, restart: bool = ..., order: int = ...
        ) -> None: ...
        def unregister_feature(self, name: str, order: int) -> None: ...
        def register_handler(self, handler: Any) -> Any: ...
        def remove_handler(self, name: str) -> Any: ...
        def add_event_handler(self, name: str, pointer: Any) -> Any: ...
        def del_event_handler(self, name: str, pointer: Any) -> Any: ...
        def event(self, name: str, data: Any = ...) -> Any: ...
        def send_raw(self, data: str) -> Any: ...
        def init_parser(self) -> Any: ...
        def disconnect(self) -> Any: ...


__all__ = ["login"]

_ELEMENTS = {"Success": "success", "Failure": "failure", "Challenge": "challenge"}


async def login(
    xmpp: ClientXMPP,
    credentials: Credentials,
    *,
    channel: Channel | None = None,
    policy: Policy = DEFAULT,
    timeout: float | None = 60.0,
) -> str:
    """Authenticate by the best mechanism that the server offers; return its name.

    Call it right after `xmpp.connect()`. What follows, to `session_start`, is
    slixmpp's, and so is STARTTLS; a later reconnection logs in the same way. `channel`
    is read off its TLS object if None. Its events `auth_success`, `failed_auth` and
    `failed_all_auth` come as from its own. Where a security layer was agreed on,
    `xmpp.transport` goes through it. Raise SASLError, and then the stream is
    being closed; OSError (so TimeoutError) where the connection fails: slixmpp goes on
    trying until it is told to stop.
    """
    authentication = _Authentication(xmpp, credentials, channel, policy)
    authentication.install()
    outcome = authentication.outcome
    handlers = {
        "connection_failed": authentication.missed,
        "reconnect_delay": authentication.gone,
        "disconnected": authentication.gone,
    }
    for name, handler in handlers.items():
        xmpp.add_event_handler(name, handler)
    try:
        async with asyncio.timeout(timeout):
            return await outcome
    finally:
        for name, handler in handlers.items():
            xmpp.del_event_handler(name, handler)


class _Authentication:
    """Stands in for slixmpp's plugin feature_mechanisms."""

    def __init__(
        self,
        xmpp: ClientXMPP,
        credentials: Credentials,
        channel: Channel | None,
        policy: Policy,
    ) -> None:
        self._xmpp = xmpp
        self._credentials = credentials
        self._channel = channel
        self._policy = policy
        self._session: ClientSession | None = None
        self._work: asyncio.Task[None] | None = None
        self._missed: OSError | None = None
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def install(self) -> None:
        handlers = importlib.import_module("slixmpp.xmlstream.handler")
        matchers = importlib.import_module("slixmpp.xmlstream.matcher")
        order = self._xmpp.plugin["feature_mechanisms"].order
        self._xmpp.unregister_feature("mechanisms", order)
        self._xmpp.register_feature(
            "mechanisms", self._offered, restart=True, order=order
        )
        for title, element in _ELEMENTS.items():
            self._xmpp.remove_handler(f"SASL {title}")
            matcher = matchers.MatchXPath(f"{{{NAMESPACE}}}{element}")
            handler = handlers.Callback(f"SASL {title}", matcher, self._came)
            self._xmpp.register_handler(handler)

    def missed(self, reason: object) -> None:
        """Take it that one of the server's addresses, or ways to TLS, did not answer."""
        if isinstance(reason, OSError):
            self._missed = reason

    def gone(self, _: object) -> None:
        """Take the end of the connection, or that none of the attempts made one."""
        if not self.outcome.done():
            closed = ConnectionError("the connection failed before the login was over")
            self.outcome.set_exception(self._missed or closed)

    def _offered(self, features: Any) -> bool:
        self._missed = None
        if "mechanisms" in self._xmpp.features:
            return False  # after the restart some servers list them again
        self._start(self._begin(features["mechanisms"]))
        return True

    def _came(self, stanza: Any) -> None:
        paused, behind = None, []
        if _name(stanza.xml) == "success" and self._policy.layers != ("none",):
            # Nothing is read before the layer is there. What the parser has already did
            # not come through it, and slixmpp would take it for the server's.
            paused = self._xmpp.transport
            paused.pause_reading()
            behind = [event for event, _ in self._xmpp.parser.read_events()]
        self._start(self._receive(stanza, paused, bool(behind)))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        # One at a time: the server waits for what each of them sends.
        self._work = asyncio.get_running_loop().create_task(work)

    async def _begin(self, names: list[str]) -> None:
        try:
            self._session = ClientSession(
                [name for name in names if name],
                self._credentials,
                channel=self._channel or _channel(self._xmpp),
                policy=self._policy,
            )
            await self._send(self._session, self._session.begin())
        except Exception as error:
            if isinstance(error, NoMechanism):
                self._xmpp.event("no_auth")
            self._fail(error)

    async def _receive(self, stanza: Any, paused: Any, behind: bool) -> None:
        element, session = _read(stanza.xml), self._session
        if element.name == "failure":
            self._xmpp.event("failed_auth", stanza)
        try:
            if session is None:
                raise StateError("the server spoke before an exchange was begun")
            if behind:
                raise ProtocolError("the server spoke on after its success")
            # It may derive keys, for a good part of a second.
            answer = await asyncio.to_thread(session.receive, element)
            if session.authenticated:
                self._succeed(session, stanza)
            else:
                await self._send(session, answer)
        except Exception as error:
            self._fail(error)
        finally:
            if paused is not None:
                paused.resume_reading()

    async def _send(self, session: ClientSession, element: Element | None) -> None:
        while session.wants_token:
            element = session.give_token(await token_later(session))
        if element is not None:
            self._xmpp.send_raw(bytes(element).decode())

    def _succeed(self, session: ClientSession, stanza: Any) -> None:
        xmpp = self._xmpp
        xmpp.authenticated = True
        xmpp.features.add("mechanisms")
        xmpp.event("auth_success", stanza)
        if session.layer is not None:
            protocol = cast("asyncio.Protocol", xmpp)
            xmpp.transport = LayeredTransport(xmpp.transport, session.layer, protocol)
        xmpp.init_parser()
        xmpp.send_raw(xmpp.stream_header)
        if not self.outcome.done():
            self.outcome.set_result(session.mechanism)

    def _fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)
        self._xmpp.event("failed_all_auth")
        self._xmpp.disconnect()


def _read(xml: Any) -> Element:
    """Read an element of SASL: its text as it stands, not what base64 makes of it."""
    name = _name(xml)
    if name != "failure":
        return Element(name, xml.text or "")
    conditions = [_name(child) for child in xml if _name(child) != "text"]
    text = "".join(child.text or "" for child in xml if _name(child) == "text")
    return Element(name, text, condition=conditions[0] if conditions else "")


def _name(xml: Any) -> str:
    return str(xml.tag).rpartition("}")[2]


def _channel(xmpp: ClientXMPP) -> Channel:
    host = str(xmpp.requested_jid.domain)
    tls = xmpp.socket
    if not isinstance(tls, (ssl.SSLSocket, ssl.SSLObject)):
        return Channel(False, service="xmpp", host=host)
    return Channel.from_ssl(tls, service="xmpp", host=host)
