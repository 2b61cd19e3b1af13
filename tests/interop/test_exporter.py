"""GNU SASL's client bound by tls-exporter, over TLS 1.3, to our server.

Python's ssl module exports no keying material; the `openssl` program does, so here it
speaks TLS for our server, which sees its lines and the octets that it exported.
"""

from __future__ import annotations

import re
import socket
import threading
import unittest

import sasl_core as sasl
from sasl_core.protocols.smtp import Command, Reply, ServerSession

from .application import settle
from .cases import Case, each, matrix
from .checks import Checks
from .peers import gsasl
from .peers.mail import Attempt
from .peers.process import HOST, need
from .peers.talk import Talk
from .peers.tls import certificates

MECHANISMS = ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")


class Terminator:
    """An `openssl s_server` for one connection; its lines are what TLS carried."""

    def __init__(self) -> None:
        files = certificates()
        self.talk = Talk(
            [
                *("openssl", "s_server", "-accept", f"{HOST}:0", "-naccept", "1"),
                *("-cert", str(files.server), "-key", str(files.server_key)),
                *("-tls1_3", "-keymatexportlen", "32"),
                *("-keymatexport", "EXPORTER-Channel-Binding"),
            ]
        )
        self.port = int(self._wait_for(rb"^ACCEPT .*:(\d+)$"))

    def exported(self) -> bytes:
        """Return the keying material, once the handshake is done."""
        material = self._wait_for(rb"Keying material: ([0-9A-F]{64})$")
        return bytes.fromhex(material.decode())

    def _wait_for(self, pattern: bytes) -> bytes:
        while (line := self.talk.read()) is not None:
            found = re.search(pattern, line)
            if found:
                return found[1]
        raise EOFError("openssl has ended")


def serve(listener: socket.socket, mechanism: str) -> ServerSession:
    """Serve one connection: in the clear up to STARTTLS, then behind the program."""
    connection, _ = listener.accept()
    connection.settimeout(10)
    terminator = Terminator()
    with connection, terminator.talk:
        in_the_clear(connection)
        with socket.create_connection((HOST, terminator.port), 10) as onward:
            inward = threading.Thread(target=relay, args=(onward, connection))
            inward.start()
            arguments = (connection, onward)
            threading.Thread(target=relay, args=arguments, daemon=True).start()
            session = ServerSession(
                sasl.Channel(
                    True,
                    service="smtp",
                    host="localhost",
                    bindings=[
                        sasl.ChannelBinding.tls_exporter(
                            terminator.exported(), version="TLSv1.3"
                        )
                    ],
                ),
                policy=sasl.Policy(allow=[mechanism]),
            )
            run(session, terminator.talk)
            terminator.talk.end()
            inward.join(10)  # the last reply is on its way
            return session


def in_the_clear(connection: socket.socket) -> None:
    # it says STARTTLS first, without EHLO
    connection.sendall(b"220 localhost ESMTP\r\n")
    with connection.makefile("rb", buffering=0) as lines:
        assert lines.readline() == b"STARTTLS\r\n"
    connection.sendall(b"220 Go\r\n")


def relay(source: socket.socket, target: socket.socket) -> None:
    try:
        while octets := source.recv(65536):
            target.sendall(octets)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one side went away: the other's reader sees the end


def run(session: ServerSession, talk: Talk) -> None:
    """Answer line by line until QUIT or the end."""
    while (line := talk.read()) is not None:
        action = session.receive(line)
        while isinstance(action, sasl.Request):
            action = session.resume(settle(action))
        if isinstance(action, Command):
            action = answer(session, action)
        talk.write(bytes(action).rstrip(b"\r\n").replace(b"\r\n", b"\n"))
        if action.close:
            return


def answer(session: ServerSession, command: Command) -> Reply:
    if command.verb == "EHLO":
        return Reply(250, "localhost", *session.keywords())
    return Reply(221, "Bye", close=True)


@each(matrix(MECHANISMS, authzid=False))
class ExporterTest(Checks):
    """gsasl --smtp."""

    def check(self, mechanism: str, case: Case) -> None:
        need("openssl")
        name = f"GNU SASL {gsasl.version()} smtp, TLS 1.3"
        with socket.create_server((HOST, 0)) as listener:
            listener.settimeout(10)
            port = listener.getsockname()[1]
            sessions: list[ServerSession] = []
            server = threading.Thread(
                target=lambda: sessions.append(serve(listener, mechanism))
            )
            server.start()
            attempt = Attempt(port, mechanism, case.credentials)
            done = gsasl.log_in(attempt, exporter=True)
            server.join(20)
        (session,) = sessions
        event = session.success or session.failure
        self.check_event(event, name, mechanism, case)
        self.assertEqual(done.returncode, 0 if case.welcome else gsasl.REFUSED)


if __name__ == "__main__":
    unittest.main()
