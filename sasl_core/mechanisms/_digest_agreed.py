"""What the two sides of DIGEST-MD5 agree upon: the quality of protection, and nonces."""

from __future__ import annotations

import os
from binascii import b2a_base64

from ._digest_layer import DigestLayer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._policy import Policy
    from ..layers import Layer

NO_LAYER = ("none",)
# RFC 2831's words for the policy's
QOP = {"none": b"auth", "integrity": b"auth-int", "confidentiality": b"auth-conf"}


def fresh(nonce: bytes | None) -> bytes:
    """Return a nonce, drawn unless it is given."""
    return b2a_base64(os.urandom(18), newline=False) if nonce is None else nonce


def layer(
    qop: bytes,
    cipher: bytes,
    buffer: int,
    policy: Policy,
    session_key: bytes,
    *,
    is_client: bool,
) -> Layer | None:
    """Make the layer that was agreed upon, None for none; `buffer` is the peer's.

    Raise Malformed for a buffer that has no room for an octet.
    """
    if qop == b"auth":
        return None
    name = cipher.decode()
    return DigestLayer(
        session_key,
        is_client=is_client,
        cipher=name,
        maker=dict(policy.ciphers)[name] if name else None,
        send_size=buffer,
        receive_size=policy.max_buffer,
    )
