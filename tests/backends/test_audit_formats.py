"""The lines of an audit, read again by readers that know only the formats' guides."""

from __future__ import annotations

import json
import re
import unittest

from sasl_core import Reason
from sasl_core.backends.audit import AuditEvent, cef, json_line, leef, splunk_hec

from .._hypothesis import example, given, st

NAMES = {"vendor": "Acme|Inc", "product": "Mail\\r", "version": "1.0"}
SUCCESS = AuditEvent(
    time=1700000000.25,
    id="1f3a",
    outcome="success",
    mechanism="SCRAM-SHA-256-PLUS",
    username="alice",
    authcid="alice",
    authzid="carol",
    service="smtp",
    host="mail.example.org",
    port=587,
    remote="192.0.2.7",
    encrypted=True,
    bound=True,
    duration=0.0125,
)
FAILURE = AuditEvent(
    time=1700000000,
    id="1f3b",
    outcome="failure",
    mechanism="PLAIN",
    username="mallory",
    reason=Reason.BAD_CREDENTIALS,
    detail="wrong password",
)

# What would end a line, move a cursor, or show text in another order than it has.
NASTY = "\r\n\t\x00\x1b[2J\x7f\x85\x9b\u2028\u2029\u202e\u2066\u200f\ufeff\ud800\udfff"
NASTY += "\U000e0041"
PIECES = [*NASTY, "|", "\\", "=", " ", '"', "\\n", "\\u000a", "\\u005c", " src=", "%s"]
PIECES += ["CEF:0|", "é", "\U0001f600", "^", "x09", "{", "}", "a"]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map(
    "".join
)


def whole(text: str) -> str:
    """Return the text, where two halves of a pair met, with the character that it is."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def plain(text: str) -> str:
    """Undo the escapes of what is no plain text."""
    found = re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)
    return whole(found)


def read_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """Read a line by ArcSight's rules: the header, and the extension."""
    parts = re.split(r"(?<!\\)((?:\\\\)*)\|", line, maxsplit=7)
    header = [parts[at] + parts[at + 1] for at in range(0, 14, 2)]
    header = [plain(re.sub(r"\\([\\|])", r"\1", field)) for field in header]
    pairs: dict[str, str] = {}
    for pair in re.split(r" (?=[A-Za-z0-9]+=)", parts[14]):
        key, _, value = pair.partition("=")
        if key in pairs or re.search(r"(?<!\\)(\\\\)*=", value):
            raise AssertionError(f"{key} is there twice, or an = is bare")
        value = re.sub(
            r"\\([\\=nr])", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), value
        )
        pairs[key] = plain(value)
    return header, pairs


def read_leef(line: str) -> tuple[list[str], dict[str, str]]:
    """Read a line by IBM's rules: the header, and the attributes."""
    *header, rest = line.split("|", 6)
    delimiter = chr(int(header[5].removeprefix("x"), 16))
    pairs: dict[str, str] = {}
    for pair in rest.split(delimiter):
        key, _, value = pair.partition("=")
        if key in pairs:
            raise AssertionError(f"{key} is there twice")
        pairs[key] = plain(value)
    return [plain(field) for field in header], pairs


class FormatsTest(unittest.TestCase):
    """Each format by an example."""

    maxDiff = None

    def test_json(self) -> None:
        """Every field, in order, and null for what is not known."""
        self.assertEqual(
            json_line(FAILURE),
            '{"authcid":"","authzid":"","bound":false,"detail":"wrong password",'
            '"duration":null,"encrypted":false,"epoch":1700000000.0,"host":"",'
            '"id":"1f3b","mechanism":"PLAIN","outcome":"failure","port":null,'
            '"reason":"BAD_CREDENTIALS","remote":null,"service":"",'
            '"time":"2023-11-14T22:13:20.000000Z","username":"mallory"}',
        )

    def test_splunk(self) -> None:
        """The envelope of the HTTP Event Collector, with an index if there is one."""
        names = {"host": "mx1", "source": "smtpd", "sourcetype": "sasl"}
        envelope = json.loads(splunk_hec(SUCCESS, **names))
        self.assertEqual(envelope.pop("event"), json.loads(json_line(SUCCESS)))
        self.assertEqual(envelope, {"time": 1700000000.25, **names})
        envelope = json.loads(splunk_hec(SUCCESS, **names, index="mail"))
        self.assertEqual(envelope["index"], "mail")

    def test_cef(self) -> None:
        """Header and extension, letter by letter."""
        self.assertEqual(
            cef(SUCCESS, **NAMES),
            r"CEF:0|Acme\|Inc|Mail\\r|1.0|login-success|Login: success|1|"
            "rt=1700000000250 externalId=1f3a cat=authentication outcome=success"
            " app=smtp suser=alice duser=carol dhost=mail.example.org dpt=587"
            " cs1=SCRAM-SHA-256-PLUS cs2=alice cs3=true cs4=true cn1=12"
            " src=192.0.2.7 cs1Label=mechanism cs2Label=authcid cs3Label=encrypted"
            " cs4Label=bound cn1Label=duration in ms",
        )

    def test_leef(self) -> None:
        """Header and attributes, letter by letter."""
        header = r"LEEF:2.0|Acme\u007cInc|Mail\r|1.0|login-failure|x09|"
        self.assertEqual(
            leef(FAILURE, **NAMES),
            header
            + "\t".join(
                [
                    "devTime=2023-11-14T22:13:20.000+0000",
                    "devTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
                    "cat=authentication",
                    "sev=5",
                    "usrName=mallory",
                    "id=1f3b",
                    "outcome=failure",
                    "reason=BAD_CREDENTIALS",
                    "detail=wrong password",
                    "mechanism=PLAIN",
                    "encrypted=false",
                    "bound=false",
                ]
            ),
        )

    def test_leef_marks_a_login(self) -> None:
        """QRadar ties the user to the address: only where he has proved who he is."""
        self.assertEqual(read_leef(leef(SUCCESS, **NAMES))[1]["isLoginEvent"], "true")
        self.assertNotIn("isLoginEvent", read_leef(leef(FAILURE, **NAMES))[1])

    def test_the_remote_has_a_key_by_its_kind(self) -> None:
        """An IPv4 address, an IPv6 one, a name, one with a scope, none."""
        cases = {
            "192.0.2.7": ("src", "src"),
            "2001:db8::1": ("c6a2", "src"),
            "unix:/run/x": ("shost", "srcHost"),
            "fe80::1%eth0": ("shost", "srcHost"),
            "192.0.2.7 src=1": ("shost", "srcHost"),
        }
        for remote, (in_cef, in_leef) in cases.items():
            with self.subTest(remote):
                event = FAILURE.replace(remote=remote)
                self.assertEqual(read_cef(cef(event, **NAMES))[1][in_cef], remote)
                self.assertEqual(read_leef(leef(event, **NAMES))[1][in_leef], remote)
        for line in (cef(FAILURE, **NAMES), leef(FAILURE, **NAMES)):
            self.assertNotRegex(line, r"\b(src|shost|srcHost|c6a2)=")

    def test_names_are_left_readable(self) -> None:
        """Letters of every script, and a backslash that looks like no escape."""
        event = FAILURE.replace(username="DOMAIN\\jürgen")
        self.assertIn("usrName=DOMAIN\\jürgen\t", leef(event, **NAMES))
        self.assertIn("suser=DOMAIN\\\\jürgen ", cef(event, **NAMES))

    def test_the_severity_rises(self) -> None:
        """From success over failure to throttling; within what both allow."""
        order = ("success", "aborted", "failure", "unavailable", "throttled")
        base = FAILURE.replace(reason=None)
        found = [
            int(read_leef(leef(base.replace(outcome=outcome), **NAMES))[1]["sev"])
            for outcome in order
        ]
        self.assertEqual(found, sorted(set(found)))
        self.assertTrue(set(found) <= set(range(1, 11)))


class AnyTextTest(unittest.TestCase):
    """One record, and the same values, whatever is in a field."""

    def assert_one_line(self, line: str) -> None:
        """Check that nothing in it is more than text, but for LEEF's tabs."""
        self.assertTrue(line.replace("\t", "").isprintable(), ascii(line))
        line.encode()

    @given(st.lists(texts, min_size=9, max_size=9))
    @example([NASTY] * 9)
    @example(["\\u000a \\u005c\\", " a ", " ", "\\", "\\=", "a=b", "\\|", "=", "\\n"])
    def test_it_is_read_again(self, values: list[str]) -> None:
        """By each of the readers."""
        names = ("id", "mechanism", "username", "authcid", "authzid", "detail")
        names += ("service", "host", "remote")
        given_ = dict(zip(names, values, strict=True))
        event = AuditEvent(time=1.5, outcome="success", **given_)
        kept = {name: whole(getattr(event, name)) for name in names}

        line = json_line(event)
        self.assertTrue(line.isascii())
        self.assert_one_line(line)
        fields = json.loads(line)
        self.assertEqual({name: whole(fields[name]) for name in names}, kept)

        line = splunk_hec(event, host=values[0], source=values[1], sourcetype="s")
        self.assertTrue(line.isascii())
        self.assert_one_line(line)
        self.assertEqual(whole(json.loads(line)["host"]), whole(values[0]))

        header = dict(zip(("vendor", "product", "version"), values, strict=False))
        line = cef(event, **header)
        self.assertNotIn("\t", line)
        self.assert_one_line(line)
        found, pairs = read_cef(line)
        self.assertEqual(found[1:4], [whole(value) for value in values[:3]])
        keys = ("externalId", "cs1", "suser", "cs2", "duser", "msg", "app", "dhost")
        self.assertEqual({key: pairs.get(key, "") for key in keys}, of(kept, keys))
        remote = {pairs.get(key, "") for key in ("src", "c6a2", "shost")} - {""}
        self.assertEqual(remote, {kept["remote"]} - {""})

        line = leef(event, **header)
        self.assert_one_line(line)
        found, pairs = read_leef(line)
        self.assertEqual(found[1:4], [whole(value) for value in values[:3]])
        keys = ("id", "mechanism", "usrName", "authcid", "authzid", "detail", "service")
        keys += ("dstHost",)
        self.assertEqual({key: pairs.get(key, "") for key in keys}, of(kept, keys))

    def test_a_long_field_takes_no_long_line(self) -> None:
        """A megabyte in each field is cut before anything is done with it."""
        for text in ("\u202e" * 1_000_000, "=" * 1_000_000, "\\u0000" * 200_000):
            event = FAILURE.replace(username=text, detail=text, host=text)
            for line in (json_line(event), cef(event, **NAMES), leef(event, **NAMES)):
                self.assertLess(len(line), 15_000)


def of(kept: dict[str, str], keys: tuple[str, ...]) -> dict[str, str]:
    """Return the values under the names that a format has for them, in their order."""
    return dict(zip(keys, kept.values(), strict=False))


if __name__ == "__main__":
    unittest.main()
