"""ClientSession: a ManageSieve client from the greeting to OK, without the socket.

RFC 5804, sections 1.7, 2.1 and 2.2.
"""

from __future__ import annotations

from ..._errors import ProtocolError
from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import printable
from ...profiles import MANAGESIEVE
from .._client_session import ClientBase, refusal
from ._buffers import ResponseBuffer
from ._client import Attempts, mechanisms
from ._words import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._channel import Channel
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._client_session import StartTLS
    from ._words import Reply


class ClientSession(ClientBase[Attempts]):
    """Log in to a server: greeting, STARTTLS, the second greeting, AUTHENTICATE.

    As `ClientBase`. `capabilities` are what the server last told: their names in upper
    case, and what they say ("" for nothing).
    """

    __slots__ = ("_responses", "capabilities")

    def __init__(
        self,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        starttls: StartTLS = "require",
        profile: Profile = MANAGESIEVE,
    ) -> None:
        self._responses = ResponseBuffer()
        super().__init__(
            credentials,
            channel=channel,
            policy=policy,
            starttls=starttls,
            profile=profile,
            replies=self._responses,
        )
        self.capabilities: dict[str, str] = {}

    def _greeting(self, reply: Reply) -> bytes:
        if reply.condition != "OK":
            raise refusal("refused the connection", shown(reply), Reason.UNAVAILABLE)
        self.capabilities = _read_capabilities(reply)
        return self._start_tls_or_authenticate("STARTTLS" in self.capabilities)

    def _ready(self, reply: Reply) -> bytes:
        match reply.condition:
            case "OK" if reply.lines:
                raise ProtocolError("capabilities came before the handshake")
            case "OK":
                return self._with_tls()
            case "NO":
                return self._without_tls("the server refused it")
        raise refusal("refused the connection", shown(reply), Reason.UNAVAILABLE)

    def _restart(self) -> bytes:
        # The server speaks first over TLS, too (RFC 5804, section 2.2).
        self.capabilities = {}
        self._turn = self._greeting
        return b""

    def _authenticate(self) -> bytes:
        self._responses.challenges = True
        return self._begin(
            Attempts(
                mechanisms(self.capabilities),
                self.credentials,
                channel=self.channel,
                policy=self._policy,
                profile=self._profile,
            )
        )

    def _answer(self, reply: Reply) -> bytes:
        return self._go_on(self._running().reply(reply))


def _read_capabilities(reply: Reply) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in reply.lines:
        words = [w.decode("utf-8", "replace") for w in line if isinstance(w, bytes)]
        name, value, *_ = *words, ""
        found[printable(name).upper()] = value
    return found
