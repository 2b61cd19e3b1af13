"""The client's half of one exchange, in any protocol's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from .._errors import ProtocolError, SASLError, ServerNotAuthenticated
from .._value import Secretive

if TYPE_CHECKING:
    from typing import NoReturn, Protocol

    from .._client import Client
    from .._errors import AuthenticationError
    from .._profile import Profile
    from .._reasons import Reason
    from ..layers import Layer

    class Words(Protocol):
        """How a protocol writes what a client says, without the last line's CRLF."""

        def command(self, name: str, initial: bytes | None) -> bytes:
            """Begin an exchange; `initial` is in the profile's form, None for none."""

        def response(self, text: bytes) -> bytes:
            """Answer a challenge; `text` is in the profile's form."""

        def abort(self) -> bytes:
            """Cancel the exchange."""

    WordsT_co = TypeVar("WordsT_co", bound=Words, covariant=True)

    class Running(Protocol[WordsT_co]):
        """An Exchange, or Attempts: for those who read a protocol's replies."""

        @property
        def words(self) -> WordsT_co: ...
        @property
        def error(self) -> SASLError | None: ...
        def challenged(self, text: bytes) -> bytes: ...
        def accepted(self, data: bytes | None = None) -> None: ...
        def refused(
            self,
            reason: Reason,
            reply: str = "",
            *,
            of_the_mechanism: bool | None = None,
        ) -> bytes: ...


WordsT = TypeVar("WordsT", bound="Words")

_MOST_CHALLENGES = 32  # far more than any mechanism has; a loop ends here


class LineWords:
    """The words of protocols whose messages stand bare on their lines: SMTP's `AUTH`,
    POP3's, NNTP's `AUTHINFO SASL`.
    """

    __slots__ = ("_abort", "_verb")

    def __init__(self, verb: str, profile: Profile) -> None:
        self._verb = verb.encode()
        self._abort = profile.abort or b"*"

    def command(self, name: str, initial: bytes | None) -> bytes:
        """Begin an exchange."""
        line = b"%b %b" % (self._verb, name.encode())
        return line if initial is None else b"%b %b" % (line, initial)

    def response(self, text: bytes) -> bytes:
        """Answer a challenge."""
        return text

    def abort(self) -> bytes:
        """Cancel the exchange."""
        return self._abort


class Exchange(Secretive, Generic[WordsT]):
    """The client's half of one exchange, from the command on.

    Send `command`, and what `challenged` returns. Where our own side fails, that is the
    protocol's cancellation, and whatever comes next raises the `error`. Without
    `initial_response` none is sent, whatever the profile says.
    """

    __slots__ = ("_challenges", "_client", "_held", "_initial", "error", "words")
    __match_args__ = ("name",)

    def __init__(
        self, client: Client, words: WordsT, *, initial_response: bool = True
    ) -> None:
        self._client = client
        self.words = words
        self._initial = initial_response and client.profile.initial_response
        self._held: bytes | None = None  # an initial response that the command lacks
        self._challenges = 0
        # Why our side cancelled. Where the connection ends instead of a reply, the
        # caller raises it.
        self.error: SASLError | None = None

    @property
    def name(self) -> str:
        """The mechanism."""
        return self._client.name

    def command(self) -> bytes:
        """Return the command, with the initial response where it may be, and fits.

        Raise what `Client.start` raises: nothing was sent then.
        """
        profile = self._client.profile
        response = self._client.start()
        if response is not None and self._initial:
            line = self.words.command(self.name, profile.initial(response))
            # The limit of the line is the protocol's own: only the lines after the
            # command may be longer (RFC 4954, section 4).
            limit = profile.command_limit
            if limit is None or len(line) + 2 <= limit:
                return line
        if not self._client.initial_optional:
            self._held = response  # the empty challenge gets it
        return self.words.command(self.name, None)

    def challenged(self, text: bytes) -> bytes:
        """Take a challenge, in the profile's form; return what to send."""
        self._fail()
        self._challenges += 1
        try:
            return self.words.response(self._respond(text))
        except SASLError as error:
            self.error = error
        return self.words.abort()

    @property
    def layer(self) -> Layer | None:
        """What goes on the connection, once the server has accepted."""
        return self._client.layer

    def accepted(self, data: bytes | None = None) -> None:
        """Take the protocol's success, with the data that it carried.

        Raise ServerNotAuthenticated where it came too early.
        """
        self._fail()
        if self._held is not None:
            raise ServerNotAuthenticated(
                "the server claimed success before it was asked"
            )
        self._client.finish(data)

    def refused(
        self, reason: Reason, reply: str = "", *, of_the_mechanism: bool | None = None
    ) -> NoReturn:
        """Take the protocol's refusal; raise AuthenticationError."""
        raise self.refusal(reason, reply)

    def refusal(
        self, reason: Reason, reply: str, *, tried: tuple[str, ...] = ()
    ) -> AuthenticationError:
        """Take the protocol's refusal; return the error to raise. `tried`: before."""
        self._fail()
        return self._client.refused(reason, reply, tried=tried)

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error

    def _respond(self, challenge: bytes) -> bytes:
        if self._challenges > _MOST_CHALLENGES:
            raise ProtocolError(f"more than {_MOST_CHALLENGES} challenges")
        if self._held is None:
            return self._client.step(challenge)
        profile = self._client.profile
        if challenge not in (b"", profile.empty) and not profile.opening_text:
            raise ProtocolError("the first challenge must be empty")
        held, self._held = self._held, None
        return held or profile.empty
