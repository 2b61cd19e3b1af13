"""TLS by pyOpenSSL, on either side: all types of channel binding can be had of it."""

from __future__ import annotations

import socket
import ssl as stdlib
from typing import Any

import sasl_core as sasl

from .packages import need_package
from .peers.tls import certificates


def client_context(latest: str) -> Any:
    """Trust our authority only, and speak no later version of TLS."""
    ssl = _ssl()
    context = ssl.Context(ssl.TLS_CLIENT_METHOD)
    context.load_verify_locations(str(certificates().authority))
    context.set_verify(ssl.VERIFY_PEER, lambda *facts: bool(facts[-1]))
    context.set_max_proto_version(_version(latest))
    return context


def server_context(latest: str) -> Any:
    """Show the server's certificate, and speak no later version of TLS."""
    ssl = _ssl()
    context = ssl.Context(ssl.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(str(certificates().server))
    context.use_privatekey_file(str(certificates().server_key))
    context.set_max_proto_version(_version(latest))
    return context


def connected(context: Any, connection: socket.socket) -> Any:
    """Shake hands as a client."""
    connection.settimeout(None)  # pyOpenSSL wants a socket that blocks
    tls = _ssl().Connection(context, connection)
    tls.set_tlsext_host_name(b"localhost")
    tls.set_connect_state()
    tls.do_handshake()
    return tls


def accepted(context: Any, connection: socket.socket) -> Any:
    """Shake hands as a server."""
    tls = _ssl().Connection(context, connection)
    tls.set_accept_state()
    tls.do_handshake()
    return tls


def bindings(tls: Any, certificate: bytes) -> list[sasl.ChannelBinding]:
    """Return what the connection can be bound by; `certificate` is PEM."""
    version = tls.get_protocol_version_name()
    if version == "TLSv1.3":
        material = tls.export_keying_material(b"EXPORTER-Channel-Binding", 32)
        first = sasl.ChannelBinding.tls_exporter(material, version=version)
    else:
        server = tls.get_peer_certificate() is None
        finished = tls.get_peer_finished() if server else tls.get_finished()
        first = sasl.ChannelBinding.tls_unique(finished, version=version)
    der = stdlib.PEM_cert_to_DER_cert(certificate.decode())
    return [first, sasl.ChannelBinding.tls_server_end_point(der)]


def ended() -> tuple[type[Exception], ...]:
    """Return what is raised where the other side has gone."""
    return _ssl().ZeroReturnError, _ssl().SysCallError, _ssl().Error, OSError


def _ssl() -> Any:
    return need_package("OpenSSL").SSL


def _version(name: str) -> int:
    ssl = _ssl()
    return int({"TLSv1.2": ssl.TLS1_2_VERSION, "TLSv1.3": ssl.TLS1_3_VERSION}[name])
