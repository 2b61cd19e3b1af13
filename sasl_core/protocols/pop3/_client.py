"""A client's half of AUTH: one exchange, or a choice among several.

RFC 5034; RFC 1939 for APOP, and for USER and PASS, which are PLAIN in other words.
"""

from __future__ import annotations

from ..._choosing import client as begin
from ..._errors import CredentialsError, NoMechanism, ProtocolError
from ..._policy import DEFAULT
from ...mechanisms import find
from ...mechanisms.apop import APOP
from ...profiles import POP3
from .. import _attempts as neutral
from .._capabilities import mechanism_names
from .._exchange import Exchange, LineWords
from ._words import is_no, is_yes, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._client import Client
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._exchange import Running


def mechanisms(capabilities: Iterable[str]) -> tuple[str, ...]:
    """Return the mechanisms that a list of capabilities has, in the server's order."""
    names: list[str] = []
    for line in capabilities:
        keyword, *words = line.split() or [""]
        if keyword.upper() == "SASL":
            names += words
    return mechanism_names(names)


class Words(LineWords):
    """How a client writes AUTH; `rest` is what follows a yes that is not the last.

    `coded`: the server announces AUTH-RESP-CODE.
    """

    __slots__ = ("coded", "rest")

    def __init__(self, *, coded: bool = False) -> None:
        super().__init__("AUTH", POP3)
        self.coded = coded
        self.rest: list[bytes] = []


class PassWords(Words):
    """How a client writes USER and PASS: what PLAIN would carry, in two commands."""

    __slots__ = ()

    def command(self, name: str, initial: bytes | None) -> bytes:
        """Write PLAIN's message."""
        _, username, password = POP3.decode(initial or b"").split(b"\0")
        self.rest.append(b"PASS %b" % password)
        return b"USER %b" % username


class _Apop(Exchange[Words]):
    """An exchange whose challenge stood in the banner."""

    __slots__ = ("_timestamp",)

    def __init__(self, client: Client, timestamp: bytes) -> None:
        super().__init__(client, Words())
        self._timestamp = timestamp

    def command(self) -> bytes:
        return b"APOP %b" % self._client.step(self._timestamp)


class _Replies:
    """What a client does with the replies to AUTH, APOP, USER and PASS."""

    __slots__ = ()

    def reply(self: Running[Words], line: bytes) -> bytes | None:
        """Take a reply, without CRLF: return the next line to send, None when
        authenticated.

        Where our own side fails, the next line is `*`, and the reply to that raises the
        error, whatever it is. Raise AuthenticationError where the server refuses,
        ServerNotAuthenticated where it accepts too early, ProtocolError for what is no
        reply.
        """
        rest = self.words.rest
        if is_yes(line):
            if rest:
                return rest.pop(0)
            self.accepted()
            return None
        rest.clear()
        if is_no(line):
            said = line.decode("utf-8", "replace")
            reason = reason_of(said[5:], coded=self.words.coded)
            return self.refused(reason, said)
        if line[:1] == b"+" and line[:3] != b"+OK":
            return self.challenged(line[2:] if line[1:2] == b" " else line[1:])
        raise self.error or ProtocolError("not a reply (RFC 1939, section 3)")


class Authentication(_Replies, Exchange[Words]):
    """The client's half of one exchange, from the AUTH command on.

    For whoever reads the replies: send `command`, hand each reply to `reply` and send
    what that returns, until it returns None. Lines are without their CRLF.
    """

    __slots__ = ()

    def __init__(self, client: Client) -> None:
        super().__init__(client, Words())


class Attempts(_Replies, neutral.Attempts[Words]):
    """Authenticate by the strongest mechanism that the policy and the server accept.

    `offered` are the server's mechanisms. Where none of them will do, USER and PASS are
    tried, unless `user` is False (RFC 2449: the server does not announce USER).
    `timestamp` is the banner's, as `find_timestamp` has it: APOP is tried where the
    policy names it, before what shows the password. `coded`: the server announces
    AUTH-RESP-CODE, so only `[AUTH]` speaks of the credentials. The rest as
    `smtp.Attempts`.
    """

    __slots__ = ("_timestamp",)

    def __init__(
        self,
        offered: Iterable[str],
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        profile: Profile = POP3,
        user: bool = True,
        timestamp: bytes = b"",
        coded: bool = False,
    ) -> None:
        self._timestamp = timestamp
        super().__init__(
            offered,
            credentials,
            channel=channel,
            policy=policy,
            profile=profile,
            words=Words(coded=coded),
            fallback=PassWords(coded=coded) if user else None,
        )

    def _begin(self, names: tuple[str, ...]) -> None:
        # No names after an attempt: there were enough of them.
        due = self._timestamp and (names or not self._tried)
        if not due or not (self._stronger(names) or self._apop()):
            super()._begin(names)

    def _stronger(self, names: tuple[str, ...]) -> bool:
        """Begin by what is stronger than APOP; tell whether there is such a thing."""
        known = ((name, find(name)) for name in names)
        try:
            super()._begin(
                tuple(name for name, m in known if m and m.strength > APOP.strength)
            )
        except NoMechanism:
            return False
        return True

    def _apop(self) -> bool:
        """Begin by APOP; tell whether the policy lets it."""
        try:
            client = begin(
                APOP,
                self.credentials,
                channel=self._channel,
                policy=self._policy,
                profile=self._profile.replace(base64=False),
            )
        except NoMechanism:
            return False
        self.name = APOP.name
        self._tried.append(APOP.name)
        self._current = _Apop(client, self._timestamp)
        return True

    def _fall_back(self, words: Words) -> bool:
        if not super()._fall_back(words):
            return False
        credentials = self.credentials
        if credentials.authzid not in ("", credentials.username):
            raise CredentialsError("USER and PASS cannot carry an authzid")
        if not {"\r", "\n"}.isdisjoint(credentials.password or ""):
            raise CredentialsError("PASS cannot carry the end of a line")
        return True
