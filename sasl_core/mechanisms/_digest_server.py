"""DIGEST-MD5's server: it looks at every word of the client's before it asks for the
password, or H(user:realm:password), of whoever that names.
"""

from __future__ import annotations

import hmac
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from .._events import Failure, FindPassword, Success
from .._reasons import Reason
from .._states import Asking, ServerRecord
from .._strict import Malformed
from .._values import Identity
from . import _digest_agreed as agreed
from . import _digest_math as math
from . import _digest_messages as messages
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .._policy import Policy
    from .._states import ServerMove, ServerOpening, Terms
    from ..records import DigestMd5Secret

    # How often a nonce was used, and the user and realm who used it.
    _Used: TypeAlias = tuple[int, str, str | None]

_LAYERS = {qop: name for name, qop in agreed.QOP.items()}
_PLAIN_OFFER = b'qop="auth",algorithm=md5-sess,charset=utf-8'
_NOBODY = os.urandom(16)  # the secret of users who do not exist: same work for both


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's challenge, and first record."""
    nonce = agreed.fresh(nonce)
    return _challenge(nonce, terms), _AwaitResponse(nonce)


def _challenge(nonce: bytes, terms: Terms) -> bytes:
    realms = _realms(identities.realms(terms))
    return b"%bnonce=%b,%b" % (realms, messages.quote(nonce), _offer(terms.policy))


@lru_cache(maxsize=64)
def _realms(realms: tuple[str, ...]) -> bytes:
    """Write the part of the challenge that names the realms, the same each time."""
    return b"".join(
        [
            b"realm=%b," % messages.quote(realm.encode(errors="replace"))
            for realm in realms
        ]
    )


def _offer(policy: Policy) -> bytes:
    """Write the part of the challenge that is the same each time."""
    if policy.layers == agreed.NO_LAYER:
        return _PLAIN_OFFER
    qops = b",".join(agreed.QOP[layer] for layer in policy.layers)
    cipher = ""
    if "confidentiality" in policy.layers:
        cipher = f'cipher="{",".join(name for name, _ in policy.ciphers)}",'
    return b'qop="%b",%bmaxbuf=%d,algorithm=md5-sess,charset=utf-8' % (
        qops,
        cipher.encode(),
        policy.max_buffer,
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
            used = memory.take(said.nonce)
            if used is not None:
                with suppress(Malformed):
                    outcome, following = self._ask_again(said, used, terms)
                    if isinstance(outcome, FindPassword):
                        return outcome, following
                return self.challenge_again(said.nonce, used, terms)
        return _challenge(self.nonce, terms), self

    def challenge_again(self, nonce: bytes, used: _Used, terms: Terms) -> ServerMove:
        """Answer what was wrong by a new challenge. The count of the nonce does not go
        up, or others could use it up (section 2.2.2).
        """
        if terms.policy.memory is not None:
            terms.policy.memory.put(nonce, used)
        return _challenge(self.nonce, terms), self

    def _ask_again(
        self, said: messages.Response, used: _Used, terms: Terms
    ) -> ServerMove:
        count, *whose = used
        if said.uses != b"%08x" % (count + 1) or [said.username, said.realm] != whose:
            raise Malformed("not the next count of the nonce, or another user's")
        if said.qop != b"auth":
            raise Malformed("a layer's keys are made of a nonce that nobody has used")
        return self._ask(said, terms, used)

    def _ask(
        self, said: messages.Response, terms: Terms, used: _Used | None
    ) -> ServerMove:
        policy, realms = terms.policy, identities.realms(terms)
        if _LAYERS.get(said.qop) not in policy.layers:
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
        authcid = name
        if said.realm and (said.realm,) != (realms or (terms.channel.host,)):
            authcid += "@" + identities.read(said.realm.encode(), "realm", policy)
        following = _AwaitPassword(Identity(authcid, authzid), said, self, used)
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
    kind, *names = uri.decode("utf-8", "replace").split("/")
    if len(names) not in (1, 2) or not all(names):
        return False
    if service and kind.lower() != service.lower():
        return False
    return not host or names[0].lower() == host.lower() or names[0] in realms


@dataclass(slots=True)
class _AwaitPassword(Asking):
    identity: Identity
    said: messages.Response
    waiting: _AwaitResponse
    used: _Used | None  # None: the nonce is this exchange's own

    def take(self, answer: str | DigestMd5Secret | None, terms: Terms) -> ServerMove:
        said, known, password = self.said, bool(answer), ""
        if isinstance(answer, str):
            password = answer
        # Made for each, so that a stored one costs what an unknown user does.
        secret = math.secret(said.username, said.realm or "", password)
        if not known:
            secret = _NOBODY
        elif answer is not None and not isinstance(answer, str):
            secret = answer.ha1
        key, proof, rspauth = math.digests(
            secret,
            said.nonce,
            said.cnonce,
            said.authzid,
            said.qop,
            said.uri,
            said.uses,
        )
        right = hmac.compare_digest(proof, said.response)
        if not right or not known:
            if self.used is not None:
                return self.waiting.challenge_again(said.nonce, self.used, terms)
            detail = "unknown user, wrong response, or a secret of another realm"
            return Failure(Reason.BAD_CREDENTIALS, detail), None
        memory = terms.policy.memory
        if memory is not None and said.qop == b"auth":
            memory.put(said.nonce, (int(said.uses, 16), said.username, said.realm))
        layer = agreed.layer(
            said.qop, said.cipher, said.buffer, terms.policy, key, is_client=False
        )
        return Success(self.identity, b"rspauth=" + rspauth, layer=layer), None
