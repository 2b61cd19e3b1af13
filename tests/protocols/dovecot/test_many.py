"""The service: many exchanges at once."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core.protocols.dovecot import Question

from ._pair import PLAIN, SECURE, line, lines, service


class Many(unittest.TestCase):
    def ask(self, session, identifier: int) -> Question:
        session.incoming.feed(line(f"AUTH {identifier} PLAIN {SECURE} resp={PLAIN}"))
        question = session.receive(session.incoming.next())
        self.assertIsInstance(question, Question)
        return question

    def test_a_thousand_settled_in_any_order(self) -> None:
        session = service()
        questions = [self.ask(session, number) for number in range(1, 1001)]
        self.assertEqual(session.open, 1000)
        for question in reversed(questions):
            yes = question.id % 2 == 0
            reply = session.resume(question, question.request.answer(yes))
            verdict = "OK" if yes else "FAIL"
            self.assertTrue(
                bytes(reply).decode().startswith(f"{verdict}\t{question.id}")
            )
        self.assertEqual(session.open, 0)
        decisions = 0
        while session.decision():
            decisions += 1
        self.assertEqual(decisions, 1000)

    def test_an_id_in_use_ends_the_connection(self) -> None:
        session = service()
        question = self.ask(session, 1)
        session.incoming.feed(line(f"AUTH 1 PLAIN {SECURE} resp={PLAIN}"))
        self.assertTrue(session.receive(session.incoming.next()).close)
        self.assertIs(session.decision()[1].reason, sasl.Reason.ABORTED)
        with self.assertRaises(sasl.StateError):
            question.request.answer(True)

    def test_an_id_may_be_used_again(self) -> None:
        session = service()
        for _ in range(3):
            found = lines(session, f"AUTH 1 PLAIN {SECURE} resp={PLAIN}")
            self.assertEqual(found, ["OK 1 user=user"])

    def test_ids_that_are_none(self) -> None:
        for said in ("0", "-1", "x", "4294967296", "01", "\u0661", "1_0", ""):
            session = service()
            session.incoming.feed(line(f"AUTH {said} PLAIN {SECURE}"))
            self.assertTrue(session.receive(session.incoming.next()).close, said)

    def test_cancelled_while_asked(self) -> None:
        session = service()
        question = self.ask(session, 1)
        self.assertEqual(lines(session, "CANCEL 1", "CANCEL 1", "CANCEL 99"), [])
        with self.assertRaises(sasl.StateError):
            question.request.answer(True)
        failure = sasl.Failure(sasl.Reason.ABORTED)
        self.assertEqual(bytes(session.resume(question, failure)), b"")
        self.assertEqual(bytes(session.unavailable(question)), b"")
        # The id is free, and its next exchange is another one.
        again = self.ask(session, 1)
        self.assertEqual(bytes(session.resume(question, failure)), b"")
        reply = session.resume(again, again.request.answer(True))
        self.assertEqual(bytes(reply), b"OK\t1\tuser=user\n")

    def test_unavailable(self) -> None:
        session = service()
        reply = session.unavailable(self.ask(session, 5), "database")
        self.assertEqual(bytes(reply), b"FAIL\t5\ttemp\tcode=temp_fail\n")
        outcome = session.decision()[1]
        self.assertEqual(outcome, sasl.Failure(sasl.Reason.UNAVAILABLE, "database"))

    def test_resume_takes_only_the_event(self) -> None:
        session = service()
        question = self.ask(session, 1)
        with self.assertRaises(sasl.StateError):
            session.resume(question, True)
        with self.assertRaises(sasl.StateError):
            session.resume(question, sasl.Success(sasl.Identity("root")))
        self.assertEqual(session.open, 1)

    def test_a_response_while_asked(self) -> None:
        session = service()
        question = self.ask(session, 1)
        [found] = lines(session, f"CONT 1 {PLAIN}")
        self.assertTrue(found.startswith("FAIL 1"))
        with self.assertRaises(sasl.StateError):
            question.request.answer(True)

    def test_a_response_to_nothing(self) -> None:
        late = ["FAIL 1 reason=Authentication request timed out"]
        self.assertEqual(lines(service(), f"CONT 1 {PLAIN}"), late)

    def test_no_more_than_the_limit(self) -> None:
        session = service(max_exchanges=2)
        self.ask(session, 1)
        self.ask(session, 2)
        found = lines(session, f"AUTH 3 PLAIN {SECURE} resp={PLAIN}")
        self.assertEqual(found, ["FAIL 3 temp code=temp_fail"])

    def test_shutdown(self) -> None:
        session = service()
        question = self.ask(session, 1)
        lines(session, f"AUTH 2 PLAIN {SECURE}")
        found = bytes(session.shutdown()).decode().splitlines()
        self.assertEqual(
            found, [f"FAIL\t{number}\ttemp\tcode=temp_fail" for number in (1, 2)]
        )
        self.assertEqual(session.open, 0)
        self.assertIs(session.decision()[1].reason, sasl.Reason.UNAVAILABLE)
        again = lines(session, f"AUTH 3 PLAIN {SECURE} resp={PLAIN}")
        self.assertEqual(again, ["FAIL 3 temp code=temp_fail"])
        with self.assertRaises(sasl.StateError):
            question.request.answer(True)

    def test_a_wrong_password_stays_one_whatever_comes(self) -> None:
        """An exchange whose token was refused is a refusal, however it ends."""
        session = service()
        text = sasl.profiles.SMTP.encode(
            b"n,a=user,\x01auth=Bearer bad\x01\x01"
        ).decode()
        [found] = lines(session, f"AUTH 1 OAUTHBEARER {SECURE} resp={text}")
        self.assertTrue(found.startswith("CONT 1 "))
        session.closed()
        self.assertIs(session.decision()[1].reason, sasl.Reason.BAD_CREDENTIALS)

    def test_a_vanished_client(self) -> None:
        session = service()
        self.ask(session, 1)
        lines(session, f"AUTH 2 PLAIN {SECURE}")
        session.closed()
        outcomes = [session.decision()[1].reason for _ in range(2)]
        self.assertEqual(outcomes, [sasl.Reason.ABORTED] * 2)
        session.closed()
        self.assertIsNone(session.decision())

    def test_expire(self) -> None:
        session = service()
        lines(session, f"AUTH 1 PLAIN {SECURE}", f"AUTH 2 LOGIN {SECURE}")
        self.ask(session, 3)
        self.assertEqual(bytes(session.expire()), b"")
        lines(session, "CONT 2 dXNlcg==")
        late = b"FAIL\t%d\treason=Authentication request timed out\n"
        self.assertEqual(bytes(session.expire()), late % 1)
        # What waits for us is not late.
        self.assertEqual(bytes(session.expire()), late % 2)
        self.assertEqual(session.open, 1)

    def test_what_waited_for_us_has_its_time_then(self) -> None:
        session = service()
        session.incoming.feed(
            line(f"AUTH 1 SCRAM-SHA-256 {SECURE} resp=biwsbj11c2VyLHI9eA==")
        )
        question = session.receive(session.incoming.next())
        session.expire()
        session.expire()
        session.resume(question, question.request.answer(None))
        self.assertEqual(bytes(session.expire()), b"")
        self.assertTrue(bytes(session.expire()).startswith(b"FAIL\t1\t"))


if __name__ == "__main__":
    unittest.main()
