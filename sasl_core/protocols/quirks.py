"""Quirks: what known servers do that no standard allows, as data.

A quirk changes a few facts of a protocol's Profile. One that names hosts is applied by
itself, by the host of the channel; any can be given by hand, as a session's `profile=`.

What every client copes with anyway needs no switch: whatever LOGIN's prompts say, in
any case, with a NUL (aiosmtpd) or with nothing at all; a user name that is wanted only
after the prompt (smtp4dev, old OpenSMTPD); `AUTH=LOGIN PLAIN`; `+` without a space;
errors that Google writes into OAuth's last challenge, and that Exchange does not.
"""

from __future__ import annotations

from .._value import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._profile import Profile

__all__ = ["KNOWN", "NO_INITIAL_RESPONSE", "OPENING_TEXT", "Quirk", "for_host"]

_set = object.__setattr__


class Quirk(Frozen):
    """One deviation: which servers have it, and what copes with it.

    `protocol` is a profile's name, "" for any; `hosts` the names of servers known to
    have it, and the ends of such names; `changes` are fields of Profile.
    """

    __slots__ = __match_args__ = ("servers", "protocol", "hosts", "changes")

    servers: str
    protocol: str
    hosts: tuple[str, ...]
    changes: dict[str, Any]

    def __init__(
        self,
        servers: str,
        *,
        changes: dict[str, Any],
        protocol: str = "",
        hosts: tuple[str, ...] = (),
    ) -> None:
        _set(self, "servers", servers)
        _set(self, "protocol", protocol)
        _set(self, "hosts", hosts)
        _set(self, "changes", changes)

    def __hash__(self) -> int:
        return hash(self.servers)

    def apply(self, profile: Profile) -> Profile:
        """Return the profile with what copes with it."""
        return profile.replace(**self.changes)

    def has(self, profile: Profile, host: str) -> bool:
        """Whether a server of this name is known to have it."""
        name = f".{host.lower().rstrip('.')}"
        return self.protocol in ("", profile.name) and any(
            name.endswith(f".{known}") for known in self.hosts
        )


# The challenge that asks for a client's first message holds text: Stalwart's SMTP says
# `334 Go ahead.`, Exim `334 NTLM supported`, others a prompt in base64.
OPENING_TEXT = Quirk("Stalwart; Exim (NTLM)", changes={"opening_text": True})

# The command takes no initial response, whatever the server announces.
NO_INITIAL_RESPONSE = Quirk("any", changes={"initial_response": False})

KNOWN = (
    # Announces SASL-IR, and answers it by `BAD Request not ending with \r\n`.
    Quirk(
        "Coremail (126.com, 163.com, yeah.net)",
        protocol="imap",
        hosts=("imap.126.com", "imap.163.com", "imap.yeah.net"),
        changes=NO_INITIAL_RESPONSE.changes,
    ),
    # Wants XOAUTH2 in two lines, the command and the response to `+`.
    Quirk(
        "Exchange Online",
        protocol="pop3",
        hosts=("outlook.office365.com",),
        changes=NO_INITIAL_RESPONSE.changes,
    ),
)


def for_host(profile: Profile, host: str) -> Profile:
    """Return the profile as this server needs it: the same where none is known."""
    for quirk in KNOWN:
        if quirk.has(profile, host):
            profile = quirk.apply(profile)
    return profile
