"""The examples of Google Workspace and Microsoft 365, with both services played here.

What they say is what their documentation and transcripts have; see quirks.json.
"""

from __future__ import annotations

import asyncio
import http.server
import io
import json
import ssl
import threading
import unittest
from contextlib import redirect_stdout
from typing import Any
from unittest import mock
from urllib.parse import parse_qs

import sasl_core as sasl
from examples import google_workspace, microsoft_365
from sasl_core.adapters import streams
from sasl_core.protocols import imap

from .adapters._loopback import HOST, Case, Server, needs_tls

ENVIRONMENT = {"CLIENT_ID": "id", "CLIENT_SECRET": "s", "REFRESH_TOKEN": "refresh"}
USER = "user@example.org"


class TokenEndpoint:
    """Gives the tokens that it was told to give, one after the other."""

    def __init__(self, *tokens: str) -> None:
        self.forms: list[dict[str, list[str]]] = []
        left = list(tokens)
        forms = self.forms

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                forms.append(parse_qs(self.rfile.read(size).decode()))
                body = json.dumps({"access_token": left.pop(0)}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.HTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._server.server_port}/token"
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=[0.02], daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


class ServiceCase(Case):
    def tokens(self, *tokens: str) -> TokenEndpoint:
        endpoint = TokenEndpoint(*tokens)
        self.addCleanup(endpoint.close)
        patch = mock.patch.dict("os.environ", ENVIRONMENT)
        patch.start()
        self.addCleanup(patch.stop)
        return endpoint


class GoogleTest(ServiceCase):
    """XOAUTH2 and OAUTHBEARER over SMTP; the error challenge has Google's status."""

    def send(self, *tokens: str, good: str) -> tuple[TokenEndpoint, Server]:
        endpoint = self.tokens(*tokens)
        serving, trusting = needs_tls()
        self.asked: list[str] = []

        def answer(request: sasl.Request) -> sasl.Event:
            assert isinstance(request, sasl.CheckToken), request
            self.asked.append(request.token)
            if request.token == good:
                return request.answer(USER)
            return request.answer(
                sasl.TokenError("400", scope="https://mail.google.com/")
            )

        server = self.serve(
            tls=serving,
            starttls=True,
            require_auth=True,
            policy=sasl.Policy(allow=["XOAUTH2", "OAUTHBEARER", "PLAIN", "LOGIN"]),
            answer=answer,
        )
        with (
            mock.patch.multiple(
                google_workspace,
                HOST="localhost",
                PORT=server.port,
                TOKENS=endpoint.url,
            ),
            mock.patch.object(ssl, "create_default_context", return_value=trusting),
        ):
            google_workspace.main(USER, "you@example.org")
        return endpoint, server

    def test_a_mail_goes_out(self) -> None:
        endpoint, server = self.send("one", good="one")
        mailbox = server.wait()
        self.assertEqual(mailbox.session.identity.authzid, USER)
        self.assertIn(b"By OAUTHBEARER.\r\n", mailbox.message)
        (form,) = endpoint.forms
        self.assertEqual(
            {name: value[0] for name, value in form.items()},
            {
                "client_id": "id",
                "client_secret": "s",
                "refresh_token": "refresh",
                "grant_type": "refresh_token",
            },
        )

    def test_an_expired_token_is_renewed_once(self) -> None:
        endpoint, server = self.send("old", "new", good="new")
        self.assertEqual(server.wait().session.success.mechanism, "OAUTHBEARER")
        self.assertEqual((self.asked, len(endpoint.forms)), (["old", "new"], 2))

    def test_a_refused_one_is_not_sent_again(self) -> None:
        with self.assertRaises(sasl.AuthenticationError) as caught:
            self.send("old", "old", good="new")
        self.assertEqual(caught.exception.token_error.scope, "https://mail.google.com/")
        self.assertEqual(self.asked, ["old"])


class MicrosoftTest(ServiceCase):
    """XOAUTH2 over IMAP, which is all that Exchange Online has."""

    async def play(self, endpoint: TokenEndpoint, good: str) -> str:
        serving, trusting = needs_tls()
        served = asyncio.Event()

        async def answer(request: sasl.Request) -> sasl.Event:
            assert isinstance(request, sasl.CheckToken), request
            known = request.token == good and request.username == USER
            return request.answer(USER if known else sasl.TokenError())

        async def connected(reader: Any, writer: Any) -> None:
            session = imap.ServerSession(
                sasl.Channel(True), policy=sasl.Policy(allow=["XOAUTH2", "PLAIN"])
            )

            async def handle(command: imap.Command, ask: streams.Ask) -> imap.Reply:
                return command.ok(close=command.verb == "LOGOUT")

            greeting = imap.Reply("* OK The Microsoft Exchange IMAP4 service is ready.")
            await streams.serve(
                session, reader, writer, answer, handle, greeting=greeting, timeout=5
            )
            writer.close()
            served.set()

        async with await asyncio.start_server(
            connected, HOST, 0, ssl=serving
        ) as server:
            port = server.sockets[0].getsockname()[1]
            with (
                mock.patch.multiple(
                    microsoft_365, HOST="localhost", PORT=port, TOKENS=endpoint.url
                ),
                mock.patch.object(ssl, "create_default_context", return_value=trusting),
                redirect_stdout(io.StringIO()) as out,
            ):
                await microsoft_365.main(USER)
            await asyncio.wait_for(served.wait(), 5)
        return out.getvalue()

    def test_a_login(self) -> None:
        endpoint = self.tokens("one")
        shown = asyncio.run(self.play(endpoint, good="one"))
        self.assertEqual(shown, "Logged in by XOAUTH2.\n")
        self.assertIn("IMAP.AccessAsUser.All", endpoint.forms[0]["scope"][0])

    def test_an_expired_token_is_renewed(self) -> None:
        endpoint = self.tokens("old", "new")
        self.assertIn("XOAUTH2", asyncio.run(self.play(endpoint, good="new")))
        self.assertEqual(len(endpoint.forms), 2)


if __name__ == "__main__":
    unittest.main()
