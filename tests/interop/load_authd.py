"""How many exchanges a second our authentication service takes, beside Dovecot's.

    python -m tests.interop.load_authd

One client, over one UNIX socket to each, with 1 and with 100 exchanges in flight; both
have the same records: SCRAM-SHA-256 keys, and a {SSHA512} for PLAIN. Prints Markdown.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

from sasl_core import ScramKeys, records

from ..bench import floors
from .peers.process import Sandbox, must_run, need, wait_until

SECONDS = 2.0
ROUNDS = 3
IN_FLIGHT = (1, 100)

_DOVECOT = """
base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/dovecot.log
protocols =
auth_mechanisms = plain scram-sha-256
auth_username_chars =
auth_cache_size = 0
passdb {{
  driver = passwd-file
  mechanisms = scram-sha-256
  args = {here}/scram
}}
passdb {{
  driver = passwd-file
  mechanisms = plain
  args = {here}/plain
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home=/nonexistent
}}
service auth {{
  unix_listener auth-mta {{
    mode = 0666
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

_OURS = """
import asyncio, sys
import sasl_core as sasl
from sasl_core import records
from sasl_core.adapters.authd import Service

keys, = records.parse(sys.argv[2])
hashed, = records.parse(sys.argv[3])
user = sys.argv[4]

async def answer(request):
    match request:
        case sasl.FindScramKeys(username):
            return request.answer(keys if username == user else None)
        case sasl.CheckPassword(username, password):
            return request.answer(username == user and hashed.verify(password))
    return request.deny()

async def main():
    service = Service(answer, policy=sasl.Policy(allow=["PLAIN", "SCRAM-SHA-256"]))
    await service.dovecot(sys.argv[1])
    await asyncio.sleep(3600)

asyncio.run(main())
"""


class Client:
    """A mail server that does nothing but to ask, one socket and no library of ours."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._socket.sendall(b"VERSION\t1\t2\nCPID\t%d\n" % os.getpid())
        self._buffer = b""
        while b"DONE\n" not in self._buffer:
            self._buffer += self._socket.recv(65536)
        self._buffer = b""
        self._last = 0

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def run(self, begin: Callable[[int], bytes], flight: int) -> int:
        """Keep so many exchanges in flight for a while; return how many a second."""
        started = time.perf_counter()
        done = 0
        self._send(b"".join(begin(self._next()) for _ in range(flight)))
        open_now = flight
        while open_now:
            out = []
            for line in self._lines():
                verb, identifier, *rest = line.split(b"\t")
                if verb == b"CONT":
                    out.append(self._answer(identifier, rest[0]))
                    continue
                if verb != b"OK":
                    raise RuntimeError(f"refused: {line!r}")
                done += 1
                if time.perf_counter() - started < SECONDS:
                    out.append(begin(self._next()))
                else:
                    open_now -= 1
            self._send(b"".join(out))
        return round(done / (time.perf_counter() - started))

    def _answer(self, identifier: bytes, text: bytes) -> bytes:
        challenge = b64decode(text)
        if challenge.startswith(b"v="):
            return b"CONT\t%b\t\n" % identifier
        _, final = floors.scram_client_final(
            floors.CLIENT_FIRST[3:], challenge, floors.KEYS
        )
        return b"CONT\t%b\t%b\n" % (identifier, b64encode(final))

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _send(self, data: bytes) -> None:
        if data:
            self._socket.sendall(data)

    def _lines(self) -> list[bytes]:
        self._buffer += self._socket.recv(65536)
        *lines, self._buffer = self._buffer.split(b"\n")
        return lines


_FACTS = b"service=smtp\tsecured\tnologin\trip=192.0.2.1"


def plain(identifier: int) -> bytes:
    """Begin PLAIN."""
    said = b64encode(floors.PLAIN)
    return b"AUTH\t%d\tPLAIN\t%b\tresp=%b\n" % (identifier, _FACTS, said)


def scram(identifier: int) -> bytes:
    """Begin SCRAM."""
    said = b64encode(floors.CLIENT_FIRST)
    facts = _FACTS + b"\tfinal-resp-ok"
    return b"AUTH\t%d\tSCRAM-SHA-256\t%b\tresp=%b\n" % (identifier, facts, said)


@contextlib.contextmanager
def both() -> Iterator[dict[str, Path]]:
    """Run the two services, with the same records."""
    need("dovecot", root=True)
    keys = ScramKeys(
        "sha256",
        floors.SALT,
        floors.ITERATIONS,
        floors.KEYS.stored,
        floors.KEYS.server,
    ).format("dovecot")
    hashed = must_run(
        ["doveadm", "pw", "-s", "SSHA512", "-p", floors.PASSWORD]
    ).decode()
    hashed = hashed.strip()
    if not records.parse(hashed)[0].verify(floors.PASSWORD):
        raise RuntimeError("the record is not of that password")
    with Sandbox("load") as box:
        box.directory("run")
        box.directory("state")
        box.write("scram", f"{floors.USER}:{keys}\n").chmod(0o644)
        box.write("plain", f"{floors.USER}:{hashed}\n").chmod(0o644)
        configuration = box.write("dovecot.conf", _DOVECOT.format(here=box.path))
        box.start(["dovecot", "-F", "-c", configuration], [])
        ours = box.path / "ours"
        argv = [sys.executable, "-c", _OURS, str(ours), keys, hashed, floors.USER]
        process = subprocess.Popen(argv, cwd=Path(__file__).parents[2])
        theirs = box.path / "run/auth-mta"
        try:
            wait_until(lambda: ours.exists() and theirs.exists(), "the sockets")
            version = must_run(["dovecot", "--version"]).decode().split()[0]
            yield {"sasl_core": ours, f"Dovecot {version}": theirs}
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    """Measure in turns, and print the best of each."""
    print("| exchanges a second | in flight |", end=" ")
    with both() as services:
        print(" | ".join(services), "|\n| --- | --- |", " --- |" * len(services))
        for name, begin in (("SCRAM-SHA-256", scram), ("PLAIN", plain)):
            for flight in IN_FLIGHT:
                best = dict.fromkeys(services, 0)
                for _ in range(ROUNDS):
                    for service, path in services.items():
                        client = Client(path)
                        found = client.run(begin, flight)
                        best[service] = max(best[service], found)
                        client.close()
                figures = " | ".join(str(best[service]) for service in services)
                print(f"| {name} | {flight} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
