"""The operator of a call is looked up at each call: what is remembered holds only as long as nobody has committed anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import operators
from billing.operators import Identity, Role
from billing.store.home import Home
from rating.dates import DAY_US
from server.access.identity import Caller, Identities
from server.grpc.refusals import Refusal
from tests.billing.runs.world import World
from tests.server.access.conftest import Guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
HOUR_US = 3_600_000_000


class Looking:
    """Operators of a home, their look-ups, and how often their rows were read."""

    def __init__(self, world: World) -> None:
        self.made, self.path = Guarded(world), world.home.path
        self.identities = Identities(world.home, lambda: self.made.now_us)
        self.reads = 0

    def caller(self, name: str) -> Caller:
        """The caller with the token of an operator."""
        return self.identities.caller({"authorization": f"Bearer {self.made.tokens[name]}"}, {})

    def refusal(self, name: str) -> str:
        """The reason for which the token is refused."""
        with pytest.raises(Refusal) as caught:
            self.caller(name)
        return caught.value.reason

    def elsewhere(self, act: Callable[[Home], object]) -> None:
        """Do something as another process would: through another opening of the home."""
        with Home.open(self.path) as other:
            act(other)


@pytest.fixture
def looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Looking]:
    """Operators; each read of an operator's rows is counted."""
    world = World(tmp_path / "home")
    made, read = Looking(world), operators.known_by_key

    def counted(*asked: object) -> Identity | None:
        made.reads += 1
        return read(*asked)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(operators, "known_by_key", counted)
    yield made
    world.home.close()


def test_a_caller_is_read_again_only_after_operators_changed(looking: Looking) -> None:
    first = looking.caller("the-finance")
    assert first.roles == {Role.FINANCE}
    assert (looking.caller("the-finance"), looking.reads) == (first, 1)
    looking.made.world.bill("2025-02-01")  # commits, and none of them is about operators
    assert (looking.caller("the-finance"), looking.reads) == (first, 1)
    looking.elsewhere(lambda home: operators.grant(home, "the-finance", Role.SUPPORT, "a test", looking.made.who))
    assert looking.caller("the-finance").roles == {Role.FINANCE, Role.SUPPORT}
    assert looking.reads == 2


def test_what_another_process_revokes_holds_at_the_next_call(looking: Looking) -> None:
    looking.caller("the-finance"), looking.caller("the-switch")
    key_id = looking.made.key_ids["the-finance"]
    looking.elsewhere(lambda home: operators.revoke_key(home, key_id, "a test", looking.made.who))
    assert looking.refusal("the-finance") == "CREDENTIALS_REVOKED"
    assert looking.caller("the-switch").roles == {Role.SWITCH}


def test_a_role_and_a_token_end_by_the_clock_alone(looking: Looking) -> None:
    """A role for the hour from 01:00 to 02:00 and a token of one day: nothing is committed while they begin and end."""
    begin_us = looking.made.now_us
    limits = operators.Limits(from_us=begin_us + HOUR_US, until_us=begin_us + 2 * HOUR_US)
    looking.elsewhere(lambda home: operators.grant(home, "the-switch", Role.SUPPORT, "a test", looking.made.who, limits=limits))
    held = []
    for offset_us in (0, HOUR_US - 1, HOUR_US, 2 * HOUR_US - 1, 2 * HOUR_US, DAY_US - 1):
        looking.made.now_us = begin_us + offset_us
        held.append(Role.SUPPORT in looking.caller("the-switch").roles)
    assert held == [False, False, True, True, False, False]
    looking.made.now_us = begin_us + DAY_US
    assert looking.refusal("the-switch") == "CREDENTIALS_EXPIRED"
    looking.made.now_us = begin_us + HOUR_US  # a clock that was set back
    assert Role.SUPPORT in looking.caller("the-switch").roles


def test_keys_that_were_read_again_are_asked(looking: Looking) -> None:
    looking.caller("the-switch")
    for path in (looking.path / "keys").glob("token-*"):
        path.unlink()
    assert looking.caller("the-switch").name == "the-switch"  # until they are read again
    looking.identities.read_keys()
    assert looking.refusal("the-switch") == "CREDENTIALS_REFUSED"
