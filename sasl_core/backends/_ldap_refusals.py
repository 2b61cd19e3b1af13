"""REFUSALS: by which attributes directories say that an account may not log in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _if_any(value: str) -> Reason | None:
    return Reason.DISABLED


def _if_true(value: str) -> Reason | None:
    return None if value.upper() == "FALSE" else Reason.DISABLED


def _if_must_change(value: str) -> Reason | None:
    return None if value.upper() == "FALSE" else Reason.PASSWORD_EXPIRED


def _if_second_bit(value: str) -> Reason | None:
    # Four octets, written in decimal; what is no such number is no permission.
    number = value.isascii() and value.isdecimal() and len(value) <= 10
    return None if number and not int(value) & 2 else Reason.DISABLED


REFUSALS: Mapping[str, Callable[[str], Reason | None]] = {
    # OpenLDAP's ppolicy. For how long it is locked is said elsewhere, so: until the
    # directory itself takes the attribute away.
    "pwdAccountLockedTime": _if_any,
    "pwdReset": _if_must_change,
    "nsAccountLock": _if_true,  # 389 Directory Server
    "ds-pwp-account-disabled": _if_true,  # OpenDJ
    "userAccountControl": _if_second_bit,  # Active Directory: ACCOUNTDISABLE
}
