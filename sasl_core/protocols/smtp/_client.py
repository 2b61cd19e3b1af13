"""A client's half of AUTH: one exchange, or a choice among several (RFC 4954)."""

from __future__ import annotations

from ..._choosing import client as begin
from ..._errors import (
    AuthenticationError,
    NoMechanism,
    ProtocolError,
    SASLError,
    ServerNotAuthenticated,
)
from ..._policy import DEFAULT, Policy
from ..._reasons import Reason
from ..._value import Secretive
from ...profiles import SMTP
from ._words import reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._client import Client
    from ..._profile import Profile
    from ..._values import Credentials

_MOST_CHALLENGES = 32  # far more than any mechanism has; a loop ends here
_MOST_ATTEMPTS = 3
_MOST_NAMES = 100
_LONGEST_NAME = 64
# Replies that may be about the mechanism alone: 454 is about the server, 530 and 500
# are about AUTH at this time or at all, 535 is about the credentials.
_OF_THE_MECHANISM = frozenset({432, 501, 504, 534, 538})
_SHOWS_PASSWORD = ("PLAIN", "LOGIN")


def mechanisms(ehlo: Iterable[str | bytes]) -> tuple[str, ...]:
    """Return the names that a reply to EHLO offers, in capitals, in the server's order.

    `ehlo` is the text of its lines, without code. Reads `AUTH PLAIN LOGIN` and the old
    `AUTH=PLAIN LOGIN`, in any case, each name once; what cannot be a name is left out.
    """
    names: dict[str, None] = {}
    for line in ehlo:
        text = line if isinstance(line, str) else line.decode("ascii", "replace")
        words = text.replace("=", " ", 1).split()
        if not words or words[0].upper() != "AUTH":
            continue
        for word in words[1:]:
            if len(word) <= _LONGEST_NAME and word.isascii() and word.isprintable():
                names[word.upper()] = None
    return tuple(names)[:_MOST_NAMES]


class Authentication(Secretive):
    """The client's half of one exchange, from the AUTH command on.

    For whoever reads the replies: send `command`, hand each reply to `reply` and send
    what that returns, until it returns None. Lines are without their CRLF.
    """

    __slots__ = ("_challenges", "_client", "_held", "_profile", "error")
    __match_args__ = ("name",)

    def __init__(self, client: Client) -> None:
        self._client = client
        self._profile: Profile = client.profile
        self._held: bytes | None = None  # an initial response too long for the command
        self._challenges = 0
        # Why our side cancelled. Raised at the next reply; where the connection ends
        # instead, the caller raises it.
        self.error: SASLError | None = None

    @property
    def name(self) -> str:
        """The mechanism."""
        return self._client.name

    def command(self) -> bytes:
        """Return the AUTH command, with the initial response where it fits.

        Raise what `Client.start` raises: nothing was sent then.
        """
        line = b"AUTH " + self._client.name.encode()
        response = self._client.start()
        if response is None:
            return line
        full = line + b" " + self._profile.initial(response)
        limit = self._profile.command_limit
        # The limit of the line is SMTP's own: only the lines after AUTH may be longer
        # (RFC 4954, section 4). Then the empty challenge gets the response.
        if limit is not None and len(full) + 2 > limit:
            self._held = response
            return line
        return full

    def reply(self, code: int, text: bytes) -> bytes | None:
        """Take a reply: return the next line to send, None when authenticated.

        `text` is all behind the code. Where our own side fails, the next line is `*`,
        and the reply to that raises the error, whatever it is. Raise
        AuthenticationError where the server refuses, ServerNotAuthenticated where it
        accepts too early, ProtocolError for a reply that cannot be.
        """
        if self.error is not None:
            raise self.error
        if code == 334:
            return self._challenged(text)
        if code == 235:
            self._accepted()
            return None
        shown = f"{code} {text.decode('utf-8', 'replace')}"
        if 400 <= code <= 599:
            raise self._client.refused(reason_of(code, shown[4:]), shown)
        # 250, or 354: the server is talking about something else.
        raise ProtocolError("a reply to AUTH that is not 235, 334, 4xx or 5xx")

    def _challenged(self, challenge: bytes) -> bytes:
        self._challenges += 1
        try:
            if self._challenges > _MOST_CHALLENGES:
                raise ProtocolError(f"more than {_MOST_CHALLENGES} challenges")
            if self._held is None:
                return self._client.step(challenge)
            if challenge:
                raise ProtocolError("the first challenge must be empty")
            held, self._held = self._held, None
            return held
        except SASLError as error:
            self.error = error
            return self._profile.abort or b"*"

    def _accepted(self) -> None:
        if self._held is not None:
            raise ServerNotAuthenticated(
                "the server claimed success before it was asked"
            )
        self._client.finish()


class Attempts(Secretive):
    """Authenticate by the strongest mechanism that the policy and the server accept.

    As Authentication, but a refusal that speaks of the mechanism, not of the
    credentials, moves on to the next one: none twice, three at most, never after a
    wrong password (that would double the attempts that lock an account), and never
    after a temporary failure. Raise NoMechanism where none is acceptable.
    """

    __slots__ = (
        "_channel",
        "_credentials",
        "_current",
        "_offered",
        "_policy",
        "_profile",
        "_tried",
    )
    __match_args__ = ("name",)

    def __init__(
        self,
        offered: Iterable[str],
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        profile: Profile = SMTP,
    ) -> None:
        self._offered = tuple(offered)
        self._credentials = credentials
        self._channel = channel
        self._policy = policy
        self._profile = profile
        self._tried: list[str] = []
        self._current = self._begin(self._offered)

    @property
    def name(self) -> str:
        """The mechanism that is tried now."""
        return self._current.name

    @property
    def error(self) -> SASLError | None:
        """Why our side cancelled, as in Authentication."""
        return self._current.error

    def command(self) -> bytes:
        """Return the AUTH command, as Authentication does."""
        return self._current.command()

    def reply(self, code: int, text: bytes) -> bytes | None:
        """Take a reply, as Authentication does; a refusal may bring AUTH again."""
        try:
            return self._current.reply(code, text)
        except AuthenticationError as error:
            if code not in _OF_THE_MECHANISM or not error.try_another:
                raise
            refused = error
        try:
            self._current = self._begin(self._others(refused.reason))
            return self._current.command()
        except NoMechanism:
            pass
        raise refused  # which says more than that nothing else is left

    def _others(self, reason: Reason) -> tuple[str, ...]:
        if len(self._tried) >= _MOST_ATTEMPTS:
            return ()
        # The server wants to see the password once (RFC 4954, section 6, of 432).
        if reason is Reason.TRANSITION_NEEDED:
            return tuple(name for name in self._offered if name in _SHOWS_PASSWORD)
        return self._offered

    def _begin(self, names: tuple[str, ...]) -> Authentication:
        # What was tried is denied, not left out: with a -PLUS gone from the list, SCRAM
        # would claim that the server did not offer it (RFC 5802, section 6).
        policy = self._policy.replace(deny={*self._policy.deny, *self._tried})
        chosen = begin(
            names,
            self._credentials,
            channel=self._channel,
            policy=policy,
            profile=self._profile,
        )
        self._tried.append(chosen.name)
        return Authentication(chosen)
