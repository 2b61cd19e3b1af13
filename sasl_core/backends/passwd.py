"""PasswdFile: accounts in the passwd-file that Dovecot reads, too.

    user:{SCHEME}data:uid:gid:gecos:home:shell:extra fields, separated by spaces

Only the second field and our own extra field are ever changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._reasons import Reason
from .._records import ScramKeys
from ._account import Account
from ._user_file import UserFile

if TYPE_CHECKING:
    from ..records import Record

__all__ = ["PasswdFile"]

_FIELDS = 8
_AUTHZIDS = "userdb_authzids="  # Dovecot's passdb passes over what begins with userdb_
# What Dovecot would narrow the account by, or rename it to. We cannot look at it here,
# so such an account cannot log in, as with "nologin".
_LIMITS = ("nologin", "allow_nets", "allow_real_nets", "user", "proxy", "proxy_maybe")


class PasswdFile(UserFile):
    """Accounts in a Dovecot passwd-file, one record each. The file has to be there.

    The password field has Dovecot's `{SCHEME}` in front. Of the extra fields, `nologin`
    and those that Dovecot limits an account by (`allow_nets`, `user`, ...) make it one
    that may not log in here; `userdb_authzids=a,b` names whom else it may act as. A
    field `nopassword` changes nothing: without a password nobody logs in.
    """

    def _read(self, username: str, line: bytes) -> Account:
        fields = line.rstrip(b"\r").decode(errors="replace").split(":", _FIELDS - 1)
        found = self._records(username, fields[1]) if len(fields) > 1 else ()
        authzids: set[str] = set()
        refusal = None
        for extra in fields[_FIELDS - 1].split() if len(fields) == _FIELDS else ():
            if extra.startswith(_AUTHZIDS):
                authzids.update(filter(None, extra[len(_AUTHZIDS) :].split(",")))
            elif extra.partition("=")[0] in _LIMITS:
                refusal = Reason.DISABLED
        return Account(found, authzids, refusal)

    def _write(self, name: bytes, account: Account, line: bytes | None) -> bytes:
        fields = (line or name).rstrip(b"\r").split(b":", _FIELDS - 1)
        fields += [b""] * (_FIELDS - len(fields))
        fields[1] = b" ".join(_field(record).encode() for record in account.records)
        kept = [
            extra
            for extra in fields[_FIELDS - 1].split()
            if extra != b"nologin" and not extra.startswith(_AUTHZIDS.encode())
        ]
        if account.authzids:
            kept.append((_AUTHZIDS + ",".join(sorted(account.authzids))).encode())
        if account.refusal is not None:
            kept.append(b"nologin")
        fields[_FIELDS - 1] = b" ".join(kept)
        return b":".join(fields)


def _field(record: Record) -> str:
    if isinstance(record, ScramKeys):
        return record.format("dovecot")  # the other forms have colons
    return record.format()
