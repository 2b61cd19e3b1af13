"""The registry: what each mechanism is called, needs, gives, and how strong it is.

A mechanism's own module is imported when it is first used. Third parties `register`
theirs; choosing, offering and the README's table are all derived from here.

    client(terms, credentials, nonce) -> initial response or None, ClientRecord
    server(terms, nonce)              -> first challenge, ServerRecord
    ClientRecord.receive(challenge, terms)  -> response, next record (SATISFIED: done)
    ServerRecord.receive(response, terms)   -> challenge, next record
                                            or Request, Asking; or Success or Failure, None
    Asking.take(answer, terms)              -> the same

All messages are raw octets. What cannot be raises Malformed: on a server that is a Failure,
on a client a ProtocolError. `terms` has the exchange's `channel` and `policy`; `nonce` is
the fresh random value, None to draw one. `examples/custom_mechanism.py` is one.
"""

from __future__ import annotations

import hashlib

from .._mechanism_facts import BUILTIN
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed, folded
from .._value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    from .._events import Request
    from .._states import ClientMove as ClientMove
    from .._states import ClientOpening as ClientOpening
    from .._states import ServerMove as ServerMove
    from .._states import ServerOpening as ServerOpening
    from .._states import Terms as Terms
    from .._values import Credentials

    # The last argument is the nonce: None to draw a fresh one.
    ClientFactory: TypeAlias = Callable[
        [Terms, Credentials, bytes | None], ClientOpening
    ]
    ServerFactory: TypeAlias = Callable[[Terms, bytes | None], ServerOpening]

# What a mechanism is written in; `Terms`, `ClientMove` and the like are for annotations.
__all__ = [
    "SATISFIED",
    "Asking",
    "ClientRecord",
    "Malformed",
    "Mechanism",
    "ServerRecord",
    "find",
    "is_name",
    "register",
    "registered",
]

_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class Mechanism(Value):
    """One mechanism, as data.

    `client`, `server`: make a side's opening and first record from its terms, as the
    module's text says.
    `strength`: the higher is chosen first; PLAIN has 20, SCRAM-SHA-256 73.
    `needs`: the fields of `Credentials` that a client must have: "username", "password".
    `asks`: the requests that a server raises. `uses`: the field of `Policy` without which
    no server runs it.
    `shows`: "password" or "token", where the server and whoever reads along see it.
    `client_first`: the client speaks first. `initial_response`: a server takes one.
    `plus`: needs a channel binding. `binding`: needs one of this type. `binds`: its
    server can demand one of this type, though the name has no -PLUS.
    `mutual`: the server proves itself too.
    `layer`: it can put a security layer on the connection.
    `hash_name`: hashlib's, where it uses one. `authzid`: it can carry one.
    `encrypted`: its messages serve whoever sees or changes them: run where nobody can.
    `external`: it relies on an identity proven outside SASL.
    `obsolete`, `anonymous` (nobody is authenticated), `by_name` (of use only where it was
    planned for): either side runs it only if its policy names it.

    Raise ValueError for a name outside the grammar of RFC 4422, section 3.1. Longer ones
    than its 20 characters are registered, and taken.
    """

    __slots__ = (
        "anonymous",
        "asks",
        "authzid",
        "binding",
        "binds",
        "by_name",
        "client",
        "client_first",
        "encrypted",
        "external",
        "hash_name",
        "initial_response",
        "layer",
        "mutual",
        "name",
        "needs",
        "obsolete",
        "plus",
        "rare",
        "server",
        "shows",
        "specification",
        "strength",
        "uses",
    )
    __match_args__ = ("name", "strength", "specification")

    def __init__(
        self,
        name: str,
        client: ClientFactory,
        server: ServerFactory,
        *,
        strength: int,
        needs: Iterable[str] = (),
        asks: tuple[type[Request], ...] = (),
        uses: str = "",
        shows: str = "",
        client_first: bool = True,
        initial_response: bool | None = None,
        plus: bool = False,
        binding: str = "",
        binds: str = "",
        mutual: bool = False,
        layer: bool = False,
        hash_name: str = "",
        specification: str = "",
        obsolete: bool = False,
        anonymous: bool = False,
        by_name: bool = False,
        external: bool = False,
        encrypted: bool = False,
        authzid: bool = True,
    ) -> None:
        if not name or not _LETTERS.issuperset(name):
            raise ValueError(
                "a mechanism is named in upper-case letters, digits, - and _"
                " (RFC 4422, section 3.1)"
            )
        self.name = name
        self.client = client  # a field, not a method: it is replaced when loaded
        self.server = server
        self.strength = strength
        self.needs = frozenset(needs)
        self.asks = asks
        self.uses = uses
        self.shows = shows
        self.client_first = client_first
        self.initial_response = (
            client_first if initial_response is None else initial_response
        )
        self.plus = plus
        self.binding = binding
        self.binds = binds
        self.mutual = mutual
        self.layer = layer
        self.hash_name = hash_name
        self.specification = specification
        self.obsolete = obsolete
        self.anonymous = anonymous
        self.by_name = by_name
        self.rare = any(request.rare for request in asks)
        self.external = external
        self.encrypted = encrypted
        self.authzid = authzid

    @property
    def available(self) -> bool:
        """Whether this Python has the hash (a FIPS build lacks some)."""
        return not self.hash_name or _has(self.hash_name)

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict[int, object]) -> Mechanism:
        return self


_registry: dict[str, Mechanism] = {}
_hashes: dict[str, bool] = {}


def _has(hash_name: str) -> bool:
    found = _hashes.get(hash_name)
    if found is None:
        try:
            hashlib.new(hash_name)
            found = True
        except ValueError:
            found = False
        _hashes[hash_name] = found
    return found


def is_name(text: str) -> bool:
    """Tell whether this is a mechanism's name by RFC 4422, section 3.1."""
    return 0 < len(text) <= 20 and _LETTERS.issuperset(text)


def register(mechanism: Mechanism) -> None:
    """Add a mechanism, or replace the one of the same name."""
    _registry[mechanism.name] = mechanism


def find(name: str) -> Mechanism | None:
    """Return the mechanism of this name, in any case; None for an unknown one."""
    found = _registry.get(name)
    if found is None:
        if not isinstance(name, str):
            raise TypeError(f"a mechanism's name is a str, not {type(name).__name__}")
        found = _registry.get(folded(name))
    return found


def registered() -> tuple[Mechanism, ...]:
    """Return every mechanism, the strongest first."""
    return tuple(sorted(_registry.values(), key=lambda m: (-m.strength, m.name)))


def _builtin(name: str, module: str, **facts: Any) -> None:
    """Register a mechanism whose module is imported when a side of it is first made."""

    def client(
        terms: Terms, credentials: Credentials, nonce: bytes | None
    ) -> ClientOpening:
        load()
        return mechanism.client(terms, credentials, nonce)

    def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
        load()
        return mechanism.server(terms, nonce)

    def load() -> None:
        from importlib import import_module

        found = import_module(f"{__name__}.{module}")
        mechanism.client, mechanism.server = found.client, found.server

    mechanism = Mechanism(name, client, server, **facts)
    register(mechanism)


for _name, _module, _facts in BUILTIN:
    _builtin(_name, _module, **_facts)
