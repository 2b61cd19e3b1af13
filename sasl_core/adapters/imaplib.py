"""Authenticate the standard library's `imaplib.IMAP4` (and `IMAP4_SSL`).

It stands in for `IMAP4.login` and `IMAP4.authenticate`, which break on non-ASCII names,
cannot send an initial response, decode leniently, and take success before the mechanism
is finished. Nothing of it is in imaplib's debug output.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from .._channel import Channel
from .._errors import StateError
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
from ._calls import must_be_unlayered, token_now, unlayered
from ._layered_socket import over_file

if TYPE_CHECKING:
    import imaplib
    from typing import Any

    from .._client import Client
    from .._policy import Policy
    from .._profile import Profile
    from .._values import Credentials
    from ..layers import Layer

__all__ = ["authenticate", "login"]


def authenticate(imap: imaplib.IMAP4, client: Client) -> None:
    """Run an exchange, begun by `sasl_core.client(..., profile=profiles.IMAP)`.

    Raise SASLError where it fails; `IMAP4.abort` or OSError when the connection does.
    """
    if not imap.sock:
        must_be_unlayered(client)
    initial = takes_initial(imap.capabilities)
    _run(imap, Authentication(client, initial_response=initial))


def login(
    imap: imaplib.IMAP4,
    credentials: Credentials,
    *,
    channel: Channel | None = None,
    policy: Policy = DEFAULT,
    profile: Profile = IMAP,
) -> str:
    """Authenticate by the best mechanism that the server offers; return its name.

    `channel` is read off the socket if None. Call `imap.starttls(ssl_context=...)`
    before: in the clear the default policy sends no password. LOGIN, where only that is
    left, counts as PLAIN. Then `imap.capabilities` are those after the login. Where a
    security layer was agreed on, `imap.sock` goes through it; there is none for
    IMAP4_stream. Raise NoMechanism, AuthenticationError or another SASLError;
    `IMAP4.abort` or OSError where the connection fails.
    """
    attempts = Attempts(
        imap.capabilities,
        credentials,
        channel=channel or _channel(imap),
        policy=policy if imap.sock else unlayered(policy),
        profile=profile,
    )
    _run(imap, attempts)
    return attempts.name


def _run(imap: imaplib.IMAP4, attempt: Authentication | Attempts) -> None:
    if imap.state != "NONAUTH":
        raise StateError("somebody is logged in already, or the connection is over")
    responses = ResponseBuffer(greeted=True)
    line: bytes | None = attempt.command()
    while line is not None:
        while isinstance(attempt, Attempts) and attempt.wants_token:
            line = attempt.take_token(token_now(attempt))
        untagged, response = _say(imap, attempt, responses, line)
        del line  # a traceback shows locals: no password may be among them
        line = attempt.reply(response)
    said = [*untagged, response.partition(b" ")[2]]
    if attempt.layer is not None:
        _protect(imap, attempt.layer)
        said = []  # not within the layer (RFC 3501, section 6.2.2)
    imap.state = "AUTH"
    _renew(imap, said)


def _protect(imap: Any, layer: Layer) -> None:
    # Since Python 3.14 its own buffer is read, and the file has another name.
    read: list[bytes] = vars(imap).get("_readbuf", [])
    name = "file" if "file" in vars(imap) else "_file"
    file = getattr(imap, name)
    imap.sock = over_file(imap.sock, file, layer, b"".join(read))
    read.clear()
    setattr(imap, name, imap.sock.makefile("rb"))


def _say(
    imap: imaplib.IMAP4,
    attempt: Authentication | Attempts,
    responses: ResponseBuffer,
    line: bytes,
) -> tuple[list[bytes], bytes]:
    """Send a line; return the untagged responses to it, and what ends them."""
    try:
        imap.send(line + b"\r\n")
        del line
        while (answer := responses.next()) is None:
            received = imap.readline()
            if not received:
                raise imap.abort("socket error: EOF")
            responses.feed(received)
        if not answer[1].startswith(b"* "):
            return answer
        raise imap.abort(printable(answer[1][2:].decode("utf-8", "replace")))
    except (OSError, imap.abort):
        # A server may close on our "*": what went wrong came before.
        if attempt.error is None:
            raise
    raise attempt.error


def _renew(imap: imaplib.IMAP4, said: list[bytes]) -> None:
    """Learn what the server can do now: what it said before counts no more."""
    imap.untagged_responses.pop("CAPABILITY", None)
    imap.capabilities = capabilities(said)
    if not imap.capabilities:
        _, lines = imap.capability()
        imap.capabilities = capabilities(
            b"CAPABILITY " + line for line in lines if isinstance(line, bytes)
        )


def _channel(imap: imaplib.IMAP4) -> Channel:
    sock = imap.socket()
    if not isinstance(sock, ssl.SSLSocket):
        return Channel(False, service="imap", host=imap.host or "", port=imap.port)
    return Channel.from_ssl(
        sock,
        service="imap",
        host=sock.server_hostname or "",
        port=sock.getpeername()[1],
    )
