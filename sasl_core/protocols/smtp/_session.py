"""ClientSession: an SMTP client from the greeting to 235, without the socket.

RFC 5321 for the replies, RFC 3207 for STARTTLS, RFC 4954 for AUTH.
"""

from __future__ import annotations

from ..._errors import (
    AuthenticationError,
    NoMechanism,
    ProtocolError,
    SASLError,
    StateError,
)
from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import printable
from ..._value import Secretive
from ...profiles import SMTP
from ._client import Attempts, mechanisms
from ._words import ReplyBuffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from ..._channel import Channel
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials

    Turn = Callable[[int, list[bytes]], bytes]

_OUT_OF_TURN = "the server spoke out of turn"


class ClientSession(Secretive):
    """Log in to a server: greeting, EHLO, STARTTLS, EHLO again, AUTH.

    Feed what the server sends to `receive` and send what it returns, until
    `authenticated`. When `wants_tls`, shake hands and go on with `secured`.

    `channel` as in `sasl_core.client`. `starttls`: what to do where the channel is not
    encrypted: "require" it, be "opportunistic" (take it if it is there; no protection
    against whoever takes it out of the list), or "never"; whether a password may then
    go out in the clear is the policy's business. `local_name` is said in EHLO.
    `profile`: `profiles.SMTP` or `profiles.LMTP`. A server's octets raise SASLError at
    worst; then the session is over.
    """

    __slots__ = (
        "_attempts",
        "_credentials",
        "_hello",
        "_policy",
        "_profile",
        "_replies",
        "_starttls",
        "_turn",
        "authenticated",
        "channel",
        "ehlo",
        "mechanism",
        "wants_tls",
    )
    __match_args__ = ("channel", "mechanism", "authenticated")

    def __init__(
        self,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        starttls: Literal["require", "opportunistic", "never"] = "require",
        local_name: str = "localhost",
        profile: Profile = SMTP,
    ) -> None:
        if starttls not in ("require", "opportunistic", "never"):
            raise ValueError('starttls is "require", "opportunistic" or "never"')
        if (
            not local_name
            or not local_name.isascii()
            or not local_name.isprintable()
            or " " in local_name
        ):
            raise ValueError("a local name is printable ASCII without spaces")
        verb = "LHLO" if profile.name == "lmtp" else "EHLO"
        self.channel = channel
        self.authenticated = False
        self.wants_tls = False
        self.ehlo: tuple[str, ...] = ()  # what the server offers, after the first line
        self.mechanism = ""
        self._credentials = credentials
        self._policy = policy
        self._profile = profile
        self._starttls = starttls
        self._hello = f"{verb} {local_name}\r\n".encode()
        self._attempts: Attempts | None = None
        self._replies = ReplyBuffer()
        # Who takes the next reply; None while that runs, and after the end.
        self._turn: Turn | None = self._greeting

    def receive(self, data: bytes) -> bytes:
        """Take octets from the server; return what to send, b"" for nothing yet.

        Raise NoMechanism, AuthenticationError, CredentialsError or ProtocolError;
        StateError after the end.
        """
        turn, self._turn = self._turn, None
        if turn is None:
            raise StateError("the session is over, or waits for TLS")
        self._replies.feed(data)
        reply = self._replies.next()
        if reply is None:
            self._turn = turn
            return b""
        if self._replies.pending:
            # Also what was put behind the 220 to STARTTLS, to be read as if it had come
            # over TLS (RFC 3207, section 6).
            raise ProtocolError(_OUT_OF_TURN)
        return turn(*reply)

    def start_tls(self, *, pending: bool) -> None:
        """Check, before the handshake, that nothing came behind the 220 to STARTTLS.

        What `receive` was fed is checked there; `pending`: the connection's own buffer
        holds more. Raise ProtocolError.
        """
        if pending:
            self.wants_tls = False
            raise ProtocolError(_OUT_OF_TURN)

    def secured(self, channel: Channel) -> bytes:
        """Go on over TLS; return what to send: EHLO, for the first one counts no more.

        Raise StateError unless `wants_tls`, and for a channel that is not encrypted.
        """
        if not self.wants_tls or not channel.encrypted:
            raise StateError("secured() follows wants_tls, with an encrypted channel")
        self.wants_tls = False
        self.channel = channel
        self.ehlo = ()
        self._turn = self._features
        return self._hello

    def closed(self) -> SASLError:
        """Take the end of the connection; return the error to raise."""
        self._turn = None
        pending = self._attempts.error if self._attempts else None
        return pending or AuthenticationError(
            "the server closed the connection", reason=Reason.UNAVAILABLE
        )

    def _greeting(self, code: int, lines: list[bytes]) -> bytes:
        if code != 220:
            raise _refusal("the connection", code, lines)
        self._turn = self._features
        return self._hello

    def _features(self, code: int, lines: list[bytes]) -> bytes:
        if code != 250:
            raise _refusal("EHLO", code, lines)
        self.ehlo = tuple(
            printable(line.decode("utf-8", "replace")) for line in lines[1:]
        )
        if not self.channel.encrypted and self._starttls != "never":
            if any(line.upper() == "STARTTLS" for line in self.ehlo):
                self._turn = self._ready
                return b"STARTTLS\r\n"
            self._without_tls("the server does not offer it")
        return self._authenticate()

    def _ready(self, code: int, lines: list[bytes]) -> bytes:
        if code == 220:
            self.wants_tls = True
            return b""
        self._without_tls("the server refused it")
        return self._authenticate()

    def _without_tls(self, why: str) -> None:
        if self._starttls == "require":
            raise NoMechanism({"STARTTLS": f"required, but {why}"})

    def _authenticate(self) -> bytes:
        self._attempts = Attempts(
            mechanisms(self.ehlo),
            self._credentials,
            channel=self.channel,
            policy=self._policy,
            profile=self._profile,
        )
        line = self._attempts.command()
        self._turn = self._answer
        return line + b"\r\n"

    def _answer(self, code: int, lines: list[bytes]) -> bytes:
        attempts = self._attempts
        if attempts is None:
            raise StateError("no exchange has begun")
        line = attempts.reply(code, b"\n".join(lines))
        if line is None:
            self.mechanism = attempts.name
            self.authenticated = True
            return b""
        self._turn = self._answer
        return line + b"\r\n"


def _refusal(what: str, code: int, lines: list[bytes]) -> SASLError:
    text = b" ".join(lines).decode("utf-8", "replace")
    if code < 400:
        return ProtocolError(f"a reply to {what} that cannot be")
    reason = Reason.UNAVAILABLE if code < 500 else Reason.UNSUPPORTED
    reply = printable(f"{code} {text}")
    return AuthenticationError(
        f"the server refused {what}: {reply}", reason=reason, reply=reply
    )
