"""Authenticate an `aioimaplib.IMAP4` or `IMAP4_SSL` (the package aioimaplib).

It stands in for `login` and `xoauth2`, and takes over the connection's transport while
the exchange runs, by asyncio's own means: so nothing of it is in the package's debug
log, and the end of the connection ends it at once. The package has no STARTTLS.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from .._channel import Channel
from .._errors import ProtocolError, StateError
from .._policy import DEFAULT
from .._strict import printable
from ..profiles import IMAP
from ..protocols.imap import (
    Attempts,
    Authentication,
    ResponseBuffer,
    capabilities,
    takes_initial,
)
from ._calls import token_later
from ._layered_transport import LayeredTransport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from .._client import Client
    from .._policy import Policy
    from .._profile import Profile
    from .._values import Credentials

    class Connection(Protocol):
        """What is used of aioimaplib.IMAP4ClientProtocol."""

        transport: Any
        state: str
        state_condition: asyncio.Condition
        capabilities: set[str]
        pending_sync_command: Any
        pending_async_commands: Mapping[str, Any]

        def data_received(self, data: bytes, /) -> None: ...
        def connection_lost(self, exc: Exception | None, /) -> None: ...
        async def capability(self) -> None: ...

    class IMAP4(Protocol):
        """What is used of aioimaplib.IMAP4."""

        timeout: float
        host: str
        port: int

        @property
        def protocol(self) -> Connection: ...


__all__ = ["authenticate", "login"]


async def authenticate(imap: IMAP4, client: Client) -> None:
    """Run an exchange, begun by `sasl_core.client(..., profile=profiles.IMAP)`.

    Raise SASLError where it fails; OSError (so TimeoutError) when the connection does.
    """
    initial = takes_initial(imap.protocol.capabilities)
    await _run(imap, Authentication(client, initial_response=initial))


async def login(
    imap: IMAP4,
    credentials: Credentials,
    *,
    channel: Channel | None = None,
    policy: Policy = DEFAULT,
    profile: Profile = IMAP,
) -> str:
    """Authenticate by the best mechanism that the server offers; return its name.

    Await `imap.wait_hello_from_server()` before; while this runs, give it no other
    command. `channel` is read off the transport if None. LOGIN, where only that is left,
    counts as PLAIN. Where a security layer was agreed on, the protocol's `transport`
    goes through it; what is changed there ends the connection. Raise NoMechanism,
    AuthenticationError or another SASLError; OSError, so TimeoutError after
    `imap.timeout`, where the connection fails: it is over then.
    """
    attempts = Attempts(
        imap.protocol.capabilities,
        credentials,
        channel=channel or _channel(imap),
        policy=policy,
        profile=profile,
    )
    await _run(imap, attempts)
    return attempts.name


class _Reading(asyncio.Protocol):
    """Takes what the server sends, in the place of the package's own protocol."""

    def __init__(self, connection: Connection) -> None:
        self.responses = ResponseBuffer(greeted=True)
        self._connection = connection
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()

    def data_received(self, data: bytes) -> None:
        self._arrived.put_nowait(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived.put_nowait(b"")
        self._connection.connection_lost(exc)

    async def next(self) -> tuple[list[bytes], bytes]:
        """Return the next response, its untagged ones first."""
        while (response := self.responses.next()) is None:
            data = await self._arrived.get()
            if not data:
                raise ConnectionResetError("the server closed the connection")
            self.responses.feed(data)
        if self.responses.pending:
            raise ProtocolError("the server spoke out of turn")
        if response[1].startswith(b"* "):
            said = printable(response[1][2:].decode("utf-8", "replace"))
            raise ConnectionResetError(f"the server closed the connection: {said}")
        return response

    def unread(self) -> bytes:
        """Return what came behind the last response."""
        rest = self.responses.unread()
        while not self._arrived.empty():
            rest += self._arrived.get_nowait()
        return rest


async def _run(imap: IMAP4, attempt: Authentication | Attempts) -> None:
    connection = imap.protocol
    async with connection.state_condition:
        if (
            connection.state != "NONAUTH"
            or connection.pending_sync_command is not None
            or connection.pending_async_commands
        ):
            raise StateError(
                "a login follows the greeting, and no command is under way"
            )
        reading = _Reading(connection)
        connection.transport.set_protocol(reading)
        try:
            told = await _exchange(imap, attempt, reading)
        finally:
            connection.transport.set_protocol(connection)
        receive = connection.data_received
        if attempt.layer is not None:
            protocol = cast("asyncio.Protocol", connection)
            layered = LayeredTransport(connection.transport, attempt.layer, protocol)
            connection.transport, receive = layered, layered.begin
            told = ()  # not within the layer (RFC 3501, section 6.2.2)
        connection.capabilities = set(told)
        if unread := reading.unread():
            receive(unread)
        connection.state = "AUTH"
        if not told:
            async with asyncio.timeout(imap.timeout):
                await connection.capability()
        connection.state_condition.notify_all()


async def _exchange(
    imap: IMAP4, attempt: Authentication | Attempts, reading: _Reading
) -> tuple[str, ...]:
    """Authenticate; return the capabilities that the server told then."""
    line: bytes | None = attempt.command()
    try:
        while line is not None:
            while isinstance(attempt, Attempts) and attempt.wants_token:
                line = attempt.take_token(await token_later(attempt))
            imap.protocol.transport.write(line + b"\r\n")
            del line  # a traceback shows locals: no password may be among them
            untagged, response = await _response(imap, attempt, reading)
            # In a thread: to derive a key takes a while.
            line = await asyncio.to_thread(attempt.reply, response)
    except asyncio.CancelledError:
        imap.protocol.transport.abort()  # half an exchange is nothing to go on from
        raise
    return capabilities([*untagged, response.partition(b" ")[2]])


async def _response(
    imap: IMAP4, attempt: Authentication | Attempts, reading: _Reading
) -> tuple[list[bytes], bytes]:
    try:
        async with asyncio.timeout(imap.timeout):
            return await reading.next()
    except OSError:
        imap.protocol.transport.abort()
        # A server may close on our "*": what went wrong came before.
        if attempt.error is None:
            raise
    raise attempt.error


def _channel(imap: IMAP4) -> Channel:
    tls = imap.protocol.transport.get_extra_info("ssl_object")
    if tls is None:
        return Channel(False, service="imap")
    host = tls.server_hostname or imap.host
    return Channel.from_ssl(tls, service="imap", host=host, port=imap.port)
