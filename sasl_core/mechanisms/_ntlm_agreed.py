"""What the two sides of NTLM agree upon: layers by their flags (MS-NLMP, section
2.2.2.5), and the channel's binding.
"""

from __future__ import annotations

from typing import NamedTuple

from .._strict import Malformed
from . import _ntlm_messages as messages
from ._ntlm_layer import NtlmLayer
from ._ntlm_math import NO_BINDINGS, bindings_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._policy import Policy
    from .._states import Terms

# RFC 2831's names, by which a policy has its ciphers, and NTLM's strengths in bits
_STRENGTHS = {"rc4": 128, "rc4-56": 56, "rc4-40": 40}
_STRENGTH_FLAGS = {128: messages.KEY_128, 56: messages.KEY_56, 40: 0}
_BASE = (
    messages.REQUEST_TARGET
    | messages.NTLM
    | messages.ALWAYS_SIGN
    | messages.EXTENDED_SESSION_SECURITY
)
PROTECTION = (
    messages.SIGN
    | messages.SEAL
    | messages.KEY_EXCH
    | messages.KEY_128
    | messages.KEY_56
)
_PROTECTED = messages.SIGN | messages.EXTENDED_SESSION_SECURITY


class Protection(NamedTuple):
    """One of the policy's layers, and the flags that stand for it."""

    word: str
    flags: int
    strength: int = 0

    @property
    def exchanged(self) -> bool:
        """Whether the client sends the session key."""
        return bool(self.flags & messages.KEY_EXCH)


def wanted(policy: Policy) -> int:
    """Return the flags of all that the policy lets us ask for, or grant."""
    flags = _BASE
    if "confidentiality" in policy.layers:
        flags |= messages.SIGN | messages.SEAL | messages.KEY_EXCH
    if "integrity" in policy.layers:
        flags |= messages.SIGN | messages.KEY_EXCH
    if flags & messages.SIGN:
        for name, _ in policy.ciphers:
            flags |= _STRENGTH_FLAGS[_STRENGTHS.get(name, 40)]
    return flags


def granted(policy: Policy, asked: int) -> int:
    """Return what of the client's wishes is fulfilled: no half of a layer."""
    flags = asked & wanted(policy)
    return flags if flags & _PROTECTED == _PROTECTED else flags & ~PROTECTION


def chosen(policy: Policy, flags: int) -> Protection:
    """Return the client's choice of what is left; raise Malformed where nothing is."""
    for word in policy.layers:
        found = _protection(word, policy, flags)
        if found is not None:
            return found
    raise Malformed("no security layer, or no strength of it, that the policy accepts")


def taken(policy: Policy, flags: int) -> Protection:
    """Return what the client chose of what the server granted; raise Malformed."""
    word = "none"
    if flags & _PROTECTED == _PROTECTED:
        word = "confidentiality" if flags & messages.SEAL else "integrity"
    found = _protection(word, policy, flags)
    if found is None or word not in policy.layers:
        raise Malformed("a security layer, or a strength of it, that was not offered")
    return found


def _protection(word: str, policy: Policy, flags: int) -> Protection | None:
    if word == "none":
        return Protection(word, 0)
    mine = messages.SIGN
    if word == "confidentiality":
        mine |= messages.SEAL
    if flags & (mine | _PROTECTED) != mine | _PROTECTED:
        return None
    strength = 40
    if flags & messages.KEY_128:
        strength = 128
    elif flags & messages.KEY_56:
        strength = 56
    names = dict(policy.ciphers)
    if not any(_STRENGTHS.get(name) == strength for name in names):
        return None
    mine |= flags & messages.KEY_EXCH | _STRENGTH_FLAGS[strength]
    return Protection(word, mine, strength)


def layer_of(
    protection: Protection, session_key: bytes, policy: Policy, *, is_client: bool
) -> NtlmLayer | None:
    """Make the layer that was agreed upon; None for none."""
    if protection.word == "none":
        return None
    makers = {_STRENGTHS.get(name): maker for name, maker in policy.ciphers}
    return NtlmLayer(
        session_key,
        is_client=is_client,
        seals=protection.word == "confidentiality",
        exchanged=protection.exchanged,
        strength=protection.strength,
        maker=makers[protection.strength],
        size=policy.max_buffer,
    )


def bindings(terms: Terms) -> bytes:
    """Return this side's MsvAvChannelBindings; zeros for none."""
    if terms.policy.channel_binding == "disable":
        return NO_BINDINGS
    return bindings_hash(terms.channel.bindings)
