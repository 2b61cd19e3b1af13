"""Postfix's own tables of senders: `postmap -q`, and what smtpd says to MAIL FROM."""

from __future__ import annotations

import itertools
import random
import unittest
from pathlib import Path

import sasl_core as sasl
from sasl_core.backends._postfix_tables import Table
from sasl_core.backends.senders import PostfixMaps, Senders

from . import smtp
from .peers.accounts import ALICE, JUERGEN
from .peers.postfix import Postfix, running
from .peers.process import Sandbox, missing, must_run, need, run
from .peers.tls import client_context

LOCALS = [
    "alice",
    "Alice",
    "alice+x",
    "bob",
    "bob+",
    "+x",
    "a.b",
    "info",
    "root",
    "x-y",
]
LOCALS += [
    '"a b"',
    '"a,b"',
    '"a@b"',
    '"a\\"b"',
    '"alice"',
    "a@b",
    "postmaster+x",
    "jürgen",
]
LOCALS += ["x%y", "x!y"]
DOMAINS = [
    "example.org",
    "EXAMPLE.org",
    "example.com",
    "local.example",
    "a.example.org",
]
DOMAINS += ["[192.0.2.1]", "bücher.example"]
SENDERS = [f"{local}@{domain}" for local in LOCALS for domain in DOMAINS]

TEXT = """
# who may send as whom
alice@example.org alice
alice@example.com\tjürgen,
  ALICE
alice+x@example.com jürgen

info@Example.ORG   jürgen alice@x
  # not the end of the line
  , ALICE
"a b"@example.org alice
a@b@example.com alice
"a,b"@example.org alice
root    alice
bob+    alice
@a.example.org ,
@bücher.example Jürgen
@local.example jürgen
jürgen@example.org JÜRGEN
"""
PATTERNS = r"""
/^bob\+?@(example\.org)$/ alice
if !/@example\.com$/
/^(alice|jürgen)\+.*@/ $1, nobody
!/^[^@]*@/ nobody
/^x-y@[[:alpha:].]+$/i ${1}x
endif
/^([^@+]+)(\+[^@]*)?@EXAMPLE\.com$/ $(1) $$x
|^"a b"\@|  alice
"""
PATTERNS = PATTERNS.replace("${1}x", "jürgen")

postfix: Postfix
box: Sandbox


def setUpModule() -> None:
    global postfix, box
    need("postmap")
    box = unittest.enterModuleContext(Sandbox("senders"))
    box.write("conf/main.cf", "compatibility_level = 3.6\n")
    settings = f"""
recipient_delimiter = +
mydestination = local.example
smtpd_delay_reject = no
smtpd_sasl_local_domain =
smtpd_hard_error_limit = 10000
smtpd_soft_error_limit = 10000
smtpd_sender_restrictions = reject_sender_login_mismatch
smtpd_sender_login_maps = {", ".join(maps())}
"""
    postfix = unittest.enterModuleContext(running(Path("/nonexistent"), settings))


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


def maps() -> list[str]:
    """Write the tables; return their names."""
    text = box.write("text", TEXT)
    patterns = box.write("patterns", PATTERNS)
    return [f"regexp:{patterns}", f"texthash:{text}"]


def query(table: str, keys: list[str]) -> dict[str, str]:
    """Return what postmap finds, by key."""
    conf = str(box.path / "conf")
    command = ["postmap", "-c", conf, "-q", "-", table]
    done = run(command, stdin="\n".join([*keys, ""]).encode())
    lines = done.stdout.decode(errors="surrogateescape").splitlines()
    found = (line.partition("\t") for line in lines if "\t" in line)
    return {key: value for key, _, value in found}


def split(value: str | None) -> tuple[str, ...] | None:
    """Separate the logins, where there are any."""
    return None if value is None else tuple(value.replace(",", " ").split())


class PostmapTest(unittest.TestCase):
    """A key has the same logins in both."""

    def compare(self, table: str, keys: list[str]) -> int:
        """Look all up in both; return how many were found."""
        ours = Table.open(table)
        theirs = query(table, keys)
        for key in keys:
            with self.subTest(table, key=key):
                self.assertEqual(ours.find(key, True), split(theirs.get(key)))
        return len(theirs)

    def test_texts(self) -> None:
        """As texthash:, and as the hash: that postmap makes of it."""
        keys = [*SENDERS, "root", "ROOT", "@local.example", "@bücher.example", "bob+"]
        path = box.write("map", TEXT)
        self.assertGreater(self.compare(f"texthash:{path}", keys), 15)
        path.write_text(TEXT + "ROOT second\n")
        must_run(["postmap", "-c", str(box.path / "conf"), f"hash:{path}"])
        self.assertGreater(self.compare(f"hash:{path}", keys), 15)

    def test_patterns(self) -> None:
        """Over all senders, but where an address would separate logins."""
        keys = [key for key in SENDERS if not {",", " "} & set(key)]
        path = box.write("map", PATTERNS)
        self.assertGreater(self.compare(f"regexp:{path}", keys), 15)

    def test_random_expressions(self) -> None:
        """What both take, both match alike, groups included."""
        chance = random.Random(20)
        parts = ["a", "b", "A", ".", "[ab]", "[^a]", "[]a]", "[a-b-]", "[[:upper:]]"]
        parts += ["(a|b)", "(a)", "(b*)", "(.)", "(x|ab)", "(a|ab)", "^", "$", "*", "+"]
        parts += ["?", "{2}", "{,2}", "{1,}", "|", "(", ")", "\\.", "\\b", "\\<", "\\w"]
        parts += ["\\1", "[A-Z]", "[[:punct:]]", "ä", "[ä]", "@", "-", "{", "\\d", "]"]
        keys = [
            "".join(key)
            for n in range(1, 4)
            for key in itertools.product("ab@", repeat=n)
        ]
        keys += [
            "A",
            "B",
            "aB",
            "ABAB",
            "a.b",
            "a]b",
            "a-b",
            "ä",
            "aä",
            "abäb",
            "x",
            "xab",
        ]
        compared = 0
        for number in range(400):
            pattern = "".join(chance.choices(parts, k=chance.randint(1, 5)))
            flags = chance.choice(["", "i"])
            value = chance.choice(["found", "x$1", "x$1"])
            path = box.write("random", f"/{pattern}/{flags} {value}\n")
            try:
                ours = Table.open(f"regexp:{path}")
            except ValueError:
                continue
            # It will not say what is no UTF-8, as half of a character.
            asked = keys if value == "found" else [*filter(str.isascii, keys)]
            theirs = query(f"regexp:{path}", asked)
            for key in asked:
                with self.subTest(number, pattern=pattern, flags=flags, key=key):
                    expected = split(theirs.get(key))
                    self.assertEqual(ours.find(key, True), expected)
            compared += 1
        self.assertGreater(compared, 100)

    def test_perl_patterns(self) -> None:
        """Where Postfix has them."""
        known = must_run(["postconf", "-c", str(box.path / "conf"), "-m"]).decode()
        if "pcre" not in known.split():
            missing("postfix-pcre is not installed")
        text = PATTERNS + r"/^(?<n>\w+)-(?=y)\w@/ ${1}" + "\n"
        path = box.write("map", text)
        keys = [key for key in SENDERS if not {",", " "} & set(key)]
        self.assertGreater(self.compare(f"pcre:{path}", keys), 15)


class SmtpdTest(unittest.TestCase):
    """reject_sender_login_mismatch says to each sender what we say."""

    def test_each_sender(self) -> None:
        """Over all senders, of two users."""
        ours = Senders(
            PostfixMaps(*maps(), origin="localhost", local_domains="local.example")
        )
        verdicts = set()
        for account in (ALICE, JUERGEN):
            with smtp.Smtp(postfix.by_cyrus, client_context()) as connection:
                smtp.log_in(connection, "PLAIN", sasl.Credentials(*account))
                for sender in [*SENDERS, "root", "info", "bob+", "bob"]:
                    with self.subTest(account.user, sender=sender):
                        mine = ours.may_send(account.user, sender)
                        code, text = self.reply(connection, sender)
                        self.assertEqual(code, 250 if mine else 553, text)
                        verdicts.add((account, mine))
        self.assertEqual(len(verdicts), 4)

    def test_nobody_else(self) -> None:
        """The null sender is anybody's."""
        with smtp.Smtp(postfix.by_cyrus, client_context()) as connection:
            smtp.log_in(connection, "PLAIN", sasl.Credentials(*ALICE))
            self.assertEqual(self.reply(connection, "")[0], 250)

    def reply(self, connection: smtp.Smtp, sender: str) -> tuple[int, bytes]:
        """Return the answer to MAIL FROM, in an envelope of its own."""
        connection.command_encoding = "utf-8"  # which RSET forgets
        connection.putcmd(f"MAIL FROM:<{sender}>", "SMTPUTF8")
        answer = connection.getreply()
        connection.rset()
        return answer


if __name__ == "__main__":
    unittest.main()
