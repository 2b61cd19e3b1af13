"""What SMTP's two sides share: replies, commands, and the reason behind a reply."""

from __future__ import annotations

from ..._errors import ProtocolError
from ..._events import Request
from ..._reasons import Reason
from ..._value import Frozen
from .. import _reply_buffer as neutral
from .._replies import BaseReply

_set = object.__setattr__


class Reply(BaseReply):
    """A reply: its code, the text of each line, and whether the connection ends.

    `bytes()` gives its lines with their CRLF. Text is ASCII without control characters
    (RFC 5321, section 4.2); raise ValueError for anything else, and for a code outside
    200 to 599.
    """

    __slots__ = __match_args__ = ("code", "lines", "close")

    code: int
    lines: tuple[str, ...]

    def __init__(self, code: int, *lines: str, close: bool = False) -> None:
        if not 200 <= code <= 599:
            raise ValueError("a reply's code is 200 to 599 (RFC 5321, section 4.2)")
        for line in lines:
            if not (line.isascii() and line.isprintable()):
                raise ValueError("a reply is printable ASCII (RFC 5321, section 4.2)")
        _set(self, "code", code)
        _set(self, "lines", lines or ("",))
        _set(self, "close", close)

    def __bytes__(self) -> bytes:
        *first, last = self.lines
        text = "".join(f"{self.code}-{line}\r\n" for line in first)
        return f"{text}{self.code} {last}\r\n".encode()


class Command(Frozen):
    """A command that is not about authentication: the application answers it.

    `verb` in upper case, `argument` the octets after the space: only a control
    character never is among them. `auth` is the identity that MAIL asserts with AUTH=
    (RFC 4954, section 5): None where it does not, "" for `<>`, which is also what an
    unauthenticated client's assertion counts as.
    """

    __slots__ = __match_args__ = ("verb", "argument", "auth")

    verb: str
    argument: bytes
    auth: str | None

    def __init__(
        self, verb: str, argument: bytes = b"", auth: str | None = None
    ) -> None:
        _set(self, "verb", verb)
        _set(self, "argument", argument)
        _set(self, "auth", auth)


Action = Reply | Request | Command  # what a server is to do next


class ReplyBuffer(neutral.ReplyBuffer[tuple[int, list[bytes]]]):
    """As the neutral one; a reply is its code and the text of each line."""

    __slots__ = ("_code", "_texts")

    def __init__(self, limit: int = 65536) -> None:
        super().__init__(limit)
        self._code = 0
        self._texts: list[bytes] = []

    def _add(self, line: bytes) -> tuple[int, list[bytes]] | None:
        code, separator, text = line[:3], line[3:4], line[4:]
        if len(code) != 3 or not code.isdigit() or separator not in (b"", b" ", b"-"):
            raise ProtocolError("not a reply (RFC 5321, section 4.2)")
        if self._texts and int(code) != self._code:
            raise ProtocolError("the lines of a reply differ in code")
        self._code = int(code)
        self._texts.append(text)
        if separator == b"-":
            return None
        texts, self._texts = self._texts, []
        return self._code, texts


# RFC 4954, sections 4 and 6. Of what is not here, 4xx is temporary, and 5xx is a no to
# these credentials: to take it for anything milder is how accounts get locked.
_REASONS = {
    432: Reason.TRANSITION_NEEDED,
    454: Reason.UNAVAILABLE,
    500: Reason.UNSUPPORTED,  # AUTH itself is unknown
    501: Reason.MALFORMED,
    502: Reason.UNSUPPORTED,
    503: Reason.MALFORMED,  # not the time for AUTH; says nothing of who is logged in
    504: Reason.UNSUPPORTED,
    525: Reason.DISABLED,
    530: Reason.ENCRYPTION_NEEDED,  # Postfix: "Must issue a STARTTLS command first"
    534: Reason.TOO_WEAK,
    535: Reason.BAD_CREDENTIALS,
    538: Reason.ENCRYPTION_NEEDED,
}
# The registry of RFC 5248. More exact than the code; a server's may come with any code.
_ENHANCED_REASONS = {
    "4.7.12": Reason.TRANSITION_NEEDED,
    "5.5.2": Reason.MALFORMED,  # Dovecot also says 500 5.5.2 of an over-long line
    "5.5.6": Reason.TOO_LONG,
    "5.7.8": Reason.BAD_CREDENTIALS,
    "5.7.9": Reason.TOO_WEAK,
    "5.7.11": Reason.ENCRYPTION_NEEDED,
    "5.7.13": Reason.DISABLED,
}


def reason_of(code: int, text: str) -> Reason:
    """Return the reason that a refusal of AUTH stands for.

    `text` is the reply's text; the enhanced status code that it may begin with
    (RFC 2034) counts more than the code, if the two agree in their first digit.
    """
    enhanced = text.split(maxsplit=1)[0] if text.strip() else ""
    exact = _ENHANCED_REASONS.get(enhanced)
    if exact is not None and enhanced[0] == str(code)[0]:
        return exact
    if code == 501 and enhanced == "5.7.0":
        return Reason.UNEXPECTED_INITIAL
    # Google says 534 5.7.14 for "log in with the browser first": not a weak mechanism.
    if code == 534 and enhanced[:4] == "5.7.":
        return Reason.BAD_CREDENTIALS
    if 400 <= code <= 499:
        return _REASONS.get(code, Reason.UNAVAILABLE)
    return _REASONS.get(code, Reason.BAD_CREDENTIALS)
