"""CheckedStore: passwords that only somebody else can check, a yes or no at a time.

A directory by bind, PAM, Kerberos, a saslauthd or a checkpassword program: each is asked
with the user's name and password; what is stored there, nobody tells us. So PLAIN and
LOGIN are all that such accounts can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._value import Frozen
from ..protocols.forwarding import Refused, Verified
from ..records._passwords import usable
from ._account import Account, Unavailable, can_be_a_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from .._reasons import Reason

    # True for the user's password, and for nothing else; raises Unavailable.
    Check: TypeAlias = Callable[[str, str], bool]

__all__ = ["Checked", "CheckedStore", "by_verdict"]

_set = object.__setattr__
_NOBODY = "nobody-has-this-name"


class Checked(Frozen):
    """The record of a user whose password somebody else checks."""

    __slots__ = __match_args__ = ("username", "check")

    username: str
    check: Check
    scheme = "CHECKED"

    def __init__(self, username: str, check: Check) -> None:
        _set(self, "username", username)
        _set(self, "check", check)

    def verify(self, password: str) -> bool:
        """Ask him; raise Unavailable. An empty password, or one with a NUL, reaches nobody:
        a directory says yes to the first, and a C program cuts the other.
        """
        if usable(password) is None:
            return False
        answer = self.check(self.username, password)
        if type(answer) is not bool:
            # A coroutine, or a result whose truth means something else.
            raise Unavailable(f"{type(answer).__name__} is no answer to a password")
        return answer

    def format(self) -> str:
        """Write that there is nothing to be read."""
        return "{CHECKED}"

    def decoy(self) -> Checked:
        """Return one that asks as well, of a name that nobody has, and says no."""
        check = self.check

        def asks_for_nothing(username: str, password: str) -> bool:
            check(username, password)
            return False

        return Checked(_NOBODY, asks_for_nothing)


class CheckedStore:
    """A `Store` for `Application`, whose throttle and audit then stand before `check`.

    Every name is an account, until its password is checked; `refuse(username)` gives the
    reason why somebody may not log in, which only he who has the password hears. Who may
    act as another is what `Application(authorize=...)` says.
    """

    def __init__(
        self, check: Check, *, refuse: Callable[[str], Reason | None] | None = None
    ) -> None:
        self._check = check
        self._refuse = refuse

    def find(self, username: str) -> Account | None:
        """Return an account of this name; None for what can be nobody's."""
        if not can_be_a_name(username):
            return None
        refusal = self._refuse(username) if self._refuse else None
        return Account([Checked(username, self._check)], refusal=refusal)

    def replace(self, username: str, old: Account | None, new: Account | None) -> bool:
        """Raise ValueError: passwords are changed where they are."""
        raise ValueError("accounts are changed where their passwords are checked")

    def accounts(self) -> Iterator[tuple[str, Account]]:
        """Yield one that stands for all: what unknown users look like."""
        yield _NOBODY, Account([Checked(_NOBODY, self._check).decoy()])


def by_verdict(verify: Callable[[str, str], Verified | Refused]) -> Check:
    """Return the check that another service's verdict is: `adapters.saslauthd.verify` or
    `adapters.checkpassword.verify`, with all but name and password filled in.
    """

    def check(username: str, password: str) -> bool:
        verdict = verify(username, password)
        if isinstance(verdict, Verified):
            return verdict.identity.authcid == username
        if not isinstance(verdict, Refused) or verdict.reason.try_another:
            raise Unavailable("the other service cannot tell")
        return False

    return check
