"""Authenticate the standard library's `smtplib.SMTP` (and `SMTP_SSL`, `LMTP`).

It stands in for `SMTP.login` and `SMTP.auth`, which break on non-ASCII names, cannot
send an empty initial response, decode leniently, take 503 for success, and after a
wrong password send it again by the next mechanism. `smtp.set_debuglevel` prints every
line, passwords and tokens included.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from .._channel import Channel
from .._policy import DEFAULT
from ..profiles import SMTP
from ..protocols.smtp import Attempts, Authentication, mechanisms
from ._calls import token_now
from ._layered_socket import over_file

if TYPE_CHECKING:
    import smtplib
    from typing import Any

    from .._client import Client
    from .._policy import Policy
    from .._profile import Profile
    from .._values import Credentials
    from ..layers import Layer

__all__ = ["authenticate", "login"]


def authenticate(smtp: smtplib.SMTP, client: Client) -> None:
    """Run an exchange, begun by `sasl_core.client(..., profile=profiles.SMTP)`.

    Raise SASLError where it fails; what smtplib raises when the connection does.
    """
    _run(smtp, Authentication(client))


def login(
    smtp: smtplib.SMTP,
    credentials: Credentials,
    *,
    channel: Channel | None = None,
    policy: Policy = DEFAULT,
    profile: Profile = SMTP,
) -> str:
    """Authenticate by the best mechanism that the server offers; return its name.

    `channel` is read off the connection if None. Call `smtp.starttls(context=...)` before,
    with a context that verifies, which smtplib's own does not: in the clear the default
    policy sends no password. Where a security layer was agreed on, `smtp.sock` goes
    through it, and the next command begins anew, with EHLO. Raise NoMechanism,
    AuthenticationError or another SASLError; SMTPException where EHLO fails.
    """
    smtp.ehlo_or_helo_if_needed()
    lines = (smtp.ehlo_resp or b"").splitlines()[1:] if smtp.does_esmtp else []
    attempts = Attempts(
        mechanisms(lines),
        credentials,
        channel=channel or _channel(smtp),
        policy=policy,
        profile=profile,
    )
    _run(smtp, attempts)
    return attempts.name


def _run(smtp: smtplib.SMTP, attempt: Authentication | Attempts) -> None:
    line: bytes | None = attempt.command()
    while line is not None:
        while isinstance(attempt, Attempts) and attempt.wants_token:
            line = attempt.take_token(token_now(attempt))
        reply = _say(smtp, attempt, line)
        del line  # a traceback shows locals: no password may be among them
        line = attempt.reply(*reply)
    if attempt.layer is not None:
        _protect(smtp, attempt.layer)


def _protect(smtp: Any, layer: Layer) -> None:
    """As its own `starttls` does: what was learnt before counts no more (RFC 4954)."""
    smtp.sock = over_file(smtp.sock, smtp.file, layer)
    smtp.file = smtp.helo_resp = smtp.ehlo_resp = None
    smtp.esmtp_features = {}
    smtp.does_esmtp = False


def _say(
    smtp: smtplib.SMTP, attempt: Authentication | Attempts, line: bytes
) -> tuple[int, bytes]:
    try:
        return smtp.docmd(line.decode("ascii"))
    except OSError:
        # A server may close on our "*": what went wrong came before.
        if attempt.error is None:
            raise
    raise attempt.error


def _channel(smtp: smtplib.SMTP) -> Channel:
    sock = smtp.sock
    if not isinstance(sock, ssl.SSLSocket):
        # What its `starttls` takes for the server's name, too; LMTP's may be a path.
        host = getattr(smtp, "_host", "")
        return Channel(False, service="smtp", host="" if "/" in host else host)
    return Channel.from_ssl(
        sock,
        service="smtp",
        host=sock.server_hostname or "",
        port=sock.getpeername()[1],
    )
