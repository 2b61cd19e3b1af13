"""Both sides of LDAP's bind, in the clear: by a SCRAM, which shows nobody the password.

python3 -m examples.ldap_bind
"""

from __future__ import annotations

import socket
from threading import Thread

import sasl_core as sasl
from sasl_core.adapters import blocking
from sasl_core.backends import Application, set_password
from sasl_core.backends.memory import MemoryStore
from sasl_core.protocols import ldap

CLEAR = sasl.Channel(encrypted=False, service="ldap", host="localhost")


def serve(sock: socket.socket) -> None:
    store = MemoryStore()
    set_password(store, "alice", "wonderland")
    application = Application(store)
    session = ldap.ServerSession(CLEAR, policy=application.policy())

    def handle(command: ldap.Command, ask: object) -> ldap.Reply:
        print(f"An operation (0x{command.tag:x}) of {session.identity}.")
        return command.done(53, "there is nothing here", close=True)

    blocking.serve(session, sock, application.answer, handle)


if __name__ == "__main__":
    client, server = socket.socketpair()
    Thread(target=serve, args=(server,)).start()
    alice = sasl.Credentials("alice", "wonderland")
    login = ldap.ClientSession(alice, channel=CLEAR, starttls="never")
    blocking.authenticate(login, client)
    print(f"Bound by {login.mechanism}.")
    client.sendall(bytes(ldap.Command(login.message_id + 1, 0x4A, b"cn=delete me")))
