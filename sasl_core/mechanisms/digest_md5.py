"""DIGEST-MD5 (RFC 2831): both sides prove that they know H(user:realm:password).

    digest-challenge  realm="..",nonce="..",qop="auth",algorithm=md5-sess,charset=utf-8
    digest-response   username="..",realm="..",nonce="..",cnonce="..",nc=00000001,...
    response-auth     rspauth=32LHEX

It is obsolete (RFC 6331): either side runs it only if its policy names it. Names and
passwords are taken as they are: RFC 2831 is older than SASLprep, and no peer applies it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from .._errors import CredentialsError, ServerNotAuthenticated
from .._states import ClientRecord, Satisfied
from .._strict import Malformed
from ..layers import Layer
from . import _digest_agreed as agreed
from . import _digest_math as math
from . import _digest_messages as messages
from . import _identities as identities
from ._digest_server import server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .._policy import Policy
    from .._states import ClientMove, ClientOpening, Terms
    from .._values import Credentials

    # A challenge, our nonce, and how often both were used.
    _Kept: TypeAlias = tuple[messages.Challenge, bytes, int]

__all__ = ["client", "server"]


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's first record."""
    identities.write(credentials.username, "user name")
    identities.write_password(credentials.password)
    for text, what in ((credentials.authzid, "authzid"), (credentials.realm, "realm")):
        if text:
            identities.write(text, what)
    waiting = _AwaitChallenge(credentials, _uri(terms), agreed.fresh(nonce))
    memory = terms.policy.memory
    if memory is not None and terms.policy.layers == agreed.NO_LAYER:
        kept = memory.take(waiting.key())
        if kept is not None:
            return waiting.begin(kept, terms)
    return None, waiting


def _uri(terms: Terms) -> bytes:
    """Return the client's digest-uri: serv-type "/" host."""
    service = terms.channel.service or terms.profile.service
    host = terms.channel.host
    if not service or not host:
        raise Malformed("DIGEST-MD5 names service and host: Channel(service=, host=)")
    return f"{service}/{host}".encode(errors="replace")


@dataclass(slots=True)
class _AwaitChallenge(ClientRecord):
    credentials: Credentials
    uri: bytes
    cnonce: bytes

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        return self._answer(messages.read_challenge(challenge), self.cnonce, 1, terms)

    def key(self) -> tuple[object, ...]:
        """Return what is to be the same for an answer to be given again."""
        mine = self.credentials
        return self.uri, mine.username, mine.authzid, mine.realm

    def begin(self, kept: _Kept, terms: Terms) -> ClientOpening:
        """Answer the challenge of an earlier exchange again (section 2.2.1).

        Who does not remember it, or finds it wrong, sends another one.
        """
        offer, cnonce, count = kept
        response, following = self._answer(offer, cnonce, count + 1, terms)
        if not isinstance(response, bytes) or not isinstance(following, _AwaitRspauth):
            return None, self
        following.instead = self
        following.optional = True
        return response, following

    def _answer(
        self, offer: messages.Challenge, cnonce: bytes, count: int, terms: Terms
    ) -> ClientMove:
        qop, cipher = _chosen(offer, terms.policy)
        mine = self.credentials
        realm = self._realm(offer.realms, terms.channel.host)
        if offer.charset == "latin-1" and not _is_latin(
            mine.username, mine.password or "", realm or ""
        ):
            return CredentialsError(
                "the server takes ISO 8859-1 only, which lacks one of the characters"
            ), None
        secret = math.secret(mine.username, realm or "", mine.password or "")
        authzid = mine.authzid.encode() if mine.authzid else None
        digits = b"%08x" % count
        key, proof, rspauth = math.digests(
            secret, offer.nonce, cnonce, authzid, qop, self.uri, digits
        )
        response = messages.Response(
            mine.username,
            realm,
            offer.nonce,
            digits,
            cnonce,
            qop,
            self.uri,
            proof,
            terms.policy.max_buffer,
            cipher,
            authzid,
        )
        return messages.write_response(response, offer.charset), _AwaitRspauth(
            rspauth, key, qop, cipher, offer.buffer, self.key(), (offer, cnonce, count)
        )

    def _realm(self, offered: tuple[str, ...], host: str) -> str | None:
        """Choose one of the server's realms, None where it has none.

        That of the credentials counts even if it is not offered (section 2.1.2: SHOULD):
        Cyrus knows accounts of other realms than the one that it names.
        """
        wanted = self.credentials.realm
        if wanted or (wanted is not None and offered):
            return wanted
        return host if host in offered else next(iter(offered), None)


def _chosen(offer: messages.Challenge, policy: Policy) -> tuple[bytes, bytes]:
    """Choose the quality of protection, and the cipher, b"" for none."""
    for layer in policy.layers:
        qop = agreed.QOP[layer]
        if qop == b"auth-conf" and qop in offer.qop:
            for name, _ in policy.ciphers:
                if name.encode() in offer.ciphers:
                    return qop, name.encode()
        elif qop in offer.qop:
            return qop, b""
    raise Malformed("no quality of protection, or no cipher, that the policy accepts")


def _is_latin(*texts: str) -> bool:
    return not any(text and max(text) > "\xff" for text in texts)


@dataclass(slots=True)
class _AwaitRspauth(ClientRecord):
    rspauth: bytes = field(repr=False)
    session_key: bytes = field(repr=False)
    qop: bytes
    cipher: bytes
    buffer: int
    key: tuple[object, ...]
    kept: _Kept
    # What answers a new challenge, where this was the answer to an old one.
    instead: _AwaitChallenge | None = None
    optional: bool = False

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        if self.instead is not None and b"nonce" in challenge:
            return self.instead.receive(challenge, terms)
        if not hmac.compare_digest(messages.read_rspauth(challenge), self.rspauth):
            return ServerNotAuthenticated(
                "the server's rspauth is wrong: it does not know the password"
            ), None
        memory = terms.policy.memory
        # Not with a layer: a key that is used twice hides nothing.
        if memory is not None and self.qop == b"auth":
            memory.put(self.key, self.kept)
        return b"", _Done(
            agreed.layer(
                self.qop,
                self.cipher,
                self.buffer,
                terms.policy,
                self.session_key,
                is_client=True,
            )
        )


@dataclass(slots=True)
class _Done(Satisfied):
    layer: Layer | None
