"""A client's half of AUTHENTICATE: one exchange, or a choice among several.

RFC 5804, section 2.1.
"""

from __future__ import annotations

from ..._errors import ProtocolError
from ..._policy import DEFAULT
from ...profiles import MANAGESIEVE
from .. import _attempts as neutral
from .._capabilities import mechanism_names
from .._exchange import Exchange
from ._items import write_string
from ._words import reason_of, response_code, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..._channel import Channel
    from ..._client import Client
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._exchange import Running
    from ._words import Reply


def mechanisms(capabilities: Mapping[str, str]) -> tuple[str, ...]:
    """Return the mechanisms of a list of capabilities, in the server's order."""
    return mechanism_names(capabilities.get("SASL", "").split())


class Words:
    """How a client writes AUTHENTICATE: every message is a string."""

    __slots__ = ()

    def command(self, name: str, initial: bytes | None) -> bytes:
        """Begin an exchange."""
        line = b'AUTHENTICATE "%b"' % name.encode()
        return line if initial is None else b"%b %b" % (line, self.response(initial))

    def response(self, text: bytes) -> bytes:
        """Answer a challenge."""
        return write_string(text, client=True)

    def abort(self) -> bytes:
        """Cancel the exchange."""
        return b'"*"'


class _Replies:
    """What a client does with the responses to AUTHENTICATE."""

    __slots__ = ()

    def reply(self: Running[Words], reply: Reply) -> bytes | None:
        """Take a challenge or the response: return the next line to send, without its
        CRLF, None when authenticated.

        Where our own side fails, the next line is `"*"`, and the response to that raises
        the error, whatever it is. Raise AuthenticationError where the server refuses,
        ServerNotAuthenticated where it accepts too early, ProtocolError for what is no
        response to the command.
        """
        match reply.condition, reply.code:
            case "", _:
                match reply.lines:
                    case ((bytes(challenge),),):
                        return self.challenged(challenge)
                raise self.error or ProtocolError("a challenge is one string")
            case "OK", (_, bytes(data)) if response_code(reply) == "SASL":
                self.accepted(data)
                return None
            case "OK", _:
                self.accepted()
                return None
        # After BYE nothing else can be tried here.
        last = False if reply.condition == "BYE" else None
        return self.refused(reason_of(reply), shown(reply), of_the_mechanism=last)


class Authentication(_Replies, Exchange[Words]):
    """The client's half of one exchange, from the AUTHENTICATE command on.

    For whoever reads the responses: send `command`, hand each challenge and the response
    to `reply` and send what that returns, until it returns None. Lines are without
    their CRLF; there may be one before a literal.
    """

    __slots__ = ()

    def __init__(self, client: Client) -> None:
        super().__init__(client, Words())


class Attempts(_Replies, neutral.Attempts[Words]):
    """Authenticate by the strongest mechanism that the policy and the server accept.

    As `smtp.Attempts`. Raise NoMechanism where none is acceptable.
    """

    __slots__ = ()

    def __init__(
        self,
        offered: Iterable[str],
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        profile: Profile = MANAGESIEVE,
    ) -> None:
        super().__init__(
            offered,
            credentials,
            channel=channel,
            policy=policy,
            profile=profile,
            words=Words(),
        )
