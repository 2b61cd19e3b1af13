"""SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password's keys.

    client-first:  gs2-header n=user,r=cnonce
    server-first:  r=cnonce snonce,s=salt,i=count
    client-final:  c=base64(gs2-header cb-data),r=cnonce snonce,p=ClientProof
    server-final:  v=ServerSignature
    AuthMessage := client-first-message-bare "," server-first-message ","
                   client-final-message-without-proof

With what was advertised, server-first has ",h=" and its hash (XEP-0474), which the proof
covers. AuthMessage is made of the very octets that were on the wire.
"""

from __future__ import annotations

import hmac
import os
from binascii import b2a_base64
from dataclasses import dataclass, field

from .._errors import AuthenticationError, CredentialsError, ServerNotAuthenticated
from .._events import Failure, FindScramKeys, Success
from .._reasons import Reason
from .._scram_math import NAMES, Suite, suite
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed, printable
from .._values import Identity
from . import _gs2 as gs2
from . import _identities as identities
from . import _scram_messages as messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._advertised import Advertised
    from .._records import ScramKeys
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials

# mechanism -> its hash, and whether it binds the channel
_VARIANTS = {name: (hash_name, False) for hash_name, name in NAMES.items()} | {
    f"{name}-PLUS": (hash_name, True) for hash_name, name in NAMES.items()
}
_NOTHING_BOUND = b"c=biws"  # base64("n,,")
_NOBODY = os.urandom(64)  # the stored key of users who do not exist


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    hash_name, plus = _VARIANTS[terms.name]
    policy = terms.policy
    bindings = terms.channel.bindings if policy.channel_binding != "disable" else ()
    flag, binding = b"n", b""
    if plus:
        flag, binding = b"p=" + bindings[0].type.encode(), bindings[0].data
    elif bindings and not terms.plus:
        flag = b"y"  # we could have, you did not offer: a downgrade shows (section 6)
    username = authzid = b""
    if credentials.authzid:
        authzid = identities.prepared(credentials.authzid, "authzid", policy)
    if not terms.profile.empty_authcid:
        username = identities.prepared(credentials.username, "user name", policy)
    if policy.prepare and credentials.password:
        # Only to refuse at once what cannot be used: it is derived from later.
        identities.prepared(credentials.password, "password", policy, stored=True)
    header = gs2.header(flag, authzid)
    nonce = _fresh(nonce)
    bare = b"n=" + gs2.escape(username) + b",r=" + nonce
    following = _AwaitServerFirst(
        suite(hash_name), credentials, _bound(header, binding), bare, nonce
    )
    return header + bare, following


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    hash_name, plus = _VARIANTS[terms.name]
    return b"", _AwaitClientFirst(suite(hash_name), plus, _fresh(nonce))


def _fresh(nonce: bytes | None) -> bytes:
    return b2a_base64(os.urandom(18), newline=False) if nonce is None else nonce


def _summary(math: Suite, advertised: Advertised) -> bytes:
    """Hash what was advertised (XEP-0474, section 6.1)."""
    return b2a_base64(math.H(advertised.octets), newline=False)


def _bound(header: bytes, binding: bytes) -> bytes:
    """Write the attribute c= of client-final."""
    if header == b"n,,":
        return _NOTHING_BOUND
    return b"c=" + b2a_base64(header + binding, newline=False)


@dataclass(slots=True)
class _AwaitServerFirst(ClientRecord):
    math: Suite
    credentials: Credentials
    bound: bytes = field(repr=False)
    bare: bytes
    nonce: bytes

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        if challenge[:2] == b"e=":
            return _refusal(messages.server_final(challenge)[1]), None
        nonce, salt, count = messages.server_first(challenge, terms.policy.iterations)
        mine = self.nonce
        if not nonce.startswith(mine) or len(nonce) == len(mine):
            raise Malformed("the server's nonce does not continue the client's")
        math, problem = self.math, ""
        if terms.advertised is not None:
            told = messages.extension(challenge, b"h=")
            if told is None and terms.needs_summary:
                return ServerNotAuthenticated(
                    "no channel binding of ours was advertised, which the server does"
                    " not prove: somebody may stand in between"
                ), None
            if told is not None and told != _summary(math, terms.advertised):
                return ServerNotAuthenticated(
                    "what the server says that it advertised is not what came here:"
                    " somebody stands in between"
                ), None
        try:
            keys = self.credentials.scram_keys(
                math.hash_name, salt, count, prepare=terms.policy.prepare
            )
        except ValueError as error:
            problem = str(error)
        if problem:
            return CredentialsError(problem), None
        without = self.bound + b",r=" + nonce
        auth_message = b",".join((self.bare, challenge, without))
        signature = math.HMAC(keys.stored_key, auth_message)
        proof = math.XOR(keys.client_key, signature)
        following = _AwaitServerFinal(math.HMAC(keys.server_key, auth_message))
        return without + b",p=" + b2a_base64(proof, newline=False), following


@dataclass(slots=True)
class _AwaitServerFinal(ClientRecord):
    server_signature: bytes = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        verifier, error = messages.server_final(challenge)
        if error:
            return _refusal(error), None
        if not hmac.compare_digest(verifier, self.server_signature):
            return ServerNotAuthenticated(
                "the server's signature is wrong: it does not know the password"
            ), None
        return b"", SATISFIED


# RFC 5802, section 7: the server-error-values that are not about the credentials
_REASONS = {
    "channel-binding-not-supported": Reason.UNSUPPORTED,
    "unsupported-channel-binding-type": Reason.UNSUPPORTED,
    "no-resources": Reason.UNAVAILABLE,
}


def _refusal(error: str) -> AuthenticationError:
    reply = printable(error)
    return AuthenticationError(
        f"the server refused inside SCRAM: {reply}",
        reason=_REASONS.get(error, Reason.BAD_CREDENTIALS),
        reply=reply,
    )


@dataclass(slots=True)
class _AwaitClientFirst(ServerRecord):
    math: Suite
    plus: bool
    nonce: bytes

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        flag, wanted, bare = gs2.split(response)
        name, nonce = messages.client_first_bare(bare)
        bound = _NOTHING_BOUND
        if flag != b"n" or wanted or self.plus:
            binding = gs2.data_to_bind(flag, terms, binds=self.plus)
            if isinstance(binding, Failure):
                return binding, None
            bound = _bound(response[: len(response) - len(bare)], binding)
        username = authzid = ""
        if terms.profile.empty_authcid and (terms.username or not name):
            # Some of PostgreSQL's clients write here what is not the name: "*".
            username = terms.username
        else:
            username = identities.read(gs2.unescape(name), "user name", terms.policy)
        if wanted:
            authzid = identities.read(gs2.unescape(wanted), "authzid", terms.policy)
        return (
            FindScramKeys(username, self.math.hash_name),
            _AwaitKeys(
                self.math,
                Identity(username, authzid),
                bound,
                bare,
                nonce + self.nonce,
                self.plus,
            ),
        )


@dataclass(slots=True)
class _AwaitKeys(Asking):
    math: Suite
    identity: Identity
    bound: bytes = field(repr=False)
    bare: bytes
    nonce: bytes
    plus: bool

    def take(self, answer: ScramKeys | None, terms: Terms) -> ServerMove:
        # Made for known users too, so that both cost the same.
        salt, iterations = terms.policy.decoy_terms(
            self.math.hash_name, self.identity.authcid
        )
        if answer is not None:
            salt, iterations = answer.salt, answer.iterations
        text = b2a_base64(salt, newline=False)
        server_first = b"r=%b,s=%b,i=%d" % (self.nonce, text, iterations)
        if terms.advertised is not None:
            server_first += b",h=" + _summary(self.math, terms.advertised)
        return server_first, _AwaitClientFinal(
            self.math,
            self.identity,
            answer,
            self.bound,
            self.bare,
            server_first,
            self.plus,
        )


@dataclass(slots=True)
class _AwaitClientFinal(ServerRecord):
    math: Suite
    identity: Identity
    keys: ScramKeys | None = field(repr=False)
    bound: bytes = field(repr=False)
    bare: bytes
    server_first: bytes
    plus: bool

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        math, keys, server_first = self.math, self.keys, self.server_first
        nonce = server_first[: server_first.index(b",")]
        without, proof = messages.client_final(response, self.bound, nonce)
        if proof is None:
            # It is how a man in the middle looks (section 6), no error of syntax.
            return Failure(Reason.BAD_CREDENTIALS, "bound to another channel"), None
        if len(proof) != math.size:
            raise Malformed("the proof has not the size of the hash")
        auth_message = b",".join((self.bare, server_first, without))
        stored_key = _NOBODY[: math.size] if keys is None else keys.stored_key
        client_key = math.XOR(math.HMAC(stored_key, auth_message), proof)
        proved = hmac.compare_digest(math.H(client_key), stored_key)
        if not proved or keys is None:
            return Failure(Reason.BAD_CREDENTIALS, "unknown user or wrong proof"), None
        verifier = math.HMAC(keys.server_key, auth_message)
        server_final = b"v=" + b2a_base64(verifier, newline=False)
        return Success(self.identity, server_final, bound=self.plus), None
