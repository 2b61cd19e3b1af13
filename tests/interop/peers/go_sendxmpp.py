"""go-sendxmpp, a client by the Go library go-xmpp: SASL2, FAST, XEP-0474 and XEP-0480."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from .process import HOST, Sandbox, need, run
from .tls import certificates

# It has PLAIN too, whose message it puts where XEP-0388 has none.
SCRAMS = frozenset({"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"})
MECHANISMS = SCRAMS | {f"{name}-PLUS" for name in SCRAMS}
# SCRAM's names are sent as they are, without =2C and =3D.
_ODD = ("comma and equals sign", "comma and equals sign, wrong password")
WITHOUT = frozenset((name, case) for name in MECHANISMS for case in _ODD)


class Outcome(NamedTuple):
    """How a run ended: `sent` is whether it was let in to send its message."""

    sent: bool
    output: str


class GoSendxmpp:
    """It, with a home of its own in which it keeps its token; a context manager."""

    def __init__(self) -> None:
        need("go-sendxmpp")
        self._box = Sandbox("go-sendxmpp")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._box.close()

    @property
    def version(self) -> str:
        """Say what runs, and by which library."""
        shown = run(["go-sendxmpp", "--version"]).stdout.decode()
        found = re.findall(r"(?:Go-sendxmpp|Go-xmpp library version:) (\S+)", shown)
        return "go-sendxmpp {}, go-xmpp {}".format(*found)

    def send(
        self, port: int, jid: str, password: str, *options: str, mechanism: str = ""
    ) -> Outcome:
        """Log in, over TLS at once, and send a message."""
        pinned = [f"--scram-mech-pinning={mechanism}"] if mechanism else []
        done = run(
            [
                *("go-sendxmpp", "--debug", "--tls", "--suppress-root-warning"),
                *("--jserver", f"{HOST}:{port}", "--timeout", "5"),
                *("--username", jid, "--password", password, *pinned, *options),
                "carol@localhost",
            ],
            stdin=b"Hello\n",
            env={
                "HOME": str(self._box.path),
                "SSL_CERT_FILE": str(certificates().authority),
            },
        )
        output = done.stdout.decode(errors="replace")
        return Outcome("SEND: <message " in output and not done.returncode, output)
