"""The event of an audit, and the sinks that it goes to."""

from __future__ import annotations

import copy
import io
import json
import logging
import os
import pickle
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import sasl_core as sasl
from sasl_core.backends import audit
from sasl_core.backends.audit import AuditEvent, LineFile, Lines, Several, ToLogging

from .._hypothesis import given, st

FIELDS: dict[str, Any] = {
    "time": 1700000000.25,
    "id": "1f3a",
    "outcome": "failure",
    "mechanism": "PLAIN",
    "username": "alice",
}
EVENT = AuditEvent(**FIELDS)
LOG = "sasl_core.backends._audit_sinks"


class AuditEventTest(unittest.TestCase):
    """What an event can say."""

    def test_it_is_a_value(self) -> None:
        """Immutable, its own copy, pickled for a queue."""
        with self.assertRaises(AttributeError):
            EVENT.username = "bob"  # type: ignore[misc]  # that is the test
        self.assertIs(copy.deepcopy(EVENT), EVENT)
        self.assertEqual(pickle.loads(pickle.dumps(EVENT)), EVENT)
        self.assertEqual(len({EVENT, AuditEvent(**FIELDS)}), 1)

    def test_no_field_takes_a_secret(self) -> None:
        """Nor anything that has one: a request, a password's octets, credentials."""
        password = sasl.Credentials("alice", "pencil")
        odd: list[Any] = [b"octets", password, object(), 1.5j, ["text"], float("nan")]
        for name in EVENT.__match_args__:
            for value in odd:
                with self.subTest(name, value=type(value).__name__):
                    with self.assertRaises((TypeError, ValueError)) as caught:
                        AuditEvent(**FIELDS | {name: value})
                    self.assertNotIn("pencil", str(caught.exception))
        for name in ("password", "token", "response"):
            with self.assertRaises(TypeError):
                AuditEvent(**FIELDS, **{name: "pencil"})

    def test_wrong_types_by_field(self) -> None:
        """What Python would take for a number or a truth value, is none."""
        wrong = {
            "time": [True, "1", -1, 253402300800, float("inf"), 10**400, None],
            "duration": [True, "1", -0.5, float("inf"), float("nan")],
            "port": [True, "25", 25.0],
            "encrypted": [1, 0, None, "yes"],
            "bound": [1, None],
            "outcome": ["denied", "", "Success", None],
            "reason": ["bad credentials", True],
            "username": [None, 1],
        }
        for name, values in wrong.items():
            for value in values:
                with (
                    self.subTest(name, value=value),
                    self.assertRaises((TypeError, ValueError)),
                ):
                    AuditEvent(**FIELDS | {name: value})

    def test_identities_are_for_success(self) -> None:
        """Who failed has proved nothing; who succeeded needs no reason."""
        proven = {"authcid": "a", "authzid": "b", "bound": True}
        for outcome in get_args(audit.Outcome):
            for name, value in proven.items():
                fields = FIELDS | {"outcome": outcome, name: value}
                if outcome == "success":
                    self.assertEqual(getattr(AuditEvent(**fields), name), value)
                    continue
                with self.subTest(outcome, name=name), self.assertRaises(ValueError):
                    AuditEvent(**fields)
        with self.assertRaises(ValueError):
            AuditEvent(**FIELDS | {"outcome": "success", "reason": sasl.Reason.ABORTED})

    @given(st.text(max_size=20) | st.integers(500, 5000).map("x".__mul__))
    def test_texts_are_cut(self, text: str) -> None:
        """After 512 characters; one that is not too long is left alone."""
        kept = EVENT.replace(detail=text).detail
        self.assertLessEqual(len(kept), 512)
        if len(text) <= 512:
            self.assertEqual(kept, text)
        else:
            self.assertEqual(kept, text[:511] + "\u2026")
        self.assertEqual(EVENT.replace(detail=kept).detail, kept)

    def test_a_str_of_its_own_kind_becomes_a_str(self) -> None:
        """Its methods are run by nobody."""

        class Odd(str):
            __slots__ = ()

            def __getitem__(self, _: object) -> str:
                raise AssertionError("not to be called")

            def __str__(self) -> str:
                raise AssertionError("not to be called")

        kept = EVENT.replace(username=Odd("x" * 1000)).username
        self.assertEqual((type(kept), len(kept)), (str, 512))


class LinesTest(unittest.TestCase):
    """Lines to a function."""

    def test_a_line_is_one_write(self) -> None:
        """With its line end."""
        written: list[str] = []
        sink = Lines(written.append)
        sink(EVENT)
        sink.close()
        self.assertEqual(written, [audit.json_line(EVENT) + "\n"])

    def test_another_format(self) -> None:
        """Any function of an event."""
        text = io.StringIO()
        Lines(text.write, lambda event: event.id)(EVENT)
        self.assertEqual(text.getvalue(), "1f3a\n")

    def test_threads_take_turns(self) -> None:
        """Two writes never overlap, even of a function that would mind."""
        written: list[str] = []
        second = threading.Thread(target=lambda: sink(EVENT))

        def write(text: str) -> None:
            written.append(text)
            if len(written) == 1:
                second.start()
                second.join(0.05)  # it waits for this very call to end
                self.assertEqual(len(written), 1)

        sink = Lines(write)
        sink(EVENT)
        second.join()
        self.assertEqual(len(written), 2)


class LineFileTest(unittest.TestCase):
    """Lines to a file."""

    def setUp(self) -> None:
        """Have a directory, and a sink for a file in it."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "audit.log"
        self.sink = LineFile(self.path, lambda event: event.id)
        self.addCleanup(self.sink.close)

    def test_it_appends(self) -> None:
        """To what is there, and again after it was closed."""
        self.path.write_text("before\n")
        self.sink(EVENT)
        self.sink.close()
        self.sink(EVENT)
        self.assertEqual(self.path.read_text(), "before\n1f3a\n1f3a\n")

    def test_a_new_file_is_private(self) -> None:
        """Who logs in from where is nobody else's business."""
        with mock.patch.object(os, "umask"):
            self.sink(EVENT)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_it_follows_rotation(self) -> None:
        """Renamed, replaced, removed: the next line is in a file of the name."""
        self.sink(EVENT)
        old = self.path.rename(self.path.with_suffix(".1"))
        self.sink(EVENT)
        self.assertEqual((old.read_text(), self.path.read_text()), ("1f3a\n",) * 2)
        other = self.path.with_suffix(".new")
        other.write_text("other\n")
        other.replace(self.path)
        self.sink(EVENT)
        self.assertEqual(self.path.read_text(), "other\n1f3a\n")
        self.path.unlink()
        self.sink(EVENT)
        self.assertEqual(self.path.read_text(), "1f3a\n")

    def test_a_line_is_one_write(self) -> None:
        """So that processes do not mix theirs."""
        with mock.patch.object(os, "write", wraps=os.write) as write:
            self.sink(EVENT)
        self.assertEqual([call.args[1] for call in write.mock_calls], [b"1f3a\n"])

    def test_a_line_that_was_cut_short_spoils_no_other(self) -> None:
        """As when the disk was full: it is an error, and the next begins afresh."""
        self.sink(EVENT)
        real = os.write
        with (
            mock.patch.object(os, "write", lambda file, line: real(file, line[:2])),
            self.assertRaises(OSError),
        ):
            self.sink(EVENT)
        self.sink(EVENT)
        self.sink(EVENT)
        self.assertEqual(self.path.read_text(), "1f3a\n1f\n1f3a\n1f3a\n")

    def test_what_cannot_be_opened_is_an_error(self) -> None:
        """And works as soon as it can."""
        sink = LineFile(self.path / "below")
        with self.assertRaises(OSError):
            sink(EVENT)
        self.path.mkdir()
        sink(EVENT)
        sink.close()
        found = json.loads((self.path / "below").read_text())
        self.assertEqual(found["id"], "1f3a")


class ToLoggingTest(unittest.TestCase):
    """Lines to `logging`."""

    def setUp(self) -> None:
        """Have a logger of our own, and its records."""
        self.logger = logging.Logger("audit")  # noqa: LOG001  # in no tree
        self.records: list[logging.LogRecord] = []
        handler = logging.Handler()
        handler.emit = self.records.append  # type: ignore[method-assign]  # for the test
        self.logger.addHandler(handler)

    def test_the_level_is_that_of_the_outcome(self) -> None:
        """One's own, where they are given."""
        usual = {"success": 20, "aborted": 20, "failure": 30, "throttled": 30}
        usual["unavailable"] = 40
        for outcome, level in usual.items():
            ToLogging(self.logger)(EVENT.replace(outcome=outcome))
            self.assertEqual(self.records[-1].levelno, level)
            sink = ToLogging(self.logger, levels={"failure": 50})
            sink(EVENT.replace(outcome=outcome))
            expected = 50 if outcome == "failure" else level
            self.assertEqual(self.records[-1].levelno, expected)

    def test_the_message_is_no_format(self) -> None:
        """A user called %s is called just that."""
        event = EVENT.replace(username="%s %(id)s %d")
        ToLogging(self.logger)(event)
        self.assertEqual(self.records[0].getMessage(), audit.json_line(event))

    def test_the_fields_are_there_too(self) -> None:
        """With their types, and what is no plain text escaped."""
        reason = sasl.Reason.BAD_CREDENTIALS
        event = EVENT.replace(username="a\nb\x1b", port=25, reason=reason)
        ToLogging(self.logger)(event)
        text = logging.Formatter(
            "%(sasl_username)s %(sasl_port)d %(sasl_time).2f %(sasl_reason)s"
        ).format(self.records[0])
        self.assertEqual(text, "a\\u000ab\\u001b 25 1700000000.25 BAD_CREDENTIALS")
        for name in event.__match_args__:
            self.assertTrue(hasattr(self.records[0], f"sasl_{name}"), name)

    def test_nothing_is_written_that_nobody_reads(self) -> None:
        """Below the logger's level, no line is made."""
        self.logger.setLevel(logging.ERROR)
        ToLogging(self.logger, lambda event: self.fail("not to be called"))(EVENT)
        self.assertEqual(self.records, [])


class SeveralTest(unittest.TestCase):
    """An audit that fails changes nothing else."""

    def test_one_that_fails_stops_no_other(self) -> None:
        """It is logged once, and again when it works; the others have every event."""
        broken = True
        heard: list[AuditEvent] = []

        def fragile(event: AuditEvent) -> None:
            if broken:
                raise ValueError(f"cannot write {event.username}")

        sink = Several(fragile, heard.append)
        with self.assertLogs(LOG) as logs:
            for _ in range(3):
                sink(EVENT)
            broken = False
            sink(EVENT)
            sink(EVENT)
            broken = True
            sink(EVENT)
        self.assertEqual(len(heard), 6)
        self.assertEqual(
            logs.output,
            [
                f"ERROR:{LOG}:audit sink function fails: ValueError",
                f"WARNING:{LOG}:audit sink function works again",
                f"ERROR:{LOG}:audit sink function fails: ValueError",
            ],
        )

    def test_the_text_of_an_error_is_not_logged(self) -> None:
        """The event may be in it; only the system's own word for it."""

        def full(event: AuditEvent) -> None:
            raise OSError(28, "No space left on device", event.username)

        with self.assertLogs(LOG) as logs:
            Several(full)(EVENT)
        self.assertIn("No space left on device", logs.output[0])
        self.assertNotIn("alice", logs.output[0])

    def test_an_exit_is_none_of_its_business(self) -> None:
        """Ctrl-C still ends the program."""
        with self.assertRaises(KeyboardInterrupt):
            Several(mock.Mock(side_effect=KeyboardInterrupt))(EVENT)

    def test_close_closes_all_that_can_be(self) -> None:
        """Even after one that fails; a plain function is left alone."""
        first, last = mock.Mock(), mock.Mock()
        first.close.side_effect = OSError(5, "Input/output error")
        with self.assertLogs(LOG):
            Several(first, print, last).close()
        last.close.assert_called_once_with()

    def test_sinks_of_sinks(self) -> None:
        """It is a sink like any other."""
        heard: list[AuditEvent] = []
        Several(Several(heard.append), heard.append)(EVENT)
        self.assertEqual(heard, [EVENT, EVENT])


if __name__ == "__main__":
    unittest.main()
