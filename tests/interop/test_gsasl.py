"""GNU SASL's client with our server, our client with its server."""

from __future__ import annotations

import base64
import unittest
from collections.abc import Callable

import sasl_core as sasl

from .application import settle
from .cases import WITHOUT_AUTHZID, Case, each, matrix
from .checks import OURS, Checks
from .outcomes import note
from .peers import gsasl
from .peers.accounts import ALICE, USERS
from .peers.talk import Talk

VERSION = ""
EXPORTER = sasl.ChannelBinding("tls-exporter", bytes(range(32)))
OTHER = sasl.ChannelBinding("tls-exporter", bytes(32))
UNIQUE = sasl.ChannelBinding("tls-unique", bytes(range(12)))


def setUpModule() -> None:
    global VERSION
    VERSION = "GNU SASL " + gsasl.version()


def channel(
    binding: sasl.ChannelBinding | None, external: str | None = None
) -> sasl.Channel:
    bindings = [binding] if binding else []
    return sasl.Channel(True, host="localhost", bindings=bindings, external=external)


def binding_for(mechanism: str) -> sasl.ChannelBinding | None:
    return EXPORTER if mechanism.endswith("-PLUS") else None


def serve(
    talk: Talk,
    server: sasl.Server,
    settle: Callable[[sasl.Request], sasl.Event] = settle,
) -> sasl.Success | sasl.Failure:
    """Run our server's side; the client's exit status must agree with the outcome."""
    assert gsasl.read(talk) == server.name.encode()
    initial = gsasl.read(talk)
    event: object = server.start(None if server.name == "CRAM-MD5" else initial)
    while True:
        match event:
            case sasl.Challenge(data):
                talk.write(data)
                response = gsasl.read(talk)
                event = server.abort() if response is None else server.step(response)
            case sasl.Request():
                event = settle(event)
            case sasl.Success():
                talk.write(b"")
                assert talk.end() == 0, "the client is not content"
                return event
            case sasl.Failure():
                return event


def log_in(
    talk: Talk, client: sasl.Client, binding: sasl.ChannelBinding | None = None
) -> None:
    """Run our client's side; raise AuthenticationError when the server refuses."""
    assert gsasl.read(talk) == client.name.encode()
    initial = client.start()
    challenge = gsasl.read(talk)
    if initial is not None:
        assert challenge == b""
        talk.write(initial)
        if binding is not None:
            talk.write(base64.b64encode(binding.data))
        challenge = gsasl.read(talk)
    while challenge:
        talk.write(client.step(challenge))
        challenge = gsasl.read(talk)
    talk.write(b"")
    if talk.end() != 0:
        raise client.refused(sasl.Reason.BAD_CREDENTIALS)
    client.finish()


# It knows one password, and no users to tell apart.
INDIFFERENT = [
    (name, case)
    for name in gsasl.SERVER
    for case in ("unknown user", "foreign authzid")
    if not (case == "foreign authzid" and name in WITHOUT_AUTHZID)
]


@each(matrix(gsasl.SERVER, without=INDIFFERENT))
class ServerTest(Checks):
    """Our client logs in to gsasl --server."""

    def check(self, mechanism: str, case: Case) -> None:
        (account,) = (a for a in USERS if a.user == case.credentials.username)
        binding = binding_for(mechanism)
        client = sasl.client(mechanism, case.credentials, channel=channel(binding))
        with (
            self.attempt(VERSION, mechanism, case),
            gsasl.server(mechanism, account, bindings=binding is not None) as talk,
        ):
            log_in(talk, client, binding)


# It asks the user for what it was not told.
ASKED_FOR = [("ANONYMOUS", "without trace")]


@each(matrix(gsasl.CLIENT, masters=True, without=ASKED_FOR))
class ClientTest(Checks):
    """gsasl --client logs in to our server."""

    def check(self, mechanism: str, case: Case) -> None:
        binding = binding_for(mechanism)
        server = sasl.server(
            mechanism,
            channel=channel(binding, external=case.certificate),
            policy=sasl.Policy(allow=[mechanism]),
        )
        with gsasl.client(mechanism, case.credentials, binding) as talk:
            event = serve(talk, server)
        self.check_event(event, VERSION, mechanism, case)


class BindingTest(Checks):
    """Channel bindings: of the other type, wrong, and left out by somebody in between.

    Who could bind, but is not offered -PLUS, says so; who did offer it then knows that
    somebody took it off the list (RFC 5802, section 6). gsasl --client never says so:
    if it can bind, it wants -PLUS and nothing else.
    """

    credentials = sasl.Credentials(*ALICE)

    def served(
        self,
        mechanism: str,
        theirs: sasl.ChannelBinding | None,
        ours: sasl.ChannelBinding | None,
    ) -> sasl.Success | sasl.Failure:
        """Let gsasl --client log in to our server."""
        server = sasl.server(mechanism, channel=channel(ours))
        with gsasl.client(mechanism, self.credentials, theirs) as talk:
            return serve(talk, server)

    def log_in(
        self,
        mechanism: str,
        ours: sasl.ChannelBinding,
        theirs: sasl.ChannelBinding | None,
    ) -> None:
        """Log in to gsasl --server with our client."""
        client = sasl.client([mechanism], self.credentials, channel=channel(ours))
        with gsasl.server(mechanism, ALICE, bindings=theirs is not None) as talk:
            log_in(talk, client, theirs)

    def test_client_unique(self) -> None:
        for mechanism in ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"):
            event = self.served(mechanism, UNIQUE, UNIQUE)
            assert isinstance(event, sasl.Success), event
            self.assertTrue(event.bound)
            note(OURS, VERSION, mechanism, "tls-unique", "accepted")

    def test_server_unique(self) -> None:
        for mechanism in ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"):
            self.log_in(mechanism, UNIQUE, UNIQUE)
            note(VERSION, OURS, mechanism, "tls-unique", "accepted")

    def test_client_bound_to_another_channel(self) -> None:
        event = self.served("SCRAM-SHA-256-PLUS", OTHER, EXPORTER)
        self.assertIsInstance(event, sasl.Failure)
        note(OURS, VERSION, "SCRAM-SHA-256-PLUS", "other channel", "refused")

    def test_server_bound_to_another_channel(self) -> None:
        with self.assertRaises(sasl.AuthenticationError):
            self.log_in("SCRAM-SHA-256-PLUS", EXPORTER, OTHER)
        note(VERSION, OURS, "SCRAM-SHA-256-PLUS", "other channel", "refused")

    def test_we_were_not_shown_plus(self) -> None:
        with self.assertRaises(sasl.AuthenticationError):
            self.log_in("SCRAM-SHA-256", EXPORTER, EXPORTER)
        note(VERSION, OURS, "SCRAM-SHA-256", "-PLUS was hidden", "refused")

    def test_we_could_bind_and_server_could_not(self) -> None:
        self.log_in("SCRAM-SHA-256", EXPORTER, None)
        note(VERSION, OURS, "SCRAM-SHA-256", "no -PLUS to offer", "accepted")


if __name__ == "__main__":
    unittest.main()
