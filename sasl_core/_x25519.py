"""What can be told of X25519 (RFC 7748) without a secret key: the function itself, which
must not take longer for some keys than for others, is handed in.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 32  # octets of a secret key, of a public one, and of what two sides share
BASE = b"\x09" + bytes(31)  # the u-coordinate of which a public key is a multiple

_P = 2**255 - 19
_A = 486662
# Alice's secret key, Bob's public one, and what they share (section 6.1).
_ALICE = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
_BOB = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
_BOTH = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"


def check(function: Callable[[bytes, bytes], bytes]) -> None:
    """Raise ValueError for a function that is not X25519(secret key, u-coordinate).

    With its arguments in the other order it would tell everybody the secret key.
    """
    secret, public, shared = map(bytes.fromhex, (_ALICE, _BOB, _BOTH))
    if function(secret, public) != shared:
        raise ValueError("x25519 is not X25519(secret key, u-coordinate)")


def is_low_order(public: bytes) -> bool:
    """Tell whether this point shares zero with every secret key (section 6.1): some
    libraries return that, others raise an exception of one kind or another.

    Such a point times eight is at infinity, also on the curve's twist.
    """
    x, z = int.from_bytes(public, "little") & (1 << 255) - 1, 1
    for _ in range(3):  # section 5: the doubling of the Montgomery ladder
        x, z = (x * x - z * z) ** 2 % _P, 4 * x * z * (x * x + _A * x * z + z * z) % _P
    return z == 0
