"""AMQPLAIN as the package amqp, of Celery, writes it to RabbitMQ."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles

from .application import settle
from .cases import Case, each, matrix
from .checks import Checks
from .packages import need_package


@each(matrix(["AMQPLAIN"], authzid=False))
class AmqpTest(Checks):
    """Its client's message, to our server."""

    def check(self, mechanism: str, case: Case) -> None:
        theirs: Any = need_package("amqp.sasl")
        who = case.credentials
        message = theirs.AMQPLAIN(who.username, who.password).start(None)
        server = sasl.server(
            mechanism,
            channel=sasl.Channel(True, service="amqp"),
            policy=sasl.Policy(allow=[mechanism]),
            profile=profiles.AMQP,
        )
        event: Any = server.start(message)
        while isinstance(event, sasl.Request):
            event = settle(event)
        version = need_package("amqp").__version__
        self.check_event(event, f"amqp {version}", mechanism, case)


if __name__ == "__main__":
    unittest.main()
