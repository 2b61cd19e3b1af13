"""Exim: its own authenticators, its Dovecot driver and its Cyrus SASL driver.

It cannot be installed beside Postfix, so `install` unpacks it into a cache directory.
"""

from __future__ import annotations

import contextlib
import pwd
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from .accounts import USERS
from .cyrus import MECHANISMS as CYRUS_MECHANISMS
from .cyrus import REALM, PasswordFile
from .dovecot import MECHANISMS as DOVECOT_MECHANISMS
from .process import Sandbox, cached, free_ports, missing, must_run, need
from .tls import certificates

NATIVE = frozenset({"PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL"})
# Neither driver passes a client certificate on.
BY_DOVECOT = DOVECOT_MECHANISMS - {"EXTERNAL"}
BY_CYRUS = CYRUS_MECHANISMS - {"EXTERNAL"}

_USER = "Debian-exim"  # compiled into Debian's binary

_MAIN = """
exim_path = {exim}
spool_directory = {here}/spool
pid_file_path = {here}/spool/{name}.pid
log_file_path = {here}/spool/{name}.%slog
log_selector = +all
primary_hostname = localhost
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
host_lookup =
dns_ipv4_lookup =
rfc1413_query_timeout = 0s
notifier_socket =
keep_environment =
add_environment = SASL_CONF_PATH={sasl}

tls_advertise_hosts = *
tls_certificate = {tls.server}
tls_privatekey = {tls.server_key}
tls_try_verify_hosts = *
tls_verify_certificates = {tls.authority}

# AUTH only under TLS, whatever the mechanism
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}}}
acl_smtp_rcpt = may_send

begin acl
may_send:
  accept authenticated = *
  deny message = authenticate first

begin authenticators
"""

# The file has lines `"user": password`; an unknown user fails the look-up, and with it
# the login. Exim leaves the authorization identity to its configuration.
_NATIVE_AUTHENTICATORS = """
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{ {or{ {eq{$auth1}{}} {eq{$auth1}{$auth2}} }} \\
    {eq{$auth3}{${lookup{$auth2}lsearch{HERE/passwords}{$value}fail}}} }}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = \\
    ${if eq{$auth2}{${lookup{$auth1}lsearch{HERE/passwords}{$value}fail}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${lookup{$auth1}lsearch{HERE/passwords}{$value}fail}
  server_set_id = $auth1
external:
  driver = external
  public_name = EXTERNAL
  server_advertise_condition = ${if def:tls_in_peerdn}
  server_param2 = ${certextract{subject,CN}{$tls_in_peercert}}
  server_condition = ${if or{ {eq{$auth1}{}} {eq{$auth1}{$auth2}} }}
  server_set_id = $auth2
"""

# It knows the first version only, and checks nothing but the response to it.
_SPA_AUTHENTICATORS = """
ntlm:
  driver = spa
  public_name = NTLM
  server_password = ${lookup{$auth1}lsearch{HERE/passwords}{$value}fail}
  server_set_id = $auth1
"""


def root() -> Path:
    """Return the directory into which `install` unpacks Exim."""
    return cached("exim")


class Exim(NamedTuple):
    """Three running Exims: their ports."""

    version: str
    native: int
    by_dovecot: int
    by_cyrus: int


@contextlib.contextmanager
def speaking_ntlm() -> Iterator[tuple[str, int]]:
    """Run an Exim that knows NTLM; give its version and port."""
    binary = _find()
    with Sandbox("exim-ntlm") as box:
        box.directory("spool", owner=_USER)
        box.write("passwords", "".join(f'"{u}": {p}\n' for u, p in USERS))
        (port,) = free_ports(1)
        main = _MAIN.format(
            exim=binary,
            here=box.path,
            name="ntlm",
            port=port,
            sasl=box.path,
            tls=certificates(),
        )
        authenticators = _SPA_AUTHENTICATORS.replace("HERE", str(box.path))
        configuration = box.write("ntlm.conf", main + authenticators)
        box.start([binary, "-C", configuration, "-bdf"], [port])
        yield _version(binary), port


@contextlib.contextmanager
def running(dovecot_socket: Path) -> Iterator[Exim]:
    """Run three Exims with a directory of their own."""
    binary = _find()
    with Sandbox("exim") as box:
        box.directory("spool", owner=_USER)
        box.write("passwords", "".join(f'"{u}": {p}\n' for u, p in USERS))
        passwords = PasswordFile(box)
        passwords.configure("exim")

        def start(name: str, port: int, authenticators: str) -> None:
            main = _MAIN.format(
                exim=binary,
                here=box.path,
                name=name,
                port=port,
                sasl=passwords.directory,
                tls=certificates(),
            )
            configuration = box.write(f"{name}.conf", main + authenticators)
            box.start([binary, "-C", configuration, "-bdf"], [port])

        native, by_dovecot, by_cyrus = free_ports(3)
        start("native", native, _NATIVE_AUTHENTICATORS.replace("HERE", str(box.path)))
        socket = f"server_socket = {dovecot_socket}"
        start("dovecot", by_dovecot, _driven(BY_DOVECOT, "dovecot", socket))
        realm = f"server_realm = {REALM}"
        start("cyrus", by_cyrus, _driven(BY_CYRUS, "cyrus_sasl", realm))
        yield Exim(_version(binary), native, by_dovecot, by_cyrus)


def _version(binary: Path) -> str:
    said = must_run([binary, "-C", "/dev/null", "-bV"]).decode()
    return said.split("version ", 1)[1].split()[0]


def _find() -> Path:
    binary = root() / "usr/sbin/exim4"
    if not binary.exists():
        missing(f"Exim is not in {root()}")
    need(str(binary), root=True)
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        missing(f"there is no user {_USER}")
    return binary


def _driven(mechanisms: Iterable[str], driver: str, option: str) -> str:
    return "".join(
        f"{driver}_{name.lower().replace('-', '_')}:\n"
        f"  driver = {driver}\n"
        f"  public_name = {name}\n"
        f"  {option}\n"
        "  server_set_id = $auth1\n"
        for name in sorted(mechanisms)
    )
