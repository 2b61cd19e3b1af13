"""A Kerberos realm of MIT's: a KDC, the users' principals, a keytab of the services."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

from .accounts import ALICE
from .process import ENVIRONMENT, HOST, Sandbox, free_ports, must_run, need

REALM = "INTEROP.TEST"
SERVER = "localhost"
SERVICES = ("imap", "ldap", "lmtp", "pop", "smtp")
# A principal has ASCII only, or each implementation reads it in its own way.
OTHER = "juergen"

_CLIENTS = """
[libdefaults]
 default_realm = {realm}
 dns_lookup_realm = false
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
 default_ccache_name = FILE:{here}/ccache
 default_keytab_name = FILE:{here}/keytab
[realms]
 {realm} = {{
  kdc = {host}:{port}
 }}
[domain_realm]
 {server} = {realm}
"""
_KDC = """
[kdcdefaults]
 kdc_listen = {host}:{port}
 kdc_tcp_listen = {host}:{port}
[realms]
 {realm} = {{
  database_name = {here}/principal
  key_stash_file = {here}/stash
  acl_file = {here}/nobody.acl
  max_life = 1h
  supported_enctypes = aes256-cts:normal
 }}
"""


class Kerberos:
    """A running KDC. `environment` is what a program in the realm has; `keytab` the keys
    of the services at `SERVER`.
    """

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        (port,) = free_ports(1)
        words = {
            "realm": REALM,
            "here": box.path,
            "host": HOST,
            "port": port,
            "server": SERVER,
        }
        self.keytab = box.path / "keytab"
        self.environment: Mapping[str, str] = {
            "KRB5_CONFIG": str(box.write("krb5.conf", _CLIENTS.format(**words))),
            "KRB5_KTNAME": f"FILE:{self.keytab}",
        }
        kdc = str(box.write("kdc.conf", _KDC.format(**words)))
        self._kdc = {**self.environment, "KRB5_KDC_PROFILE": kdc}
        create = ["kdb5_util", "-r", REALM, "create", "-s", "-P", "master"]
        must_run(create, env=self._kdc)
        self._administer()
        box.start(["krb5kdc", "-n", "-r", REALM], [port], self._kdc)

    @property
    def version(self) -> str:
        """Return the version."""
        return must_run(["krb5-config", "--version"]).split()[-1].decode()

    def tickets(self, user: str, password: str) -> Path:
        """Log a user in; return the file with the ticket, for `KRB5CCNAME`."""
        path = self._box.path / f"tickets-{user}"
        argv = ["kinit", "-c", path, f"{user}@{REALM}"]
        must_run(argv, stdin=password.encode() + b"\n", env=self.environment)
        return path

    def _administer(self) -> None:
        commands = [
            f"addprinc -pw {ALICE.password} {ALICE.user}",
            f"addprinc -pw {OTHER} {OTHER}",
        ]
        for service in SERVICES:
            for host in (SERVER, HOST):  # some programs take the address for the name
                commands.append(f"addprinc -randkey {service}/{host}")
                commands.append(f"ktadd -k {self.keytab} {service}/{host}")
        text = "\n".join(commands).encode()
        must_run(["kadmin.local", "-r", REALM], stdin=text, env=self._kdc)
        self.keytab.chmod(0o644)  # daemons of many users read it


@contextlib.contextmanager
def running() -> Iterator[Kerberos]:
    """Run a KDC. As long, this process and all that it starts belong to its realm, and
    have a ticket of ALICE.
    """
    need("krb5kdc", "kadmin.local", "kdb5_util", "kinit", root=True)
    with Sandbox("kerberos") as box:
        realm = Kerberos(box)
        ticket = f"FILE:{realm.tickets(*ALICE)}"
        mine = {**realm.environment, "KRB5CCNAME": ticket}
        with mock.patch.dict(ENVIRONMENT, mine), mock.patch.dict(os.environ, mine):
            yield realm
