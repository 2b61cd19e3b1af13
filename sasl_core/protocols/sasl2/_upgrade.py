"""The tasks by which a server gets the keys of another SCRAM hash (XEP-0480)."""

from __future__ import annotations

from ..._choosing import client, offer, server
from ..._errors import AuthenticationError, ProtocolError
from ..._reasons import Reason
from ..._requests import SaveScramKeys
from ..._scram_math import NAMES
from ...mechanisms import find
from ...mechanisms.scram_upgrade import UPGRADES
from ...profiles import RAW
from ._element import Element
from ._words import PROFILE, octets, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._events import Request
    from ..._policy import Policy
    from ..._server import Server
    from ..._values import Credentials

_TASKS = "urn:xmpp:sasl:upgrade:0"
_DATA = "urn:xmpp:scram-upgrade:0"
_OF_THE_PASSWORD = frozenset({"password", *NAMES.values()})


def feasible(
    tasks: Iterable[str],
    *,
    channel: Channel,
    policy: Policy,
    answers: Iterable[type[Request]] | None = None,
) -> tuple[str, ...]:
    """Return those of these tasks that can be done here; raise ValueError for what is
    none.
    """
    named = tuple(tasks)
    if not UPGRADES.keys() >= set(named):
        raise ValueError("an upgrade is UPGR- and the name of a SCRAM mechanism")
    return offer(
        channel=channel,
        policy=_policy_for(policy),
        answers=answers,
        mechanisms=[UPGRADES[task] for task in named],
    )


def write(tasks: Iterable[str]) -> list[Element]:
    """Offer these tasks, or ask for them."""
    return [Element("upgrade", task, namespace=_TASKS) for task in tasks]


def read(element: Element | None, ours: Iterable[str]) -> list[str]:
    """Return those of our tasks that an element names."""
    theirs = words(element, "upgrade", _TASKS)
    return [task for task in ours if task in theirs]


def follows(name: str) -> bool:
    """Whether an upgrade may follow a login by this mechanism: where it has proved the
    password. Else whoever got hold of a token could set a password of his own.
    """
    mechanism = find(name)
    return mechanism is not None and not mechanism.needs.isdisjoint(_OF_THE_PASSWORD)


def is_safe_after(name: str) -> bool:
    """Whether a client may go on after a login by this mechanism: the server has proved
    itself, or has seen the password. Else somebody in between could have what serves as
    well as the password, for a salt that he has from the server.
    """
    mechanism = find(name)
    proven = mechanism is not None and (mechanism.mutual or bool(mechanism.shows))
    return proven and follows(name)


def chosen(tasks: Element | None, asked: list[str]) -> str:
    """Take the task to do off those that were asked for: the server wants one of its
    `<tasks/>`. Raise AuthenticationError where that is something else.
    """
    for task in words(tasks, "task"):
        if task in asked:
            asked.remove(task)
            return task
    raise AuthenticationError(
        "the server wants a task that was not asked for", reason=Reason.UNSUPPORTED
    )


def write_challenge(challenge: bytes) -> Element:
    """Write the challenge of an exchange: salt and iteration count."""
    salt, _, count = challenge.decode().removeprefix("s=").partition(",i=")
    asked = {"iterations": count}
    found = Element("salt", salt, namespace=_DATA, attributes=asked)
    return Element("task-data", children=[found])


def answer(
    task: str,
    element: Element,
    credentials: Credentials,
    *,
    channel: Channel,
    policy: Policy,
) -> Element:
    """Answer a salt with the SaltedPassword; raise SASLError."""
    salt = element.child("salt", _DATA)
    if salt is None:
        raise ProtocolError("an upgrade begins with a salt")
    exchange = client(
        UPGRADES[task],
        credentials,
        channel=channel,
        policy=_policy_for(policy),
        profile=RAW,
    )
    asked = octets(f"s={salt.text},i={salt.get('iterations')}")
    hashed = PROFILE.encode(exchange.step(asked)).decode()
    return Element("task-data", children=[Element("hash", hashed, namespace=_DATA)])


def begin(task: str, username: str, *, channel: Channel, policy: Policy) -> Server:
    """Begin the server's half of a task, for who has just logged in."""
    return server(
        UPGRADES[task],
        channel=channel,
        policy=_policy_for(policy),
        profile=RAW,
        answers=(SaveScramKeys,),
        username=username,
    )


def read_hash(element: Element) -> bytes:
    """Return the client's answer; raise Malformed for what is no base64."""
    found = element.child("hash", _DATA)
    return PROFILE.decode(octets(found.text if found else ""))


def _policy_for(policy: Policy) -> Policy:
    # What the policy says of mechanisms was asked of the login before.
    return policy.replace(
        allow=None, deny=(), channel_binding="prefer", layers=("none",)
    )
