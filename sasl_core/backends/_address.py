"""An envelope address in its parts (RFC 5321, section 4.1.2; RFC 6531 beyond ASCII)."""

from __future__ import annotations

import re
from unicodedata import normalize

from .._value import Frozen
from ._account import can_be_a_name

_set = object.__setattr__
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"@([^@"]+)')
_SPECIALS = frozenset('"(),:;<>[\\] ')
_LABEL = re.compile(r"[^\s()<>,;:\\\"\[\]@]{1,63}")
_LITERAL = re.compile(r"\[[0-9A-Za-z.:-]+\]")
# Whom no recipient_delimiter splits: "mailer-daemon" is one name where it is "-".
_WHOLE = frozenset({"postmaster", "mailer-daemon", "double-bounce"})


class Address(Frozen):
    """An address: `local` without the quotes that it may need, `domain` as it was sent
    ("" for a bare name), `bare` the local part without its extension.
    """

    __slots__ = __match_args__ = ("local", "domain", "bare")

    local: str
    domain: str
    bare: str

    def __init__(self, local: str, domain: str = "", bare: str = "") -> None:
        _set(self, "local", local)
        _set(self, "domain", domain)
        _set(self, "bare", bare or local)

    @classmethod
    def read(cls, text: str, delimiter: str = "") -> Address | None:
        """Read it, the last "@" separating; None for a source route, and for what is no
        address: with controls, specials outside quotes, or over 1024 octets.

        `delimiter`: the characters that begin an extension, as Postfix's
        recipient_delimiter.
        """
        if not can_be_a_name(text):
            return None
        if quoted := _QUOTED.fullmatch(text):
            local = re.sub(r"\\(.)", r"\1", quoted[1])
            domain = quoted[2]
        else:
            local, at, domain = text.rpartition("@")
            if not at:
                local, domain = domain, ""
            elif not domain:
                return None
            if not _SPECIALS.isdisjoint(local) or local.startswith("@"):
                return None
        if not local or (domain and not _is_domain(domain)):
            return None
        return cls(local, domain, _bare(local, delimiter))

    @property
    def site(self) -> str:
        """Return the domain as it is compared: see `site`."""
        return site(self.domain)


def quote(local: str) -> str:
    """Return the local part as it is written: in quotes where it is no dot-string."""
    plain = _SPECIALS.isdisjoint(local) and "@" not in local and ".." not in local
    if plain and local[:1] != "." and local[-1:] != ".":
        return local
    return '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'


def site(domain: str) -> str:
    """Return a domain in lower case, its labels beyond ASCII as A-labels.

    These are the labels of IDNA 2008 (RFC 5891), by Punycode alone. The standard
    library's `idna` codec is that of 2003: it would make "ss" of an eszett and drop
    joiners, so that the owner of one domain could send as that of another.
    """
    domain = domain.lower()
    if domain.isascii():
        return domain
    return ".".join(map(_a_label, domain.split(".")))


def _a_label(label: str) -> str:
    if label.isascii():
        return label
    return "xn--" + normalize("NFC", label).encode("punycode").decode()


def _is_domain(domain: str) -> bool:
    if domain.startswith("["):
        return _LITERAL.fullmatch(domain) is not None
    return all(_LABEL.fullmatch(label) for label in domain.split("."))


def _bare(local: str, delimiter: str) -> str:
    if not delimiter or local.lower() in _WHOLE:
        return local
    if "-" in delimiter and _is_list(local.lower()):
        return local
    ends = [at for at in map(local.find, delimiter) if at >= 0]
    return (local[: min(ends)] or local) if ends else local


def _is_list(local: str) -> bool:
    # Postfix, split_addr(3): the owner and the administrator of a list.
    return local.startswith("owner-") or (
        local.endswith("-request") and local != "-request"
    )
