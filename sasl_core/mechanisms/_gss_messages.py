"""The octets of the GSS-API mechanisms that are ours to write and to read.

RFC 4752, sections 3.1 and 3.2, within GSS_Wrap:
    offer   = layers size               choice = layer size [authzid]
    layers  = OCTET                     ; a bit mask, exactly one bit in a choice
    size    = 3OCTET                    ; the longest buffer that the sender takes
RFC 2743, section 3.1, the header that GS2 takes off the first token:
    %x60 length %x06 length oid         ; then the mechanism's own token
"""

from __future__ import annotations

import hashlib
from base64 import b32encode

from .._strict import Malformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

KERBEROS = "1.2.840.113554.1.2.2"
SPNEGO = "1.3.6.1.5.5.2"
# The mechanisms that are Kerberos and nothing else, but for -PLUS.
KERBEROS_NAMES = ("GSSAPI", "GS2-KRB5")

_BITS = {"none": 1, "integrity": 2, "confidentiality": 4}
_NAMES = {bit: name for name, bit in _BITS.items()}
# Without a layer the size is zero. Dovecot, GNU SASL and msmtp write the greatest one:
# it is taken, too, as no layer will ever use it; any other number is an error.
_NO_SIZES = (0, 0xFFFFFF)


def write(layers: Iterable[str], size: int, authzid: bytes = b"") -> bytes:
    """Write an offer, or a choice: that has one layer."""
    bits = sum(_BITS[layer] for layer in layers)
    return bytes([bits]) + (size if bits > 1 else 0).to_bytes(3) + authzid


def read_offer(octets: bytes) -> tuple[frozenset[str], int]:
    """Read the layers that a server offers, and the size of its buffer."""
    if len(octets) != 4:
        raise Malformed("the offer of layers has four octets (RFC 4752, section 3.1)")
    bits, size = octets[0], int.from_bytes(octets[1:])
    if not bits & ~1 and size not in _NO_SIZES:
        raise Malformed("a buffer size without a layer (RFC 4752, section 3.1)")
    return frozenset(name for name, bit in _BITS.items() if bits & bit), size


def read_choice(octets: bytes) -> tuple[str, int, bytes]:
    """Read the layer that a client chose, the size of its buffer, and its authzid."""
    layer = _NAMES.get(octets[0]) if len(octets) >= 4 else None
    if layer is None:
        raise Malformed("the choice is of one layer, in four octets (RFC 4752)")
    size = int.from_bytes(octets[1:4])
    if layer == "none" and size not in _NO_SIZES:
        raise Malformed("a buffer size without a layer (RFC 4752, section 3.2)")
    return layer, size, octets[4:]


def der(oid: str) -> bytes:
    """Encode an object identifier, tag and length included (X.690, section 8.19)."""
    first, second, *rest = map(int, oid.split("."))
    octets = b"".join(map(_arc, (40 * first + second, *rest)))
    return bytes([6, len(octets)]) + octets


def _arc(number: int) -> bytes:
    septets = [number & 0x7F]
    while number := number >> 7:
        septets.append(number & 0x7F | 0x80)
    return bytes(reversed(septets))


def strip(message: bytes, oid: bytes) -> bytes | None:
    """Take the header off a first token; None where it has none (RFC 5801, section 4).

    Raise Malformed for a header that is broken, or of another mechanism.
    """
    if message[:1] != b"\x60":
        return None
    _, found, token = message.partition(oid)
    # There is one form of each length: what is put together again must be the same.
    if not found or restore(token, oid) != message:
        raise Malformed("the context's first token has a broken header (RFC 2743)")
    return token


def restore(token: bytes, oid: bytes) -> bytes:
    """Put the header before what the client's first message has of a token."""
    size = len(oid) + len(token)
    if size < 0x80:
        return b"\x60%c" % size + oid + token
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return b"\x60%c" % (0x80 | len(length)) + length + oid + token


def gs2_name(oid: str) -> str:
    """Return the name of a GSS-API mechanism that has no other (RFC 5801, section 3.1).

    It is base32 of the first 55 bits of a SHA-1: eleven letters.
    """
    digest = hashlib.sha1(der(oid), usedforsecurity=False).digest()
    return "GS2-" + b32encode(digest[:10])[:11].decode()
