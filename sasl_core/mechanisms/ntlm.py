"""NTLM (MS-NLMP): the client proves that it knows the password's MD4.

It is obsolete: either side runs it only if its policy names it. What is answered is
NTLMv2; NTLMv1, which most mail programs still send and Exim demands, only where the
policy has a DES for it (`ntlm_v1`). LM responses are neither sent for NTLMv1 nor looked
at: whoever has the time finds their passwords. Names and passwords are taken as they
are: Windows knows no SASLprep.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from .._states import ClientRecord, Satisfied
from .._strict import Malformed
from ..layers import Layer
from . import _identities as identities
from . import _ntlm_agreed as agreed
from . import _ntlm_math as math
from . import _ntlm_messages as messages
from ._ntlm_messages import Authenticate, Challenge
from ._ntlm_server import server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._policy import Policy
    from .._states import ClientMove, ClientOpening, Terms
    from .._values import Credentials

__all__ = ["client", "server"]


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's NEGOTIATE_MESSAGE, and first record.

    `nonce`: its challenge, eight octets, and its session key, sixteen more.
    """
    nonce = os.urandom(24) if nonce is None else nonce.ljust(24, b"\0")
    username, domain = _names(credentials)
    identities.write(username, "user name")
    identities.write_password(credentials.password)
    if domain:
        identities.write(domain, "domain")
    flags = agreed.wanted(terms.policy) | messages.UNICODE | messages.OEM
    negotiate = messages.write_negotiate(flags)
    nt_hash = math.ntowf_v1(credentials.password or "")
    return negotiate, _AwaitChallenge(
        username, domain, nt_hash, flags, negotiate, nonce[:8], nonce[8:24]
    )


def _names(credentials: Credentials) -> tuple[str, str | None]:
    r"""Return user and domain: of DOMAIN\user, or as the credentials have them.

    user@domain is one name, of no domain (a "user principal name"). None: whatever
    domain the server calls its own.
    """
    domain, backslash, username = credentials.username.partition("\\")
    if backslash:
        return username, domain
    username = credentials.username
    return username, "" if "@" in username else credentials.realm


@dataclass(slots=True)
class _AwaitChallenge(ClientRecord):
    username: str
    domain: str | None
    nt_hash: bytes = field(repr=False)
    flags: int
    negotiate: bytes
    nonce: bytes
    session_key: bytes = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        said = messages.read_challenge(challenge)
        flags = said.flags & self.flags
        if flags & messages.UNICODE:
            flags &= ~messages.OEM
        known = flags & messages.EXTENDED_SESSION_SECURITY
        if said.target_info is None and not known:
            # What Exim and Cyrus send; curl tells by it that they know only NTLMv1.
            return self._answer_v1(said, flags, terms.policy)
        return self._answer_v2(challenge, said, flags, terms)

    def _answer_v1(self, said: Challenge, flags: int, policy: Policy) -> ClientMove:
        if policy.ntlm_v1 is None:
            raise Malformed("the server knows NTLMv1 only, and the policy has no DES")
        if "none" not in policy.layers:
            raise Malformed("NTLMv1 gives no security layer, which the policy requires")
        answer = math.desl(policy.ntlm_v1, self.nt_hash, said.server_challenge)
        # Twice the same, in place of a weaker one (3.3.1, NoLMResponseNTLMv1).
        made = self._made(said, flags & ~agreed.PROTECTION, answer, answer)
        return messages.write_authenticate(made), _Done(None)

    def _answer_v2(
        self,
        challenge: bytes,
        said: Challenge,
        flags: int,
        terms: Terms,
    ) -> ClientMove:
        protection = agreed.chosen(terms.policy, flags)
        flags = flags & ~agreed.PROTECTION | protection.flags
        flags |= said.flags & messages.TARGET_INFO
        pairs = messages.read_pairs(said.target_info) if said.target_info else {}
        time = pairs.get(messages.TIMESTAMP, b"")
        with_mic = bool(time)
        self._add_pairs(pairs, terms, with_mic=with_mic)
        domain = self._domain(said)
        key = math.ntowf_v2(self.nt_hash, self.username, domain)
        temp = math.temp(
            time if with_mic else math.filetime(terms.policy.clock),
            self.nonce,
            messages.write_pairs(pairs),
        )
        proof = math.HMAC_MD5(key, said.server_challenge + temp)
        lm = bytes(24)
        if not with_mic:
            lm = math.HMAC_MD5(key, said.server_challenge + self.nonce) + self.nonce
        session_key, sent = math.HMAC_MD5(key, proof), b""
        if protection.exchanged:
            sent = math.rc4k(session_key, self.session_key)
            session_key = self.session_key
        made = self._made(said, flags, lm, proof + temp, sent, bytes(16 * with_mic))
        message = messages.write_authenticate(made)
        if with_mic:
            mic = math.HMAC_MD5(session_key, self.negotiate + challenge + message)
            message = messages.write_authenticate(made._replace(mic=mic))
        layer = agreed.layer_of(protection, session_key, terms.policy, is_client=True)
        return message, _Done(layer)

    def _add_pairs(
        self, pairs: dict[int, bytes], terms: Terms, *, with_mic: bool
    ) -> None:
        """Add to the server's pairs what proves to whom this is said, and where."""
        if with_mic:
            told = int.from_bytes(pairs.get(messages.AV_FLAGS, b""), "little")
            flags = told | messages.MIC_PROVIDED
            pairs[messages.AV_FLAGS] = flags.to_bytes(4, "little")
        channel = terms.channel
        service = channel.service or terms.profile.service
        target = f"{service}/{channel.host}" if service and channel.host else ""
        pairs[messages.TARGET_NAME] = math.unicode(target)
        pairs[messages.CHANNEL_BINDINGS] = agreed.bindings(terms)

    def _domain(self, said: Challenge) -> str:
        if self.domain is None:
            is_domain = said.flags & messages.TARGET_TYPE_DOMAIN
            return said.target_name if is_domain else ""
        return self.domain

    def _made(
        self,
        said: Challenge,
        flags: int,
        lm: bytes,
        nt: bytes,
        sent: bytes = b"",
        mic: bytes = b"",
    ) -> Authenticate:
        domain = self._domain(said)
        return Authenticate(flags, domain, self.username, "", lm, nt, sent, mic)


@dataclass(slots=True)
class _Done(Satisfied):
    layer: Layer | None
