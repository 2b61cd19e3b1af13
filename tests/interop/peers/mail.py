"""What mail programs are told: whose credentials, which protocol, and what is not SASL.

A protocol's name is that of a URL: `imap`, `pop3` and `smtp` with STARTTLS, `imaps`,
`pop3s` and `smtps` over TLS from the start; `lmtp` has STARTTLS.
"""

from __future__ import annotations

import sasl_core as sasl

# Ways to log in that no mechanism of SASL is, in the place of a mechanism's name.
LOGIN_COMMAND = "LOGIN command"  # RFC 3501, section 6.2.3
USER_PASS = "USER and PASS"  # RFC 1939, section 7
COMMANDS = frozenset({LOGIN_COMMAND, USER_PASS})
APOP = "APOP"


def implicit_tls(protocol: str) -> bool:
    """Whether TLS comes first."""
    return protocol.endswith("s")


def plain_protocol(protocol: str) -> str:
    """Return the name without what says that TLS comes first."""
    return protocol.removesuffix("s")


def user_of(mine: sasl.Credentials) -> str:
    """Return whom the programs call the user, who have one name only."""
    return mine.authzid or mine.username


def secret_of(mine: sasl.Credentials) -> str:
    """Return what the programs call the password, be it a token."""
    return mine.token or mine.password or ""


def quoted(text: str) -> str:
    r"""Quote a word of a configuration file, with \ before what it would mean."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
