"""HashedToken: the secret that both sides of an HT mechanism share, and HT's names."""

from __future__ import annotations

from ._strict import encoded
from ._value import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_set = object.__setattr__
_HASHES = {"SHA-512": "sha512", "SHA3-512": "sha3_512", "SHA-256": "sha256"}
_BINDINGS = {
    "EXPR": "tls-exporter",
    "UNIQ": "tls-unique",
    "ENDP": "tls-server-end-point",
    "NONE": "",
}
# mechanism -> hashlib's name, and the type of channel binding, "" for none
HT_NAMES = {
    f"{family}-{name}-{kind}": (hash_name, binding)
    for kind, binding in _BINDINGS.items()
    for name, hash_name in _HASHES.items()
    for family in ("HT2", "HT")
}
DRAFTS = ("ietf-02", "ietf-00", "schmaus-09")
_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+_-")


class HashedToken(Frozen):
    """A token of the HT mechanisms, as a client keeps it and a server finds it.

    `token`: random, of 128 bits at least, for there is no salt and only one hash. It is
    the key of an HMAC on both sides, so a server stores it as it is: nothing weaker than
    that will do, and who reads the store can log in. `mechanism`: the only one that it
    is good for (draft-ietf-kitten-sasl-ht, section 5); "": any. `values`: what this side
    sends along, proven with the token (draft ietf-02 only; a dict or pairs).
    Raise ValueError for an empty token, an unknown mechanism, and values that HT's list
    cannot carry.
    """

    __slots__ = __match_args__ = ("token", "mechanism", "values")
    _secret = frozenset({"token"})

    token: str
    mechanism: str
    values: tuple[tuple[str, str], ...]

    def __init__(
        self,
        token: str,
        mechanism: str = "",
        values: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> None:
        if not isinstance(token, str):
            raise TypeError(f"a token is given as str, not {type(token).__name__}")
        if not token:
            raise ValueError("the token is empty")
        if mechanism and mechanism not in HT_NAMES:
            raise ValueError("a token is pinned to one of the HT mechanisms")
        encoded(token)  # raises for what has no UTF-8
        pairs = tuple(dict(values).items())
        for pair in pairs:
            for word in pair:
                if not word or not _WORD.issuperset(word):
                    raise ValueError("keys and values are letters, digits, / + _ and -")
        _set(self, "token", token)
        _set(self, "mechanism", mechanism)
        _set(self, "values", pairs)

    @property
    def mechanisms(self) -> frozenset[str]:
        """Return the names that it is good for."""
        return frozenset({self.mechanism} if self.mechanism else HT_NAMES)
