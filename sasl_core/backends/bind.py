"""LdapBind: a directory checks the password, as it does for whoever logs in to it.

LDAP and Active Directory, through ldap3 (RFC 4511, section 4.2; RFC 4513, section 5.1).

def connect(dn, password):  # not bound: that is the question
    server = ldap3.Server(
        "ldaps://ldap.example.org", get_info=ldap3.NONE, connect_timeout=5,
        tls=ldap3.Tls(validate=ssl.CERT_REQUIRED),  # which is not its default
    )
    return ldap3.Connection(
        server, dn, password, client_strategy=ldap3.SAFE_SYNC,
        receive_timeout=5, auto_referrals=False,
    )

check = LdapBind(connect, dn="uid={username},ou=people,dc=example,dc=org")
application = Application(CheckedStore(check))
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from ._account import Unavailable, can_be_a_name
from ._ldap_connections import SUCCESS, Connections, Session, told
from .ldap import _escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Protocol

    from ._ldap_connections import Connection

    class Server(Protocol):
        """What is asked of an `ldap3.Server`."""

        @property
        def ssl(self) -> bool: ...
        @property
        def tls(self) -> Any: ...

    class Binding(Connection, Protocol):
        """What is asked of an `ldap3.Connection` that is not bound yet."""

        @property
        def server(self) -> Server: ...
        def open(self) -> Any: ...
        def start_tls(self) -> Any: ...


__all__ = ["LdapBind", "LdapSearch"]

# Results that say no to this user (RFC 4511, appendix A): constraintViolation (389
# Directory Server's, of one that is locked), noSuchObject, invalidDNSyntax,
# inappropriateAuthentication, invalidCredentials, unwillingToPerform (deactivated).
_NO = frozenset({19, 32, 34, 48, 49, 53})


class LdapSearch:
    """Find the DN of a user: by a connection that may search, as in `LdapStore`.

    `base`: the DN below which users are. `find`: the filter, with the name, escaped, in the
    place of `{username}`. `scope`: ldap3's word. `timeout`: seconds. `idle`: connections
    that are kept open.

    An entry none of whose `name_attributes` has just this name is passed over: to a
    directory, `ALICE` is `alice`, who would have two identities; `exact=False` allows it.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        base: str,
        *,
        find: str = "(uid={username})",
        scope: str = "SUBTREE",
        name_attributes: Sequence[str] = ("uid",),
        exact: bool = True,
        timeout: int = 10,
        idle: int = 8,
    ) -> None:
        if "{username}" not in find:
            raise ValueError("a filter of one name has {username} in it")
        if isinstance(name_attributes, str):
            raise TypeError("name attributes come as a list or tuple, not as one str")
        self._connections = Connections(connect, idle)
        self._base = base
        self._find = find
        self._names = tuple(name_attributes)
        self._exact = exact
        self._options = {
            "search_scope": scope,
            "attributes": list(self._names),
            "time_limit": timeout,
            "size_limit": 2,
        }

    def __call__(self, username: str) -> str | None:
        """Return the DN of this user, None for an unknown one; raise Unavailable."""
        found = self._find.replace("{username}", _escaped(username))
        entries, _ = self._connections.run(
            lambda session: session.search(self._base, found, **self._options)
        )
        if len(entries) > 1:
            raise Unavailable("the directory has several entries of one name")
        if not entries:
            return None
        names = [value for name in self._names for value in entries[0].get(name)]
        if self._exact and username.encode() not in names:
            return None
        return entries[0].dn or None

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._connections.close()


class LdapBind:
    r"""A `Check` for `CheckedStore`: the password is right if the directory takes it.

    `connect(dn, password)` makes an `ldap3.Connection`, neither open nor bound, whose
    strategy is SYNC or SAFE_SYNC, and which follows no referrals. `dn` is a template with
    `{username}`, escaped there if it is a DN; what has no `=` in it (Active Directory's
    `{username}@example.org`, `EXAMPLE\{username}`) is taken as it is. Or `search`, an
    LdapSearch or another function, finds it. Without TLS, or with a certificate that is
    not verified, no password goes out; STARTTLS is begun where the server has no
    TLS of its own. `cleartext=True` is for a directory on this host.
    """

    def __init__(
        self,
        connect: Callable[[str, str], Binding],
        *,
        dn: str | None = None,
        search: Callable[[str], str | None] | None = None,
        cleartext: bool = False,
    ) -> None:
        if (dn is None) == (search is None):
            raise ValueError("either a template of DNs, or a search")
        if dn is not None and "{username}" not in dn:
            raise ValueError("a template has {username} in it")
        self._connect = connect
        self._template = dn
        self._search = search
        self._cleartext = cleartext

    def __call__(self, username: str, password: str) -> bool:
        """Tell whether it is his password; raise Unavailable.

        An empty one is refused before the directory sees it, which takes a bind with
        none for an anonymous one, and says yes (RFC 4513, section 5.1.2).
        """
        if not password or not can_be_a_name(username):
            return False
        dn = self._dn(username)
        if dn is None:
            return False
        result = self._bind(dn, password)
        if result["result"] in _NO:
            return False
        if result["result"] != SUCCESS:
            raise Unavailable(f"the directory cannot tell: {told(result)}")
        return True

    def _dn(self, username: str) -> str | None:
        if self._search is not None:
            return self._search(username)
        template = self._template or ""
        name = _escaped_in_dn(username) if "=" in template else username
        return template.replace("{username}", name)

    def _bind(self, dn: str, password: str) -> Mapping[str, Any]:
        connection, problem = None, "no connection"
        try:
            connection = self._connect(dn, password)
            problem = self._secure(connection)
        except Exception as error:
            problem = type(error).__name__  # its text can show whom was asked for
        if connection is None or problem:
            if connection is not None:
                Session(connection).close()
            raise Unavailable(f"the directory cannot be asked: {problem}")
        session = Session(connection)
        try:
            return session.bind()
        finally:
            session.close()

    def _secure(self, connection: Binding) -> str:
        """Open it, with TLS; return what is wrong, "" for nothing."""
        if self._cleartext:
            return ""
        server = connection.server
        if getattr(server.tls, "validate", None) != ssl.CERT_REQUIRED:
            return "its certificate would not be verified"
        if server.ssl:
            return ""
        connection.open()
        started = connection.start_tls()
        # SAFE_SYNC gives a tuple, which is true whatever it says.
        yes = started[0] if isinstance(started, tuple) else started
        return "" if yes is True else "it has no TLS"


def _escaped_in_dn(name: str) -> str:
    # RFC 4514, section 2.4: any octet may be written in hexadecimal digits.
    return "".join(
        chr(octet) if chr(octet).isalnum() and octet < 128 else f"\\{octet:02x}"
        for octet in name.encode()
    )
