"""An application in either world, and what it is made of: a store, and a throttle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import sasl_core as sasl
from sasl_core.backends import (
    Account,
    Application,
    AsyncApplication,
    ThreadedStore,
    Unavailable,
)
from sasl_core.backends.memory import MemoryStore

CHANNEL = sasl.Channel(
    True,
    service="smtp",
    host="mail.example.org",
    port=587,
    external="alice",
    remote="192.0.2.7",
)


class Store(MemoryStore):
    """One that can be down, and counts."""

    def __init__(self, **accounts: Account) -> None:
        super().__init__(accounts)
        self.down = False
        self.asked: list[str] = []

    def find(self, username: str) -> Account | None:
        """Look up, or not."""
        if self.down:
            raise Unavailable("the database cannot tell: OperationalError")
        self.asked.append(username)
        return super().find(username)


class Ticket:
    """What a throttle gives."""

    def __init__(self, wait: float = 0.0) -> None:
        self.wait, self.reason, self.unavailable = wait, "user", None


class Throttle:
    """One that keeps a book."""

    def __init__(self, wait: float = 0.0) -> None:
        self.wait = wait
        self.asked: list[tuple[str, str | None]] = []
        self.told: list[str] = []

    def ask(self, username: str, remote: str | None) -> Ticket:
        """Charge."""
        self.asked.append((username, remote))
        return Ticket(self.wait)

    def tell(self, ticket: Ticket, outcome: str) -> None:
        """Settle."""
        self.told.append(outcome)


def exchange(
    answer: Callable[[sasl.Request], sasl.Event],
    decided: Callable[..., None],
    name: str,
    credentials: sasl.Credentials,
    policy: sasl.Policy | None,
) -> Any:
    """Run a whole exchange with an application."""
    mine = sasl.Policy(allow=[name], iterations=(1, 10**6))
    client = sasl.client(name, credentials, channel=CHANNEL, policy=mine)
    server = sasl.server(name, channel=CHANNEL, policy=policy or mine)
    event = server.start(client.start())
    while not isinstance(event, sasl.Success | sasl.Failure):
        if isinstance(event, sasl.Request):
            event = answer(event)
            continue
        try:
            event = server.step(client.step(event.data))
        except sasl.SASLError:
            event = server.abort()
    decided(server, event)
    return event


class SyncWorld:
    """Run an Application as it is."""

    def make(self, store: Any, **parts: Any) -> Application:
        """Make it."""
        return Application(store, **parts)

    def login(self, app: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """Log in."""
        policy = kwargs.pop("policy", None)
        credentials = sasl.Credentials(*args, **kwargs)
        return exchange(app.answer, app.decided, name, credentials, policy)

    def policy(self, app: Any, **settings: Any) -> sasl.Policy:
        """Ask for the policy."""
        return app.policy(**settings)

    def close(self, app: Any) -> None:
        """Wait for what goes on."""
        app.close()


class AsyncWorld:
    """Run an AsyncApplication in a loop."""

    def make(self, store: Any, **parts: Any) -> AsyncApplication:
        """Make it."""
        self.runner = asyncio.Runner()
        self.addCleanup(self.runner.close)
        self.threaded = ThreadedStore(store)
        self.addCleanup(self.threaded.close)
        return AsyncApplication(self.threaded, **parts)

    def login(self, app: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """Log in."""
        run = self.runner.run
        policy = kwargs.pop("policy", None)
        return exchange(
            lambda request: run(app.answer(request)),
            lambda *decision: run(app.decided(*decision)),
            name,
            sasl.Credentials(*args, **kwargs),
            policy,
        )

    def policy(self, app: Any, **settings: Any) -> sasl.Policy:
        """Ask for the policy."""
        return self.runner.run(app.policy(**settings))

    def close(self, app: Any) -> None:
        """Wait for what goes on."""
        self.runner.run(app.close())
