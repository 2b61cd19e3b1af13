"""A client's half of AUTHENTICATE: one exchange, or a choice among several.

RFC 9051, section 6.2.2; RFC 4959 for the initial response. LOGIN is PLAIN in other words.
"""

from __future__ import annotations

from ..._errors import CredentialsError, ProtocolError
from ..._policy import DEFAULT
from ..._strict import folded, printable
from ..._value import Secretive
from ...profiles import IMAP
from .. import _attempts as neutral
from .._capabilities import mechanism_names
from .._exchange import Exchange
from .._quoted import is_quotable, quoted
from ._words import reason_of, response_code

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
    return mechanism_names(
        word[5:] for word in capabilities if word[:5].upper() == "AUTH="
    )


def takes_initial(capabilities: Iterable[str]) -> bool:
    """Whether AUTHENTICATE may have an initial response: RFC 4959, and RFC 9051."""
    return not {"SASL-IR", "IMAP4REV2"}.isdisjoint(map(folded, capabilities))


def capabilities(responses: Iterable[bytes]) -> tuple[str, ...]:
    """Return the capabilities that responses tell, in capitals; the last word counts.

    `responses` are without tag or `* `. Read `CAPABILITY ...` and the response code of
    an OK; () where there is neither.
    """
    found: tuple[str, ...] = ()
    for response in responses:
        word, _, rest = response.decode("ascii", "replace").partition(" ")
        if word.upper() == "OK":
            word, rest = response_code(rest)
        if word.upper() == "CAPABILITY":
            found = tuple(printable(name) for name in rest.upper().split())
    return found


class Words(Secretive):
    """How a client writes AUTHENTICATE; `tag` is that of the last command."""

    __slots__ = ("_count", "_prefix", "rest", "tag")

    def __init__(self, prefix: str = "A") -> None:
        self._prefix = prefix
        self._count = 0
        self.tag = b""
        self.rest: list[bytes] = []  # what the next continuations ask for

    def tagged(self, command: bytes) -> bytes:
        """Write a command behind a tag of its own."""
        self._count += 1
        self.tag = f"{self._prefix}{self._count}".encode()
        return b"%b %b" % (self.tag, command)

    def command(self, name: str, initial: bytes | None) -> bytes:
        """Begin an exchange."""
        line = self.tagged(b"AUTHENTICATE %b" % name.encode())
        return line if initial is None else b"%b %b" % (line, initial)

    def response(self, text: bytes) -> bytes:
        """Answer a challenge."""
        return text

    def abort(self) -> bytes:
        """Cancel the exchange."""
        return b"*"


class LoginWords(Words):
    """How a client writes LOGIN: what PLAIN would carry, as two strings."""

    __slots__ = ()

    def command(self, name: str, initial: bytes | None) -> bytes:
        """Write PLAIN's message; raise CredentialsError for what LOGIN cannot carry."""
        authzid, *strings = IMAP.decode(initial or b"").split(b"\0")
        if authzid:
            raise CredentialsError("LOGIN cannot carry an authzid")
        line = self.tagged(b"LOGIN")
        for string in strings:
            # Beyond ASCII, only the servers of RFC 6855 take it between quotes.
            if string.isascii() and is_quotable(string):
                line += b" " + quoted(string)
            else:
                self.rest.append(line + b" {%d}" % len(string))
                line = string
        self.rest.append(line)
        return self.rest.pop(0)


class _Replies:
    """What a client does with the responses to AUTHENTICATE."""

    __slots__ = ()

    def reply(self: Running[Words], line: bytes) -> bytes | None:
        """Take a continuation or a tagged response, without CRLF: return the next line
        to send, None when authenticated.

        Where our own side fails, the next line is `*`, and the response to that raises
        the error, whatever it is. Raise AuthenticationError where the server refuses,
        ServerNotAuthenticated where it accepts too early, ProtocolError for what is no
        response to the command.
        """
        words = self.words
        if line[:1] == b"+":
            if words.rest:
                return words.rest.pop(0)
            return self.challenged(line[2:] if line[1:2] == b" " else line[1:])
        tag, _, said = line.partition(b" ")
        condition, _, text = said.decode("utf-8", "replace").partition(" ")
        if tag != words.tag or condition.upper() not in ("OK", "NO", "BAD"):
            raise self.error or ProtocolError("not a response to this command")
        if condition.upper() == "OK":
            if words.rest:
                raise ProtocolError("success came before the command was complete")
            self.accepted()
            return None
        words.rest.clear()
        reason = reason_of(condition.upper(), text)
        return self.refused(reason, f"{condition} {text}")


class Authentication(_Replies, Exchange[Words]):
    """The client's half of one exchange, from the AUTHENTICATE command on.

    For whoever reads the responses: send `command`, hand each continuation and tagged
    response to `reply` and send what that returns, until it returns None. Lines are
    without their CRLF; `tag` is what the tags begin with. `initial_response`: one may be
    sent, since the server says SASL-IR (RFC 4959), and the profile allows it.
    """

    __slots__ = ()

    def __init__(
        self, client: Client, *, tag: str = "A", initial_response: bool = True
    ) -> None:
        super().__init__(client, Words(tag), initial_response=initial_response)


class Attempts(_Replies, neutral.Attempts[Words]):
    """Authenticate by the strongest mechanism that the policy and the server accept.

    `capabilities` are the server's words. Where none of its mechanisms will do, LOGIN
    is tried, unless LOGINDISABLED. An initial response is sent where the server says
    SASL-IR (RFC 4959) or is of the revision that has it built in; a profile whose
    `initial_response` is False never sends one. The rest as `smtp.Attempts`. Raise
    NoMechanism where none is acceptable.
    """

    __slots__ = ()

    def __init__(
        self,
        capabilities: Iterable[str],
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        profile: Profile = IMAP,
        tag: str = "A",
    ) -> None:
        words = {folded(word): None for word in capabilities}
        initial = takes_initial(words) and profile.initial_response
        super().__init__(
            mechanisms(words),
            credentials,
            channel=channel,
            policy=policy,
            profile=profile.replace(initial_response=initial),
            words=Words(tag),
            fallback=None if "LOGINDISABLED" in words else LoginWords(tag),
        )
