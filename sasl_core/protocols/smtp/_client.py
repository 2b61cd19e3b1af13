"""A client's half of AUTH: one exchange, or a choice among several (RFC 4954)."""

from __future__ import annotations

from ..._errors import ProtocolError
from ..._policy import DEFAULT, Policy
from ...profiles import SMTP
from .. import _attempts as neutral
from .._capabilities import mechanism_names
from .._exchange import Exchange, LineWords
from ._words import reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._client import Client
    from ..._profile import Profile
    from ..._values import Credentials
    from .._exchange import Running

# Replies that may be about the mechanism alone: 454 is about the server, 530 and 500
# are about AUTH at this time or at all, 535 is about the credentials.
_OF_THE_MECHANISM = frozenset({432, 501, 504, 534, 538})


def mechanisms(ehlo: Iterable[str | bytes]) -> tuple[str, ...]:
    """Return the names that a reply to EHLO offers, in capitals, in the server's order.

    `ehlo` is the text of its lines, without code. Reads `AUTH PLAIN LOGIN` and the old
    `AUTH=PLAIN LOGIN`, in any case, each name once; what cannot be a name is left out.
    """
    words: list[str] = []
    for line in ehlo:
        text = line if isinstance(line, str) else line.decode("ascii", "replace")
        keyword, *names = text.replace("=", " ", 1).split() or [""]
        if keyword.upper() == "AUTH":
            words += names
    return mechanism_names(words)


class _Replies:
    """What a client does with the replies to AUTH."""

    __slots__ = ()

    def reply(self: Running[LineWords], code: int, text: bytes) -> bytes | None:
        """Take a reply: return the next line to send, None when authenticated.

        `text` is all behind the code. Where our own side fails, the next line is `*`,
        and the reply to that raises the error, whatever it is. Raise
        AuthenticationError where the server refuses, ServerNotAuthenticated where it
        accepts too early, ProtocolError for a reply that cannot be.
        """
        if code == 334:
            return self.challenged(text)
        if code == 235:
            self.accepted()
            return None
        if self.error is not None:
            raise self.error
        if not 400 <= code <= 599:
            # 250, or 354: the server is talking about something else.
            raise ProtocolError("a reply to AUTH that is not 235, 334, 4xx or 5xx")
        said = text.decode("utf-8", "replace")
        return self.refused(
            reason_of(code, said),
            f"{code} {said}",
            of_the_mechanism=code in _OF_THE_MECHANISM,
        )


class Authentication(_Replies, Exchange[LineWords]):
    """The client's half of one exchange, from the AUTH command on.

    For whoever reads the replies: send `command`, hand each reply to `reply` and send
    what that returns, until it returns None. Lines are without their CRLF.
    """

    __slots__ = ()

    def __init__(self, client: Client) -> None:
        super().__init__(client, LineWords("AUTH", client.profile))


class Attempts(_Replies, neutral.Attempts[LineWords]):
    """Authenticate by the strongest mechanism that the policy and the server accept.

    As Authentication, but a refusal that speaks of the mechanism, not of the
    credentials, moves on to the next one: none twice, three at most, never after a
    wrong password (that would double the attempts that lock an account), and never
    after a temporary failure. Raise NoMechanism where none is acceptable.

    Where the credentials' token is a source, what is to be sent is b"" when
    `wants_token`: then ask it, with `token_error`, and go on with `take_token`.
    """

    __slots__ = ()

    def __init__(
        self,
        offered: Iterable[str],
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        profile: Profile = SMTP,
    ) -> None:
        super().__init__(
            offered,
            credentials,
            channel=channel,
            policy=policy,
            profile=profile,
            words=LineWords("AUTH", profile),
        )
