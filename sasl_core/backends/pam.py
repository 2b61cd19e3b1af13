"""PamCheck and KerberosCheck: the host, or a KDC, checks the password.

check = PamCheck(pam.PamAuthenticator, service="smtp")  # python-pam
application = Application(CheckedStore(check))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._account import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Pam(Protocol):
        """What is asked of python-pam's `PamAuthenticator`."""

        @property
        def code(self) -> int: ...
        def authenticate(self, username: str, password: str, service: str) -> bool: ...


__all__ = ["PamCheck"]

# Linux-PAM's codes that say no to this user: PERM_DENIED, AUTH_ERR, USER_UNKNOWN,
# MAXTRIES, NEW_AUTHTOK_REQD, ACCT_EXPIRED, AUTHTOK_EXPIRED. All others: it cannot tell.
_NO = frozenset({6, 7, 10, 11, 12, 13, 27})


class PamCheck:
    """A `Check` for `CheckedStore`: PAM, for one of its services, says whether it is right.

    `make` makes an object of python-pam's interface for each check: it keeps the last
    code, so that no two threads may use one.
    """

    def __init__(self, make: Callable[[], Pam], service: str) -> None:
        self._make = make
        self._service = service

    def __call__(self, username: str, password: str) -> bool:
        """Tell whether it is his password; raise Unavailable."""
        if not password or "\0" in username + password:
            return False
        problem = ""
        try:
            pam = self._make()
            if pam.authenticate(username, password, self._service) is True:
                return True
            if pam.code in _NO:
                return False
        except Exception as error:
            problem = type(error).__name__
        raise Unavailable(f"PAM cannot tell{problem and ': '}{problem}")
