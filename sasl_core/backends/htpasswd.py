"""Htpasswd: accounts in the file that Apache's `htpasswd` writes: `user:hash`."""

from __future__ import annotations

from ._account import Account
from ._user_file import UserFile

__all__ = ["Htpasswd"]

# What Apache 2.4 verifies, by the beginning of the text.
_FORMS = ("{SHA}", "$2a$", "$2b$", "$2y$", "$apr1$", "$1$", "$5$", "$6$", "$y$")


class Htpasswd(UserFile):
    """Accounts in an htpasswd file, one record each. The file has to be there.

    `verifiers` are needed for most of its forms: bcrypt, `$apr1$`, crypt. Clear text and
    the old crypt look alike there, and are not read. Written is only what Apache can
    read.
    """

    def _read(self, username: str, line: bytes) -> Account:
        text = line.rstrip(b"\r").decode(errors="replace").partition(":")[2]
        # Apache passes over what follows another colon, as in `user:hash:comment`.
        text = text.partition(":")[0]
        return Account(self._records(username, text) if text.startswith(_FORMS) else ())

    def _write(self, name: bytes, account: Account, line: bytes | None) -> bytes:
        return b":".join(
            [name, *(record.format().encode() for record in account.records)]
        )
