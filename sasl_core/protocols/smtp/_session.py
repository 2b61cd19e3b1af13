"""ClientSession: an SMTP client from the greeting to 235, without the socket.

RFC 5321 for the replies, RFC 3207 for STARTTLS, RFC 4954 for AUTH.
"""

from __future__ import annotations

from ..._errors import ProtocolError, SASLError
from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import printable
from ...profiles import SMTP
from .._client_session import ClientBase, refusal
from ._client import Attempts, mechanisms
from ._words import ReplyBuffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._channel import Channel
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._client_session import StartTLS


class ClientSession(ClientBase[Attempts]):
    """Log in to a server: greeting, EHLO, STARTTLS, EHLO again, AUTH.

    As `ClientBase`. `local_name` is said in EHLO. `profile`: `profiles.SMTP` or
    `profiles.LMTP`.
    """

    __slots__ = ("_hello", "ehlo")

    def __init__(
        self,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        starttls: StartTLS = "require",
        local_name: str = "localhost",
        profile: Profile = SMTP,
    ) -> None:
        super().__init__(
            credentials,
            channel=channel,
            policy=policy,
            starttls=starttls,
            profile=profile,
            replies=ReplyBuffer(),
        )
        if (
            not local_name
            or not local_name.isascii()
            or not local_name.isprintable()
            or " " in local_name
        ):
            raise ValueError("a local name is printable ASCII without spaces")
        verb = "LHLO" if profile.name == "lmtp" else "EHLO"
        self.ehlo: tuple[str, ...] = ()  # what the server offers, after the first line
        self._hello = f"{verb} {local_name}\r\n".encode()

    def _greeting(self, code: int, lines: list[bytes]) -> bytes:
        if code != 220:
            raise _refusal("the connection", code, lines)
        return self._restart()

    def _restart(self) -> bytes:
        self.ehlo = ()
        self._turn = self._features
        return self._hello

    def _features(self, code: int, lines: list[bytes]) -> bytes:
        if code != 250:
            raise _refusal("EHLO", code, lines)
        self.ehlo = tuple(
            printable(line.decode("utf-8", "replace")) for line in lines[1:]
        )
        offered = any(line.upper() == "STARTTLS" for line in self.ehlo)
        return self._start_tls_or_authenticate(offered)

    def _ready(self, code: int, lines: list[bytes]) -> bytes:
        if code == 220:
            return self._with_tls()
        return self._without_tls("the server refused it")

    def _authenticate(self) -> bytes:
        return self._begin(
            Attempts(
                mechanisms(self.ehlo),
                self.credentials,
                channel=self.channel,
                policy=self._policy,
                profile=self._profile,
            )
        )

    def _answer(self, code: int, lines: list[bytes]) -> bytes:
        return self._go_on(self._running().reply(code, b"\n".join(lines)))


def _refusal(what: str, code: int, lines: list[bytes]) -> SASLError:
    if code < 400:
        return ProtocolError(f"a reply to {what} that cannot be")
    text = b" ".join(lines).decode("utf-8", "replace")
    reason = Reason.UNAVAILABLE if code < 500 else Reason.UNSUPPORTED
    return refusal(f"refused {what}", f"{code} {text}", reason)
