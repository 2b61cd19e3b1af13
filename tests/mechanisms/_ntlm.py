"""One exchange of NTLM between our two sides, and what can be changed on its way."""

from __future__ import annotations

from typing import Any

import sasl_core as sasl
from sasl_core.mechanisms import _ntlm_math as math
from sasl_core.mechanisms import _ntlm_messages as messages

from .. import _accounts as accounts
from .._des import MAKERS

NAME = "NTLM"
RAW = sasl.profiles.RAW
POLICY = sasl.Policy(allow=[NAME])
V1 = POLICY.replace(ntlm_v1=MAKERS["des"])
CLOCKED = POLICY.replace(clock=lambda: 1_800_000_000.0)


class Exchange:
    """One exchange, run to its end: what was said, asked, and how it ended."""

    def __init__(
        self,
        username: str = accounts.USER,
        password: str = accounts.PASSWORD,
        *,
        answer: Any = accounts.PASSWORD,
        wanted: sasl.Policy = POLICY,
        offered: sasl.Policy = POLICY,
        mine: sasl.Channel | None = None,
        theirs: sasl.Channel | None = None,
        domain: str | None = None,
        realm: str | tuple[str, ...] | None = "EXAMPLE",
        change: dict[int, Any] | None = None,
    ) -> None:
        channel = accounts.channel(NAME)
        self.client = sasl.client(
            NAME,
            sasl.Credentials(username, password, realm=domain),
            channel=mine or channel,
            policy=wanted,
            profile=RAW,
        )
        self.server = sasl.server(
            NAME,
            channel=theirs or channel,
            policy=offered,
            profile=RAW,
            realm=realm,
        )
        changes = change or {}
        self.said = [self.client.start() or b""]
        event: Any = self.server.start(self.changed(changes))
        if isinstance(event, sasl.Challenge):
            self.said.append(event.data)
            self.said.append(self.client.step(self.changed(changes)))
            event = self.server.step(self.changed(changes))
        self.asked = event if isinstance(event, sasl.FindPassword) else None
        if self.asked is not None:
            event = event.answer(answer)
        self.event: sasl.Success | sasl.Failure = event
        if isinstance(event, sasl.Success):
            self.client.finish()

    def changed(self, changes: dict[int, Any]) -> bytes:
        """Return the last message, as the way to the other side changes it."""
        change = changes.get(len(self.said) - 1)
        return change(self.said[-1]) if change else self.said[-1]

    @property
    def challenge(self) -> messages.Challenge:
        """The server's message."""
        return messages.read_challenge(self.said[1])

    @property
    def proof(self) -> messages.Authenticate:
        """The client's second message."""
        return messages.read_authenticate(self.said[2], self.challenge.flags)

    @property
    def pairs(self) -> dict[int, bytes]:
        """What the client's proof says besides."""
        return messages.read_pairs(self.proof.nt_response[44:])


def flags_as(flags: int) -> Any:
    """Make a change of the flags of a NEGOTIATE_MESSAGE."""
    return lambda message: messages.write_negotiate(flags)


def served_v1(
    offered: sasl.Policy, lm: bytes, asked: bytes, on: sasl.Channel | None = None
) -> Any:
    """Answer our server by NTLMv1."""
    answering = sasl.server(
        NAME,
        channel=on or accounts.channel(NAME),
        policy=offered,
        profile=RAW,
        nonce=bytes(8),
    )
    flags = messages.UNICODE | messages.NTLM
    if len(set(lm[8:])) == 1:
        flags |= messages.EXTENDED_SESSION_SECURITY
    answering.start(messages.write_negotiate(flags))
    nt = math.desl(MAKERS["des"], math.ntowf_v1(accounts.PASSWORD), asked)
    said = messages.Authenticate(flags, "", "user", "", lm, nt, b"", b"")
    event: Any = answering.step(messages.write_authenticate(said))
    if isinstance(event, sasl.FindPassword):
        event = event.answer(accounts.PASSWORD)
    return event
