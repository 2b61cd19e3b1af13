"""The three messages of NTLM, and the pairs in them (MS-NLMP, section 2.2).

NEGOTIATE     "NTLMSSP" NUL, 1, flags, domain, workstation, [version]
CHALLENGE     "NTLMSSP" NUL, 2, target name, flags, challenge, 8 zeros, target info
AUTHENTICATE  "NTLMSSP" NUL, 3, LM response, NT response, domain, user, workstation,
              session key, flags, version, [MIC]
AV_PAIR       AvId (2), AvLen (2), value; the last one is MsvAvEOL

Integers are little-endian. A field is its length, its length once more, and its offset
in the message. The version tells of a Windows (2.2.2.10): it is neither read nor sent.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from .._strict import Malformed, utf8
from ._ntlm_math import unicode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Section 2.2.2.5, in the order of its letters from the end.
UNICODE = 0x00000001
OEM = 0x00000002
REQUEST_TARGET = 0x00000004
SIGN = 0x00000010
SEAL = 0x00000020
NTLM = 0x00000200
OEM_DOMAIN_SUPPLIED = 0x00001000
OEM_WORKSTATION_SUPPLIED = 0x00002000
ALWAYS_SIGN = 0x00008000
TARGET_TYPE_DOMAIN = 0x00010000
EXTENDED_SESSION_SECURITY = 0x00080000
TARGET_INFO = 0x00800000
KEY_128 = 0x20000000
KEY_EXCH = 0x40000000
KEY_56 = 0x80000000

# Section 2.2.2.1.
EOL = 0
NB_COMPUTER_NAME = 1
NB_DOMAIN_NAME = 2
DNS_COMPUTER_NAME = 3
AV_FLAGS = 6
TIMESTAMP = 7
TARGET_NAME = 9
CHANNEL_BINDINGS = 10
MIC_PROVIDED = 0x00000002
_SIZES = {EOL: 0, AV_FLAGS: 4, TIMESTAMP: 8, CHANNEL_BINDINGS: 16}

MIC_AT = 72
_SIGNATURE = b"NTLMSSP\0"
_FIELD = struct.Struct("<HHI")


class Negotiate(NamedTuple):
    """What a client begins with; the names are in its OEM character set."""

    flags: int
    domain: bytes
    workstation: bytes


class Challenge(NamedTuple):
    """What a server answers; `target_info` is None where it knows only NTLMv1."""

    flags: int
    target_name: str
    server_challenge: bytes
    target_info: bytes | None


class Authenticate(NamedTuple):
    """What a client proves itself with.

    `mic` is empty where there is no room for it; `mic_at`: where it stands.
    """

    flags: int
    domain: str
    username: str
    workstation: str
    lm_response: bytes
    nt_response: bytes
    session_key: bytes
    mic: bytes
    mic_at: int = MIC_AT


def read_negotiate(message: bytes) -> Negotiate:
    """Read a NEGOTIATE_MESSAGE; raise Malformed."""
    _must_be(message, 1, 16)
    flags = int.from_bytes(message[12:16], "little")
    if not flags & (UNICODE | OEM):
        raise Malformed("neither Unicode nor an OEM character set (MS-NLMP, 2.2.2.5)")
    # What was not supplied is not looked at (2.2.1.1), or not there, before Windows 2000.
    supplied = flags if len(message) >= 32 else 0
    return Negotiate(
        flags,
        _field(message, 16, 32) if supplied & OEM_DOMAIN_SUPPLIED else b"",
        _field(message, 24, 32) if supplied & OEM_WORKSTATION_SUPPLIED else b"",
    )


def write_negotiate(flags: int) -> bytes:
    """Write a NEGOTIATE_MESSAGE that names nobody."""
    return _SIGNATURE + struct.pack("<II", 1, flags) + 2 * _FIELD.pack(0, 0, 32)


def read_challenge(message: bytes) -> Challenge:
    """Read a CHALLENGE_MESSAGE; raise Malformed."""
    _must_be(message, 2, 32)
    flags = int.from_bytes(message[20:24], "little")
    if not flags & (UNICODE | OEM):
        raise Malformed("neither Unicode nor an OEM character set (MS-NLMP, 2.2.2.5)")
    info: bytes | None = None
    if flags & TARGET_INFO:
        _must_be(message, 2, 48)
        info = _field(message, 40, 48)
    name = _text(_field(message, 12, 32), flags)
    return Challenge(flags, name, message[24:32], info)


def write_challenge(said: Challenge) -> bytes:
    """Write a CHALLENGE_MESSAGE."""
    info = said.target_info or b""
    fields, payload = _placed([_octets(said.target_name, said.flags), info], 48)
    return b"%b%b%b%b%b%b%b%b" % (
        _SIGNATURE,
        b"\2\0\0\0",
        fields[0],
        said.flags.to_bytes(4, "little"),
        said.server_challenge,
        bytes(8),
        fields[1],
        payload,
    )


def read_authenticate(message: bytes, flags: int) -> Authenticate:
    """Read an AUTHENTICATE_MESSAGE; `flags`: those of the challenge, which settled the
    character set. Raise Malformed.
    """
    _must_be(message, 3, 64)
    places = range(12, 60, 8)
    lm, nt, domain, username, workstation, session_key = (
        _field(message, at, 64) for at in places
    )
    mic_at = _mic_at(message, places)
    return Authenticate(
        int.from_bytes(message[60:64], "little"),
        _text(domain, flags),
        _text(username, flags),
        _text(workstation, flags),
        lm,
        nt,
        session_key,
        message[mic_at : mic_at + 16] if mic_at else b"",
        mic_at,
    )


def write_authenticate(said: Authenticate) -> bytes:
    """Write an AUTHENTICATE_MESSAGE; the MIC has its place only if it is not empty."""
    names = (_octets(name, said.flags) for name in said[1:4])
    parts = [*names, said.lm_response, said.nt_response, said.session_key]
    fields, payload = _placed(parts, MIC_AT + len(said.mic))
    return b"%b%b%b%b%b%b%b" % (
        _SIGNATURE,
        b"\3\0\0\0",
        b"".join(fields[place] for place in (3, 4, 0, 1, 2, 5)),
        said.flags.to_bytes(4, "little"),
        bytes(8),
        said.mic,
        payload,
    )


def read_pairs(octets: bytes) -> dict[int, bytes]:
    """Read AV_PAIRs up to MsvAvEOL; raise Malformed without it, for one of a wrong size,
    or for one that comes twice: two readers would take two different ones of them.
    """
    found: dict[int, bytes] = {}
    at = 0
    while True:
        kind = int.from_bytes(octets[at : at + 2], "little")
        size = int.from_bytes(octets[at + 2 : at + 4], "little")
        end = at + 4 + size
        if end > len(octets) or kind in found:
            raise Malformed("AV_PAIRs that overrun, come twice, or have no MsvAvEOL")
        if size != _SIZES.get(kind, size):
            raise Malformed("an AV_PAIR of a wrong size (MS-NLMP, 2.2.2.1)")
        if kind == EOL:
            return found
        found[kind] = octets[at + 4 : end]
        at = end


def write_pairs(pairs: dict[int, bytes]) -> bytes:
    """Write AV_PAIRs, and MsvAvEOL behind them; raise Malformed for one too long."""
    parts = []
    for kind, value in pairs.items():
        if len(value) > 0xFFFF:
            raise Malformed("an AV_PAIR has at most 65535 octets")
        parts += [struct.pack("<HH", kind, len(value)), value]
    return b"".join(parts) + bytes(4)


def _must_be(message: bytes, kind: int, size: int) -> None:
    if len(message) < size or message[:12] != _SIGNATURE + kind.to_bytes(4, "little"):
        raise Malformed(f"not NTLM's message {kind}, or cut short (MS-NLMP, 2.2.1)")


def _field(message: bytes, at: int, least: int) -> bytes:
    """Read one field, which lies behind the first `least` octets; the offset of an empty
    one counts for nothing (2.2.1).
    """
    size, _, offset = _FIELD.unpack_from(message, at)
    if size and (offset < least or offset + size > len(message)):
        raise Malformed("a field that does not lie in the payload (MS-NLMP, 2.2.1)")
    return message[offset : offset + size] if size else b""


def _mic_at(message: bytes, places: Iterable[int]) -> int:
    """Return where the MIC stands; 0 if what follows leaves no room for it.

    Section 2.2.1.3 has the version in front of it, whether that was negotiated or not;
    pyspnego leaves a version out that was not.
    """
    fields = (_FIELD.unpack_from(message, at) for at in places)
    start = min((offset for size, _, offset in fields if size), default=len(message))
    if start >= MIC_AT + 16:
        return MIC_AT
    return MIC_AT - 8 if start >= MIC_AT + 8 else 0


def _placed(parts: list[bytes], offset: int) -> tuple[list[bytes], bytes]:
    """Return the fields of these parts, which stand one after the other."""
    fields = []
    for part in parts:
        if len(part) > 0xFFFF:
            raise Malformed("a field of NTLM has at most 65535 octets")
        fields.append(_FIELD.pack(len(part), len(part), offset))
        offset += len(part)
    return fields, b"".join(parts)


def _text(octets: bytes, flags: int) -> str:
    """Decode UTF-16; what OEM means nobody says, and mail clients send UTF-8 there."""
    if not flags & UNICODE:
        return utf8(octets)
    try:
        return octets.decode("utf-16-le")
    except UnicodeDecodeError:
        pass  # raised again outside: the exception holds the octets
    raise Malformed("not UTF-16")


def _octets(text: str, flags: int) -> bytes:
    if flags & UNICODE:
        return unicode(text)
    if not text.isascii():
        raise Malformed("beyond ASCII nobody can say what an OEM character set is")
    return text.encode()
