"""Cyrus SASL's sample client with our server, our client with its sample server."""

from __future__ import annotations

import base64
import unittest

import sasl_core as sasl
from sasl_core import profiles

from .application import settle
from .cases import Case, each, matrix
from .checks import OURS, Checks
from .outcomes import note
from .peers.accounts import ALICE
from .peers.cyrus import MECHANISMS, REALM, Cyrus, installed
from .peers.talk import Talk

# The programs put base64 around messages of their own framing, in which there is no "="
# for an empty one. Without the option -l, their success carries no data.
PROFILES = {
    (): sasl.Profile("sample", base64=False, empty_initial=None, abort=None),
    ("-l",): profiles.RAW,
}
SUCCESS = b"Negotiation complete"
# The server takes these to be answered, the client sends these.
EXTERNAL = ("-e", f"ssf=128,id={ALICE.user}")

cyrus: Cyrus
NAME = ""


def setUpModule() -> None:
    global cyrus, NAME
    cyrus = unittest.enterModuleContext(installed())
    NAME = f"Cyrus SASL {cyrus.version}"


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


def channel(external: str | None = None) -> sasl.Channel:
    return sasl.Channel(True, service="smtp", host=REALM, external=external)


def send(talk: Talk, letter: bytes, message: bytes) -> None:
    talk.write(letter + b": " + base64.b64encode(message))


def receive(talk: Talk, letter: bytes) -> bytes | None:
    """Read until a message or the success; SUCCESS for that, None at the end."""
    while (line := talk.read()) is not None:
        if line.startswith(letter + b":"):
            return base64.b64decode(line[2:])
        if line == SUCCESS:
            return SUCCESS
    return None


def log_in(talk: Talk, client: sasl.Client) -> str:
    """Run our client's side; return the user, or raise AuthenticationError."""
    offered = receive(talk, b"S") or b""
    assert client.name.encode() in offered.split(), offered
    initial = client.start()
    parts = [client.name.encode(), *([] if initial is None else [initial])]
    send(talk, b"C", b"\0".join(parts))
    data: bytes | None = None
    while (line := talk.read()) is not None:
        if line.startswith(b"S:"):
            data = base64.b64decode(line[2:])
        elif line == b"Waiting for client reply...":
            assert data is not None
            send(talk, b"C", client.step(data))
            data = None
        elif line.startswith(b"Username: "):  # after it said SUCCESS
            client.finish(data)
            return line.removeprefix(b"Username: ").decode(errors="replace")
    raise client.refused(sasl.Reason.BAD_CREDENTIALS)


# The server keeps a pointer to the id of -e where something else is written later.
FORGOTTEN = [("EXTERNAL", "own authzid")]


@each(matrix(MECHANISMS, without=FORGOTTEN))
class ServerTest(Checks):
    """Our client logs in to sasl-sample-server."""

    options: tuple[str, ...] = ()

    def check(self, mechanism: str, case: Case) -> None:
        client = sasl.client(
            mechanism,
            case.credentials,
            channel=channel(),
            policy=sasl.Policy(allow=[mechanism]),
            profile=PROFILES[self.options],
        )
        command = cyrus.server(*self.options, *EXTERNAL)
        with (
            self.attempt(" ".join([NAME, *self.options]), mechanism, case),
            Talk(command, cyrus.environment) as talk,
        ):
            user = log_in(talk, client)
            if mechanism != "EXTERNAL":  # see FORGOTTEN
                name = case.credentials.username or "anonymous"
                self.assertEqual(user, f"{name}@{REALM}")


class ServerLastTest(ServerTest):
    """The same, with the server's last message in its success."""

    options = ("-l",)


def serve(
    talk: Talk, server: sasl.Server, password: str
) -> sasl.Success | sasl.Failure:
    """Run our server's side; the client must be content with its success."""
    send(talk, b"S", server.name.encode())
    # It asks for the password when it needs it, after so many challenges.
    challenges = {"LOGIN": 2, "CRAM-MD5": 1}.get(server.name, 0)
    server_first = challenges > 0
    if not server_first:
        talk.write(password.encode())
    name, _, initial = (receive(talk, b"C") or b"").partition(b"\0")
    assert name == server.name.encode(), name
    event: object = server.start(None if server_first else initial)
    while True:
        match event:
            case sasl.Challenge(data):
                send(talk, b"S", data)
                challenges -= 1
                if challenges == 0:
                    talk.write(password.encode())
                response = receive(talk, b"C")
                event = server.abort() if response is None else server.step(response)
            case sasl.Request():
                event = settle(event)
            case sasl.Success(data=data):
                if data is not None:
                    send(talk, b"S", data)
                send(talk, b"S", b"a message")
                assert receive(talk, b"C") == SUCCESS, "the client is not content"
                return event
            case sasl.Failure():
                return event


@each(matrix(MECHANISMS, masters=True))
class ClientTest(Checks):
    """sasl-sample-client logs in to our server."""

    options: tuple[str, ...] = ()

    def check(self, mechanism: str, case: Case) -> None:
        server = sasl.server(
            mechanism,
            channel=channel(external=case.certificate),
            policy=sasl.Policy(allow=[mechanism]),
            profile=PROFILES[self.options],
        )
        mine = case.credentials
        options = [*self.options, *EXTERNAL]
        if mine.authzid:
            options += ["-u", mine.authzid]
        command = cyrus.client(mechanism, mine.username, *options)
        with Talk(command, cyrus.environment) as talk:
            event = serve(talk, server, mine.password or "")
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
        client = sasl.client(
            name,
            mine,
            channel=sasl.Channel(True, host=REALM, bindings=[ours]),
            profile=PROFILES[()],
        )
        with bound("server", name, theirs) as talk:
            return log_in(talk, client)

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
    ) -> sasl.Success | sasl.Failure:
        server = sasl.server(
            name,
            channel=sasl.Channel(True, host=REALM, bindings=[ours]),
            profile=PROFILES[()],
        )
        with bound("client", name, theirs, mine.username) as talk:
            return serve(talk, server, mine.password or "")

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
