"""Certificates for the peers: an authority, a server, and a client named as a user."""

from __future__ import annotations

import functools
import ssl
from pathlib import Path
from typing import NamedTuple

from .process import Sandbox, must_run, need


class Certificates(NamedTuple):
    """Paths of PEM files; keys are readable by all, the daemons run as many users."""

    authority: Path
    server: Path
    server_key: Path
    alice: Path
    alice_key: Path


@functools.cache
def certificates() -> Certificates:
    """Make the certificates once in this process."""
    need("openssl")
    sandbox = Sandbox("tls")  # removed at the end of the process
    authority = _request(sandbox, "authority", "Interop", "CA:TRUE", signer=None)
    server = _request(sandbox, "server", "localhost", "CA:FALSE", signer=authority)
    alice = _request(sandbox, "alice", "alice", "CA:FALSE", signer=authority)
    return Certificates(
        authority,
        server,
        server.with_suffix(".key"),
        alice,
        alice.with_suffix(".key"),
    )


def _request(
    sandbox: Sandbox, name: str, subject: str, basic: str, signer: Path | None
) -> Path:
    path = sandbox.path / f"{name}.pem"
    key = path.with_suffix(".key")
    signed: list[str | Path] = []
    if signer is not None:
        signed = ["-CA", signer, "-CAkey", signer.with_suffix(".key")]
    must_run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256"),
            *("-days", "2", "-subj", f"/CN={subject}", "-keyout", key, "-out", path),
            *("-addext", f"basicConstraints=critical,{basic}"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *signed,
        ]
    )
    key.chmod(0o644)
    return path


def client_context(user: str | None = None) -> ssl.SSLContext:
    """Trust our authority only; show the certificate of alice where `user` says so."""
    files = certificates()
    context = ssl.create_default_context(cafile=files.authority)
    if user == "alice":
        context.load_cert_chain(files.alice, files.alice_key)
    elif user is not None:
        raise ValueError(f"no certificate was made for {user}")
    return context


def server_context(*, ask: bool = False) -> ssl.SSLContext:
    """Show the server's certificate; with `ask`, ask for that of the client."""
    files = certificates()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.server, files.server_key)
    if ask:
        context.load_verify_locations(files.authority)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
