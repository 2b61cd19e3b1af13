"""Cyrus SASL's sample client with our server, our client with its sample server."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl

from . import sample
from .cases import Case, each, matrix
from .checks import OURS, Checks
from .outcomes import note
from .peers.accounts import ALICE
from .peers.cyrus import MECHANISMS, REALM, Cyrus, installed
from .peers.talk import Talk

# The server takes these to be answered, the client sends these.
EXTERNAL = ("-e", f"ssf=128,id={ALICE.user}")

cyrus: Cyrus
NAME = ""


def setUpModule() -> None:
    global cyrus, NAME
    cyrus = unittest.enterModuleContext(installed())
    NAME = f"Cyrus SASL {cyrus.version}"


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


# The server keeps a pointer to the id of -e where something else is written later.
FORGOTTEN = [("EXTERNAL", "own authzid")]


@each(matrix(MECHANISMS, without=FORGOTTEN))
class ServerTest(Checks):
    """Our client logs in to sasl-sample-server."""

    options: tuple[str, ...] = ()

    def check(self, mechanism: str, case: Case) -> None:
        client = sample.client(mechanism, case.credentials, *self.options)
        with self.attempt(" ".join([NAME, *self.options]), mechanism, case):
            user = sample.log_in(cyrus, client, *self.options, *EXTERNAL)
            if mechanism != "EXTERNAL":  # see FORGOTTEN
                name = case.credentials.username or "anonymous"
                self.assertEqual(user, f"{name}@{REALM}")


class ServerLastTest(ServerTest):
    """The same, with the server's last message in its success."""

    options = ("-l",)


@each(matrix(MECHANISMS, masters=True))
class ClientTest(Checks):
    """sasl-sample-client logs in to our server."""

    options: tuple[str, ...] = ()

    def check(self, mechanism: str, case: Case) -> None:
        server = sample.server(mechanism, *self.options, external=case.certificate)
        options = (*self.options, *EXTERNAL)
        event = sample.serve(cyrus, server, case.credentials, *options)
        self.check_event(event, " ".join([NAME, *self.options]), mechanism, case)


class ClientLastTest(ClientTest):
    """The same, with the server's last message in its success."""

    options = ("-l",)


BOUND = sorted(f"{name}-PLUS" for name in MECHANISMS if name.startswith("SCRAM"))
EXPORTER = sasl.ChannelBinding("tls-exporter", bytes(range(32)))
END_POINT = sasl.ChannelBinding("tls-server-end-point", bytes(range(64)))
OTHER = sasl.ChannelBinding("tls-exporter", bytes(32))


def bound(side: str, name: str, binding: sasl.ChannelBinding, *more: str) -> Talk:
    command = cyrus.bound(side, name, binding.type, binding.data.hex(), *more)
    return Talk(command, cyrus.environment)


def binding_of(case: Case) -> sasl.ChannelBinding:
    return END_POINT if case.name == "non-ASCII" else EXPORTER


@each(matrix(BOUND, authzid=False))
class BoundServerTest(Checks):
    """Our client logs in to Cyrus's server, bound to the channel; no authzid there."""

    def log_in(
        self,
        name: str,
        mine: sasl.Credentials,
        ours: sasl.ChannelBinding,
        theirs: sasl.ChannelBinding,
    ) -> str:
        client = sample.client(name, mine, bindings=(ours,))
        with bound("server", name, theirs) as talk:
            return sample.step_in(talk, client)

    def check(self, mechanism: str, case: Case) -> None:
        binding = binding_of(case)
        with self.attempt(NAME, mechanism, case):
            self.log_in(mechanism, case.credentials, binding, binding)

    def test_bound_to_another_channel(self) -> None:
        case = Case("other channel", sasl.Credentials(*ALICE), False)
        for name in BOUND:
            with self.subTest(name), self.attempt(NAME, name, case):
                self.log_in(name, case.credentials, EXPORTER, OTHER)


@each(matrix(BOUND, authzid=False))
class BoundClientTest(Checks):
    """Cyrus's client logs in to our server, bound to the channel; no authzid there."""

    def served(
        self,
        name: str,
        mine: sasl.Credentials,
        ours: sasl.ChannelBinding,
        theirs: sasl.ChannelBinding,
    ) -> Any:
        server = sample.server(name, bindings=(ours,))
        with bound("client", name, theirs, mine.username) as talk:
            return sample.admit(talk, server, mine.password)

    def check(self, mechanism: str, case: Case) -> None:
        binding = binding_of(case)
        event = self.served(mechanism, case.credentials, binding, binding)
        self.check_event(event, NAME, mechanism, case)

    def test_bound_to_another_channel(self) -> None:
        for name in BOUND:
            with self.subTest(name):
                event = self.served(name, sasl.Credentials(*ALICE), EXPORTER, OTHER)
                self.assertIsInstance(event, sasl.Failure)
                note(OURS, NAME, name, "other channel", "refused")


if __name__ == "__main__":
    unittest.main()
