"""A client's half of AUTHINFO: one exchange, or a choice among several (RFC 4643).

AUTHINFO USER and PASS are PLAIN in other words.
"""

from __future__ import annotations

from ..._errors import CredentialsError, ProtocolError
from ..._policy import DEFAULT
from ...profiles import NNTP
from .. import _attempts as neutral
from .._capabilities import mechanism_names
from .._exchange import Exchange, LineWords
from ._words import (
    AUTHENTICATED,
    AUTHENTICATED_WITH_DATA,
    CHALLENGE,
    PASSWORD_WANTED,
    reason_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._client import Client
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._exchange import Running

_COMMAND_LIMIT = 512  # RFC 3977, section 3.1, with its CRLF


def mechanisms(capabilities: Iterable[str]) -> tuple[str, ...]:
    """Return the mechanisms that a list of capabilities has, in the server's order.

    None where it does not announce AUTHINFO SASL: then they are for another time
    (RFC 4643, section 2.1).
    """
    lines = [line.upper().split() or [""] for line in capabilities]
    if not any(line[0] == "AUTHINFO" and "SASL" in line for line in lines):
        return ()
    return mechanism_names(
        name for label, *names in lines if label == "SASL" for name in names
    )


def takes_passwords(capabilities: Iterable[str]) -> bool:
    """Whether a list of capabilities announces AUTHINFO USER."""
    lines = (line.upper().split() or [""] for line in capabilities)
    return any(line[0] == "AUTHINFO" and "USER" in line for line in lines)


class Words(LineWords):
    """How a client writes AUTHINFO SASL; `rest` is what it says when it is asked for
    the password.
    """

    __slots__ = ("rest",)

    def __init__(self) -> None:
        super().__init__("AUTHINFO SASL", NNTP)
        self.rest: list[bytes] = []


class PassWords(Words):
    """How a client writes AUTHINFO USER and PASS: what PLAIN would carry."""

    __slots__ = ()

    def command(self, name: str, initial: bytes | None) -> bytes:
        """Write PLAIN's message; raise CredentialsError for what cannot be carried."""
        authzid, username, password = NNTP.decode(initial or b"").split(b"\0")
        if authzid:
            raise CredentialsError("AUTHINFO USER cannot carry an authzid")
        lines = b"AUTHINFO USER %b" % username, b"AUTHINFO PASS %b" % password
        if any(len(line) + 2 > _COMMAND_LIMIT for line in lines):
            raise CredentialsError("a command is no longer than 512 octets (RFC 3977)")
        if any(octet in line for octet in b"\r\n" for line in lines):
            raise CredentialsError("AUTHINFO cannot carry the end of a line")
        self.rest.append(lines[1])
        return lines[0]


class _Replies:
    """What a client does with the replies to AUTHINFO."""

    __slots__ = ()

    def reply(self: Running[Words], code: int, text: bytes) -> bytes | None:
        """Take a reply: return the next line to send, None when authenticated.

        `text` is all behind the code. Where our own side fails, the next line is `*`,
        and the reply to that raises the error, whatever it is. Raise
        AuthenticationError where the server refuses, ServerNotAuthenticated where it
        accepts too early, ProtocolError for a reply that cannot be.
        """
        rest = self.words.rest
        if code == PASSWORD_WANTED and rest:
            return rest.pop(0)
        rest.clear()
        if code == CHALLENGE:
            return self.challenged(text)
        if code in (AUTHENTICATED, AUTHENTICATED_WITH_DATA):
            self.accepted(text if code == AUTHENTICATED_WITH_DATA else None)
            return None
        if self.error is not None:
            raise self.error
        if not 400 <= code <= 599:
            raise ProtocolError("a reply to AUTHINFO that is not 28x, 38x, 4xx or 5xx")
        said = text.decode("utf-8", "replace")
        return self.refused(reason_of(code), f"{code} {said}")


class Authentication(_Replies, Exchange[Words]):
    """The client's half of one exchange, from the AUTHINFO SASL command on.

    For whoever reads the replies: send `command`, hand each reply to `reply` and send
    what that returns, until it returns None. Lines are without their CRLF.
    """

    __slots__ = ()

    def __init__(self, client: Client) -> None:
        super().__init__(client, Words())


class Attempts(_Replies, neutral.Attempts[Words]):
    """Authenticate by the strongest mechanism that the policy and the server accept.

    `offered` are the server's mechanisms. Where none of them will do, AUTHINFO USER and
    PASS are tried, unless `user` is False. The rest as `smtp.Attempts`. Raise
    NoMechanism where none is acceptable.
    """

    __slots__ = ()

    def __init__(
        self,
        offered: Iterable[str],
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        profile: Profile = NNTP,
        user: bool = True,
    ) -> None:
        super().__init__(
            offered,
            credentials,
            channel=channel,
            policy=policy,
            profile=profile,
            words=Words(),
            fallback=PassWords() if user else None,
        )
