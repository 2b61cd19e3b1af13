"""Every mechanism through both halves of the protocol, right and wrong."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find
from sasl_core.protocols.dovecot import Continue, Refused, Verified

from ..._accounts import NAMES, OTHER, TABLE, Application, channel, policy
from ._pair import meet, say


def play(client, server, name, credentials, *, initial=True, application=None):
    """Run an exchange; return the outcome, and the error of the mechanism's client."""
    on = channel(name, service="smtp", host="mail.example.org", port=993)
    mine = sasl.client(
        name, credentials, channel=on, policy=policy(name), profile=profiles.RAW
    )
    first = mine.start() if initial else None
    identifier = client.begin(name, first, on)
    application = application or Application()
    for _ in range(10):
        answers = client.receive(say(server, client.data_to_send(), application))
        for answer in answers:
            if not isinstance(answer.outcome, Continue):
                if isinstance(answer.outcome, Verified):
                    mine.finish(answer.outcome.data)
                return answer.outcome
            try:
                client.go_on(identifier, mine.step(answer.outcome.data))
            except sasl.AuthenticationError:  # the refusal of HT comes in a challenge
                client.go_on(identifier, b"")
    raise AssertionError("it came to no end")


class Exchanges(unittest.TestCase):
    def test_right(self) -> None:
        client, server = meet(binding=True, external=True)
        for name in NAMES:
            for initial in (True, False):
                mine = sasl.Credentials(**TABLE[name].right)
                found = play(client, server, name, mine, initial=initial)
                self.assertIsInstance(found, Verified, name)
                who = mine.username or {"ANONYMOUS": "anonymous"}.get(name, "user")
                self.assertEqual(found.identity, sasl.Identity(who))
                self.assertEqual(found.bound, find(name).plus)
        self.assertEqual((client.open, server.open), (frozenset(), 0))

    def test_wrong(self) -> None:
        client, server = meet(binding=True)
        for name, entry in TABLE.items():
            if entry.wrong is not None:
                found = play(client, server, name, sasl.Credentials(**entry.wrong))
                self.assertEqual(type(found), Refused, name)
                self.assertIs(found.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_as_another(self) -> None:
        client, server = meet(binding=True)
        for name in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "OAUTHBEARER"):
            mine = sasl.Credentials(**TABLE[name].right, authzid=OTHER)
            found = play(client, server, name, mine)
            self.assertEqual(found.identity, sasl.Identity("user", OTHER))
            nobody = Application(may_act_as=())
            found = play(client, server, name, mine, application=nobody)
            self.assertIs(found.reason, sasl.Reason.NOT_AUTHORIZED)

    def test_another_binding_than_the_client_s(self) -> None:
        client, server = meet(binding=True)
        name = "SCRAM-SHA-256-PLUS"
        on = channel(name, service="smtp")
        mine = sasl.client(
            name,
            sasl.Credentials(**TABLE[name].right),
            channel=on,
            policy=policy(name),
            profile=profiles.RAW,
        )
        # What stands between has two connections, whose bindings differ.
        theirs = on.replace(bindings=[sasl.ChannelBinding("tls-exporter", bytes(32))])
        identifier = client.begin(name, mine.start(), theirs)
        outcome = None
        while not isinstance(outcome, (Verified, Refused)):
            answers = client.receive(say(server, client.data_to_send()))
            for answer in answers:
                outcome = answer.outcome
                if isinstance(outcome, Continue):
                    client.go_on(identifier, mine.step(outcome.data))
        self.assertIsInstance(outcome, Refused)

    def test_interleaved(self) -> None:
        client, server = meet(binding=True)
        names = [n for n in NAMES if n.startswith("SCRAM")] * 8
        running = {}
        for name in names:
            on = channel(name, service="smtp")
            mine = sasl.client(
                name,
                sasl.Credentials(**TABLE[name].right),
                channel=on,
                policy=policy(name),
                profile=profiles.RAW,
            )
            running[client.begin(name, mine.start(), on)] = mine
        while running:
            answers = client.receive(say(server, client.data_to_send()))
            self.assertTrue(answers or client._out)
            for answer in reversed(answers):
                if isinstance(answer.outcome, Continue):
                    mine = running[answer.id]
                    client.go_on(answer.id, mine.step(answer.outcome.data))
                else:
                    running.pop(answer.id).finish(answer.outcome.data)


if __name__ == "__main__":
    unittest.main()
