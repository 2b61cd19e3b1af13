"""Bind an `ldap3.Connection`, by any mechanism; its own are EXTERNAL, DIGEST-MD5, GSSAPI
and PLAIN, and take the server's success for its word.

    server = ldap3.Server(host, tls=ldap3.Tls(validate=ssl.CERT_REQUIRED))
    connection = ldap3.Connection(server, client_strategy=ldap3.SAFE_SYNC)
    connection.start_tls()
    sasl_core.adapters.ldap3.login(connection, credentials)

The strategy is SYNC, SAFE_SYNC or ASYNC: the others bind again by themselves, by what
they know. ASYNC, whose thread reads on meanwhile, takes no security layer. ldap3's log
at its level PROTOCOL or higher shows passwords.
"""

from __future__ import annotations

import importlib
import ssl
from typing import TYPE_CHECKING

from .._channel import Channel
from .._policy import DEFAULT
from ..protocols.ldap import Attempts, Authentication, for_server
from ._calls import must_be_unlayered, token_now, unlayered
from ._layered_socket import LayeredSocket

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from typing import Any, Protocol

    from .._client import Client
    from .._policy import Policy
    from .._values import Credentials

    class Connection(Protocol):
        """What is used of ldap3.Connection."""

        auto_referrals: bool
        bound: bool
        closed: bool
        connection_lock: AbstractContextManager[Any]
        raise_exceptions: bool
        request: Any
        response: Any
        result: Any
        sasl_in_progress: bool
        server: Any
        socket: Any
        strategy: Any
        strategy_type: str
        version: int

        def open(self, read_server_info: bool = True) -> Any: ...
        def search(
            self,
            search_base: str,
            search_filter: str,
            search_scope: str,
            *,
            attributes: list[str],
        ) -> Any: ...
        def send(
            self, message_type: str, request: Any, controls: Any = None
        ) -> Any: ...
        def post_send_single_response(self, message_id: Any) -> Any: ...
        def get_response(self, message_id: Any) -> Any: ...
        def refresh_server_info(self) -> Any: ...


__all__ = ["authenticate", "login", "mechanisms"]

_STRATEGIES = ("SYNC", "SAFE_SYNC", "ASYNC")


def mechanisms(connection: Connection) -> tuple[str, ...]:
    """Ask the server's root DSE for its mechanisms."""
    return _root_dse(connection)[0]


def _root_dse(connection: Connection) -> tuple[tuple[str, ...], ...]:
    """Return the root DSE's mechanisms, and its classes."""
    names = ["supportedSASLMechanisms", "objectClass"]
    answer = connection.search("", "(objectClass=*)", "BASE", attributes=names)
    if isinstance(answer, tuple):  # of a strategy that is safe among threads
        found = answer[2]
    elif connection.strategy.sync:
        found = connection.response
    else:
        found = connection.get_response(answer)[0]
    return tuple(
        tuple(
            value.decode("ascii", "replace")
            for entry in found or ()
            for value in entry.get("raw_attributes", {}).get(name, ())
        )
        for name in names
    )


def authenticate(connection: Connection, client: Client) -> None:
    """Run an exchange, begun by `sasl_core.client(..., profile=profiles.LDAP)`.

    Raise SASLError where it fails; what ldap3 raises when the connection does.
    """
    with connection.connection_lock:
        _open(connection)
        if not connection.strategy.sync:
            must_be_unlayered(client)
        _run(connection, Authentication(client))


def login(
    connection: Connection,
    credentials: Credentials,
    *,
    mechanisms: Iterable[str] | None = None,
    channel: Channel | None = None,
    policy: Policy = DEFAULT,
) -> str:
    """Bind by the best mechanism that the server offers; return its name.

    A connection that is closed is opened. `mechanisms` (None) are asked of the server's
    root DSE, `channel` (None) is read off the socket: call `connection.start_tls()`
    before, in the clear the default policy sends no password. Then the connection is
    bound, goes through the security layer where one was agreed on, and has read the
    server's information anew. Raise NoMechanism, AuthenticationError or another
    SASLError (after ServerNotAuthenticated, drop the connection); ValueError for another
    strategy; what ldap3 raises when the connection fails.
    """
    with connection.connection_lock:
        _open(connection)
        channel = channel or _channel(connection)
        if mechanisms is None:
            mechanisms, classes = _root_dse(connection)
            channel = for_server(channel, classes)
        attempts = Attempts(
            mechanisms,
            credentials,
            channel=channel,
            policy=policy if connection.strategy.sync else unlayered(policy),
        )
        _run(connection, attempts)
    return attempts.name


def _open(connection: Connection) -> None:
    if connection.strategy_type not in _STRATEGIES:
        raise ValueError(f"the strategy is one of {', '.join(_STRATEGIES)}")
    if connection.closed:
        connection.open(read_server_info=False)


def _run(connection: Connection, attempt: Authentication | Attempts) -> None:
    said = connection.raise_exceptions, connection.auto_referrals
    # A refusal is for the attempt to judge, and whom it refers to gets no password.
    connection.raise_exceptions = connection.auto_referrals = False
    connection.sasl_in_progress = True  # ldap3 then sends nothing else
    connection.bound = False
    try:
        attempt.command()
        going_on = True
        while going_on:
            while isinstance(attempt, Attempts) and attempt.wants_token:
                attempt.take_token(token_now(attempt))
            result = _say(connection, attempt)
            code, credentials = result["result"], result.get("saslCreds")
            going_on = attempt.reply(code, credentials, result["message"]) is not None
    finally:
        connection.sasl_in_progress = False
        connection.raise_exceptions, connection.auto_referrals = said
        connection.request = None  # it may show the password
    if attempt.layer is not None:
        connection.socket = LayeredSocket(connection.socket, attempt.layer)
    connection.bound = True
    connection.refresh_server_info()


def _say(connection: Connection, attempt: Authentication | Attempts) -> dict[str, Any]:
    write = importlib.import_module("ldap3.operation.bind").bind_operation
    words = attempt.words
    name, version = words.mechanism, connection.version
    try:
        message_id = connection.send(
            "bindRequest", write(version, "SASL", "", None, name, words.credentials)
        )
        answer = connection.post_send_single_response(message_id)
        result: dict[str, Any] = (
            connection.result
            if connection.strategy.sync
            else connection.get_response(answer)[1]
        )
    except Exception:
        # A server may hang up on our cancelling: what went wrong came before.
        if attempt.error is None:
            raise
    else:
        return result
    raise attempt.error


def _channel(connection: Connection) -> Channel:
    server, sock = connection.server, connection.socket
    if not isinstance(sock, ssl.SSLSocket):
        return Channel(False, service="ldap", host=server.host, port=server.port)
    return Channel.from_ssl(sock, service="ldap", host=server.host, port=server.port)
