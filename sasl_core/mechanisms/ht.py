"""HT, hashed tokens (draft-ietf-kitten-sasl-ht): log in again with one message each way.

    initiator-msg  = authcid NUL [values NUL] HMAC(token, "Initiator" cb-data values)
    responder-msg  = [NUL [values NUL]] HMAC(token, "Responder" cb-data values)
                   / %x01 failure-description
    values         = [key "=" value *("," key "=" value)]
    key, value     = 1*(ALPHA / DIGIT / "/" / "+" / "_" / "-")

draft-schmaus-kitten-sasl-ht-00 to -09 have neither the values nor the first octet of the
responder's message, and no failure in it: XMPP's FAST (XEP-0484) is deployed with these.
-10, which is draft-ietf-...-00, has that octet; -01 and -02 have the values, too. Which
of them is spoken, the policy says (`ht_draft`): nothing on the wire does, but for the name
HT2, which the authors have proposed for -01 and later, and which Openfire has taken up.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field

from .._errors import AuthenticationError, ServerNotAuthenticated
from .._events import Failure, Success
from .._hashed_token import HT_NAMES, HashedToken
from .._reasons import Reason
from .._requests import FindHashedTokens, UseHashedToken
from .._scram_math import Suite, suite
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed, encoded, printable, utf8
from .._values import Identity
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._channel import Channel
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials

_WORD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+_-"
_MAX_VALUES = 4096  # octets
_NOBODY = HashedToken(os.urandom(24).hex())  # of users who do not exist: same work


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    hash_name, kind = HT_NAMES[terms.name]
    token, math = credentials.hashed_token, suite(hash_name)
    if token is None:
        raise Malformed("there is no hashed token")
    username = identities.write(credentials.username, "user name")
    key, binding = encoded(token.token), _binding(terms.channel, kind)
    values = _written(token)
    if values and _draft(terms) != "ietf-02":
        raise Malformed("this draft of HT carries no values")
    proof = math.HMAC(key, b"Initiator" + binding + values)
    listed = values + b"\0" if _draft(terms) == "ietf-02" else b""
    return username + b"\0" + listed + proof, _AwaitResponder(math, key, binding)


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_INITIATOR


def _draft(terms: Terms) -> str:
    return "ietf-02" if terms.name.startswith("HT2-") else terms.policy.ht_draft


def _binding(channel: Channel, kind: str) -> bytes:
    """Return the octets to prove; without these of a type, no HT of it is run."""
    for binding in channel.bindings:
        if binding.type == kind:
            return binding.data
    return b""


def _written(token: HashedToken) -> bytes:
    return ",".join(f"{key}={value}" for key, value in token.values).encode()


def _read(values: bytes) -> tuple[tuple[str, str], ...]:
    """Read a list of values; raise Malformed."""
    if len(values) > _MAX_VALUES:
        raise Malformed(f"the values are longer than {_MAX_VALUES} octets")
    pairs: dict[str, str] = {}
    for pair in values.split(b",") if values else ():
        key, _, value = pair.partition(b"=")
        if not key or not value or (key + value).translate(None, _WORD):
            raise Malformed("a value of HT is a word, = and a word")
        if key.decode() in pairs:
            raise Malformed("a key comes twice")
        pairs[key.decode()] = value.decode()
    return tuple(pairs.items())


@dataclass(slots=True)
class _AwaitResponder(ClientRecord):
    math: Suite
    key: bytes = field(repr=False)
    binding: bytes = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        draft, proof, values = _draft(terms), challenge, b""
        if draft != "schmaus-09":
            mark, proof = challenge[:1], challenge[1:]
            if mark == b"\x01":
                return _refusal(utf8(proof)), None
            if mark == b"\0" and draft == "ietf-02":
                values, nul, proof = proof.partition(b"\0")
                if not nul:
                    raise Malformed("a responder's message has two NULs")
                _read(values)
            elif mark and mark != b"\0":
                raise Malformed("a responder's message begins with %x00 or %x01")
        expected = self.math.HMAC(self.key, b"Responder" + self.binding + values)
        if not hmac.compare_digest(proof, expected):
            return ServerNotAuthenticated(
                "the server's proof is wrong: it does not know the token"
            ), None
        return b"", SATISFIED


def _refusal(description: str) -> AuthenticationError:
    # Whatever it says: a server may write "other-error" for any of them.
    reply = printable(description)
    return AuthenticationError(
        f"the server refused inside HT: {reply}",
        reason=Reason.BAD_CREDENTIALS,
        reply=reply,
    )


class _AwaitInitiator(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        name, nul, proof = response.partition(b"\0")
        values = b""
        if _draft(terms) == "ietf-02":
            values, nul, proof = proof.partition(b"\0")
        if not nul:
            raise Malformed("NUL stands after the name, and after HT's values")
        pairs = _read(values)
        username = identities.read(name, "user name", terms.policy)
        if len(proof) != suite(HT_NAMES[terms.name][0]).size:
            raise Malformed("the proof has not the size of the hash")
        return (
            FindHashedTokens(username, pairs),
            _AwaitTokens(username, values, proof),
        )


_AWAIT_INITIATOR = _AwaitInitiator()


@dataclass(slots=True)
class _AwaitTokens(Asking):
    username: str
    values: bytes
    proof: bytes = field(repr=False)

    def take(self, answer: tuple[HashedToken, ...] | None, terms: Terms) -> ServerMove:
        hash_name, kind = HT_NAMES[terms.name]
        math = suite(hash_name)
        message = b"Initiator" + _binding(terms.channel, kind) + self.values
        found = None
        for token in answer or (_NOBODY,):  # all of them, so that time tells nothing
            key = encoded(token.token)
            if hmac.compare_digest(math.HMAC(key, message), self.proof):
                found = token
        # A token that is pinned to another mechanism must fail (draft, section 5).
        if not answer or found is None or terms.name not in found.mechanisms:
            return _refused("unknown user, or no such token", terms)
        return UseHashedToken(self.username, found), _AwaitUse(self.username, found)


@dataclass(slots=True)
class _AwaitUse(Asking):
    username: str
    token: HashedToken = field(repr=False)

    def take(self, answer: bool, terms: Terms) -> ServerMove:
        if not answer:
            return _refused("the token is used up", terms)
        hash_name, kind = HT_NAMES[terms.name]
        draft = _draft(terms)
        values = _written(self.token) if draft == "ietf-02" else b""
        message = b"Responder" + _binding(terms.channel, kind) + values
        data = suite(hash_name).HMAC(encoded(self.token.token), message)
        if draft == "ietf-02":
            data = b"\0" + values + b"\0" + data
        elif draft == "ietf-00":
            data = b"\0" + data
        return Success(Identity(self.username), data, bound=bool(kind)), None


def _refused(detail: str, terms: Terms) -> ServerMove:
    if _draft(terms) == "schmaus-09":
        return Failure(Reason.BAD_CREDENTIALS, detail), None
    # One word for everything: "unknown-user" would tell who is one.
    return b"\x01invalid-token", _AwaitDismissal(detail)


@dataclass(slots=True)
class _AwaitDismissal(ServerRecord):
    """A failure has no data in SASL, so the description goes as one more challenge."""

    refused: str

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        return Failure(Reason.BAD_CREDENTIALS, self.refused), None
