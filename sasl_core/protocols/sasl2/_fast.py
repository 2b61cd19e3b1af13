"""FAST: a token for the next login, in the same elements (XEP-0484).

Its HT is that of draft-schmaus-kitten-sasl-ht-09: so says its section 3.1, and so speak
Prosody, ejabberd, xmpp.js and go-xmpp.
"""

from __future__ import annotations

from ..._choosing import choose
from ..._errors import NoMechanism, ProtocolError
from ..._hashed_token import HT_NAMES, HashedToken
from .._capabilities import mechanism_names
from ._element import Element
from ._words import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ..._channel import Channel
    from ..._policy import Policy
    from ..._values import Credentials

FAST = "urn:xmpp:fast:0"
_TRUE = ("1", "true")  # of xs:boolean


def issued(token: HashedToken, expiry: str | datetime) -> Element:
    """Return `<token/>`, to be added to a `<success/>` (section 3.3).

    `expiry`: the date and time, as XEP-0082 writes them if it is a str. Raise ValueError
    for a datetime without time zone.
    """
    if not isinstance(expiry, str):
        if expiry.utcoffset() is None:
            raise ValueError("the expiry of a token has a time zone")
        fields = expiry.utctimetuple()[:6]
        expiry = "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*fields)
    words = {"token": token.token, "expiry": expiry}
    return Element("token", namespace=FAST, attributes=words)


def read_issued(element: Element, mechanism: str) -> tuple[HashedToken, str] | None:
    """Return the token in a `<success/>`, and its expiry; None if there is none.

    Raise ProtocolError for a token that cannot be.
    """
    found = element.child("token", FAST)
    if found is None:
        return None
    try:
        return HashedToken(found.get("token"), mechanism), found.get("expiry")
    except ValueError:
        pass
    raise ProtocolError("a token that is empty, or no text")


def policy_for(policy: Policy) -> Policy:
    """Return the policy for HT: who has or keeps tokens of FAST names it by that.

    Not HT2, of which XEP-0484 does not speak: a policy has to name that.
    """
    allow: Iterable[str] | None = policy.allow
    if allow is None:
        allow = [name for name in HT_NAMES if name.startswith("HT-")]
    return policy.replace(allow=allow, ht_draft="schmaus-09")


def read_offer(features: Element) -> tuple[str, ...]:
    """Return the mechanisms that the server takes a token by."""
    offer = features.child("authentication")
    inline = offer.child("inline") if offer else None
    fast = inline.child("fast", FAST) if inline else None
    names = mechanism_names(words(fast, "mechanism", FAST))
    return tuple(name for name in names if name in HT_NAMES)


def write_offer(names: tuple[str, ...]) -> Element:
    """Offer these mechanisms."""
    listed = [Element("mechanism", name, namespace=FAST) for name in names]
    fast = Element("fast", children=listed, namespace=FAST)
    return Element("inline", children=[fast])


def strongest(
    names: tuple[str, ...],
    credentials: Credentials,
    *,
    channel: Channel,
    policy: Policy,
) -> str:
    """Return the mechanism to ask a token for, "" where none will do."""
    any_token = credentials.replace(hashed_token=HashedToken("any"))
    try:
        return choose(names, any_token, channel=channel, policy=policy).name
    except NoMechanism:
        return ""


def use(*, forget: bool) -> Element:
    """Say that a token is proved, and whether it is to be good no longer."""
    attributes = {"invalidate": "true"} if forget else {}
    return Element("fast", namespace=FAST, attributes=attributes)


def request(mechanism: str) -> Element:
    """Ask for a token."""
    wanted = {"mechanism": mechanism}
    return Element("request-token", namespace=FAST, attributes=wanted)


def read_use(element: Element) -> tuple[bool, bool]:
    """Return whether an `<authenticate/>` proves a token, and is the last one to."""
    fast = element.child("fast", FAST)
    return fast is not None, fast is not None and fast.get("invalidate") in _TRUE


def read_request(element: Element) -> str:
    """Return the mechanism for which a token is asked, "" for none."""
    found = element.child("request-token", FAST)
    return found.get("mechanism") if found else ""
