"""What Dovecot needs around it: an OAuth introspection service and a next server."""

from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import sys
import threading
import urllib.parse
from collections.abc import Iterator

from .accounts import TOKENS
from .process import HOST


class _Introspection(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        query = urllib.parse.urlsplit(self.path).query
        token = urllib.parse.parse_qs(query).get("token", [""])[0]
        body = json.dumps(TOKENS.get(token, {"active": False})).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _NextServer(socketserver.StreamRequestHandler):
    """Enough of SMTP for a submission service, which greets its relay first."""

    timeout = 60

    def handle(self) -> None:
        self.wfile.write(b"220 localhost ESMTP\r\n")
        for line in self.rfile:
            if line.upper().startswith(b"EHLO"):
                self.wfile.write(b"250-localhost\r\n250 8BITMIME\r\n")
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 2.0.0 bye\r\n")
                return
            else:
                self.wfile.write(b"250 2.0.0 ok\r\n")


class _Threaded(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@contextlib.contextmanager
def _running(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    with _Threaded((HOST, 0), handler) as server:
        serve = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        serve.start()
        try:
            yield int(server.server_address[1])
        finally:
            if not sys.is_finalizing():  # then its thread is gone, and cannot answer
                server.shutdown()


def introspection() -> contextlib.AbstractContextManager[int]:
    """Run the OAuth service, which knows `TOKENS`; give its port."""
    return _running(_Introspection)


def next_server() -> contextlib.AbstractContextManager[int]:
    """Run the mail server that a submission service relays to; give its port."""
    return _running(_NextServer)
