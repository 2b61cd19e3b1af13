"""Lines of Dovecot's authentication protocol: fields between TABs, escaped.

Dovecot's document "Authentication Protocol", version 1.3; what it leaves out, by the
source of Dovecot 2.3 and 2.4.
"""

from __future__ import annotations

from binascii import b2a_base64

from ..._profile import Profile
from ..._reasons import Reason
from ..._strict import Malformed, encoded, integer, utf8
from ..._value import Value
from .._replies import BaseReply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...mechanisms import Mechanism

MAJOR, MINOR = 1, 3
CHANNEL_BINDING = 3  # the minor version from which on it is spoken of
EMPTY_RESPONSE = 2  # ... and from which on "resp=" is an empty one, and not none
LINE_LIMIT = 16384  # the document: lines are expected to fit into that
MOST = 2**32 - 1  # ids and process ids
OUT_OF_BAND = b"#"  # in place of a message: only what comes with it counts

_ESCAPES = ((b"\x01", b"1"), (b"\0", b"0"), (b"\t", b"t"), (b"\r", b"r"), (b"\n", b"n"))
_UNESCAPED = {escape[0]: octet[0] for octet, escape in _ESCAPES}

# What goes with a FAIL; the flags are what older clients know. `reason` is shown to the
# user, so it says no more than the reason does.
_FAILURES = {
    Reason.NOT_AUTHORIZED: "authz\tcode=authz_fail",
    Reason.ABORTED: "reason=Authentication request timed out",
    Reason.MALFORMED: "reason=Invalid authentication message",
    Reason.UNEXPECTED_INITIAL: "reason=Unexpected initial response",
    Reason.UNSUPPORTED: "code=auth_mech_invalid\treason=Unsupported mechanism",
    Reason.TOO_WEAK: "reason=Mechanism too weak",
    Reason.ENCRYPTION_NEEDED: "code=auth_mech_ssl_required\treason=Encryption needed",
    Reason.PASSWORD_EXPIRED: "pass_expired\tcode=pass_expired",
    Reason.TRANSITION_NEEDED: "reason=Password transition needed",
    Reason.DISABLED: "user_disabled\tcode=user_disabled",
    Reason.TOO_LONG: "reason=Authentication message too long",
    Reason.UNAVAILABLE: "temp\tcode=temp_fail",
}
# The other way round, by the word that says it, the gravest first: a failure that is
# temporary in any respect is no wrong password.
_MEANINGS = (
    ("temp", Reason.UNAVAILABLE),
    ("temp_fail", Reason.UNAVAILABLE),
    ("authz", Reason.NOT_AUTHORIZED),
    ("authz_fail", Reason.NOT_AUTHORIZED),
    ("user_disabled", Reason.DISABLED),
    ("pass_expired", Reason.PASSWORD_EXPIRED),
    ("invalid_base64", Reason.MALFORMED),
    ("auth_mech_invalid", Reason.UNSUPPORTED),
    ("auth_mech_ssl_required", Reason.ENCRYPTION_NEEDED),
    ("anonymous_denied", Reason.NOT_AUTHORIZED),
)

# How the protocol carries SASL: with the last data in the OK where the client said
# `final-resp-ok`, else in one more challenge. CANCEL is a command of its own.
WITH_DATA = Profile(
    "dovecot",
    abort=None,
    success_data=True,
    line_limit=LINE_LIMIT,
    success="OK",
    replies=dict.fromkeys(Reason, "") | _FAILURES,
)
WITHOUT_DATA = WITH_DATA.replace(name="dovecot-without-data", success_data=False)


class Reply(BaseReply):
    """Lines to send, each of fields; `close`: the connection ends with them."""

    __slots__ = __match_args__ = ("lines", "close")
    _secret = frozenset({"lines"})

    lines: tuple[bytes, ...]

    def __init__(self, *lines: bytes, close: bool = False) -> None:
        object.__setattr__(self, "lines", lines)
        object.__setattr__(self, "close", close)

    def __bytes__(self) -> bytes:
        return b"".join(b"%b\n" % line for line in self.lines)


class Fields(Value):
    """The parameters of a line, by name: a str, "" for one without a value.

    The first of a name counts. They can hold passwords, so `repr` shows names only.
    """

    __slots__ = __match_args__ = ("values",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})

    def __repr__(self) -> str:
        return f"Fields({', '.join(self.values)})"

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: str = "") -> str:
        """Return a value; the default where there is no such parameter."""
        return self.values.get(name, default)


def escape(octets: bytes) -> bytes:
    """Write octets as a field: TAB, CR, LF, NUL and the escape itself cannot stand."""
    for octet, letter in _ESCAPES:
        octets = octets.replace(octet, b"\x01" + letter)
    return octets


def unescape(field: bytes) -> bytes:
    """Read a field. An unknown escape stands for the octet itself, and one at the end
    for nothing: so it is documented.
    """
    if b"\x01" not in field:
        return field
    first, *rest = field.split(b"\x01")
    read = bytearray(first)
    pieces = iter(rest)
    for piece in pieces:
        if piece:
            read.append(_UNESCAPED.get(piece[0], piece[0]))
            read += piece[1:]
        else:  # an escaped escape octet, which is not how one is written, but read
            following = next(pieces, None)
            if following is not None:
                read += b"\x01" + following
    return bytes(read)


def split(line: bytes) -> list[bytes]:
    """Cut a line into its fields, and read each."""
    return [unescape(field) for field in line.split(b"\t")] if line else []


def write(*fields: bytes) -> bytes:
    """Write a line of fields."""
    return b"\t".join(map(escape, fields))


def parameter(name: str, value: str) -> bytes:
    """Write a parameter with its value; raise ValueError for a lone surrogate."""
    return b"%b=%b" % (name.encode("ascii"), encoded(value))


def read_parameters(fields: Iterable[bytes]) -> Fields:
    """Read parameters; raise Malformed for one that is not UTF-8."""
    values: dict[str, str] = {}
    for field in fields:
        name, _, value = utf8(field).partition("=")
        values.setdefault(name, value)
    return Fields(values)


def number(field: bytes, least: int = 1) -> int:
    """Read an id; raise Malformed."""
    return integer(field, least, MOST, "id")


def failure(identifier: int, reason: Reason) -> bytes:
    """Write the FAIL of an exchange."""
    return f"FAIL\t{identifier}\t{WITH_DATA.reply(reason)}".rstrip().encode()


def meaning(fields: Fields) -> Reason:
    """Say what a FAIL means; what is unknown is a refusal of the credentials."""
    said = {*fields.values, fields.get("code")}
    return next(
        (reason for word, reason in _MEANINGS if word in said), Reason.BAD_CREDENTIALS
    )


def message(octets: bytes) -> bytes:
    """Write a SASL message."""
    return b2a_base64(octets, newline=False)


def flags(mechanism: Mechanism) -> list[bytes]:
    """Say of a mechanism what its MECH line does."""
    found = []
    if mechanism.anonymous:
        found.append(b"anonymous")
    if mechanism.shows:
        found.append(b"plaintext")
    elif "password" in mechanism.needs and not mechanism.mutual:
        found += [b"dictionary", b"active"]
    if mechanism.mutual:
        found.append(b"mutual-auth")
    if mechanism.plus:
        found.append(b"channel-binding")
    return found


def read_version(fields: list[bytes]) -> int:
    """Return the minor version of a VERSION line.

    Raise Malformed for anything else, and for another major version.
    """
    if len(fields) != 3 or fields[0] != b"VERSION":
        raise Malformed("the handshake begins with VERSION, a major and a minor")
    if number(fields[1], 0) != MAJOR:
        raise Malformed("another major version of the protocol")
    return number(fields[2], 0)
