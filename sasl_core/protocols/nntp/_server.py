"""ServerSession: a server's half of NNTP's AUTHINFO, one line at a time (RFC 4643)."""

from __future__ import annotations

import re

from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import Malformed
from ...profiles import NNTP
from .._lines import LineBuffer
from .._server_session import ServerBase
from ._words import (
    AUTHENTICATED_WITH_DATA,
    CAPABILITY_LIST,
    CHALLENGE,
    CONTINUE_TLS,
    PASSWORD_WANTED,
    Command,
    Reply,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._events import Request, Success
    from ..._policy import Policy
    from ..._profile import Profile
    from ._words import Action

# keyword = ALPHA 2*(ALPHA / DIGIT / "." / "-")       (RFC 3977, section 9.8)
_COMMAND = re.compile(rb"([A-Za-z][A-Za-z0-9.-]{2,})(?:[ \t]++([^\0\r\n]*))?")
# What is never refused for want of a login; MODE READER comes before it.
_WITHOUT_AUTH = frozenset({"DATE", "HELP", "MODE", "QUIT"})

_NOT_A_COMMAND = Reply(501, "Not a command")
_AUTHINFO_SYNTAX = Reply(501, "Syntax: AUTHINFO USER, PASS or SASL, and its argument")
_AUTH_NEEDED = Reply(480, "Authentication required")
_ALREADY = Reply(502, "Already authenticated")


class ServerSession(ServerBase[Reply, Command]):
    """Everything that AUTHINFO means on a server's connection, as `ServerBase`.

    CAPABILITIES and AUTHINFO are answered here, all else is the application's;
    `require_auth`: 480 to all that needs a login. `capabilities` are the application's
    own lines, the version first, without those about authentication. AUTHINFO USER is
    offered where PLAIN is; without `login` never.
    """

    __slots__ = ("_capabilities", "_login", "_named", "_require_auth")

    def __init__(
        self,
        channel: Channel,
        *,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        require_auth: bool = False,
        starttls: bool = False,
        capabilities: Iterable[str] = ("VERSION 2", "READER"),
        login: bool = True,
        max_failures: int = 3,
        profile: Profile = NNTP,
    ) -> None:
        super().__init__(
            channel,
            policy=policy,
            answers=answers,
            realm=realm,
            starttls=starttls,
            max_failures=max_failures,
            profile=profile,
        )
        self._require_auth = require_auth
        self._capabilities = tuple(capabilities)
        self._login = login

    @property
    def timed_out(self) -> Reply:
        """Nothing: what came would be read as the next reply (RFC 3977, section 3.1)."""
        return Reply(0, close=True)

    def capabilities(self) -> tuple[str, ...]:
        """Return the lines of the list as they apply now: the application's, STARTTLS,
        AUTHINFO, SASL.
        """
        lines = list(self._capabilities)
        names = self._offer()
        mechanisms = [f"SASL {' '.join(names)}"] if names else []
        if self.success is not None:
            # A layer hides the list from whoever tampered with it before: told again,
            # the client can compare (RFC 4643, section 2.1).
            return (*lines, *(mechanisms if self.success.layer is not None else ()))
        if self._starttls and not self.channel.encrypted:
            lines.append("STARTTLS")
        if names:
            user = "USER " if self._login and "PLAIN" in names else ""
            lines.append(f"AUTHINFO {user}SASL")
        return (*lines, *mechanisms)

    def _buffer(self) -> LineBuffer:
        return LineBuffer(self.line_limit)

    def _forget(self) -> None:
        super()._forget()
        self._named: bytes | None = None  # what USER said, for PASS

    def _command(self, text: bytes) -> Action:
        named, self._named = self._named, None
        found = _COMMAND.fullmatch(text)
        if found is None:
            return _NOT_A_COMMAND
        verb = found[1].upper().decode()
        argument = found[2] or b""
        match verb:
            case "CAPABILITIES":
                body = "".join(f"{line}\r\n" for line in self.capabilities())
                return Reply(CAPABILITY_LIST, "Capabilities", body=body.encode())
            case "AUTHINFO":
                return self._authinfo(argument, named)
            case "STARTTLS":
                return self._begin_tls(argument)
        if self._require_auth and self.success is None and verb not in _WITHOUT_AUTH:
            return _AUTH_NEEDED
        return Command(verb, argument)

    def _authinfo(self, argument: bytes, named: bytes | None) -> Action:
        if self.success is not None:
            return _ALREADY
        variant, _, rest = argument.partition(b" ")
        match variant.upper():
            case b"SASL":
                return self._begin(rest.split())
            case b"USER" if rest:
                return self._take_user(rest)
            case b"PASS" if rest and named is None:
                return Reply(482, "Say AUTHINFO USER first")
            case b"PASS" if rest and named is not None:
                return self._check_password(named, rest)
        return _AUTHINFO_SYNTAX

    def _begin(self, words: list[bytes]) -> Action:
        if not 1 <= len(words) <= 2:
            return _AUTHINFO_SYNTAX
        if len(words) == 2 and not self._profile.initial_response:
            return self._refusal(Reason.UNEXPECTED_INITIAL)
        return self._authenticate(words[0], words[1] if len(words) == 2 else None)

    def _take_user(self, username: bytes) -> Action:
        # Said now, before a password is shown.
        if "PLAIN" not in self._offer():
            return self._refusal(self._not_offered(b"PLAIN"))
        if not self._login:
            return self._refusal(Reason.UNSUPPORTED)
        self._named = username
        return Reply(PASSWORD_WANTED, "Password required")

    def _begin_tls(self, argument: bytes) -> Action:
        if not self._starttls:
            return Reply(500, "STARTTLS is not offered")
        if self.channel.encrypted or self.success is not None:
            return Reply(502, "STARTTLS comes once, and before authentication")
        if argument:
            return Reply(501, "STARTTLS takes no argument")
        self.wants_tls = True
        return Command("STARTTLS")

    def _response(self, text: bytes) -> bytes:
        if not text:
            raise Malformed("an empty response is written as an equals sign")
        return text

    def _challenge(self, data: bytes) -> Reply:
        return Reply(CHALLENGE, data.decode("ascii"))

    def _accepted(self, success: Success) -> Reply:
        if success.data is not None:
            return Reply(AUTHENTICATED_WITH_DATA, success.data.decode("ascii"))
        return _reply(self._profile.success)

    def _refusal(self, reason: Reason) -> Reply:
        return _reply(self._profile.reply(reason))

    def _too_long(self, text: bytes) -> Reply:
        self._named = None
        return Reply(501, "Line too long")

    def _too_many(self) -> Reply:
        return Reply(400, "Too many failed attempts", close=True)

    def _injected(self) -> Reply:
        return Reply(580, "Nothing may follow STARTTLS", close=True)

    def _ready(self) -> Reply:
        return Reply(CONTINUE_TLS, "Continue with TLS negotiation")

    def _starts_tls(self, reply: Reply) -> bool:
        return reply.code == CONTINUE_TLS

    def _closing(self) -> Reply:
        return Reply(400, "The connection is being closed", close=True)


def _reply(text: str) -> Reply:
    code, _, rest = text.partition(" ")
    return Reply(int(code), rest)
