"""Postfix: submission with Dovecot's authentication service, and with Cyrus SASL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .cyrus import MECHANISMS as CYRUS_MECHANISMS
from .cyrus import REALM, PasswordFile
from .dovecot import MECHANISMS as DOVECOT_MECHANISMS
from .process import Sandbox, free_ports, must_run, need
from .tls import certificates

# Postfix 3.7 passes no client certificate on to either service: no EXTERNAL.
BY_DOVECOT = DOVECOT_MECHANISMS - {"EXTERNAL"}
BY_CYRUS = CYRUS_MECHANISMS - {"EXTERNAL"}

_MAIN = """
compatibility_level = 3.6
queue_directory = {here}/queue
data_directory = {here}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
mynetworks =
alias_maps =
alias_database =
smtpd_peername_lookup = no
maillog_file = {here}/mail.log
maillog_file_prefixes = {here}

# AUTH only under TLS, whatever the mechanism
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {tls.server}
smtpd_tls_key_file = {tls.server_key}

smtpd_sasl_auth_enable = yes
smtpd_sasl_security_options =
smtpd_sasl_tls_security_options =
smtpd_sasl_mechanism_filter = !external, static:rest
smtpd_sasl_local_domain = {realm}
smtpd_recipient_restrictions = permit_sasl_authenticated, reject

# the test fails to log in on purpose, again and again: do not slow it down
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
"""

_SASLAUTHD = """
pwcheck_method: saslauthd
saslauthd_path: {saslauthd}
mech_list: PLAIN LOGIN
"""

# name, type, private, unprivileged, chroot, wake-up, limit, program
_MASTER = """
127.0.0.1:{dovecot_port} inet n - n - - smtpd
  -o smtpd_sasl_type=dovecot -o smtpd_sasl_path={dovecot_socket}
127.0.0.1:{cyrus_port} inet n - n - - smtpd
  -o smtpd_sasl_type=cyrus -o smtpd_sasl_path=interop
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(NamedTuple):
    """A running Postfix: the ports of its two services."""

    version: str
    by_dovecot: int
    by_cyrus: int


@contextlib.contextmanager
def running(
    dovecot_socket: Path, settings: str = "", *, saslauthd: Path | None = None
) -> Iterator[Postfix]:
    """Run a Postfix with a directory of its own; `settings` come last in its main.cf.

    `saslauthd`: the socket at which Cyrus asks, in place of its own password file.
    """
    need("postfix", "postconf", root=True)
    with Sandbox("postfix") as box:
        by_dovecot, by_cyrus = free_ports(2)
        box.directory("queue")
        box.directory("data", owner="postfix")
        # Debian's Postfix reads sasl/NAME.conf beside main.cf, nothing else
        if saslauthd is None:
            PasswordFile(box).configure("interop", directory="conf/sasl")
        else:
            text = _SASLAUTHD.format(saslauthd=saslauthd)
            box.write("conf/sasl/interop.conf", text)
        main = _MAIN.format(here=box.path, tls=certificates(), realm=REALM)
        box.write("conf/main.cf", main + settings)
        master = _MASTER.format(
            dovecot_port=by_dovecot,
            cyrus_port=by_cyrus,
            dovecot_socket=dovecot_socket,
        )
        box.write("conf/master.cf", master)
        # the master process moves to a session of its own: stop it by its pid file
        command = ["postfix", "-c", str(box.path / "conf")]
        start, stop = [*command, "start-fg"], [*command, "stop"]
        box.start(start, [by_dovecot, by_cyrus], stop=stop)
        version = must_run(["postconf", "-d", "-h", "mail_version"])
        yield Postfix(version.decode().strip(), by_dovecot, by_cyrus)
