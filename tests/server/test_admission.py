"""Waiting connections make room, answering ones never do, and no origin keeps out another."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from secconsole.domain.throttling.token_bucket import Rate
from secconsole.server.transport.admission import TOO_MANY, TOO_MANY_HERE, Admission, Seat, Stage
from secconsole.server.transport.limits import TOLD, Limits
from tests.extent import examples

SMALL = Limits(connections=6, per_origin=4, unfinished=2)


class House:
    """An admission, and the seats that were evicted."""

    def __init__(self, limits: Limits = SMALL) -> None:
        self.admission = Admission(limits)
        self.gone: list[Seat] = []

    def enter(self, home: str | None) -> Seat | None:
        seat = self.admission.enter(home, lambda: self.gone.append(seat) if seat else None)
        return seat

    def answering(self, home: str | None, origin: str = "") -> Seat:
        seat = self.enter(home)
        assert seat is not None
        assert self.admission.ask(seat, origin or home) is None
        self.admission.answer(seat)
        return seat

    def idle(self, home: str | None) -> Seat:
        seat = self.answering(home)
        self.admission.note_idle(seat)
        return seat


def test_the_oldest_unfinished_requests_are_dropped() -> None:
    house = House()
    seats = [house.enter("a") for _ in range(5)]
    assert house.gone == seats[:3]
    assert house.admission.open == 2


def test_a_complete_request_is_served_beside_any_number_of_unfinished_ones() -> None:
    house = House()
    for number in range(100):
        house.enter(f"attacker {number % 7}")
    for home in ("a", "attacker 1"):
        seat = house.enter(home)
        assert seat is not None
        assert house.admission.ask(seat, home) is None
        assert seat.is_taken


def test_a_connection_being_answered_is_never_dropped() -> None:
    house = House()
    busy = [house.answering("a") for _ in range(4)]
    more = house.enter("a")
    assert more is not None
    assert house.admission.ask(more, "a") == TOO_MANY_HERE
    assert house.gone == []
    house.admission.leave(more)
    others = [house.answering("b") for _ in range(2)]
    more = house.enter("c")
    assert more is not None
    assert house.admission.ask(more, "c") == TOO_MANY
    assert all(seat.is_taken for seat in busy + others)


def test_idle_keep_alive_connections_are_dropped_first() -> None:
    house = House()
    idle = [house.idle("a") for _ in range(4)]
    assert house.enter("a") is not None
    assert house.gone == idle[:1]


def test_the_global_limit_drops_from_the_origin_with_most_waiting() -> None:
    house = House()
    honest = house.idle("honest")
    attacker = [house.idle("attacker") for _ in range(4)]
    house.answering("x")
    assert house.enter("new") is not None
    assert house.gone == attacker[:1]
    assert honest.is_taken


def test_requests_through_a_proxy_count_for_its_client() -> None:
    house = House(Limits(connections=100, per_origin=4, unfinished=2))
    proxied = [house.enter(None) for _ in range(20)]
    assert house.gone == []  # the proxy itself counts for no origin
    for seat in proxied[:3]:
        assert seat is not None
        assert house.admission.ask(seat, "a") is None
    assert house.gone == proxied[:1]  # three bodies that do not come, of one client
    for seat in proxied[3:7]:
        assert seat is not None
        refused = house.admission.ask(seat, "a")
        house.admission.answer(seat)
    assert refused is None
    assert seat is not None
    last = proxied[7]
    assert last is not None
    assert house.admission.ask(last, "a") == TOO_MANY_HERE
    assert house.admission.ask(last, "b") is None
    house.admission.note_idle(seat)
    assert seat.origin is None


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_flood_of_connections_is_not_processed() -> None:
    time = Time()
    admission = Admission(Limits(openings=Rate(10, 60)), time)
    assert [admission.may_open("a") for _ in range(12)] == [True] * 10 + [False] * 2
    assert admission.may_open("b")
    assert all(admission.may_open(None) for _ in range(100)), "a named proxy's are not its own"
    time.now = 1.0
    assert admission.may_open("a")


def test_an_origin_that_is_dropped_repeatedly_has_to_wait() -> None:
    time = Time()
    admission = Admission(Limits(unfinished=2, evictions=Rate(5, 60)), time)
    let_in = 0
    for _ in range(100):
        if admission.may_open("a"):
            let_in += 1
            admission.enter("a", lambda: None)
    assert let_in == 2 + 5
    assert admission.may_open("b")
    time.now = 1.0
    assert admission.may_open("a")


class Any(RuleBasedStateMachine):
    """Whatever connections do, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.seats: list[Seat] = []

    @rule(home=st.sampled_from(["a", "b", "c", "d", None]))
    def enter(self, home: str | None) -> None:
        busy = [seat for seat in self.seats if seat.is_taken and seat.stage is Stage.ANSWERING]
        seat = self.house.enter(home)
        if seat is not None:
            self.seats.append(seat)
            assert seat.is_taken
        assert all(seat.is_taken for seat in busy)

    @rule(at=st.integers(0, 200), what=st.sampled_from(["ask", "answer", "note_idle", "await_client", "leave"]))
    def go_on(self, at: int, what: str) -> None:
        if self.seats:
            seat = self.seats[at % len(self.seats)]
            if what == "ask":
                self.house.admission.ask(seat, seat.home or "behind a proxy")
            else:
                getattr(self.house.admission, what)(seat)

    @invariant()
    def it_adds_up(self) -> None:
        taken = [seat for seat in self.seats if seat.is_taken]
        assert self.house.admission.open == len(taken) <= SMALL.connections + TOLD
        assert self.house.admission.evicted == len(self.house.gone)
        for origin in {seat.origin for seat in taken if seat.origin is not None}:
            unfinished = [s for s in taken if s.origin == origin and s.stage is Stage.UNFINISHED]
            assert len(unfinished) <= SMALL.unfinished
        assert set(self.house.admission._shares) == {seat.origin for seat in taken}


Any.TestCase.settings = settings(max_examples=examples(100), stateful_step_count=60, deadline=None)
TestAny = Any.TestCase
