"""Ask a directory who one is, by ldap3, after the strongest bind that it takes.

python3 -m examples.ldap3_bind ldap.example.org alice

A SCRAM does not even show the password to the directory, and is bound to the TLS
connection where the directory can do that. Needs the package ldap3.
"""

from __future__ import annotations

import os
import ssl
import sys
from getpass import getpass

import ldap3

import sasl_core as sasl
from sasl_core.adapters.ldap3 import login


def main(host: str, user: str) -> None:
    credentials = sasl.Credentials(user, getpass())
    trusted = os.environ.get("SSL_CERT_FILE")  # None: those of the system
    # By default ldap3 proves nobody's certificate.
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=trusted)
    port = int(os.environ.get("LDAP_PORT", "389"))
    connection = ldap3.Connection(ldap3.Server(host, port, tls=tls))
    connection.start_tls()
    try:
        mechanism = login(connection, credentials)
    except sasl.AuthenticationError as error:
        print(error)
        return
    print(f"{connection.extend.standard.who_am_i()}, after a bind by {mechanism}.")
    connection.unbind()


if __name__ == "__main__":
    main(*sys.argv[1:])
