"""The accounts that every peer knows."""

from __future__ import annotations

from typing import NamedTuple

from ..._p256 import PrivateKey


class Account(NamedTuple):
    """A user and the password that is right."""

    user: str
    password: str


ALICE = Account("alice", "wonderland")
# More than ASCII in both, nothing that SASLprep would change.
JUERGEN = Account("jürgen", "pä53wörd")
# SCRAM writes these as =2C and =3D, OAUTHBEARER too.
CAROL = Account("carol,=x", "com,ma=eq")
USERS = (ALICE, JUERGEN, CAROL)

# Only at Dovecot: may become any other user by naming that one as authzid.
MASTER = Account("admin", "master-Key1")

# What the OAuth introspection service says about each token.
TOKENS: dict[str, dict[str, str | bool]] = {
    "token-of-alice": {"active": True, "username": ALICE.user, "scope": "mail"},
    "token-of-juergen": {"active": True, "username": JUERGEN.user, "scope": "mail"},
    "token-of-carol": {"active": True, "username": CAROL.user, "scope": "mail"},
    "token-for-calendars": {
        "active": True,
        "username": ALICE.user,
        "scope": "calendar",
    },
    "token-expired": {"active": False},
}

# Alice's, with which she signs.
KEY = PrivateKey(int.from_bytes(b"alice's key has thirty-two octet"))
