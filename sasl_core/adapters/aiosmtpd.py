"""Give aiosmtpd (from PyPI), which is not imported here, every mechanism of this library.

    class Handler(AuthHandler):
        async def handle_DATA(self, server, session, envelope):
            who = session.auth_data  # an Identity: authcid and authzid
            ...

    Controller(Handler(answer), auth_require_tls=False, ...)

`auth_require_tls=False`, because aiosmtpd knows of no TLS but STARTTLS: the policy, which
shows no password in the clear, looks at the connection itself. Still aiosmtpd's are the
limit of 512 octets for the AUTH command (a client holds back what is longer), names of
mechanisms in capitals only, and that it warns of `auth_required=True` without
`auth_require_tls`. No security layer is agreed on: its connection cannot be put through
one.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from .._channel import Channel
from .._events import Request
from .._policy import DEFAULT
from ..mechanisms import registered
from ..protocols.smtp import Command, Reply, ServerSession
from ..protocols.smtp._replies import BAD_IDENTITY
from ..protocols.smtp._xtext import asserted_identity, without_identity
from ._calls import unlayered
from ._settling import report, settle

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from typing import Any, Protocol

    from .._policy import Policy
    from ..protocols.smtp import Action
    from ._settling import Answer, Decided

    class Transport(Protocol):
        """What is used of an asyncio transport."""

        def get_extra_info(self, name: str) -> Any: ...
        def close(self) -> None: ...

    class SMTP(Protocol):
        """What is used of `aiosmtpd.smtp.SMTP`."""

        transport: Transport
        envelope: Any
        _reader: asyncio.StreamReader
        _smtp_methods: dict[str, Any]

        async def push(self, status: bytes) -> None: ...

    class Session(Protocol):
        """What is used of `aiosmtpd.smtp.Session`."""

        peer: Any
        host_name: str | None
        authenticated: bool | None
        auth_data: Any

    class Envelope(Protocol):
        """What is used of `aiosmtpd.smtp.Envelope`."""

        mail_from: str | None


__all__ = ["AuthHandler"]

_EHLO = b"EHLO client"  # aiosmtpd has looked at the real name


class AuthHandler:
    """The base of a handler for aiosmtpd's SMTP, or one to mix in.

    `answer` and `decided` as in `streams.serve`; `policy`, `answers`, `realm` and
    `max_failures` as in `ServerSession`. `host`: the server's name. `certificate`: its
    own, in DER, for the mechanisms that bind to the channel. After success the session's
    `auth_data` is the Identity. `envelope.mail_auth` is what MAIL says with AUTH=, as
    `smtp.Command.auth`: aiosmtpd alone refuses it, which who offers AUTH must not
    (RFC 4954, section 5). The limit on failures is the connection's, STARTTLS or not;
    aiosmtpd's timeout for a command is that of a whole exchange.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        decided: Decided | None = None,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        max_failures: int = 3,
        host: str = "",
        certificate: bytes | None = None,
    ) -> None:
        self._answer = answer
        self._decided = decided
        self._options: dict[str, Any] = {
            "policy": unlayered(policy),
            "answers": None if answers is None else tuple(answers),
            "realm": realm,
            "max_failures": max_failures,
            "starttls": True,
        }
        self._host = host
        self._certificate = certificate
        self._sessions: WeakKeyDictionary[SMTP, ServerSession] = WeakKeyDictionary()
        # aiosmtpd takes AUTH with these names only; none is called, for handle_AUTH
        # comes before.
        for mechanism in registered():
            attribute = f"auth_{mechanism.name.replace('-', '__')}"
            setattr(self, attribute, self.handle_AUTH)

    def channel(self, tls: ssl.SSLObject | None, remote: str | None) -> Channel:
        """Tell the facts about a connection: to override for EXTERNAL.

        `tls` is None in the clear, `remote` the client's address.
        """
        if tls is None:
            return Channel(False, service="smtp", host=self._host, remote=remote)
        return Channel.from_ssl(
            tls,
            service="smtp",
            host=self._host,
            remote=remote,
            certificate=self._certificate,
        )

    async def handle_EHLO(  # noqa: N802  # the name is aiosmtpd's
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Offer the mechanisms that may be used now, in place of aiosmtpd's list."""
        session.host_name = hostname
        ours = self._session(server, session)
        _take_mail_auth(server, ours)
        command = ours.receive(_EHLO)
        if isinstance(command, Command):
            ours.replied(command, Reply(250))
        *first, last = responses
        kept = [line for line in first if not line.startswith("250-AUTH")]
        offer = [f"250-{word}" for word in ours.keywords() if word.startswith("AUTH")]
        return [*kept, *offer, last]

    async def handle_AUTH(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, args: list[str]
    ) -> str | None:
        """Run an exchange; return the last reply, None if it closes the connection."""
        ours = self._session(server, session)
        ours.reset()
        if envelope.mail_from is not None:
            ours.receive(b"MAIL FROM:<>")  # not now, it will say
        line = " ".join(["AUTH", *args]).encode("utf-8", "surrogateescape")
        try:
            reply = await self._reply(ours, ours.receive(line))
            while reply.code == 334:
                await server.push(bytes(reply)[:-2])
                line = await _line(server._reader, ours.line_limit)
                reply = await self._reply(ours, ours.receive(line))
        except BaseException:
            ours.closed()
            await report(ours, self._decided)
            raise
        if ours.success is not None:
            session.authenticated, session.auth_data = True, ours.identity
        text = bytes(reply)[:-2]
        if not reply.close:
            return text.decode()
        await server.push(text)
        server.transport.close()
        return None

    async def _reply(self, ours: ServerSession, action: Action) -> Reply:
        while isinstance(action, Request):
            action = await settle(ours, action, self._answer)
        await report(ours, self._decided)
        # Of what begins with AUTH, and of a response, nothing is left to others.
        return action if isinstance(action, Reply) else Reply(503, "5.5.1 Not now")

    def _session(self, server: SMTP, session: Session) -> ServerSession:
        """Return what we know of this connection, whose TLS may have begun."""
        tls = server.transport.get_extra_info("ssl_object")
        remote = session.peer[0] if isinstance(session.peer, tuple) else None
        ours = self._sessions.get(server)
        if ours is None:
            ours = ServerSession(self.channel(tls, remote), **self._options)
            self._sessions[server] = ours
        elif tls is not None and not ours.channel.encrypted:
            ours.receive(b"STARTTLS")
            ours.secured(self.channel(tls, remote))
        return ours


def _take_mail_auth(server: SMTP, ours: ServerSession) -> None:
    """Put what reads AUTH= in front of the server's own MAIL, once."""
    own = server._smtp_methods["MAIL"]
    if hasattr(own, "__wrapped__"):
        return

    @functools.wraps(own)
    async def mail(arg: str | None) -> None:
        text = (arg or "").encode("utf-8", "surrogateescape")
        identity = None
        if b" AUTH=" in text.upper():
            try:
                identity, text = asserted_identity(text), without_identity(text)
            except ValueError:
                await server.push(bytes(BAD_IDENTITY)[:-2])
                return
            # Who is not trusted to say it has said nothing.
            identity = identity if ours.success is not None else identity and ""
            arg = text.decode("utf-8", "surrogateescape")
        server.envelope.mail_auth = identity
        await own(arg)

    server._smtp_methods["MAIL"] = mail


async def _line(reader: asyncio.StreamReader, limit: int) -> bytes:
    """Read a line, which may be longer than the reader's limit; one that is longer than
    ours comes cut, and is read to its end.
    """
    line = b""
    while True:
        try:
            rest = await reader.readuntil(b"\n")
            return (line + rest)[: limit + 1]
        except asyncio.LimitOverrunError as error:
            line = (line + await reader.readexactly(error.consumed))[: limit + 1]
