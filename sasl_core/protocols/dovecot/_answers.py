"""What a mail server says of its client in AUTH, and what the answers to it mean."""

from __future__ import annotations

from ..._reasons import Reason
from ..._strict import Malformed, base64
from ..._value import Frozen, Secretive
from ..._values import Identity
from ...mechanisms import find
from ..forwarding import Continue, Refused, Verified
from ._words import Fields, meaning, parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..._channel import Channel

Outcome = Continue | Verified | Refused

# What only the channel states: no parameter of one's own may.
_STATED = frozenset(
    {
        "cert_username",
        "final-resp-ok",
        "local_name",
        "lport",
        "nologin",
        "protocol",
        "resp",
        "rip",
        "secured",
        "service",
        "transport",
        "valid-client-cert",
    }
)


class Answer(Frozen):
    """What the server said of the exchange `id`: a Continue, and the exchange goes on; or
    a Verified or Refused. `fields` came with it.
    """

    __slots__ = __match_args__ = ("id", "outcome", "fields")

    id: int
    outcome: Outcome
    fields: Fields

    def __init__(
        self, identifier: int, outcome: Outcome, fields: Fields | None = None
    ) -> None:
        object.__setattr__(self, "id", identifier)
        object.__setattr__(self, "outcome", outcome)
        object.__setattr__(self, "fields", fields or Fields())


class Running(Secretive):
    """An exchange under way, at the mail server."""

    __slots__ = ("binding", "channel", "mechanism", "refused")

    def __init__(self, mechanism: str, channel: Channel) -> None:
        self.mechanism = mechanism
        self.channel = channel
        self.binding: bytes | None = None  # to go with the next response
        self.refused: Answer | None = None  # which the client hears after one more

    def bind(self, kind: str) -> bool:
        """Have the binding of this type sent; False where the channel has none."""
        data = [each.data for each in self.channel.bindings if each.type == kind]
        self.binding = data[0] if data else None
        return bool(data)


def facts(
    channel: Channel, service: str, extra: Mapping[str, str] | None, login: bool
) -> list[bytes]:
    """Write the parameters of AUTH, but for the initial response.

    Raise ValueError without a service, and for an extra one that contradicts.
    """
    if not (service or channel.service):
        raise ValueError("an exchange is for a service")
    given = dict(extra or {})
    if not _STATED.isdisjoint(given):
        raise ValueError("the channel states that parameter")
    fields = [parameter("service", service or channel.service), b"final-resp-ok"]
    if not login:
        fields.append(b"nologin")
    if channel.encrypted:
        fields.append(b"secured=tls")
    if channel.external:
        fields.append(b"valid-client-cert")
        fields.append(parameter("cert_username", channel.external))
    if channel.host:
        fields.append(parameter("local_name", channel.host))
    if channel.remote:
        fields.append(parameter("rip", channel.remote))
    if channel.port:
        fields.append(b"lport=%d" % channel.port)
    for name, value in given.items():
        fields.append(parameter(name, value) if value else name.encode("ascii"))
    return fields


def accepted(fields: Fields, mechanism: str) -> Verified | Refused:
    """Read an OK; raise Malformed for one that carries no message.

    It says that the credentials are right, and not yet that he may log in: with
    `nologin` or `proxy` he may not, here. Without `user` he is nobody.
    """
    if "nologin" in fields:
        return Refused(Reason.DISABLED, "right, but not to log in")
    if "proxy" in fields:
        return Refused(Reason.NOT_AUTHORIZED, "right, but to log in elsewhere")
    user = fields.get("user")
    if not user:
        raise Malformed("an OK that names nobody")
    identity = Identity(fields.get("auth_user") or user, user)
    data = base64(fields.get("resp").encode()) if "resp" in fields else None
    known = find(mechanism)
    bound = known.plus if known else mechanism.endswith("-PLUS")
    return Verified(identity, data, bound=bound)


def refused(fields: Fields) -> Refused:
    """Read a FAIL."""
    return Refused(meaning(fields), "the authentication service says no")
