"""ClientSession: a POP3 client from the greeting to the login, without the socket.

RFC 1939 and 2449; RFC 2595 for STLS, RFC 5034 for AUTH.
"""

from __future__ import annotations

from ..._errors import ProtocolError, SASLError
from ..._policy import DEFAULT
from ..._strict import printable
from ...mechanisms.apop import find_timestamp
from ...profiles import POP3
from .._capabilities import mechanism_names
from .._client_session import ClientBase, refusal
from ._client import Attempts, mechanisms
from ._words import ReplyBuffer, is_no, is_yes, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._channel import Channel
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._client_session import StartTLS

_LONGEST_GREETING = 512  # RFC 2449, section 4, with its CRLF


class ClientSession(ClientBase[Attempts]):
    """Log in to a server: greeting, CAPA, STLS, CAPA again, AUTH.

    As `ClientBase`. A server without CAPA (RFC 2449 is younger than POP3) is asked for
    its mechanisms by AUTH alone, as it was the practice of RFC 1734; then USER and PASS
    are tried. `capabilities` are the lines of CAPA's list, in capitals, and none for
    such a server. APOP is used where the policy names it, and never after STLS: the
    timestamp came before it, from whoever it was.
    """

    __slots__ = ("_lists", "_offered", "_timestamp", "_user", "capabilities")

    def __init__(
        self,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        starttls: StartTLS = "require",
        profile: Profile = POP3,
    ) -> None:
        self._lists = ReplyBuffer()
        super().__init__(
            credentials,
            channel=channel,
            policy=policy,
            starttls=starttls,
            profile=profile,
            replies=self._lists,
        )
        self.capabilities: tuple[str, ...] = ()
        self._offered: tuple[str, ...] = ()
        self._user = True
        self._timestamp = b""

    def _greeting(self, line: bytes, lines: list[bytes]) -> bytes:
        if len(line) + 2 > _LONGEST_GREETING:
            raise ProtocolError("a greeting is no longer than 512 octets (RFC 2449)")
        if not is_yes(line):
            raise _refusal("the connection", line)
        self._timestamp = find_timestamp(line)
        return self._ask(b"CAPA\r\n")

    def _restart(self) -> bytes:
        self.capabilities = self._offered = ()
        self._timestamp = b""
        return self._ask(b"CAPA\r\n")

    def _ask(self, command: bytes) -> bytes:
        self._turn = self._features if command == b"CAPA\r\n" else self._names
        self._lists.expect_list()
        return command

    def _features(self, line: bytes, lines: list[bytes]) -> bytes:
        if is_no(line):
            return self._ask(b"AUTH\r\n")
        if not is_yes(line):
            raise _refusal("CAPA", line)
        self.capabilities = _shown(lines)
        self._offered = mechanisms(self.capabilities)
        self._user = "USER" in self.capabilities
        return self._start_tls_or_authenticate("STLS" in self.capabilities)

    def _names(self, line: bytes, lines: list[bytes]) -> bytes:
        if not (is_yes(line) or is_no(line)):
            raise _refusal("AUTH", line)
        self._offered = mechanism_names(_shown(lines))
        self._user = True
        return self._start_tls_or_authenticate(False)

    def _start_tls(self) -> bytes:
        return b"STLS\r\n"

    def _ready(self, line: bytes, lines: list[bytes]) -> bytes:
        if is_yes(line):
            return self._with_tls()
        if is_no(line):
            return self._without_tls("the server refused it")
        raise _refusal("STLS", line)

    def _authenticate(self) -> bytes:
        return self._begin(
            Attempts(
                self._offered,
                self.credentials,
                channel=self.channel,
                policy=self._policy,
                profile=self._profile,
                user=self._user,
                timestamp=self._timestamp,
                coded="AUTH-RESP-CODE" in self.capabilities,
            )
        )

    def _answer(self, line: bytes, lines: list[bytes]) -> bytes:
        return self._go_on(self._running().reply(line))


def _shown(lines: list[bytes]) -> tuple[str, ...]:
    return tuple(printable(line.decode("ascii", "replace")).upper() for line in lines)


def _refusal(what: str, line: bytes) -> SASLError:
    if not is_no(line):
        return ProtocolError(f"no reply to {what} (RFC 1939, section 3)")
    said = line.decode("utf-8", "replace")
    return refusal(f"refused {what}", said, reason_of(said[5:]))
