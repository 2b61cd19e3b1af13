"""Bad lines, by Hypothesis: no exception, no success without a decision, and a session
that is in order, or over.
"""

from __future__ import annotations

import unittest

from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import sasl_core as sasl
from sasl_core.protocols.dovecot import ClientSession, Question, Reply, Verified

from ..._accounts import Application
from ..._hypothesis import given, settings, st
from ._pair import service

CHANNEL = sasl.Channel(True, service="smtp")
PIECES = [
    b"AUTH",
    b"CONT",
    b"CANCEL",
    b"VERSION",
    b"CPID",
    b"OK",
    b"FAIL",
    b"1",
    b"2",
    b"0",
    b"4294967296",
    b"PLAIN",
    b"LOGIN",
    b"SCRAM-SHA-256",
    b"SCRAM-SHA-256-PLUS",
    b"OAUTHBEARER",
    b"EXTERNAL",
    b"ANONYMOUS",
    b"service=smtp",
    b"secured",
    b"transport=insecure",
    b"valid-client-cert",
    b"cert_username=user",
    b"lport=x",
    b"final-resp-ok",
    b"nologin",
    b"user=user",
    b"user=",
    b"resp=",
    b"resp=AHVzZXIAcGVuY2ls",
    b"resp=AHVzZXIAd3Jvbmc=",
    b"resp=biwsbj11c2VyLHI9ZnlrbyE=",
    b"resp=cD10bHMtZXhwb3J0ZXIsLG49dXNlcixyPWZ5a28=",
    b"AHVzZXIAcGVuY2ls",
    b"dXNlcg==",
    b"cGVuY2ls",
    b"!!!!",
    b"=",
    b"#",
    b"channel_binding=tls-exporter",
    b"channel_binding=AAAA",
    b"temp",
    b"\xff",
    b"\x01",
    b"\x01t\x01n\x010",
    b"\0",
    b"\r",
    b"A" * 9000,
    b"",
]
line = st.lists(st.sampled_from(PIECES), max_size=7).map(b"\t".join)
auth = st.builds(
    lambda number, name, more: b"\t".join([b"AUTH", number, name, *more]),
    st.sampled_from([b"1", b"2", b"3", b"4"]),
    st.sampled_from(PIECES[11:18]),
    st.lists(st.sampled_from(PIECES[18:33]), max_size=5).map(
        lambda more: [b"service=smtp", b"secured", *more]
    ),
)
cont = st.builds(
    lambda number, text: b"\t".join([b"CONT", number, text]),
    st.sampled_from([b"1", b"2", b"3", b"4"]),
    st.sampled_from(PIECES[33:]),
)
end = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b""])


class Service(RuleBasedStateMachine):
    """Our service, at the mercy of a mail server and of its application's moods."""

    def __init__(self) -> None:
        super().__init__()
        self.connect()

    def connect(self) -> None:
        self.session = service(external=True)
        self.application = Application()
        self.questions: list[Question] = []
        self.over = False

    def take(self, action: Reply | Question) -> None:
        if isinstance(action, Question):
            self.questions.append(action)
            return
        for said in action.lines:
            verb, identifier, *_ = said.split(b"\t")
            assert verb in (b"OK", b"FAIL", b"CONT"), said
            assert identifier.isdigit()
            assert b"\0" not in said and b"\n" not in said
        while (decision := self.session.decision()) is not None:
            if isinstance(decision[1], sasl.Success):
                by_fact = decision[0].name in ("ANONYMOUS", "EXTERNAL")
                assert by_fact or self.application.yes, "nobody said yes"
        self.over = self.over or action.close

    @precondition(lambda self: self.over)
    @rule()
    def connect_again(self) -> None:
        self.connect()

    @precondition(lambda self: not self.over)
    @rule(text=st.one_of(line, auth, auth, cont), ending=end)
    def hear(self, text: bytes, ending: bytes) -> None:
        self.session.incoming.feed(text + ending)
        while not self.over and (got := self.session.incoming.next()) is not None:
            self.take(self.session.receive(got))

    @precondition(lambda self: self.questions)
    @rule(which=st.integers(0, 5), mood=st.sampled_from("yes deny down gone".split()))
    def settle(self, which: int, mood: str) -> None:
        question = self.questions.pop(which % len(self.questions))
        try:
            match mood:
                case "yes":
                    event = self.application.settle(question.request)
                case "deny":
                    event = question.request.deny()
                case "down":
                    event = question.request.unavailable()
                case _:
                    self.take(self.session.unavailable(question))
                    return
        except sasl.StateError:
            return  # its exchange was cancelled
        self.take(self.session.resume(question, event))

    @precondition(lambda self: not self.over)
    @rule()
    def time_passes(self) -> None:
        self.take(self.session.expire())

    @invariant()
    def in_order(self) -> None:
        session = self.session
        assert set(session._questions) <= set(session._exchanges)
        assert not (self.over and session.open)

    def teardown(self) -> None:
        self.session.shutdown()
        self.session.closed()
        assert self.session.open == 0


Service.TestCase.settings = settings(max_examples=50, stateful_step_count=20)
ServiceTest = Service.TestCase


class MailServer(unittest.TestCase):
    """Our mail server, and a service that says anything."""

    @settings(max_examples=60)
    @given(
        st.lists(st.tuples(line, end), max_size=8),
        st.booleans(),
        st.sets(st.integers(1, 3)),
    )
    def test_only_our_errors(self, said, ready, open_ids) -> None:
        client = ClientSession(pid=1)
        if ready:
            client.receive(b"VERSION\t1\t3\nMECH\tPLAIN\nCOOKIE\taa\nDONE\n")
            for _ in range(3):
                client.begin("PLAIN", None, CHANNEL)
            for number in {1, 2, 3} - open_ids:
                client.cancel(number)
        waiting = set(client.open)
        try:
            for text, ending in said:
                for answer in client.receive(text + ending):
                    assert answer.id in waiting
                    if isinstance(answer.outcome, Verified):
                        waiting.remove(answer.id)
                        assert answer.outcome.identity.authzid == "user"
        except sasl.ProtocolError as error:
            assert str(error).isprintable()
            for answer in client.closed():
                assert answer.outcome.reason is sasl.Reason.UNAVAILABLE


if __name__ == "__main__":
    unittest.main()
