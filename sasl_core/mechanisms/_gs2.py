"""The GS2 header (RFC 5801, section 4): GS2's own, SCRAM and OAUTHBEARER begin with it.

    gs2-header     = [gs2-nonstd-flag ","] gs2-cb-flag "," [gs2-authzid] ","
    gs2-cb-flag    = ("p=" cb-name) / "n" / "y"
    gs2-authzid    = "a=" saslname
    cb-name        = 1*(ALPHA / DIGIT / "." / "-")
    saslname       = 1*(UTF8-char-safe / "=2C" / "=3D")     ; no NUL, "," or "="

The non-standard flag belongs to GSS-API mechanisms only, who take it off themselves;
here it is refused.
"""

from __future__ import annotations

from .._channel import is_binding_name
from .._events import Failure
from .._reasons import Reason
from .._strict import Malformed
from ._identities import MAX_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import Terms


def split(message: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the flag ("n", "y", or the name of a "p="), the authzid still escaped (b""
    for none), and what follows the header. Raise Malformed.
    """
    if message[:3] == b"n,,":  # what nearly everybody sends
        return b"n", b"", message[3:]
    flag, comma, rest = message.partition(b",")
    authzid, comma, rest = rest.partition(b",")
    if not comma:
        raise Malformed("a GS2 header has two commas (RFC 5801, section 4)")
    binds = flag[:2] == b"p=" and is_binding_name(flag[2:])
    if not binds and flag != b"n" and flag != b"y":
        raise Malformed("a GS2 header begins with n, y or p=type (RFC 5801)")
    if authzid:
        if authzid[:2] != b"a=" or len(authzid) == 2:
            raise Malformed("an authzid in a GS2 header is a=name (RFC 5801)")
        authzid = authzid[2:]
    return flag, authzid, rest


def header(flag: bytes, authzid: bytes) -> bytes:
    """Write a header; `authzid` is not yet escaped, b"" for none."""
    return b"%b,a=%b," % (flag, escape(authzid)) if authzid else flag + b",,"


def escape(name: bytes) -> bytes:
    """Write a saslname."""
    if b"=" in name or b"," in name:
        return name.replace(b"=", b"=3D").replace(b",", b"=2C")
    return name


def unescape(name: bytes) -> bytes:
    """Read a saslname: every "=" begins "=2C" or "=3D", in upper case."""
    if b"=" not in name or len(name) > 3 * MAX_NAME:
        return name  # if too long, whoever reads it will say so
    if name.count(b"=") != name.count(b"=2C") + name.count(b"=3D"):
        raise Malformed("a = in a saslname begins =2C or =3D (RFC 5802, section 5.1)")
    return name.replace(b"=2C", b",").replace(b"=3D", b"=")


def data_to_bind(flag: bytes, terms: Terms, *, binds: bool) -> bytes | Failure:
    """Return the octets that a client with this flag must have bound, b"" for none.

    `binds`: the mechanism is a -PLUS. Raise Malformed; return the Failure of a client
    that was shown a shorter list, or that binds what is not known here (section 5).
    """
    if flag[:1] != b"p":
        if binds:
            raise Malformed("a -PLUS mechanism binds the channel: the flag is p=")
        if flag == b"y" and terms.plus:
            return Failure(
                Reason.BAD_CREDENTIALS,
                "the client saw no -PLUS mechanism, but one was offered: somebody"
                " stands in between",
            )
        return b""
    if binds:
        name = flag[2:].decode()
        for binding in terms.channel.bindings:
            if binding.type == name:
                return binding.data
    return Failure(Reason.UNSUPPORTED, "a channel binding that cannot be had here")
