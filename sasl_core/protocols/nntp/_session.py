"""ClientSession: an NNTP client from the greeting to 281, without the socket.

RFC 3977; RFC 4642 for STARTTLS, RFC 4643 for AUTHINFO.
"""

from __future__ import annotations

from ..._errors import ProtocolError, SASLError
from ..._policy import DEFAULT
from ..._strict import printable
from ...profiles import NNTP
from .._client_session import ClientBase, refusal
from ._client import Attempts, mechanisms, takes_passwords
from ._words import CAPABILITY_LIST, CONTINUE_TLS, ReplyBuffer, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._channel import Channel
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._client_session import StartTLS

_WELCOME = (200, 201)
# To CAPABILITIES: unknown, or not before a login, whatever RFC 3977 says.
_NO_LIST = (480, 500, 502, 503)


class ClientSession(ClientBase[Attempts]):
    """Log in to a server: greeting, CAPABILITIES, STARTTLS, CAPABILITIES again,
    AUTHINFO.

    As `ClientBase`. To a server without CAPABILITIES, which is younger than NNTP,
    AUTHINFO USER and PASS are said. `mode_reader`: where a server has yet to be told
    that a reader calls (RFC 3977, section 5.3), tell it first: it is another program
    then, with another list. `capabilities` are the lines of the last list.
    """

    __slots__ = ("_mode_reader", "_user", "capabilities")

    def __init__(
        self,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        starttls: StartTLS = "require",
        mode_reader: bool = True,
        profile: Profile = NNTP,
    ) -> None:
        super().__init__(
            credentials,
            channel=channel,
            policy=policy,
            starttls=starttls,
            profile=profile,
            replies=ReplyBuffer(),
        )
        self.capabilities: tuple[str, ...] = ()
        self._user = False
        self._mode_reader = mode_reader

    def _greeting(self, code: int, text: bytes, lines: list[bytes]) -> bytes:
        if code not in _WELCOME:
            raise _refusal("the connection", code, text)
        return self._restart()

    def _restart(self) -> bytes:
        self.capabilities = ()
        self._turn = self._features
        return b"CAPABILITIES\r\n"

    def _features(self, code: int, text: bytes, lines: list[bytes]) -> bytes:
        if code in _NO_LIST:
            self._user = True
            return self._start_tls_or_authenticate(False)
        if code != CAPABILITY_LIST:
            raise _refusal("CAPABILITIES", code, text)
        self.capabilities = tuple(
            printable(line.decode("utf-8", "replace")) for line in lines
        )
        self._user = takes_passwords(self.capabilities)
        if self._mode_reader and self._announced("MODE-READER"):
            self._mode_reader = False
            self._turn = self._greeting  # MODE READER is answered as a connection is
            return b"MODE READER\r\n"
        return self._start_tls_or_authenticate(self._announced("STARTTLS"))

    def _announced(self, label: str) -> bool:
        return any(line.upper().split()[:1] == [label] for line in self.capabilities)

    def _ready(self, code: int, text: bytes, lines: list[bytes]) -> bytes:
        if code == CONTINUE_TLS:
            # Under TLS no server switches its mode (RFC 4642, section 2.2.2).
            self._mode_reader = False
            return self._with_tls()
        if code < 400:
            raise _refusal("STARTTLS", code, text)
        return self._without_tls("the server refused it")

    def _authenticate(self) -> bytes:
        return self._begin(
            Attempts(
                mechanisms(self.capabilities),
                self.credentials,
                channel=self.channel,
                policy=self._policy,
                profile=self._profile,
                user=self._user,
            )
        )

    def _answer(self, code: int, text: bytes, lines: list[bytes]) -> bytes:
        output = self._go_on(self._running().reply(code, text))
        if self.authenticated:
            # What was announced has changed (RFC 4643, section 2.1).
            self.capabilities = ()
        return output


def _refusal(what: str, code: int, text: bytes) -> SASLError:
    if code < 400:
        return ProtocolError(f"a reply to {what} that cannot be")
    said = f"{code} {text.decode('utf-8', 'replace')}"
    return refusal(f"refused {what}", said, reason_of(code))
