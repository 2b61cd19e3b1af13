"""Serve submission by aiosmtpd with TLS at once, where it alone would offer no AUTH.

python3 -m examples.aiosmtpd_submission server.pem server.key
"""

from __future__ import annotations

import ssl
import sys
from typing import Any

from aiosmtpd.controller import Controller

from sasl_core.adapters.aiosmtpd import AuthHandler
from sasl_core.backends import Application, set_password
from sasl_core.backends.memory import MemoryStore


class Handler(AuthHandler):  # noqa: D101
    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        who = session.auth_data  # an Identity, or None
        return f"250 2.0.0 Taken from {who.authzid}" if who else "530 5.7.0 Log in"


def start(certificate: str, key: str, port: str = "4465") -> Any:
    accounts = MemoryStore()
    set_password(accounts, "alice", "wonderland")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    application = Application(accounts)
    handler = Handler(application.answer, policy=application.policy())
    here = "127.0.0.1", int(port)
    controller = Controller(handler, *here, ssl_context=tls, auth_require_tls=False)
    controller.start()
    return controller


if __name__ == "__main__":
    start(*sys.argv[1:])
    input("Press Enter to stop.")
