"""ECDSA-NIST256P-CHALLENGE, of IRC services: sign what the server draws.

    initiator = authcid [NUL authzid]
    challenge = 32OCTET
    signature = DER of ECDSA-Sig-Value (RFC 3279, section 2.2.3), on the curve P-256

No document describes it: the code of Atheme, which has it since 2013, does. What is
signed is the challenge itself, in the place of a hash. Neither key is ever here: the
client's signs in a function passed in, the server's application verifies. With the
package cryptography, whose API hashes unless it is told that somebody did:

    raw = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    Credentials("user", signer=lambda challenge: key.sign(challenge, raw))
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from .._errors import CredentialsError
from .._events import Failure, Success
from .._reasons import Reason
from .._requests import VerifySignature
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials, Identity, Signer

_SIZE = 32  # octets of a challenge
# The order of P-256's group (SP 800-186, section 3.2.1.3).
_ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    signer = credentials.signer
    if signer is None:
        raise Malformed("there is no signer")
    return identities.write_pair(credentials), _AwaitChallenge(signer)


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AwaitName(os.urandom(_SIZE) if nonce is None else nonce)


@dataclass(slots=True)
class _AwaitChallenge(ClientRecord):
    signer: Signer = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        # Never anything longer: it could be a message that means something elsewhere.
        if len(challenge) != _SIZE:
            raise Malformed(f"a challenge has {_SIZE} octets")
        signature = self.signer(challenge)
        if not isinstance(signature, bytes) or not _is_signature(signature):
            return CredentialsError("the signer gave no signature in DER"), None
        return signature, SATISFIED


@dataclass(slots=True)
class _AwaitName(ServerRecord):
    challenge: bytes

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        identity = identities.read_pair(response, terms.policy)
        return self.challenge, _AwaitSignature(self.challenge, identity)


@dataclass(slots=True)
class _AwaitSignature(ServerRecord):
    challenge: bytes
    identity: Identity

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        if not _is_signature(response):
            raise Malformed("not a signature in DER (RFC 3279, section 2.2.3)")
        return (
            VerifySignature(self.identity.authcid, self.challenge, response),
            _AwaitVerdict(self.identity),
        )


@dataclass(slots=True)
class _AwaitVerdict(Asking):
    identity: Identity

    def take(self, answer: bool, terms: Terms) -> ServerMove:
        if not answer:
            detail = "unknown user or wrong signature"
            return Failure(Reason.BAD_CREDENTIALS, detail), None
        return Success(self.identity), None


def _is_signature(octets: bytes) -> bool:
    """Tell whether this is a SEQUENCE of two INTEGERs from 1 to the order of the group,
    in DER: so that nobody's reader of ASN.1 sees anything else.
    """
    if len(octets) < 8 or octets[0] != 0x30 or octets[1] != len(octets) - 2:
        return False
    at = 2
    for _ in range(2):
        if octets[at : at + 1] != b"\x02":
            return False
        number = (
            octets[at + 2 : at + 2 + octets[at + 1]] if at + 1 < len(octets) else b""
        )
        value = int.from_bytes(number)
        # The shortest form: as many octets as the value and its sign bit take.
        if len(number) != value.bit_length() // 8 + 1 or not 0 < value < _ORDER:
            return False
        at += 2 + len(number)
    return at == len(octets)
