"""One exchange of DIGEST-MD5 between our two sides, and what it is agreed upon by."""

from __future__ import annotations

from typing import Any

import sasl_core as sasl
from sasl_core.mechanisms import _digest_math as math
from sasl_core.mechanisms import _digest_messages as messages

from .. import _accounts as accounts

NAME = "DIGEST-MD5"
CHALLENGE = b'nonce="n",algorithm=md5-sess,charset=utf-8'
PROTECTED = ("confidentiality", "integrity")


def exchange(
    offered: sasl.Policy | None = None,
    wanted: sasl.Policy | None = None,
    *,
    password: Any = accounts.PASSWORD,
    realm: str | tuple[str, ...] | None = None,
    realm_wanted: str | None = None,
    username: str = "user",
    password_typed: str = accounts.PASSWORD,
    authzid: str = "",
) -> tuple[sasl.Client, sasl.Success | sasl.Failure, list[bytes]]:
    """Run one; return the client, how it ended, and the messages."""
    default = sasl.Policy(allow=[NAME])
    common: dict[str, Any] = {
        "channel": accounts.channel(NAME),
        "profile": sasl.profiles.RAW,
    }
    asked = sasl.server(NAME, policy=offered or default, realm=realm, **common)
    mine = sasl.Credentials(
        username, password_typed, authzid=authzid, realm=realm_wanted
    )
    asking = sasl.client(NAME, mine, policy=wanted or default, **common)
    challenge = asked.start().data
    response = asking.step(challenge)
    event: Any = asked.step(response)
    said = [challenge, response]
    if isinstance(event, sasl.FindPassword):
        event = event.answer(password)
    if isinstance(event, sasl.Authorize):
        event = event.answer(True)
    if isinstance(event, sasl.Success):
        said.append(event.data or b"")
        asking.finish(event.data)
    return asking, event, said


def policy(*layers: Any, **more: Any) -> sasl.Policy:
    """Make a policy with these layers."""
    return sasl.Policy(allow=[NAME], layers=layers, **more)


def response(nonce: bytes, *, count: int = 1, **words: Any) -> bytes:
    """Write what a user with the right password answers, in these words."""
    user, realm, uri = "user", accounts.HOST, f"imap/{accounts.HOST}".encode()
    uses = b"%08x" % count
    said = messages.Response(
        user, realm, nonce, uses, b"c", b"auth", uri, b"", 65536, b"", None
    )._replace(**words)
    secret = math.secret(said.username, said.realm or "", accounts.PASSWORD)
    _, proof, _ = math.digests(
        secret, nonce, said.cnonce, said.authzid, said.qop, said.uri, said.uses
    )
    return messages.write_response(said._replace(response=proof), "utf-8")
