"""A submission server that authenticates, and a mail sent through it: the whole job.

    python3 -m examples.submission

It needs nothing but Python and this directory; for TLS, the `openssl` program. What you
see is each line that crosses the wire, and under it what its base64 says.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import smtplib
import ssl
import subprocess
import sys
import tempfile
from binascii import a2b_base64
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import sasl_core as sasl
from sasl_core.adapters import smtplib as sasl_smtplib
from sasl_core.adapters import streams
from sasl_core.backends import AsyncApplication, set_password
from sasl_core.backends.sql import SqlStore
from sasl_core.protocols import smtp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sasl_core.adapters.streams import Ask
    from sasl_core.protocols.smtp import Action, Command

USER, PASSWORD = "alice@example.org", "wonderland"


class TLS(NamedTuple):
    """A certificate made for the occasion: for the server, and for who trusts it."""

    server: ssl.SSLContext
    certificate: bytes  # DER: what a client binds its login to
    client: ssl.SSLContext


class Session(smtp.ServerSession):
    """A server's session that says aloud what crosses the wire."""

    asked = False

    def receive(self, line: bytes) -> Action:
        tell("C", line.rstrip(b"\r\n").decode("ascii", "replace"), self.asked)
        return self.told(super().receive(line))

    def resume(self, event: sasl.Event) -> Action:
        return self.told(super().resume(event))

    def start_tls(self, *, pending: bool) -> smtp.Reply:
        reply = super().start_tls(pending=pending)
        self.told(reply)
        tell("", "(from here on, everything is encrypted)")
        return reply

    def told(self, action: Action) -> Action:
        if isinstance(action, smtp.Reply):
            self.asked = action.code == 334
            for line in bytes(action).decode().splitlines():
                tell("S", line, self.asked)
        return action


class Liar(Session):
    """A server that does not know the password, and says that all is well."""

    def told(self, action: Action) -> Action:
        if isinstance(action, smtp.Reply) and action.code == 535:
            action = smtp.Reply(235, "2.7.0 Of course it is you, come in")
        return super().told(action)


# Without TLS no password may be shown: of these, the library then offers SCRAM alone.
POLICY = sasl.Policy(allow=["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"])


async def visit(
    make: type[Session],
    answer: Callable[[sasl.Request], sasl.Event | Awaitable[sasl.Event]],
    tls: TLS | None,
    password: str,
) -> str | sasl.SASLError:
    """Run a server, send a mail to it; return the mechanism, or what went wrong."""

    async def connected(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        channel = sasl.Channel(encrypted=False, service="smtp", host="localhost")
        session = make(
            channel, policy=POLICY, require_auth=True, starttls=tls is not None
        )

        async def handle(command: Command, ask: Ask) -> smtp.Reply:
            reply = await respond(session, command, ask)
            session.told(reply)
            return reply

        await streams.serve(
            session,
            reader,
            writer,
            answer,
            handle,
            greeting=smtp.Reply(220, "localhost ESMTP"),
            tls=tls and tls.server,
            # The ssl module cannot tell a server its own certificate, to bind to.
            secured=lambda facts: channel.over_tls(
                facts, certificate=tls and tls.certificate
            ),
        )
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            return await asyncio.to_thread(send, port, password, tls)
        except sasl.SASLError as error:
            return error


async def respond(session: Session, command: Command, ask: Ask) -> smtp.Reply:
    """Answer what is not about authentication: the rest of an SMTP server."""
    match command.verb:
        case "EHLO":
            return smtp.Reply(250, "localhost", *session.keywords())
        case "MAIL" | "RCPT" | "RSET" | "NOOP":
            return smtp.Reply(250, "2.0.0 OK")
        case "DATA":
            tell("S", "354 End with a dot")
            line, size = await ask(smtp.Reply(354, "End with a dot")), 0
            while line.rstrip(b"\r\n") != b".":
                size += len(line)
                line = await ask()
            tell("C", f"({size} octets of mail)")
            who = session.identity.authzid if session.identity else "nobody"
            return smtp.Reply(250, f"2.0.0 Taken, from {who}")
        case "QUIT":
            return smtp.Reply(221, "2.0.0 Bye", close=True)
    return smtp.Reply(502, "5.5.1 Not here")


def send(port: int, password: str, tls: TLS | None) -> str:
    """Send a mail as any script would: `smtplib`, and one line for the login."""
    mail = EmailMessage()
    mail["From"], mail["To"] = USER, "bob@example.org"
    mail["Subject"] = "Down the rabbit hole"
    mail.set_content("Curiouser and curiouser!\n")
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client") as client:
        if tls:
            client.starttls(context=tls.client)
        mechanism = sasl_smtplib.login(client, sasl.Credentials(USER, password))
        client.send_message(mail)
    return mechanism


async def main() -> int:
    """Show a login that works, one that is refused, and one that is a trap."""
    with tempfile.TemporaryDirectory() as directory:
        # SCRAM keys, from which no password can be had back; the application answers
        # with them all that a server's exchanges ask.
        store = SqlStore.sqlite(Path(directory, "accounts.sqlite"))
        set_password(store, USER, PASSWORD)
        application = AsyncApplication(store)
        tls = make_tls(Path(directory))

        title("Alice sends a mail")
        sent = await visit(Session, application.answer, tls, PASSWORD)
        verdict(f"Sent. Both sides have proved that they know the password, by {sent}.")

        title("Somebody tries a wrong password")
        refused = await visit(Session, application.answer, tls, "Wonderland")
        if not isinstance(refused, sasl.AuthenticationError):
            return 1
        verdict(
            f"Refused: {refused.reason.value}. That was one try. Another one, by any"
        )
        verdict(f"mechanism, could not help (try_another is {refused.try_another}).")

        title("A server that only says that it knows the password")
        guessed = sasl.ScramKeys.derive("guess", "sha256")
        caught = await visit(
            Liar, lambda request: request.answer(guessed), tls, PASSWORD
        )
        if not isinstance(caught, sasl.ServerNotAuthenticated):
            return 1
        verdict(f"Caught: {caught}.")
        verdict("No mail went out, and the connection is dropped.")
    return 0 if isinstance(sent, str) else 1


def make_tls(directory: Path) -> TLS | None:
    """Make a certificate with the `openssl` program; None where there is none."""
    openssl = shutil.which("openssl")
    if openssl is None:
        verdict("There is no openssl program, so no certificate and no TLS: only SCRAM")
        verdict("is offered, since it shows the password to nobody.")
        return None
    pem, key = directory / "server.pem", directory / "server.key"
    request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split()
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(pem)]
    subprocess.run([openssl, *request, *names, *files], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem, key)
    certificate = ssl.PEM_cert_to_DER_cert(pem.read_text())
    return TLS(server, certificate, ssl.create_default_context(cafile=str(pem)))


# What follows makes it pleasant to read.

MEANINGS = (
    (r"p=([\w.-]+),[^,]*,n=([^,]*),r=", "I am {1}; I bind this login to our TLS ({0})"),
    (r"[ny],[^,]*,n=([^,]*),r=", "I am {0}; here is my random number"),
    (r"r=.*,s=.*,i=(\d+)", "here is mine, your salt, and {0} iterations to do"),
    (r"c=.*,p=", "here is my proof that I know the password"),
    (r"v=", "right; and here is mine, made with your keys"),
)


def tell(who: str, line: str, encoded: bool = False) -> None:
    """Print a line of the protocol, and under it what its base64 says."""
    command, _, text = line.rpartition(" ")
    if not (encoded and text) and not line.upper().startswith("AUTH "):
        print(f"  {who:2} {line}")
        return
    print(f"  {who:2} {command} {shortened(text, 40)}".replace("   ", "  "))
    try:
        said = a2b_base64(text, strict_mode=True).decode()
    except ValueError:
        return
    for pattern, meaning in MEANINGS:
        found = re.match(pattern, said)
        if found:
            hidden = re.sub(r"\b([cpv])=[\w+/]{20,}=*", r"\1=<hidden>", said)
            print(f"       {shortened(hidden, 80)}")
            print(f"       “{meaning.format(*found.groups())}”")


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}..."


def title(text: str) -> None:
    print(f"\n{text}\n{'─' * len(text)}")


def verdict(text: str) -> None:
    print(f"→ {text}")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
