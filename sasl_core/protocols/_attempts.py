"""A choice among several mechanisms, in any protocol's words: what a refusal leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from .._choosing import choose
from .._choosing import client as begin
from .._errors import AuthenticationError, NoMechanism, StateError
from .._reasons import Reason
from .._value import Secretive
from ._exchange import Exchange, WordsT
from .quirks import for_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._advertised import Advertised
    from .._channel import Channel
    from .._errors import SASLError
    from .._policy import Policy
    from .._profile import Profile
    from .._values import Credentials, TokenError
    from ..layers import Layer

_MOST_ATTEMPTS = 3
_SHOWS_PASSWORD = ("PLAIN", "LOGIN")
# Refusals that may be about the mechanism, not about the credentials or the server.
OF_THE_MECHANISM = frozenset(
    {
        Reason.UNEXPECTED_INITIAL,
        Reason.UNSUPPORTED,
        Reason.TOO_WEAK,
        Reason.ENCRYPTION_NEEDED,
        Reason.TRANSITION_NEEDED,
    }
)
# RFC 6750, section 3.1; of XOAUTH2, Google says 400 where it means 401.
_EXPIRED = frozenset({"invalid_token", "401", "400"})


class Attempts(Secretive, Generic[WordsT]):
    """Authenticate by the strongest mechanism that the policy and the server accept.

    As Exchange, but a refusal that speaks of the mechanism, not of the credentials,
    moves on to the next one: none twice, three at most, never after a wrong password
    (that would double the attempts that lock an account), and never after a temporary
    failure; the error's `tried` names them. Raise NoMechanism where none is acceptable.

    Where the credentials' token is a source, `command` and `refused` return b"" when
    `wants_token`: ask the source, with `token_error`, and send what `take_token`
    returns. A source is asked once more after the server called its token expired.

    `fallback` writes the protocol's own command for a password, where there is one: it
    gets what PLAIN would say, where no mechanism will do but PLAIN would.
    """

    __slots__ = (
        "_advertised",
        "_channel",
        "_current",
        "_given",
        "_offered",
        "_policy",
        "_profile",
        "_refusal",
        "_tried",
        "credentials",
        "name",
        "words",
    )
    __match_args__ = ("name",)

    def __init__(
        self,
        offered: Iterable[str],
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy,
        profile: Profile,
        words: WordsT,
        fallback: WordsT | None = None,
        advertised: Advertised | None = None,
    ) -> None:
        self._advertised = advertised
        self._offered = tuple(offered)
        self.credentials = credentials
        self._channel = channel
        self._policy = policy
        self._profile = for_host(profile, channel.host)
        self.words = words
        self._tried: list[str] = []
        self._current: Exchange[WordsT] | None = None  # None: a token is waited for
        self._given: Credentials | None = None  # as the source's token made them
        self._refusal: AuthenticationError | None = None  # of that token
        self.name = ""  # the mechanism that is tried now
        try:
            self._begin(self._offered)
        except NoMechanism:
            if fallback is None or not self._fall_back(fallback):
                raise

    @property
    def error(self) -> SASLError | None:
        """Why our side cancelled, as in Exchange."""
        return self._current.error if self._current else None

    @property
    def wants_token(self) -> bool:
        """Whether the token's source is to be asked now."""
        return self._current is None

    @property
    def token_error(self) -> TokenError | None:
        """What the server said of the source's last token; None when asked first."""
        return self._refusal.token_error if self._refusal else None

    def command(self) -> bytes:
        """Return the command, as Exchange does; b"" where `wants_token`."""
        return self._current.command() if self._current else b""

    def take_token(self, token: str) -> bytes:
        """Take what the source gave; return the command.

        Raise the server's refusal if that is the very token which it refused, and
        StateError unless `wants_token`, or for anything but a str.
        """
        if not self.wants_token or not isinstance(token, str):
            raise StateError("no token is due, or the source gave something else")
        before = self._given
        self._given = self.credentials.replace(token=token)
        del token  # a traceback shows locals
        if before == self._given and self._refusal is not None:
            raise self._refusal
        self._current = self._exchange((self.name,), self._given)
        return self._current.command()

    def challenged(self, text: bytes) -> bytes:
        """Take a challenge, as Exchange does."""
        return self._running().challenged(text)

    @property
    def layer(self) -> Layer | None:
        """What goes on the connection, once the server has accepted."""
        return self._running().layer

    def accepted(self, data: bytes | None = None) -> None:
        """Take the protocol's success, as Exchange does."""
        self._running().accepted(data)

    def refused(
        self, reason: Reason, reply: str = "", *, of_the_mechanism: bool | None = None
    ) -> bytes:
        """Take the protocol's refusal; return the next command, or raise the error.

        `of_the_mechanism`: another one may do (None: as the reason has it).
        """
        if of_the_mechanism is None:
            of_the_mechanism = reason in OF_THE_MECHANISM
        refused = self._running().refusal(reason, reply, tried=tuple(self._tried[:-1]))
        if self._may_renew(refused):
            self._refusal, self._current = refused, None
            return b""
        if of_the_mechanism and refused.try_another:
            try:
                self._begin(self._others(reason))
                return self.command()
            except NoMechanism:
                pass  # the refusal says more than that nothing else is left
        raise refused

    def _may_renew(self, refused: AuthenticationError) -> bool:
        error = refused.token_error
        return (
            error is not None
            and error.status in _EXPIRED
            and self._given is not None
            and self._refusal is None
        )

    def _running(self) -> Exchange[WordsT]:
        if self._current is None:
            raise StateError("no exchange runs: a token is waited for")
        return self._current

    def _others(self, reason: Reason) -> tuple[str, ...]:
        if len(self._tried) >= _MOST_ATTEMPTS:
            return ()
        # The server wants to see the password once (RFC 4954, section 6, of 432).
        if reason is Reason.TRANSITION_NEEDED:
            return tuple(name for name in self._offered if name in _SHOWS_PASSWORD)
        # Google says 534 5.7.9 where it wants another password: not the same one again.
        if reason is Reason.TOO_WEAK and self.name in _SHOWS_PASSWORD:
            return tuple(name for name in self._offered if name not in _SHOWS_PASSWORD)
        return self._offered

    def _fall_back(self, words: WordsT) -> bool:
        self.words, self._offered = words, ("PLAIN",)
        self._profile = self._profile.replace(initial_response=True, command_limit=None)
        try:
            self._begin(self._offered)
        except NoMechanism:
            return False  # what speaks against each mechanism says more
        return True

    def _begin(self, names: tuple[str, ...]) -> None:
        # What was tried is denied, not left out: with a -PLUS gone from the list, SCRAM
        # would claim that the server did not offer it (RFC 5802, section 6).
        self._policy = self._policy.replace(deny={*self._policy.deny, *self._tried})
        credentials = self._given or self.credentials
        mechanism = choose(
            names,
            credentials,
            channel=self._channel,
            policy=self._policy,
            advertised=self._advertised,
        )
        self.name = mechanism.name
        self._tried.append(mechanism.name)
        if "token" in mechanism.needs and callable(credentials.token):
            self._current = None
        else:
            self._current = self._exchange(names, credentials)

    def _exchange(self, names: tuple[str, ...], mine: Credentials) -> Exchange[WordsT]:
        chosen = begin(
            names,
            mine,
            channel=self._channel,
            policy=self._policy,
            profile=self._profile,
            advertised=self._advertised,
        )
        return Exchange(chosen, self.words)
