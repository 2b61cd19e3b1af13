"""KerberosCheck: a KDC checks the password, and proves itself to be ours.

check = KerberosCheck(gssapi, "smtp@mail.example.org", realm="EXAMPLE.ORG")
application = Application(CheckedStore(check))

This is for clients that send the password. Those that have a ticket use GSSAPI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._account import Unavailable

if TYPE_CHECKING:
    from typing import Any

__all__ = ["KerberosCheck"]

# MIT's error table, in the 32 bits that GSS-API gives. Those that say no to this user
# (RFC 4120, section 7.5.9): KDC_ERR_NAME_EXP, C_PRINCIPAL_UNKNOWN, CLIENT_REVOKED,
# CLIENT_NOTYET, KEY_EXPIRED, PREAUTH_FAILED, and KRB_AP_ERR_BAD_INTEGRITY.
_TABLE = -1765328384 & 0xFFFFFFFF
_NO = frozenset(_TABLE + code for code in (1, 6, 18, 21, 23, 24, 31))
_ESCAPED = str.maketrans({char: f"\\{char}" for char in "\\/@"})


class KerberosCheck:
    """A `Check` for `CheckedStore`: the password is right if it opens the KDC's answer.

    `gssapi` is the package of that name. `service` is one whose key is in this host's
    keytab (KRB5_KTNAME): a ticket for it is asked for and opened, for anybody who can
    answer in the KDC's place could else make up both the password and the answer.
    `realm`: that of all users (None: the default one). A `/` or `@` in a user's name is
    part of his name, and takes him to no other realm.
    """

    def __init__(self, gssapi: Any, service: str, *, realm: str | None = None) -> None:
        self._gssapi = gssapi
        self._service = service
        self._realm = realm

    def __call__(self, username: str, password: str) -> bool:
        """Tell whether it is his password; raise Unavailable."""
        if not username or not password or "\0" in username + password:
            return False
        problem = ""
        try:
            name, ticket = self._log_in(username, password)
        except Exception as error:
            if getattr(error, "min_code", None) in _NO:
                return False
            problem = type(error).__name__
        if problem:
            raise Unavailable(f"the KDC cannot tell: {problem}")
        try:
            proven = self._opens(name, ticket)
        except Exception as error:
            problem = type(error).__name__
        if problem:
            # No key here, or one that the KDC does not know: then it is not ours.
            raise Unavailable(f"the KDC's ticket cannot be opened: {problem}")
        return proven

    def _log_in(self, username: str, password: str) -> tuple[Any, Any]:
        lib = self._gssapi
        principal = username.translate(_ESCAPED)
        if self._realm is not None:
            principal = f"{principal}@{self._realm}"
        name = lib.Name(principal, lib.NameType.kerberos_principal)
        found = lib.raw.acquire_cred_with_password(
            name,
            password.encode(),
            usage="initiate",
            mechs=[lib.MechType.kerberos],
        )
        return name, lib.Credentials(base=found.creds)

    def _opens(self, name: Any, ticket: Any) -> bool:
        lib = self._gssapi
        service = lib.Name(self._service, lib.NameType.hostbased_service)
        ours = lib.Credentials(name=service, usage="accept")
        initiator = lib.SecurityContext(
            name=service, creds=ticket, usage="initiate", mech=lib.MechType.kerberos
        )
        acceptor = lib.SecurityContext(creds=ours, usage="accept")
        acceptor.step(initiator.step())
        return bool(acceptor.complete and acceptor.initiator_name == name)
