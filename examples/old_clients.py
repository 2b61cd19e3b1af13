"""Serve those who know nothing better than DIGEST-MD5, NTLM or OTP, and log in as they do.

python3 -m examples.old_clients  (no TLS: a security layer encrypts, but OTP has none)
"""

import socket
from threading import Thread

import sasl_core as sasl
from sasl_core.adapters import blocking
from sasl_core.backends import Application, set_password
from sasl_core.backends.memory import MemoryStore
from sasl_core.protocols import pop3

CLEAR = sasl.Channel(False, service="pop", host="mail.example.org")
OLD, ALICE = ("DIGEST-MD5", "NTLM", "OTP"), ("alice", "down the rabbit-hole")
STORE = MemoryStore()
# Each needs a record of its own; DIGEST-MD5's is of the realm that the server announces.
set_password(STORE, *ALICE, OLD, realm=CLEAR.host)
APP = Application(STORE)
POLICY = APP.policy(also=OLD, layers=("confidentiality", "none"))


def serve(sock: socket.socket) -> None:
    session, hello = pop3.ServerSession(CLEAR, policy=POLICY), pop3.Reply("+OK Hello")
    blocking.serve(session, sock, APP.answer, lambda c, _: c.ok("0 0"), greeting=hello)


def log_in(name: str) -> None:
    who, policy = sasl.Credentials(*ALICE), POLICY.replace(allow=[name])
    session = pop3.ClientSession(who, channel=CLEAR, policy=policy, starttls="never")
    here, there = socket.socketpair()
    Thread(target=serve, args=(there,), daemon=True).start()
    with there, blocking.authenticate(session, here) as sock:
        sock.sendall(b"STAT\r\n")
        print(f"{name}: {sock.recv(100)!r}, by {session.layer}.")


if __name__ == "__main__":
    list(map(log_in, OLD))
