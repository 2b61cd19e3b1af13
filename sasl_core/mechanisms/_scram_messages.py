"""The messages of SCRAM, read (RFC 5802, section 7).

    client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
    server-first-message      = [reserved-mext ","] nonce "," salt ","
                                iteration-count ["," extensions]
    client-final-message      = channel-binding "," nonce ["," extensions] "," proof
    server-final-message      = (server-error / verifier) ["," extensions]
    extensions = attr-val *("," attr-val)      attr-val = ALPHA "=" value
    nonce      = "r=" 1*printable              printable = %x21-2B / %x2D-7E

Every attribute has one place and comes once. `m=` must be refused, other unknown
attributes ignored, where the grammar has room for them.
"""

from __future__ import annotations

from .._strict import Malformed, base64, integer, utf8

_PRINTABLE = bytes(octet for octet in range(0x21, 0x7F) if octet != 0x2C)
_ALPHA = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_MAX_NONCE, _MAX_SALT = 1024, 1024  # octets, many times what anybody sends


def client_first_bare(bare: bytes) -> tuple[bytes, bytes]:
    """Return the user name, still escaped, and the client's nonce."""
    fields = bare.split(b",", 2)
    name = fields[0]
    if len(fields) < 2 or name[:2] != b"n=":
        _refuse_mext(name)
        raise Malformed("a client-first message has n= and r=, in this order")
    nonce = _nonce(fields[1])
    if len(fields) == 3:
        _extensions(fields[2], "nr")
    return name[2:], nonce


def server_first(message: bytes, window: tuple[int, int]) -> tuple[bytes, bytes, int]:
    """Return the whole nonce, the salt decoded, and the iteration count, which must be
    within the client's window.
    """
    fields = message.split(b",", 3)
    if len(fields) < 3 or fields[1][:2] != b"s=" or fields[2][:2] != b"i=":
        _refuse_mext(fields[0])
        raise Malformed("a server-first message has r=, s= and i=, in this order")
    nonce = _nonce(fields[0])
    text = fields[1][2:]
    if not 0 < len(text) <= 2 * _MAX_SALT:
        raise Malformed("the salt is empty or too long")
    salt = base64(text)
    if len(fields) == 4:
        _extensions(fields[3], "rsi")
    least, most = window
    return nonce, salt, integer(fields[2][2:], least, most, "iteration count")


def extension(message: bytes, mark: bytes) -> bytes | None:
    """Return the value of an extension of a server-first message that was read before,
    None where it is not there; `mark` is its letter and =.
    """
    for attribute in message.split(b",")[3:]:
        if attribute.startswith(mark):
            return attribute[2:]
    return None


def client_final(
    message: bytes, bound: bytes, nonce: bytes
) -> tuple[bytes, bytes | None]:
    """Return the message without its proof, and the proof decoded, or None where c=
    binds another channel, or another header, than was sent before.

    `bound` is `c=` and `nonce` is `r=` as they must be.
    """
    without, mark, proof = message.rpartition(b",p=")
    if not mark:
        raise Malformed("a client-final message ends with the proof, p=")
    expected = bound + b"," + nonce
    if without != expected:
        binding, _, rest = without.partition(b",")
        if binding[:2] != b"c=" or not base64(binding[2:]):
            raise Malformed("a client-final message begins with the binding, c=")
        if binding != bound:
            return without, None
        if not rest.startswith(nonce + b","):
            raise Malformed("the nonce is not this exchange's")
        _extensions(rest[len(nonce) + 1 :], "crp")
    return without, base64(proof)


def server_final(message: bytes) -> tuple[bytes, str]:
    """Return the verifier decoded, or b"" and the server's error, as it was sent."""
    first, comma, rest = message.partition(b",")
    if comma:
        _extensions(rest, "ve")
    if first[:2] == b"v=" and len(first) > 2:
        return base64(first[2:]), ""
    if first[:2] == b"e=" and len(first) > 2:
        return b"", utf8(first[2:])
    raise Malformed("a server-final message begins with v= or e=")


def _nonce(field: bytes) -> bytes:
    nonce = field[2:]
    if len(nonce) > _MAX_NONCE:
        raise Malformed(f"the nonce is longer than {_MAX_NONCE} octets")
    if field[:2] != b"r=" or not nonce or nonce.translate(None, _PRINTABLE):
        _refuse_mext(field)
        raise Malformed("the nonce, r=, has printable ASCII but no comma")
    return nonce


def _refuse_mext(field: bytes) -> None:
    if field[:2] == b"m=":
        raise Malformed("mandatory extensions, m=, are not supported")


def _extensions(text: bytes, taken: str) -> None:
    seen = set(taken.encode())
    for attribute in text.split(b",", len(_ALPHA)):  # one more must come twice
        if len(attribute) < 3 or attribute[0] not in _ALPHA or attribute[1] != 0x3D:
            raise Malformed("an extension is a letter, = and a value")
        if attribute[0] in seen:
            raise Malformed("an attribute comes twice")
        _refuse_mext(attribute)
        if b"\0" in attribute:
            raise Malformed("a value holds a NUL")
        seen.add(attribute[0])
    utf8(text)
