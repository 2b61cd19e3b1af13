"""Honest exchanges: `play` runs one to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sasl_core as sasl

from ._accounts import Application


@dataclass
class Outcome:
    """How an exchange ended for both sides."""

    event: sasl.Success | sasl.Failure
    error: sasl.SASLError | None
    transcript: list[tuple[str, bytes]]

    @property
    def succeeded(self) -> bool:
        """Whether the server says yes and the client agrees."""
        return isinstance(self.event, sasl.Success) and self.error is None


Watch = Callable[[Any, str, tuple[Any, ...]], tuple[Any, ...] | None]


def play(
    client: sasl.Client,
    server: sasl.Server,
    application: Application | None = None,
    *,
    initial: bool = True,
    watch: Watch | None = None,
) -> Outcome:
    """Run an exchange to its end.

    `watch(machine, method, arguments)` sees every call before it is made; what it
    returns, unless None, replaces the arguments.
    """
    return _Play(client, server, application or Application(), watch).run(initial)


class _Play:
    def __init__(self, client, server, application, watch) -> None:
        self.client, self.server = client, server
        self.application, self.watch = application, watch
        self.transcript: list[tuple[str, bytes]] = []

    def run(self, initial: bool) -> Outcome:
        event = self.first(initial)
        while not isinstance(event, (sasl.Success, sasl.Failure)):
            if isinstance(event, sasl.Request):
                event = self.settled(event)
                continue
            self.transcript.append(("S", event.data))
            try:
                response = self.tell(self.client, "step", event.data)
            except sasl.SASLError as error:
                return Outcome(self.abort(), error, self.transcript)
            self.transcript.append(("C", response))
            event = self.tell(self.server, "step", response)
        return self.last(event)

    def first(self, initial: bool) -> Any:
        response = self.tell(self.client, "start") if initial else None
        if response is not None:
            response = self.client.profile.initial(response)
            self.transcript.append(("C", response))
        return self.tell(self.server, "start", response)

    def settled(self, request: sasl.Request) -> Any:
        if self.watch is not None:
            answer = self.application.answer_to(request)
            self.watch(request, "answer", (answer,))
        return self.application.settle(request)

    def last(self, event: sasl.Success | sasl.Failure) -> Outcome:
        error: sasl.SASLError | None = None
        if isinstance(event, sasl.Failure):
            error = self.client.refused(event.reason, event.reason.value)
        else:
            if event.data is not None:
                self.transcript.append(("S", event.data))
            try:
                self.tell(self.client, "finish", event.data)
            except sasl.SASLError as problem:
                error = problem
        return Outcome(event, error, self.transcript)

    def abort(self) -> sasl.Failure:
        token = self.server.profile.abort
        return self.server.abort() if token is None else self.server.step(token)

    def tell(self, machine: Any, method: str, *arguments: Any) -> Any:
        if self.watch is not None:
            replaced = self.watch(machine, method, arguments)
            if replaced is not None:
                arguments = replaced
        return getattr(machine, method)(*arguments)
