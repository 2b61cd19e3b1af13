"""The LDAP messages about authentication, read and written (RFC 4511, section 4).

LDAPMessage ::= SEQUENCE { messageID, protocolOp CHOICE {...},
                           controls [0] Controls OPTIONAL }
BindRequest ::= [APPLICATION 0] SEQUENCE { version INTEGER, name LDAPDN,
    authentication CHOICE { simple [0] OCTET STRING,
        sasl [3] SEQUENCE { mechanism LDAPString, credentials OCTET STRING OPTIONAL } } }
BindResponse ::= [APPLICATION 1] SEQUENCE { COMPONENTS OF LDAPResult,
                                            serverSaslCreds [7] OCTET STRING OPTIONAL }
LDAPResult ::= SEQUENCE { resultCode ENUMERATED, matchedDN LDAPDN,
                          diagnosticMessage LDAPString, referral [3] OPTIONAL }
"""

from __future__ import annotations

from ..._strict import Malformed
from ..._value import Frozen
from . import _ber as ber

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_set = object.__setattr__

BIND, UNBIND, SEARCH, ABANDON, EXTENDED = 0x60, 0x42, 0x63, 0x50, 0x77
BIND_RESPONSE, ENTRY, DONE, REFERENCE, EXTENDED_RESPONSE = 0x61, 0x64, 0x65, 0x73, 0x78
# What answers each request; nothing answers these two.
RESPONSES = {
    BIND: BIND_RESPONSE,
    UNBIND: 0,
    SEARCH: DONE,
    0x66: 0x67,  # modify
    0x68: 0x69,  # add
    0x4A: 0x6B,  # delete
    0x6C: 0x6D,  # modify DN
    0x6E: 0x6F,  # compare
    ABANDON: 0,
    EXTENDED: EXTENDED_RESPONSE,
}
START_TLS = "1.3.6.1.4.1.1466.20037"
DISCONNECTION = "1.3.6.1.4.1.1466.20036"
SUCCESS, OPERATIONS_ERROR, PROTOCOL_ERROR, IN_PROGRESS = 0, 1, 2, 14
CRITICAL_EXTENSION, INAPPROPRIATE, UNAVAILABLE, UNWILLING = 12, 48, 52, 53
_SIMPLE, _SASL, _REFERRAL, _CREDENTIALS, _NAME, _VALUE = (
    0x80,
    0xA3,
    0xA3,
    0x87,
    0x8A,
    0x8B,
)
_CONTROLS, _REQUEST_NAME, _REQUEST_VALUE, _PRESENT = 0xA0, 0x80, 0x81, 0x87


class Message(Frozen):
    """An LDAPMessage: `tag` is that of its operation, `body` the operation's content,
    `controls` the content of its controls.
    """

    __slots__ = __match_args__ = ("message_id", "tag", "body", "controls")
    _secret = frozenset({"body"})  # it may be a password

    message_id: int
    tag: int
    body: bytes
    controls: bytes

    def __init__(
        self, message_id: int, tag: int, body: bytes = b"", controls: bytes = b""
    ) -> None:
        _set(self, "message_id", message_id)
        _set(self, "tag", tag)
        _set(self, "body", body)
        _set(self, "controls", controls)

    def __bytes__(self) -> bytes:
        parts = [ber.number(self.message_id), ber.tlv(self.tag, self.body)]
        if self.controls:
            parts.append(ber.tlv(_CONTROLS, self.controls))
        return ber.tlv(ber.SEQUENCE, *parts)

    @property
    def critical(self) -> bool:
        """Whether there is a control that must not be ignored (section 4.1.11).

        Raise Malformed.
        """
        controls = ber.Reader(self.controls)
        found = False
        while controls.tag >= 0:
            control = ber.Reader(controls.take(ber.SEQUENCE))
            control.take(ber.OCTET_STRING)
            if control.tag == ber.BOOLEAN:
                found = control.flag() or found
        return found


def read(frame: bytes) -> Message:
    """Read a whole message; raise Malformed."""
    outer = ber.Reader(frame)
    inner = ber.Reader(outer.take(ber.SEQUENCE))
    if outer.tag >= 0:
        raise Malformed("octets behind the message")
    message_id, tag = inner.number(), inner.tag
    body = inner.take(tag)
    controls = inner.optional(_CONTROLS) or b""
    inner.skip()
    return Message(message_id, tag, body, controls)


# -- what a client says, and a server reads ------------------------------------------


def bind_request(message_id: int, mechanism: str, credentials: bytes | None) -> bytes:
    """Write a SASL bind: no credentials (None) are not empty ones."""
    choice = [ber.string(mechanism)]
    if credentials is not None:
        choice.append(ber.tlv(ber.OCTET_STRING, credentials))
    version, name = ber.number(3), ber.string("")
    sasl = ber.tlv(_SASL, *choice)
    return bytes(Message(message_id, BIND, version + name + sasl))


def simple_request(message_id: int, name: str, password: bytes) -> bytes:
    """Write a simple bind."""
    choice = ber.tlv(_SIMPLE, password)
    body = ber.number(3) + ber.string(name) + choice
    return bytes(Message(message_id, BIND, body))


def read_bind(body: bytes) -> tuple[int, bytes, bytes | None, bytes | None, bool]:
    """Return the version, the name, the mechanism, the credentials, and whether it is a
    simple bind: then the credentials are the password, and there is no mechanism.

    Neither is there for an authentication that is unknown. Raise Malformed.
    """
    reader = ber.Reader(body)
    version, name = reader.number(), reader.take(ber.OCTET_STRING)
    if reader.tag == _SIMPLE:
        return version, name, None, reader.take(_SIMPLE), True
    if reader.tag != _SASL:
        reader.take(reader.tag)
        return version, name, None, None, False
    sasl = ber.Reader(reader.take(_SASL))
    mechanism = sasl.take(ber.OCTET_STRING)
    return version, name, mechanism, sasl.optional(ber.OCTET_STRING), False


def extended_request(message_id: int, name: str) -> bytes:
    """Write an extended request without a value."""
    request = ber.tlv(_REQUEST_NAME, name.encode())
    return bytes(Message(message_id, EXTENDED, request))


def read_extended(body: bytes) -> tuple[str, bytes | None]:
    """Return the name of an extended request, and its value; raise Malformed."""
    reader = ber.Reader(body)
    name = reader.take(_REQUEST_NAME).decode("ascii", "replace")
    return name, reader.optional(_REQUEST_VALUE)


def root_dse_request(message_id: int, *attributes: str) -> bytes:
    """Write the search for attributes of the root DSE (RFC 4512, section 5.1)."""
    zero = ber.number(0)
    return bytes(
        Message(
            message_id,
            SEARCH,
            ber.string("")  # the base, and only it
            + ber.number(0, ber.ENUMERATED) * 2
            + zero * 2
            + ber.tlv(ber.BOOLEAN, b"\0")
            + ber.tlv(_PRESENT, b"objectClass")
            + ber.tlv(ber.SEQUENCE, *map(ber.string, attributes)),
        )
    )


def read_root_dse_request(body: bytes) -> tuple[list[str], bool] | None:
    """Return the attributes that a search wants of the root DSE, in lower case, and
    whether without their values; None for any other search. Raise Malformed.
    """
    reader = ber.Reader(body)
    base = reader.take(ber.OCTET_STRING)
    scope = reader.number(ber.ENUMERATED)
    reader.number(ber.ENUMERATED)
    reader.number()
    reader.number()
    bare, kind = reader.flag(), reader.tag
    condition = reader.take(kind)
    wanted = ber.Reader(reader.take(ber.SEQUENCE))
    names = []
    while wanted.tag >= 0:
        names.append(wanted.take(ber.OCTET_STRING).decode("ascii", "replace").lower())
    if base or scope or kind != _PRESENT or condition.lower() != b"objectclass":
        return None
    return names, bare


# -- what a server says, and a client reads ------------------------------------------


def result(code: int, text: str = "") -> bytes:
    """Write the components of an LDAPResult."""
    return ber.number(code, ber.ENUMERATED) + ber.string("") + ber.string(text)


def bind_response(
    message_id: int, code: int, text: str = "", credentials: bytes | None = None
) -> bytes:
    """Write the answer to a bind."""
    body = result(code, text)
    if credentials is not None:
        body += ber.tlv(_CREDENTIALS, credentials)
    return bytes(Message(message_id, BIND_RESPONSE, body))


def extended_response(
    message_id: int,
    code: int,
    text: str = "",
    *,
    name: str = "",
    value: bytes | None = None,
) -> bytes:
    """Write the answer to an extended request."""
    body = result(code, text)
    if name:
        body += ber.tlv(_NAME, name.encode())
    if value is not None:
        body += ber.tlv(_VALUE, value)
    return bytes(Message(message_id, EXTENDED_RESPONSE, body))


def entry(message_id: int, name: str, attributes: Mapping[str, Iterable[str]]) -> bytes:
    """Write an entry that a search has found."""
    listed = (
        ber.tlv(
            ber.SEQUENCE,
            ber.string(attribute),
            ber.tlv(ber.SET, *map(ber.string, values)),
        )
        for attribute, values in attributes.items()
    )
    body = ber.string(name) + ber.tlv(ber.SEQUENCE, *listed)
    return bytes(Message(message_id, ENTRY, body))


def read_result(body: bytes) -> tuple[int, str, bytes | None]:
    """Return an LDAPResult's code and text, and a BindResponse's credentials.

    Raise Malformed.
    """
    reader = ber.Reader(body)
    code = reader.number(ber.ENUMERATED)
    reader.take(ber.OCTET_STRING)
    text = reader.take(ber.OCTET_STRING).decode("utf-8", "replace")
    reader.optional(_REFERRAL)
    credentials = reader.optional(_CREDENTIALS)
    reader.skip()
    return code, text, credentials


def read_entry(body: bytes, attribute: str) -> list[str]:
    """Return the values of one attribute of an entry; raise Malformed."""
    reader = ber.Reader(body)
    reader.take(ber.OCTET_STRING)
    attributes = ber.Reader(reader.take(ber.SEQUENCE))
    found = []
    while attributes.tag >= 0:
        one = ber.Reader(attributes.take(ber.SEQUENCE))
        name = one.take(ber.OCTET_STRING)
        values = ber.Reader(one.take(ber.SET))
        if name.lower() != attribute.lower().encode():
            continue
        while values.tag >= 0:
            found.append(values.take(ber.OCTET_STRING).decode("utf-8", "replace"))
    return found
