"""What mail programs are told: whose credentials, which protocol, and what is not SASL.

A protocol's name is that of a URL: `imap`, `pop3` and `smtp` with STARTTLS, `imaps`,
`pop3s` and `smtps` over TLS from the start; `lmtp` has STARTTLS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sasl_core as sasl

# Ways to log in that no mechanism of SASL is, in the place of a mechanism's name.
LOGIN_COMMAND = "LOGIN command"  # RFC 3501, section 6.2.3
USER_PASS = "USER and PASS"  # RFC 1939, section 7
COMMANDS = frozenset({LOGIN_COMMAND, USER_PASS})
APOP = "APOP"


class Attempt(NamedTuple):
    """What a program is told: where, how and as whom to log in."""

    port: int
    mechanism: str  # or one of the ways above
    mine: sasl.Credentials
    certificate: str | None = None  # of this user, to be shown
    protocol: str = "smtp"
    options: Sequence[str] = ()  # of the command line, where the program takes them

    @property
    def implicit_tls(self) -> bool:
        """Whether TLS comes first."""
        return self.protocol in ("imaps", "pop3s", "smtps", "ldaps")

    @property
    def plain_protocol(self) -> str:
        """The protocol, without what says that TLS comes first."""
        return self.protocol.removesuffix("s") if self.implicit_tls else self.protocol

    @property
    def user(self) -> str:
        """Whom the programs call the user, who have one name only."""
        return self.mine.authzid or self.mine.username

    @property
    def secret(self) -> str:
        """What the programs call the password, be it a token."""
        return self.mine.token or self.mine.password or ""


def quoted(text: str) -> str:
    r"""Quote a word of a configuration file, with \ before what it would mean."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
