"""Profile: how a protocol carries SASL (RFC 4422, section 4).

The only framing base64 of the library is here; the protocols are in `profiles.py`.
"""

from __future__ import annotations

from binascii import b2a_base64

from ._reasons import Reason
from ._strict import base64
from ._value import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_set = object.__setattr__


class Profile(Frozen):
    """The facts of one protocol.

    `service`: its GSSAPI service name. `base64`: messages are base64 (else raw octets).
    `empty`: how an empty message is written; `empty_initial`: how an empty initial
    response is, None where that needs nothing special. `abort`: the client's line that
    cancels, None where the protocol has another way. `success_data`: the success reply
    can carry the mechanism's last data. `initial_response`: one may be sent, on a
    command line of at most `command_limit` octets with its CRLF. `line_limit`: the same
    for the lines after it. `empty_authcid`: the protocol told the user name before, so
    SCRAM's client sends none, and its server takes the `username` of `sasl_core.server`.
    `opening_text`: a client takes any text, base64 or not, for the challenge that only
    asks for its first message: no standard allows that, some servers do it. `replies`:
    the words for each `Reason`; `success`: for success.
    """

    __slots__ = __match_args__ = (
        "name",
        "service",
        "base64",
        "empty",
        "empty_initial",
        "abort",
        "success_data",
        "initial_response",
        "command_limit",
        "line_limit",
        "empty_authcid",
        "opening_text",
        "success",
        "replies",
    )

    name: str
    service: str
    base64: bool
    empty: bytes
    empty_initial: bytes | None
    abort: bytes | None
    success_data: bool
    initial_response: bool
    command_limit: int | None
    line_limit: int | None
    empty_authcid: bool
    opening_text: bool
    success: str
    replies: Mapping[Reason, str]

    def __init__(
        self,
        name: str,
        *,
        service: str = "",
        base64: bool = True,
        empty: bytes = b"",
        empty_initial: bytes | None = b"=",
        abort: bytes | None = b"*",
        success_data: bool = False,
        initial_response: bool = True,
        command_limit: int | None = None,
        line_limit: int | None = None,
        empty_authcid: bool = False,
        opening_text: bool = False,
        success: str = "",
        replies: Mapping[Reason, str] | None = None,
    ) -> None:
        _set(self, "name", name)
        _set(self, "service", service)
        _set(self, "base64", base64)
        _set(self, "empty", empty)
        _set(self, "empty_initial", empty_initial)
        _set(self, "abort", abort)
        _set(self, "success_data", success_data)
        _set(self, "initial_response", initial_response)
        _set(self, "command_limit", command_limit)
        _set(self, "line_limit", line_limit)
        _set(self, "empty_authcid", empty_authcid)
        _set(self, "opening_text", opening_text)
        _set(self, "success", success)
        _set(self, "replies", replies or {})

    def __hash__(self) -> int:
        return hash(self.name)

    def _is_told(self, name: str, value: object) -> bool:
        """Where it is not as usual, and no words: signatures show profiles."""
        if name in ("success", "replies"):
            return False
        return name in ("name", "service") or value != getattr(BASE64, name)

    def encode(self, message: bytes) -> bytes:
        """Write a raw message as the protocol carries it."""
        if not message:
            return self.empty
        return b2a_base64(message, newline=False) if self.base64 else message

    def decode(self, text: bytes) -> bytes:
        """Read a message; raise ValueError unless it is canonical base64 (RFC 4648)."""
        if text == self.empty:
            return b""
        return base64(text) if self.base64 else text

    def initial(self, response: bytes) -> bytes:
        """Write what `Client.start` returned for the command line: `=` for b""."""
        if response or self.empty_initial is None:
            return response
        return self.empty_initial

    def reply(self, reason: Reason) -> str:
        """Return the protocol's reply for a failure, without tag or CRLF."""
        return self.replies.get(reason) or self.replies[Reason.BAD_CREDENTIALS]


# What SMTP, IMAP and POP3 have in common: the default.
BASE64 = Profile(
    "base64",
    success="success",
    replies={reason: reason.value for reason in Reason},
)
