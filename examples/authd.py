r"""An authentication service for the mail server of a host, in one file.

    python3 -m examples.authd --accounts accounts.sqlite --add alice@example.org
    python3 -m examples.authd --accounts accounts.sqlite \
        --dovecot /var/spool/postfix/private/authd --saslauthd /run/saslauthd/mux

At the first socket Postfix (`smtpd_sasl_type = dovecot`, `smtpd_sasl_path =
private/authd`), Exim (`driver = dovecot`, `server_socket = ...`) and whatever else speaks
Dovecot's protocol ask by any mechanism; at the second one Sendmail, OpenLDAP and Cyrus
IMAP (`pwcheck_method: saslauthd`) ask about passwords. `--postgresql` names a database
that many hosts use together. One line of JSON on standard output tells of each login.
SIGTERM ends it; who is being answered then gets an answer, or hears to try again later.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import getpass
import importlib
import signal
import sys
from typing import Any

from sasl_core.adapters.authd import Service
from sasl_core.backends import (
    AsyncApplication,
    ThreadedStore,
    Unavailable,
    Upgrade,
    set_password,
)
from sasl_core.backends.audit import Lines
from sasl_core.backends.sql import SqlStore, schema
from sasl_core.backends.throttle import Throttle


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="authd", description=__doc__.split("\n")[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--accounts", metavar="FILE", help="an SQLite database")
    where.add_argument("--postgresql", metavar="DSN", help="for psycopg's connect")
    parser.add_argument("--add", metavar="USER", help="set a password, and end")
    parser.add_argument("--dovecot", metavar="PATH", help="socket for Postfix and Exim")
    parser.add_argument("--saslauthd", metavar="PATH", help="socket for Cyrus SASL")
    parser.add_argument("--group", help="whose members may ask at the sockets")
    parser.add_argument("--local-realm", action="append", default=[], metavar="REALM")
    parser.add_argument("--grace", type=float, default=5.0, metavar="SECONDS")
    options = parser.parse_args()
    if not (options.add or options.dovecot or options.saslauthd):
        parser.error("nothing to do: --add, --dovecot or --saslauthd")
    return options


def open_store(options: argparse.Namespace) -> SqlStore:
    if options.accounts:
        return SqlStore.sqlite(options.accounts)
    psycopg: Any = importlib.import_module("psycopg")
    with psycopg.connect(options.postgresql) as connection:
        table = schema("postgresql").replace("TABLE", "TABLE IF NOT EXISTS")
        connection.execute(table)
    return SqlStore(psycopg, lambda: psycopg.connect(options.postgresql))


def add(store: SqlStore, username: str) -> None:
    """Set a password, read from the terminal, or else from a line of standard input."""
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password of {username}: ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    set_password(store, username, password)


def tell(line: str) -> None:
    print(line, end="", flush=True)


async def serve(options: argparse.Namespace, store: SqlStore) -> None:
    application = AsyncApplication(
        ThreadedStore(store),
        throttle=Throttle(),  # who guesses must wait, by user and by address
        audit=Lines(tell),
        upgrade=Upgrade(("SCRAM-SHA-256",)),  # of records that came from elsewhere
    )
    service = Service(
        application.answer,
        decided=application.decided,
        policy=await application.policy(),  # what every account here can do
        answers=application.requests,
    )
    mode = 0o660 if options.group else 0o600
    if options.dovecot:
        await service.dovecot(options.dovecot, mode=mode, group=options.group)
    if options.saslauthd:
        await service.saslauthd(
            options.saslauthd,
            mode=mode,
            group=options.group,
            local_realms=options.local_realm,
        )
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    tell("authd: ready\n")
    await ended.wait()
    await service.stop(options.grace)
    await application.close()
    tell("authd: ended\n")


def main() -> int:
    options = arguments()
    try:
        with contextlib.closing(open_store(options)) as store:
            if options.add:
                add(store, options.add)
            else:
                asyncio.run(serve(options, store))
    # No database, no such group, a password that is none, a file that is in the way.
    except (Unavailable, ImportError, LookupError, ValueError, OSError) as error:
        print(f"authd: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
