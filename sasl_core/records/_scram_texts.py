"""The text forms in which servers store SCRAM keys, read and written.

rfc5803     SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY     (RFC 5803; Cyrus, OpenLDAP)
postgresql  the same; its verifiers are always SCRAM-SHA-256
dovecot     {SCRAM-SHA-256}4096,SALT,STOREDKEY,SERVERKEY
gsasl       the same, with ",SALTEDPASSWORD" or nothing after it (gsasl --mkpasswd)

SALT and keys are base64. The scheme name of RFC 5803 is the mechanism's.
"""

from __future__ import annotations

from binascii import b2a_base64

from .._scram_math import NAMES
from .._strict import base64, integer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._records import ScramKeys

_HASHES = {scheme: hash_name for hash_name, scheme in NAMES.items()}
_MAX_TEXT = 2048


def parse(text: str) -> tuple[str, bytes, int, bytes, bytes]:
    """Read any form; the fields in the order of `ScramKeys`. Raise ValueError."""
    if len(text) > _MAX_TEXT:
        raise ValueError("too long for stored SCRAM keys")
    octets = text.strip().encode("ascii", "replace")
    if octets.startswith(b"{"):
        scheme, _, rest = octets[1:].partition(b"}")
        fields = rest.split(b",")
        # gsasl appends the salted password, in hexadecimal: worth a password, not kept
        if len(fields) not in (4, 5):
            raise ValueError("{SCRAM-*} wants iterations, salt, stored key, server key")
        iterations, salt, stored_key, server_key = fields[:4]
    else:
        try:
            scheme, head, tail = octets.split(b"$")
            iterations, salt = head.split(b":")
            stored_key, server_key = tail.split(b":")
        except ValueError:
            raise ValueError("not a known form of stored SCRAM keys") from None
    hash_name = _HASHES.get(scheme.decode().upper())
    if hash_name is None:
        raise ValueError("not the name of a SCRAM scheme")
    return (
        hash_name,
        base64(salt),
        integer(iterations, 1, 2**31 - 1, "iteration count"),
        base64(stored_key),
        base64(server_key),
    )


def write(keys: ScramKeys, form: str) -> str:
    """Write one form, named as in the module's table. Raise ValueError for another."""
    scheme = NAMES[keys.hash_name]
    if form == "postgresql" and scheme != "SCRAM-SHA-256":
        raise ValueError("PostgreSQL stores SCRAM-SHA-256 only")
    salt, stored_key, server_key = (
        b2a_base64(octets, newline=False).decode()
        for octets in (keys.salt, keys.stored_key, keys.server_key)
    )
    if form in ("rfc5803", "postgresql"):
        return f"{scheme}${keys.iterations}:{salt}${stored_key}:{server_key}"
    if form in ("dovecot", "gsasl"):
        return f"{{{scheme}}}{keys.iterations},{salt},{stored_key},{server_key}"
    raise ValueError(f"no form of stored SCRAM keys is called {form!r}")
