"""NTLM's server: a challenge, and what the client's proof is checked for."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field

from .._events import Failure, FindPassword, Success
from .._md4 import md4
from .._reasons import Reason
from .._states import Asking, ServerRecord
from .._strict import Malformed
from .._values import Identity
from . import _identities as identities
from . import _ntlm_agreed as agreed
from . import _ntlm_math as math
from . import _ntlm_messages as messages
from ._ntlm_messages import Authenticate, Challenge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._policy import Policy
    from .._states import ServerMove, ServerOpening, Terms
    from ..records import NtHash
    from ._ntlm_agreed import Protection

_NOBODY = os.urandom(16)  # the hash of users who do not exist: same work for both
_V1_SIZE = 24
_TEMP_AT, _PAIRS_AT = 16, 44  # in an NTLMv2_RESPONSE (section 2.2.2.8)
_TYPES = b"\1\1"  # RespType and HiRespType (section 2.2.2.7)
_EXCHANGED = messages.KEY_EXCH | messages.SIGN


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's first record; `nonce`: its challenge, eight octets."""
    nonce = os.urandom(8) if nonce is None else nonce.ljust(8, b"\0")
    return b"", _AwaitNegotiate(nonce[:8])


@dataclass(slots=True)
class _AwaitNegotiate(ServerRecord):
    nonce: bytes

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        asked = messages.read_negotiate(response).flags
        flags = agreed.granted(terms.policy, asked) | messages.NTLM
        flags |= messages.UNICODE if asked & messages.UNICODE else messages.OEM
        flags |= messages.TARGET_TYPE_DOMAIN | messages.TARGET_INFO
        target = next(iter(identities.realms(terms)), "")
        pairs = _pairs(target, terms)
        challenge = messages.write_challenge(
            Challenge(
                flags,
                target if flags & messages.UNICODE or target.isascii() else "",
                self.nonce,
                messages.write_pairs(pairs),
            )
        )
        time = pairs.get(messages.TIMESTAMP, b"")
        return challenge, _AwaitAuthenticate(
            response, challenge, flags, self.nonce, time
        )


def _pairs(target: str, terms: Terms) -> dict[int, bytes]:
    """Return the target info (section 2.2.2.1)."""
    host = terms.channel.host
    pairs = {
        messages.NB_DOMAIN_NAME: math.unicode(target),
        messages.NB_COMPUTER_NAME: math.unicode(host.partition(".")[0].upper()),
        messages.DNS_COMPUTER_NAME: math.unicode(host),
    }
    clock = terms.policy.clock
    if clock is not None:
        # Who sees a timestamp sends a MIC (3.1.5.1.2); some look how old it is.
        pairs[messages.TIMESTAMP] = math.filetime(clock)
    return pairs


@dataclass(slots=True)
class _AwaitAuthenticate(ServerRecord):
    negotiate: bytes
    challenge: bytes
    flags: int
    nonce: bytes
    time: bytes = b""

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        said = messages.read_authenticate(response, self.flags)
        flags = said.flags & self.flags
        pairs: dict[int, bytes] = {}
        if len(said.nt_response) != _V1_SIZE:
            if said.nt_response[_TEMP_AT : _TEMP_AT + 2] != _TYPES:
                raise Malformed("neither an NTLMv1 nor an NTLMv2 response")
            pairs = messages.read_pairs(said.nt_response[_PAIRS_AT:])
            if self.time and pairs.get(messages.TIMESTAMP) != self.time:
                # Taken out on the way, so that the client should send no MIC.
                raise Malformed("not the timestamp that was sent")
        elif terms.policy.ntlm_v1 is None:
            return Failure(Reason.TOO_WEAK, "NTLMv1: Policy(ntlm_v1=) has no DES"), None
        if flags & _EXCHANGED == _EXCHANGED and len(said.session_key) != 16:
            raise Malformed("a session key has 16 octets (MS-NLMP, section 2.2.1.3)")
        name, realm = _account(said, identities.realms(terms), terms.policy)
        return FindPassword(name, realm), _AwaitPassword(
            name,
            said,
            flags,
            pairs,
            self._signed(said, pairs, response),
            agreed.taken(terms.policy, flags),
            self.nonce,
        )

    def _signed(
        self, said: Authenticate, pairs: dict[int, bytes], response: bytes
    ) -> bytes:
        """Return what the MIC is over: b"" where the client says that it has none."""
        told = int.from_bytes(pairs.get(messages.AV_FLAGS, b""), "little")
        if not told & messages.MIC_PROVIDED:
            return b""
        if not said.mic:
            raise Malformed("no MIC, though there should be one")
        start, end = response[: said.mic_at], response[said.mic_at + 16 :]
        return self.negotiate + self.challenge + start + bytes(16) + end


def _account(
    said: Authenticate, realms: tuple[str, ...], policy: Policy
) -> tuple[str, str | None]:
    """Return whose account it is, and its realm, None for none of ours.

    A domain that is not ours is part of the name: libntlm, and with it msmtp and GNU
    SASL, makes user and domain of user@example.org. Of the same name in two realms, each
    is somebody else.
    """
    name = identities.read(said.username.encode(), "user name", policy)
    realm = next(iter(realms), None)
    if said.domain:
        domain = identities.read(said.domain.encode(), "domain", policy)
        ours = {one.lower(): one for one in realms}
        realm = ours.get(domain.lower())
        if realm is None:
            return f"{name}@{domain}", None
    return name if len(realms) < 2 else f"{name}@{realm}", realm


@dataclass(slots=True)
class _AwaitPassword(Asking):
    name: str
    said: Authenticate = field(repr=False)
    flags: int
    pairs: dict[int, bytes] = field(repr=False)
    signed: bytes = field(repr=False)
    protection: Protection
    nonce: bytes

    def take(self, answer: str | NtHash | None, terms: Terms) -> ServerMove:
        # One MD4 whatever the answer is: else a stored hash is told from nobody's.
        nt_hash = math.ntowf_v1(answer if isinstance(answer, str) else "")
        known = bool(answer)
        if not isinstance(answer, str | None):
            nt_hash = answer.nt_hash
        right, session_key = self._proved(nt_hash if known else _NOBODY, terms.policy)
        if not right or not known:
            return Failure(
                Reason.BAD_CREDENTIALS, "unknown user or wrong response"
            ), None
        if self.flags & _EXCHANGED == _EXCHANGED:
            session_key = math.rc4k(session_key, self.said.session_key)
        mine = agreed.bindings(terms)
        theirs = self.pairs.get(messages.CHANNEL_BINDINGS, math.NO_BINDINGS)
        bound = math.NO_BINDINGS not in (mine, theirs)
        problem = ""
        if bound and not hmac.compare_digest(mine, theirs):
            problem = "it was said on another channel"
        elif not bound and terms.policy.channel_binding == "require":
            problem = "it does not say on which channel"
        elif not self._is_here(terms):
            problem = "it was said to another host"
        elif self.signed and not self._is_whole(session_key):
            problem = "the messages were changed on the way: the MIC is wrong"
        if problem:
            # How a man in the middle looks, who hands on what somebody says to him.
            return Failure(Reason.BAD_CREDENTIALS, problem), None
        layer = agreed.layer_of(
            self.protection, session_key, terms.policy, is_client=False
        )
        return Success(Identity(self.name), bound=bound, layer=layer), None

    def _proved(self, nt_hash: bytes, policy: Policy) -> tuple[bool, bytes]:
        """Tell whether the response is right; return the KeyExchangeKey too."""
        said, nonce, response = self.said, self.nonce, self.said.nt_response
        if policy.ntlm_v1 is not None and len(response) == _V1_SIZE:
            asked, theirs = nonce, said.lm_response[:8]
            if self.flags & messages.EXTENDED_SESSION_SECURITY:
                asked = math.session_challenge(nonce, theirs)
            expected = math.desl(policy.ntlm_v1, nt_hash, asked)
            key = math.HMAC_MD5(md4(nt_hash), nonce + theirs)  # KXKEY, section 3.4.5.1
            return hmac.compare_digest(expected, response), key
        key = math.ntowf_v2(nt_hash, said.username, said.domain)
        proof, temp = response[:_TEMP_AT], response[_TEMP_AT:]
        expected = math.HMAC_MD5(key, nonce + temp)
        key = math.HMAC_MD5(key, expected)
        return hmac.compare_digest(expected, proof), key

    def _is_here(self, terms: Terms) -> bool:
        """Tell whether the service's name, kind "/" host, if there is one, is ours: of
        kinds there are too many, Windows says SMTPSVC.
        """
        octets = self.pairs.get(messages.TARGET_NAME, b"")
        host = terms.channel.host
        if not octets or not host:
            return True
        _, _, named = octets.decode("utf-16-le", "replace").partition("/")
        return named.partition("/")[0].partition(":")[0].lower() == host.lower()

    def _is_whole(self, session_key: bytes) -> bool:
        mic = math.HMAC_MD5(session_key, self.signed)
        return hmac.compare_digest(mic, self.said.mic)
