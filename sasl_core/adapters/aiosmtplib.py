"""Authenticate `aiosmtplib.SMTP` (from PyPI), which is not imported here.

It stands in for `SMTP.login`, which after a refusal sends the same password by the next
mechanism, and for the mechanisms that it lacks: SCRAM, OAUTHBEARER, EXTERNAL. Make the
object without `username`, or `connect` logs in by itself. As with every command, two
tasks must not use one connection at the same time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .._channel import Channel
from .._policy import DEFAULT
from ..profiles import SMTP as PROFILE
from ..protocols.smtp import Attempts, Authentication, mechanisms
from ._calls import token_later
from ._layered_transport import LayeredTransport

if TYPE_CHECKING:
    from typing import Any, Protocol

    from .._client import Client
    from .._policy import Policy
    from .._profile import Profile
    from .._values import Credentials
    from ..layers import Layer

    class Response(Protocol):
        """What is used of `aiosmtplib.SMTPResponse`."""

        @property
        def code(self) -> int: ...
        @property
        def message(self) -> str: ...

    class SMTP(Protocol):
        """What is used of `aiosmtplib.SMTP`."""

        transport: Any
        protocol: Any

        @property
        def hostname(self) -> str | None: ...
        @property
        def is_ehlo_or_helo_needed(self) -> bool: ...
        @property
        def last_ehlo_response(self) -> Response | None: ...
        async def ehlo(self) -> Response: ...
        async def execute_command(self, *args: bytes) -> Response: ...
        def get_transport_info(self, key: str) -> Any: ...
        def close(self) -> None: ...


__all__ = ["authenticate", "login"]


async def authenticate(smtp: SMTP, client: Client) -> None:
    """Run an exchange, begun by `sasl_core.client(..., profile=profiles.SMTP)`.

    Raise SASLError where it fails; what aiosmtplib raises when the connection does.
    """
    await _run(smtp, Authentication(client))


async def login(
    smtp: SMTP,
    credentials: Credentials,
    *,
    channel: Channel | None = None,
    policy: Policy = DEFAULT,
    profile: Profile = PROFILE,
) -> str:
    """Authenticate by the best mechanism that the server offers; return its name.

    `smtp` is connected; `channel` is read off its TLS object if None. Its own default
    is to go on in the clear where a server offers no STARTTLS: then the default policy
    sends no password. Where a security layer was agreed on, `smtp.transport` goes
    through it; what is changed there ends the connection, and so does a cancellation in
    the middle of an exchange. Raise NoMechanism, AuthenticationError or another
    SASLError; `aiosmtplib.SMTPException` where EHLO or the connection fails.
    """
    if smtp.is_ehlo_or_helo_needed:
        await smtp.ehlo()
    ehlo = smtp.last_ehlo_response
    attempts = Attempts(
        mechanisms(ehlo.message.splitlines()[1:] if ehlo else ()),
        credentials,
        channel=channel or _channel(smtp),
        policy=policy,
        profile=profile,
    )
    await _run(smtp, attempts)
    return attempts.name


async def _run(smtp: SMTP, attempt: Authentication | Attempts) -> None:
    line: bytes | None = attempt.command()
    try:
        while line is not None:
            while isinstance(attempt, Attempts) and attempt.wants_token:
                line = attempt.take_token(await token_later(attempt))
            code, text = await _say(smtp, attempt, line)
            del line  # a traceback shows locals: no password may be among them
            # It may derive keys, for a good part of a second.
            line = await asyncio.to_thread(attempt.reply, code, text)
    except asyncio.CancelledError:
        smtp.close()  # half an exchange is nothing to go on from
        raise
    if attempt.layer is not None:
        await _protect(smtp, attempt.layer)


async def _protect(smtp: SMTP, layer: Layer) -> None:
    transport = LayeredTransport(smtp.transport, layer, smtp.protocol)
    smtp.transport = smtp.protocol.transport = transport
    # What came behind the success would be taken for a reply within the layer.
    rest: bytearray = vars(smtp.protocol).get("_buffer", bytearray())
    early = bytes(rest)
    rest.clear()
    transport.begin(early)
    await smtp.ehlo()  # what was said before counts no more (RFC 4954, section 4)


async def _say(
    smtp: SMTP, attempt: Authentication | Attempts, line: bytes
) -> tuple[int, bytes]:
    try:
        response = await smtp.execute_command(line)
        return response.code, response.message.encode("utf-8", "surrogateescape")
    except Exception:
        # A server may close on our "*": what went wrong came before.
        if attempt.error is None:
            raise
    raise attempt.error


def _channel(smtp: SMTP) -> Channel:
    host = smtp.hostname or ""
    peer = smtp.get_transport_info("peername")
    port = peer[1] if isinstance(peer, tuple) else None  # a Unix socket's is a str
    tls = smtp.get_transport_info("ssl_object")
    if tls is None:
        return Channel(False, service="smtp", host=host, port=port)
    host = tls.server_hostname or host
    return Channel.from_ssl(tls, service="smtp", host=host, port=port)
