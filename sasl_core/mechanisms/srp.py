"""SRP as Cyrus SASL speaks it (draft-burdis-cat-srp-sasl-08): both sides prove that they
know the password, and nobody who listens can try guesses at it.

    client   utf8(U) utf8(I) utf8(sid) os(cn)
    server   0x00 mpi(N) mpi(g) os(s) mpi(B) utf8(L)
    client   mpi(A) os(M1) utf8(o) os(cIV)
    server   os(M2) os(sIV) utf8(sid) uint(ttl)

Without the draft's security layers, of which Cyrus SASL says itself that its are others.
"""

from __future__ import annotations

import hmac
import os
from contextlib import suppress
from dataclasses import dataclass, field

from .. import _srp_math as math
from .._errors import ServerNotAuthenticated
from .._events import Failure, FindPassword, Success
from .._reasons import Reason
from .._saslprep import PrepError, saslprep
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed, encoded
from .._values import Identity
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._policy import Policy
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials
    from ..records import SrpVerifier

_OPTIONS = b"mda=SHA-1"
# The draft says sha-1 and sha-160 for the one hash; Cyrus SASL has it in capitals.
_HASHES = (b"mda=sha-1", b"mda=sha-160")
_LAYERS = (b"integrity=", b"confidentiality=", b"replay_detection")


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record; the nonce is a."""
    policy = terms.policy
    username = identities.prepared(credentials.username, "user name", policy)
    authzid = username
    if credentials.authzid:
        authzid = identities.prepared(credentials.authzid, "authzid", policy)
    password = identities.write_password(_prepared(credentials.password or "", policy))
    names = username, authzid
    first = math.buffer(*map(math.text, names), math.text(b""), math.short(b""))
    return first, _AwaitPublic(names, password, _fresh(nonce))


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record; the nonce is b."""
    return b"", _AwaitNames(_fresh(nonce))


def _fresh(nonce: bytes | None) -> int:
    return int.from_bytes(os.urandom(32) if nonce is None else nonce)


@dataclass(slots=True)
class _AwaitPublic(ClientRecord):
    names: tuple[bytes, bytes]
    password: bytes = field(repr=False)
    a: int = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        reader = math.Reader(challenge)
        if reader.take(1) != b"\0":
            raise Malformed("a session is to be used again that there never was")
        modulus, generator = (int.from_bytes(reader.mpi(what)) for what in "Ng")
        salt, b_public, offered = reader.short(), reader.mpi("B"), reader.text()
        reader.end()
        # Any other could be made such that the password shows.
        if (modulus, generator) not in math.GROUPS:
            raise Malformed("N and g are none of the draft's, or too small")
        number = int.from_bytes(b_public)
        a_public = math.octets_of(pow(generator, self.a, modulus))
        u = math.scrambler(a_public, b_public)
        if number >= modulus or not u:
            raise Malformed("B is not below N, or u is 0")
        chosen = _choice(offered)
        x = math.secret(self.names[0], self.password, salt)
        session = math.client_session(number, x, self.a, u, modulus)
        key = math.H(math.octets_of(session))
        publics = a_public, b_public
        proof = math.client_proof(modulus, self.names, salt, publics, key, offered)
        response = math.buffer(
            math.text(a_public),
            math.short(proof),
            math.text(chosen),
            math.short(b""),
        )
        return response, _AwaitProof(a_public, proof, key, self.names[1], chosen)


@dataclass(slots=True)
class _AwaitProof(ClientRecord):
    a_public: bytes
    proof: bytes = field(repr=False)
    key: bytes = field(repr=False)
    authzid: bytes
    chosen: bytes

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        reader = math.Reader(challenge)
        verifier, _ = reader.short(), reader.short()
        session = reader.text() + reader.take(4)
        reader.end()
        expected = math.server_proof(
            self.a_public, self.proof, self.key, self.authzid, self.chosen, session
        )
        if not hmac.compare_digest(verifier, expected):
            return ServerNotAuthenticated(
                "the server's evidence is wrong: it does not know the password"
            ), None
        return b"", SATISFIED


@dataclass(slots=True)
class _AwaitNames(ServerRecord):
    b: int = field(repr=False)

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        reader = math.Reader(response)
        names = reader.text(), reader.text()
        reader.text()  # a session to be used again: we keep none
        reader.short()
        reader.end()
        username = identities.read(names[0], "user name", terms.policy)
        authzid = ""
        if names[1]:
            authzid = identities.read(names[1], "authzid", terms.policy)
        identity = Identity(username, authzid)
        return FindPassword(username), _AwaitVerifier(identity, names, self.b)


@dataclass(slots=True)
class _AwaitVerifier(Asking):
    identity: Identity
    names: tuple[bytes, bytes]
    b: int = field(repr=False)

    def take(self, answer: str | SrpVerifier | None, terms: Terms) -> ServerMove:
        policy, username = terms.policy, self.identity.authcid
        salt = policy.decoy_terms("sha1", username)[0][:255]
        password = b""  # nobody can send a lone surrogate
        if isinstance(answer, str):
            with suppress(ValueError):
                password = encoded(_prepared(answer, policy))
        known = bool(password)
        # Computed for whoever it is, so that all cost the same.
        x = math.secret(self.names[0], password or os.urandom(16), salt)
        v = math.verifier(x)
        if answer is not None and not isinstance(answer, str):
            known, salt, v = True, answer.salt, answer.verifier
        b_public = math.octets_of(math.server_public(v, self.b))
        challenge = math.buffer(
            b"\0",
            math.mpi(math.N2048),
            math.mpi(math.G),
            math.short(salt),
            math.text(b_public),
            math.text(_OPTIONS),
        )
        return challenge, _AwaitEvidence(
            self.identity, self.names, salt, v, self.b, b_public, known
        )


@dataclass(slots=True)
class _AwaitEvidence(ServerRecord):
    identity: Identity
    names: tuple[bytes, bytes]
    salt: bytes
    v: int = field(repr=False)
    b: int = field(repr=False)
    b_public: bytes
    known: bool

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        reader = math.Reader(response)
        a_public, proof, chosen = reader.mpi("A"), reader.short(), reader.text()
        reader.short()
        reader.end()
        number = int.from_bytes(a_public)
        # A multiple of N would make S 0, whatever the password is.
        if number >= math.N2048:
            raise Malformed("A is not below N")
        if len(proof) != math.SIZE:
            raise Malformed("M1 has not the size of the hash")
        _check_choice(chosen)
        u = math.scrambler(a_public, self.b_public)
        session = math.server_session(number, self.v, u, self.b)
        key = math.H(math.octets_of(session))
        publics = a_public, self.b_public
        expected = math.client_proof(
            math.N2048, self.names, self.salt, publics, key, _OPTIONS
        )
        if not hmac.compare_digest(proof, expected) or not self.known:
            detail = "unknown user or wrong evidence"
            return Failure(Reason.BAD_CREDENTIALS, detail), None
        evidence = math.server_proof(a_public, proof, key, self.names[1], chosen)
        data = math.buffer(
            math.short(evidence), math.short(b""), math.text(b""), bytes(4)
        )
        return Success(self.identity, data), None


def _choice(offered: bytes) -> bytes:
    """Return what we take, as the server writes it; raise Malformed where it wants what
    we do not have.
    """
    words = offered.split(b",")
    if any(word.lower().startswith(b"mandatory=") for word in words):
        raise Malformed(
            "the server wants a security layer of SRP's, which are not here"
        )
    for word in words:
        if word.lower() in _HASHES:
            return word
    raise Malformed("the server does not offer SRP with SHA-1")


def _check_choice(options: bytes) -> None:
    """Raise Malformed where the client chose what was not offered."""
    words = options.lower().split(b",")
    chosen = [word for word in words if word.startswith(b"mda=")]
    if chosen != [_OPTIONS.lower()] or any(word.startswith(_LAYERS) for word in words):
        raise Malformed("the client's options are not among those offered")


def _prepared(password: str, policy: Policy) -> str:
    """Prepare a password where it can be; Cyrus SASL takes any as it is."""
    if policy.prepare and not (password.isascii() and password.isprintable()):
        with suppress(PrepError):
            return saslprep(password, stored=False) or password
    return password
