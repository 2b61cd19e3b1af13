"""DIGEST-MD5 (RFC 2831): both sides prove that they know H(user:realm:password).

    digest-challenge  realm="..",nonce="..",qop="auth",algorithm=md5-sess,charset=utf-8
    digest-response   username="..",realm="..",nonce="..",cnonce="..",nc=00000001,...
    response-auth     rspauth=32LHEX

It is obsolete (RFC 6331): either side runs it only if its policy names it. Names and
passwords are taken as they are: RFC 2831 is older than SASLprep, and no peer applies it.
"""

from __future__ import annotations

import hmac
import os
from binascii import b2a_base64
from dataclasses import dataclass, field
from functools import lru_cache

from .._errors import CredentialsError, ServerNotAuthenticated
from .._events import Failure, FindPassword, Success
from .._reasons import Reason
from .._states import Asking, ClientRecord, Satisfied, ServerRecord
from .._strict import Malformed
from .._values import Identity
from ..layers import Layer
from . import _digest_math as math
from . import _digest_messages as messages
from . import _identities as identities
from ._digest_layer import DigestLayer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .._policy import Policy
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials
    from ..records import DigestMd5Secret

    # A challenge, our nonce, and how often both were used.
    _Kept: TypeAlias = tuple[messages.Challenge, bytes, int]

_QOP = {"none": b"auth", "integrity": b"auth-int", "confidentiality": b"auth-conf"}
_LAYER = {qop: layer for layer, qop in _QOP.items()}
_NO_LAYER = ("none",)
_PLAIN_OFFER = b'qop="auth",algorithm=md5-sess,charset=utf-8'
_NOBODY = os.urandom(16)  # the secret of users who do not exist: same work for both


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's first record."""
    identities.write(credentials.username, "user name")
    identities.write_password(credentials.password)
    for text, what in ((credentials.authzid, "authzid"), (credentials.realm, "realm")):
        if text:
            identities.write(text, what)
    waiting = _AwaitChallenge(credentials, _uri(terms), _fresh(nonce))
    memory = terms.policy.memory
    if memory is not None and terms.policy.layers == _NO_LAYER:
        kept = memory.take(waiting.key())
        if kept is not None:
            return waiting.begin(kept, terms)
    return None, waiting


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's challenge, and first record."""
    nonce = _fresh(nonce)
    return _challenge(nonce, terms), _AwaitResponse(nonce)


def _challenge(nonce: bytes, terms: Terms) -> bytes:
    realms = _realms(identities.realms(terms))
    return b"%bnonce=%b,%b" % (realms, messages.quote(nonce), _offer(terms.policy))


@lru_cache(maxsize=64)
def _realms(realms: tuple[str, ...]) -> bytes:
    """Write the part of the challenge that names the realms, the same each time."""
    return b"".join([b"realm=%b," % messages.quote(_octets(realm)) for realm in realms])


def _fresh(nonce: bytes | None) -> bytes:
    return b2a_base64(os.urandom(18), newline=False) if nonce is None else nonce


def _octets(text: str) -> bytes:
    return text.encode(errors="replace")


def _uri(terms: Terms) -> bytes:
    """Return the client's digest-uri: serv-type "/" host."""
    service = terms.channel.service or terms.profile.service
    host = terms.channel.host
    if not service or not host:
        raise Malformed("DIGEST-MD5 names service and host: the channel must know them")
    return _octets(f"{service}/{host}")


def _offer(policy: Policy) -> bytes:
    """Write the part of the challenge that is the same each time."""
    if policy.layers == _NO_LAYER:
        return _PLAIN_OFFER
    qops = b",".join(_QOP[layer] for layer in policy.layers)
    cipher = ""
    if "confidentiality" in policy.layers:
        cipher = f'cipher="{",".join(name for name, _ in policy.ciphers)}",'
    return b'qop="%b",%bmaxbuf=%d,algorithm=md5-sess,charset=utf-8' % (
        qops,
        cipher.encode(),
        policy.max_buffer,
    )


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
        authzid = _octets(mine.authzid) if mine.authzid else None
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
        qop = _QOP[layer]
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
        return b"", _Done(_layer(self, terms.policy, self.session_key, is_client=True))


@dataclass(slots=True)
class _Done(Satisfied):
    layer: Layer | None


def _layer(
    agreed: _AwaitRspauth | messages.Response,
    policy: Policy,
    session_key: bytes,
    *,
    is_client: bool,
) -> Layer | None:
    """Make the layer that was agreed upon; the buffer is the peer's."""
    if agreed.qop == b"auth":
        return None
    cipher = agreed.cipher.decode()
    return DigestLayer(
        session_key,
        is_client=is_client,
        cipher=cipher,
        maker=dict(policy.ciphers)[cipher] if cipher else None,
        send_size=agreed.buffer,
        receive_size=policy.max_buffer,
    )


@dataclass(slots=True)
class _AwaitResponse(ServerRecord):
    nonce: bytes

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        said = messages.read_response(response)
        if said.nonce != self.nonce:
            raise Malformed("another nonce than that of the challenge")
        if said.uses != math.FIRST:
            raise Malformed("the nonce count is not 00000001 (RFC 2831, section 2.1.2)")
        return self._ask(said, terms, None)

    def begin(self, response: bytes, terms: Terms) -> ServerMove:
        """Take the answer to an older challenge (section 2.2.2), or send a new one.

        The nonce is out of the memory while its owner is asked about: of two who answer
        at once, one gets the challenge.
        """
        memory = terms.policy.memory
        if response and memory is not None:
            said = messages.read_response(response)
            last = memory.take(said.nonce)
            if last is not None:
                if said.uses == b"%08x" % (last + 1) and said.qop == b"auth":
                    return self._ask(said, terms, last)
                memory.put(said.nonce, last)
        return _challenge(self.nonce, terms), self

    def _ask(
        self, said: messages.Response, terms: Terms, last: int | None
    ) -> ServerMove:
        policy, realms = terms.policy, identities.realms(terms)
        if _LAYER.get(said.qop) not in policy.layers:
            raise Malformed("a quality of protection that was not offered")
        if said.qop != b"auth-conf":
            if said.cipher:
                said = said._replace(cipher=b"")
        elif said.cipher not in {name.encode() for name, _ in policy.ciphers}:
            raise Malformed("a cipher that was not offered")
        if realms and said.realm not in realms:
            raise Malformed("no realm, or one that was not offered")
        if not _is_here(said.uri, realms, terms):
            # Made for somebody else, who hands it on: how a man in the middle looks.
            return Failure(
                Reason.BAD_CREDENTIALS, "the digest-uri names another service or host"
            ), None
        name = identities.read(said.username.encode(), "user name", policy)
        authzid = ""
        if said.authzid is not None:
            authzid = identities.read(said.authzid, "authzid", policy)
        # Of the same name in two realms, each is somebody else.
        authcid = name if len(realms) < 2 else f"{name}@{said.realm}"
        identity = Identity(authcid, authzid)
        following = _AwaitPassword(identity, said, self, last)
        return FindPassword(name, said.realm or None), following


def _is_here(uri: bytes, realms: tuple[str, ...], terms: Terms) -> bool:
    """Tell whether a digest-uri, serv-type "/" host [ "/" serv-name ], is ours.

    A fact that the channel does not know is not compared; a realm passes for the host,
    for curl writes it there.
    """
    host = terms.channel.host
    service = terms.channel.service or terms.profile.service
    if host and uri == f"{service}/{host}".encode(errors="replace"):
        return True
    kind, *rest = uri.decode("utf-8", "replace").split("/")
    if not rest or (service and kind.lower() != service.lower()):
        return False
    return not host or rest[0].lower() == host.lower() or rest[0] in realms


@dataclass(slots=True)
class _AwaitPassword(Asking):
    identity: Identity
    said: messages.Response
    waiting: _AwaitResponse
    last: (
        int | None
    )  # how often the nonce was used before; None: it is of this exchange

    def take(self, answer: str | DigestMd5Secret | None, terms: Terms) -> ServerMove:
        said, known = self.said, bool(answer)
        if answer is None or isinstance(answer, str):
            secret = math.secret(said.username, said.realm or "", answer or "")
        else:
            secret = answer.ha1
        key, proof, rspauth = math.digests(
            secret if known else _NOBODY,
            said.nonce,
            said.cnonce,
            said.authzid,
            said.qop,
            said.uri,
            said.uses,
        )
        memory = terms.policy.memory
        right = hmac.compare_digest(proof, said.response)
        if not right or not known:
            if self.last is not None and memory is not None:
                # The count does not go up, or others could use it up (section 2.2.2).
                memory.put(said.nonce, self.last)
                return _challenge(self.waiting.nonce, terms), self.waiting
            return Failure(
                Reason.BAD_CREDENTIALS, "unknown user or wrong response"
            ), None
        if memory is not None and said.qop == b"auth":
            memory.put(said.nonce, int(said.uses, 16))
        layer = _layer(said, terms.policy, key, is_client=False)
        return Success(self.identity, b"rspauth=" + rspauth, layer=layer), None
