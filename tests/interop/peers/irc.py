"""InspIRCd, an IRC server, and Atheme's services, which check its users."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from typing import NamedTuple

from .accounts import ALICE, JUERGEN, KEY, Account
from .process import HOST, Sandbox, free_ports, must_run, need, wait_until
from .tls import certificates

# EXTERNAL knows the certificate of alice by its fingerprint, without TLS it refuses.
MECHANISMS = frozenset({"PLAIN", "EXTERNAL", "ECDSA-NIST256P-CHALLENGE"})

# Whose message of PLAIN takes more than one line of 400 octets, if it has an authzid. One
# that fills its lines exactly cannot be tried: Atheme 7.2 reads the lone "+" that ends it
# as one more digit of base64.
LONG = Account("l" * 24, "l" * 252)
ACCOUNTS = (ALICE, JUERGEN, LONG)  # it takes no comma in a name

_USER = "irc"
_SERVICES = "services.localhost"

_SERVER = """
<server name="irc.localhost" description="interop" network="Interop" id="00A">
<admin name="interop" nick="interop" email="interop@example.org">
<bind address="127.0.0.1" port="{port}" type="clients">
<bind address="127.0.0.1" port="{tls_port}" type="clients" sslprofile="tls">
<bind address="127.0.0.1" port="{link}" type="servers">
<module name="ssl_gnutls">
<sslprofile name="tls" provider="gnutls" hash="sha256"
  certfile="{tls.server}" keyfile="{tls.server_key}">
<module name="sslinfo">
<module name="spanningtree">
<module name="services_account">
<module name="cap">
<module name="sasl">
<sasl target="{services}">
<link name="{services}" ipaddr="127.0.0.1" port="{link}" sendpass="link" recvpass="link">
<uline server="{services}" silent="yes">
<connect allow="*" resolvehostnames="no" localmax="100" globalmax="100">
<dns server="127.0.0.1">
<path configdir="{here}" datadir="{here}/data" logdir="{here}/data">
<log method="file" type="*" level="default" target="server.log">
"""

_ATHEME = """
loadmodule "modules/protocol/inspircd";
loadmodule "modules/backend/opensex";
loadmodule "modules/nickserv/main";
loadmodule "modules/nickserv/register";
loadmodule "modules/nickserv/cert";
loadmodule "modules/nickserv/set_core";
loadmodule "modules/nickserv/set_pubkey";
loadmodule "modules/saslserv/main";
loadmodule "modules/saslserv/plain";
loadmodule "modules/saslserv/external";
loadmodule "modules/saslserv/ecdsa-nist256p-challenge";
serverinfo {{
  name = "{services}";
  desc = "services";
  numeric = "00B";
  recontime = 1;
  netname = "Interop";
  adminname = "interop";
  adminemail = "interop@example.org";
  registeremail = "interop@example.org";
  auth = none;
  casemapping = ascii;
}};
uplink "irc.localhost" {{
  host = "127.0.0.1";
  port = {link};
  send_password = "link";
  receive_password = "link";
}};
nickserv {{
  nick = "NickServ";
  user = "NickServ";
  host = "{services}";
  real = "NickServ";
  # accounts have any name, not only that of the user who registers them
  no_nick_ownership;
}};
saslserv {{
  nick = "SaslServ";
  user = "SaslServ";
  host = "{services}";
  real = "SaslServ";
}};
"""


class Irc(NamedTuple):
    """A running IRC server: plain text at `port`, TLS at once at `tls_port`."""

    version: str
    port: int
    tls_port: int


@contextlib.contextmanager
def running() -> Iterator[Irc]:
    """Run a server and its services with a directory of their own."""
    need("inspircd", "atheme-services", "runuser", root=True)
    with Sandbox("irc") as box:
        port, tls_port, link = free_ports(3)
        data = box.directory("data", owner=_USER)
        facts = {
            "here": box.path,
            "port": port,
            "tls_port": tls_port,
            "link": link,
            "services": _SERVICES,
            "tls": certificates(),
        }
        server = box.write("inspircd.conf", _SERVER.format(**facts))
        services = box.write("atheme.conf", _ATHEME.format(**facts))
        as_user = ["runuser", "-u", _USER, "--"]
        program = [*as_user, "inspircd", "--nofork", "--nopid", "--config", server]
        box.start(program, [port, tls_port, link])
        log, pid = data / "services.log", data / "services.pid"
        program = [*as_user, "atheme-services", "-n", "-c", services, "-D", data]
        box.start([*program, "-l", log, "-p", pid], [])
        wait_until(lambda: _offers_sasl(port), "the link to the services")
        for account in ACCOUNTS:
            _register(port, account)
        version = must_run(["inspircd", "--version"]).decode().split("-")[1]
        yield Irc(version, port, tls_port)


def _offers_sasl(port: int) -> bool:
    # it does so only while the services are there
    return b"sasl" in _talk(port, ("CAP LS 302", b" LS "))


def _register(port: int, account: Account) -> None:
    pem = certificates().alice.read_text()
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    certificate = f"PRIVMSG NickServ :CERT ADD {fingerprint}", b"Added fingerprint "
    key = b64encode(KEY.public.octets).decode()
    public = f"PRIVMSG NickServ :SET PUBKEY {key}", b" is now set to "
    words = f"REGISTER {account.user} {account.password} somebody@example.org"
    _talk(
        port,
        ("NICK somebody\r\nUSER somebody 0 * :somebody", b" 001 "),
        (f"PRIVMSG NickServ :{words}", b" is now registered "),
        *([certificate, public] if account == ALICE else []),
        ("QUIT", b"ERROR "),  # the next one is called somebody, too
    )


def _talk(port: int, *pairs: tuple[str, bytes]) -> bytes:
    """Say something, wait for a line with these octets, and so on; return the last."""
    with socket.create_connection((HOST, port), 10) as connection:
        lines = connection.makefile("rb")
        for say, expected in pairs:
            connection.sendall(f"{say}\r\n".encode())
            found = next((line for line in lines if expected in line), None)
            if found is None:
                raise ConnectionError("the server hung up")
    return found
