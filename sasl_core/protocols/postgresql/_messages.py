"""The messages of PostgreSQL's protocol 3 up to the login, read and written.

message        = Byte1(kind) Int32(length, itself included) body
StartupMessage = Int32(length) Int32(196608) *(String String) Byte1(0)
SSLRequest     = Int32(8) Int32(80877103), answered by one octet, S or N
Authentication = "R": Int32(0) Ok / Int32(3) CleartextPassword /
                 Int32(10) SASL, *String Byte1(0) / Int32(11) SASLContinue, octets /
                 Int32(12) SASLFinal, octets
SASLInitialResponse = "p": String(mechanism) Int32(length, -1 for none) octets
SASLResponse   = "p": octets      PasswordMessage = "p": String
ErrorResponse  = "E": *(Byte1(field) String) Byte1(0)
"""

from __future__ import annotations

from ..._reasons import Reason
from ..._strict import Malformed
from .._frames import FrameBuffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OK, CLEARTEXT, SASL, CONTINUE, FINAL = 0, 3, 10, 11, 12
# What asks for something that is no SASL, and not done here.
FOREIGN = {2: "KERBEROS_V5", 5: "MD5", 7: "GSSAPI", 9: "SSPI"}

VERSION = 3 << 16
CANCEL, SSL, GSS = 80877102, 80877103, 80877104


def _int32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def message(kind: str, body: bytes = b"") -> bytes:
    """Write a message."""
    return kind.encode() + _int32(len(body) + 4) + body


READY = message("Z", b"I")  # ReadyForQuery, outside a transaction
TERMINATE = message("X")


class MessageBuffer(FrameBuffer):
    """Octets in, whole messages out; without their kind until `typed`, as a client's
    are that come first.
    """

    __slots__ = ("typed",)

    def __init__(self, limit: int, *, typed: bool) -> None:
        super().__init__(limit)
        self.typed = typed

    def allow(self, limit: int) -> None:
        """Take messages of so many octets from now on."""
        self._limit = limit

    def _size(self, buffer: bytearray) -> int | None:
        begin = 1 if self.typed else 0
        if len(buffer) < begin + 4:
            return None
        size = int.from_bytes(buffer[begin : begin + 4], "big")
        return size + begin if size >= (4 if self.typed else 8) else 0


def read(frame: bytes) -> tuple[str, bytes]:
    """Return the kind of a message, and its body; raise Malformed."""
    if len(frame) < 5 or int.from_bytes(frame[1:5], "big") + 1 != len(frame):
        raise Malformed("a message has not the length that it says, or is too long")
    return frame[:1].decode("ascii", "replace"), frame[5:]


def startup(code: int, parameters: Mapping[str, bytes] | None = None) -> bytes:
    """Write what a client sends first: a StartupMessage, or, without parameters, a
    request.
    """
    body = _int32(code)
    if parameters is not None:
        for name, value in parameters.items():
            body += b"%b\0%b\0" % (name.encode(), value)
        body += b"\0"
    return _int32(len(body) + 4) + body


def read_startup(frame: bytes) -> tuple[int, bytes]:
    """Return the code of what a client sends first, and the rest; raise Malformed."""
    if len(frame) < 8 or int.from_bytes(frame[:4], "big") != len(frame):
        raise Malformed("a startup packet has not the length that it says")
    return int.from_bytes(frame[4:8], "big"), frame[8:]


def read_parameters(body: bytes) -> dict[bytes, bytes]:
    """Return the parameters of a StartupMessage; raise Malformed."""
    *strings, last = strings_of(body)
    if last or len(strings) % 2 or b"" in strings[::2]:
        raise Malformed("parameters are pairs of strings, and an empty one at the end")
    found = dict(zip(strings[::2], strings[1::2], strict=True))
    if len(found) * 2 != len(strings):
        raise Malformed("a parameter comes twice")
    return found


def strings_of(body: bytes) -> list[bytes]:
    """Split what is nothing but strings, each ended by a NUL; raise Malformed."""
    *strings, rest = body.split(b"\0")
    if rest or not strings:
        raise Malformed("a string does not end")
    return strings


def authentication(code: int, data: bytes = b"") -> bytes:
    """Write one of the Authentication messages."""
    return message("R", _int32(code) + data)


def read_authentication(body: bytes) -> tuple[int, bytes]:
    """Return the code of an Authentication message, and the rest; raise Malformed."""
    if len(body) < 4:
        raise Malformed("an Authentication message has a code")
    return int.from_bytes(body[:4], "big"), body[4:]


def mechanism_list(names: Iterable[str]) -> bytes:
    """Write the names that AuthenticationSASL lists."""
    return b"".join(name.encode() + b"\0" for name in names) + b"\0"


def read_mechanism_list(data: bytes) -> list[str]:
    """Return the names that AuthenticationSASL lists; raise Malformed."""
    *names, last = strings_of(data)
    if last or b"" in names:
        raise Malformed("the list of mechanisms ends with an empty string")
    return [name.decode("ascii", "replace") for name in names]


def initial_response(name: str, initial: bytes | None) -> bytes:
    """Write SASLInitialResponse; None for no initial response."""
    if initial is None:
        return message("p", b"%b\0\xff\xff\xff\xff" % name.encode())
    return message("p", b"%b\0%b%b" % (name.encode(), _int32(len(initial)), initial))


def read_initial_response(body: bytes) -> tuple[bytes, bytes | None]:
    """Return the mechanism and the initial response, None for none; raise Malformed."""
    name, nul, rest = body.partition(b"\0")
    length, initial = rest[:4], rest[4:]
    if nul and length == b"\xff\xff\xff\xff" and not initial:
        return name, None
    if not nul or len(length) < 4 or int.from_bytes(length, "big") != len(initial):
        raise Malformed("the initial response has not the length that it says")
    return name, initial


def error(sqlstate: str, text: str, *, severity: str = "ERROR") -> bytes:
    """Write an ErrorResponse; raise ValueError for a text with a NUL."""
    if "\0" in text:
        raise ValueError("the text of an error has no NUL")
    fields = {"S": severity, "V": severity, "C": sqlstate, "M": text}
    body = "".join(f"{field}{value}\0" for field, value in fields.items())
    return message("E", body.encode() + b"\0")


def read_error(body: bytes) -> tuple[str, str]:
    """Return the SQLSTATE and the text of an ErrorResponse; raise Malformed."""
    fields = {string[:1]: string[1:] for string in strings_of(body)}
    state, text = fields.get(b"C", b""), fields.get(b"M", b"")
    return state.decode("ascii", "replace"), text.decode("utf-8", "replace")


def parameter_status(name: str, value: str) -> bytes:
    """Write a ParameterStatus."""
    return message("S", f"{name}\0{value}\0".encode())


def negotiate_version(options: list[bytes]) -> bytes:
    """Write NegotiateProtocolVersion: 3.0, and which options of it are unknown."""
    body = _int32(0) + _int32(len(options)) + b"".join(o + b"\0" for o in options)
    return message("v", body)


_REASONS = {
    "08P01": Reason.MALFORMED,
    "0A000": Reason.UNSUPPORTED,
    "28000": Reason.NOT_AUTHORIZED,
}
# Classes: insufficient resources, operator intervention, system and internal errors.
_TEMPORARY = ("53", "57", "58", "XX")


def reason_of(sqlstate: str) -> Reason:
    """Return the reason that an error before the login stands for.

    What is unknown counts as a no to these credentials: to take it for anything milder
    is how accounts get locked.
    """
    if sqlstate[:2] in _TEMPORARY:
        return Reason.UNAVAILABLE
    return _REASONS.get(sqlstate, Reason.BAD_CREDENTIALS)
