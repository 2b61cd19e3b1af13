"""Which envelope senders a user may use: what SPF, DKIM and DMARC will vouch for, the
server must not let anybody claim (RFC 6409, section 6.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from ._account import can_be_a_name
from ._address import Address, quote, site
from ._postfix_tables import Table, fold

if TYPE_CHECKING:
    from typing import TypeAlias

    Names: TypeAlias = str | Iterable[str]

__all__ = ["Domain", "Map", "Own", "PostfixMaps", "Regex", "Rule", "Senders"]


_ROUTES = frozenset("@%!")


class Rule(Protocol):
    """What `Senders` combines; one's own rules are as good as these."""

    def allows(self, identity: str, sender: Address) -> bool:
        """Tell whether this identity may send as this address."""


class Senders:
    """What is allowed by any of its rules.

    `delimiter`: the characters that begin the extension of a local part ("" for none), so
    that who may send as alice@example.org may as alice+lists@example.org, too.
    `null_sender`: whether everybody may send as "", as bounces are.
    """

    def __init__(
        self, *rules: Rule, delimiter: str = "+", null_sender: bool = True
    ) -> None:
        self._rules = rules
        self._delimiter = delimiter
        self._null_sender = null_sender

    def may_send(self, identity: str, sender: str) -> bool:
        """Tell whether an authorized identity (`Identity.authzid`) may use a sender.

        That is an address without angle brackets, or "". One that is malformed, has a
        source route, control characters or over 1024 octets, nobody may. Raise
        Unavailable where a table cannot be read.
        """
        if not can_be_a_name(identity):
            return False
        if not sender:
            return self._null_sender
        address = Address.read(sender, self._delimiter)
        if address is None:
            return False
        return any(rule.allows(identity, address) for rule in self._rules)


class Own:
    """The sender is the user's own address: the identity, which without a domain of its
    own is one of `domain` (None: a sender without any).

    Local parts are compared exactly, domains whatever their case, U-labels as the
    A-labels that they stand for. `ignore_case` is for the local parts.
    """

    def __init__(self, domain: str | None = None, *, ignore_case: bool = False) -> None:
        self._domain = domain or ""
        self._ignore_case = ignore_case

    def allows(self, identity: str, sender: Address) -> bool:
        """Tell whether they are the same, with the extension or without."""
        own = Address.read(identity)
        if own is None or site(own.domain or self._domain) != sender.site:
            return False
        name = _cased(own.local, self._ignore_case)
        return name in _locals(sender, self._ignore_case)


class Domain:
    """Any local part in a domain: of all users ("example.org", or several), or each in
    his own ({identity: domains}). `subdomains`: in those below it, too.
    """

    def __init__(
        self, domains: Names | Mapping[str, Names], *, subdomains: bool = False
    ) -> None:
        self._all: frozenset[str] = frozenset()
        self._by_identity: dict[str, frozenset[str]] = {}
        if isinstance(domains, Mapping):
            for identity, names in domains.items():
                self._by_identity[_login(identity)] = frozenset(map(site, _each(names)))
        else:
            self._all = frozenset(map(site, _each(domains)))
        self._subdomains = subdomains

    def allows(self, identity: str, sender: Address) -> bool:
        """Tell whether the sender is in a domain that this identity has."""
        domains = self._by_identity.get(_login(identity), self._all)
        name = sender.site
        while name not in domains:
            _, dot, name = name.partition(".")
            if not (dot and self._subdomains):
                return False
        return bool(name)


class Map:
    """Senders and whose they are: {sender: logins}.

    The first key that there is decides: the whole address, the one without extension,
    "@domain"; a bare name is the key of a bare sender. Compared as `Own` does.
    """

    def __init__(
        self, owners: Mapping[str, Names], *, ignore_case: bool = False
    ) -> None:
        self._ignore_case = ignore_case
        self._owners: dict[str, frozenset[str]] = {}
        for sender, logins in owners.items():
            names = frozenset(_login(login, ignore_case) for login in _each(logins))
            key = self._key(sender)
            if key in self._owners:
                raise ValueError("two keys of a map are the same sender")
            self._owners[key] = names

    def allows(self, identity: str, sender: Address) -> bool:
        """Tell whether the sender, as the map has it, is this identity's."""
        end = f"@{sender.site}" if sender.domain else ""
        keys = [local + end for local in _locals(sender, self._ignore_case)]
        for key in (*keys, end):
            if key in self._owners:
                return _login(identity, self._ignore_case) in self._owners[key]
        return False

    def _key(self, sender: str) -> str:
        if sender.startswith("@") and len(sender) > 1:
            return "@" + site(sender[1:])
        address = Address.read(sender)
        if address is None:
            raise ValueError("a key of a map is no address, bare name or @domain")
        return _login(sender, self._ignore_case)


class Regex:
    r"""Senders that a regular expression matches, as a whole, and whose they are.

    `logins` are the names, with `\1` or `\g<name>` for what a group has matched; they are
    compared with the identity, nothing else. What is matched is the address, without
    needless quotes, its domain in lower case and A-labels. Raise ValueError for an
    expression that is none. One that backtracks without end is the caller's own.
    """

    def __init__(self, pattern: str, logins: Names) -> None:
        self._logins = tuple(_each(logins))
        try:
            self._pattern = re.compile(pattern)
            for login in self._logins:
                self._pattern.sub(login, "")  # which checks it, match or not
        except (re.error, IndexError) as error:
            raise ValueError(f"not a regular expression: {error}") from None

    def allows(self, identity: str, sender: Address) -> bool:
        """Tell whether it matches and one of the names is the identity."""
        end = f"@{sender.site}" if sender.domain else ""
        match = self._pattern.fullmatch(quote(sender.local) + end)
        return match is not None and _login(identity) in {
            _login(match.expand(login)) for login in self._logins
        }


class PostfixMaps:
    r"""The tables of Postfix's smtpd_sender_login_maps, as reject_sender_login_mismatch
    reads them: `PostfixMaps("hash:/etc/postfix/senders", "pcre:/etc/postfix/more")`.

    `hash:`, `texthash:`, `lmdb:` and the like name the text that postmap(1) reads (so a
    change counts at once, without postmap); `regexp:` and `pcre:` are translated to
    Python's. `origin`: $myorigin, the domain of bare names, which else are nobody's.
    `local_domains`: those of $mydestination; there and at the origin the local part is
    looked up alone, too, and one that routes (with "@", "%" or "!") is nobody's.

    Raise ValueError, with the line's number, for what Postfix would skip with a warning,
    or Python cannot do or could do for ever, as `([a-z]+\.?)+` (`_postfix_growth.py`
    has the rule); OSError where a file cannot be read. A changed file is read
    again; where that fails, look-ups raise Unavailable until it is mended.
    """

    def __init__(self, *maps: str, origin: str = "", local_domains: Names = ()) -> None:
        self._tables = [Table.open(name) for name in maps]
        self._origin = origin
        self._local = frozenset(map(fold, (*_each(local_domains), origin)))

    def allows(self, identity: str, sender: Address) -> bool:
        """Tell whether the identity is among the logins of the first key that is found.

        Keys and logins are compared without case, as Postfix's casefold(3) does.
        """
        name = fold(identity)
        return any(fold(login) == name for login in self.logins(sender))

    def logins(self, sender: Address) -> tuple[str, ...]:
        """Return what the first key that is found has; () if none is."""
        for key, whole in self._keys(sender):
            for table in self._tables:
                found = table.find(key, whole)
                if found is not None:
                    return found
        return ()

    def _keys(self, sender: Address) -> Iterator[tuple[str, bool]]:
        """Yield the keys in the order of Postfix's mail_addr_find(3), each as it is
        written and then without quotes, and whether patterns may see them.
        """
        domain = sender.domain or self._origin
        local = fold(domain) in self._local
        if not domain or (local and not _ROUTES.isdisjoint(sender.local)):
            return
        parts = _locals(sender)
        for part in parts:
            for form in _forms(part):
                yield f"{form}@{domain}", part == sender.local
        if local:
            for part in parts:
                for form in _forms(part):
                    yield form, False
        yield f"@{domain}", False


def _forms(local: str) -> tuple[str, ...]:
    written = quote(local)
    return (written,) if written == local else (written, local)


def _locals(sender: Address, ignore_case: bool = False) -> tuple[str, ...]:
    """Return the local part, and the one without its extension if it has one."""
    whole, bare = (_cased(one, ignore_case) for one in (sender.local, sender.bare))
    return (whole,) if whole == bare else (whole, bare)


def _login(name: str, ignore_case: bool = False) -> str:
    """Return a login as it is compared: one that is an address, as addresses are."""
    address = Address.read(name)
    if address is None or not address.domain:
        return _cased(name, ignore_case)
    return f"{_cased(address.local, ignore_case)}@{address.site}"


def _cased(text: str, ignore_case: bool) -> str:
    return text.casefold() if ignore_case else text


def _each(names: Names) -> Iterable[str]:
    return (names,) if isinstance(names, str) else names
