"""A real, guarded service over a fresh home, with an operator for each role."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import grpc
import pytest

from billing import operators
from billing.operators import OperatorKind, Role
from billing.persons import Who
from rating.dates import DAY_US
from server.access import tokens
from server.access.identity import Identities
from server.access.trail import Trail
from server.grpc import service
from server.grpc.call_log import CallLog
from server.grpc.entrance import Access
from server.grpc.operator_limits import Limit, OperatorLimits
from server.observing.meter import Meter
from tests.billing.runs.world import World
from tests.server.with_token import with_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOOPBACK = service.Address("127.0.0.1", 0)
NOW_US = 1_763_000_000_000_000  # 13 November 2025


class Enrolled(NamedTuple):
    """By name of an operator: the token, and the number of its key."""

    tokens: dict[str, str]
    key_ids: dict[str, int]


class Guarded:
    """A service, its clock, and tokens of operators by their names."""

    def __init__(self, world: World, now_us: int = NOW_US, enrolled: Enrolled | None = None) -> None:
        """`enrolled`: the operators that the home has; they are made where there are none."""
        self.world, self.home, self.now_us = world, world.home, now_us
        self.tokens, self.key_ids = (dict(each) for each in enrolled or ({}, {}))
        self.is_running = False
        self.issued = len(self.tokens)
        if enrolled is None:
            self._enrol()

    @classmethod
    def of(cls, world: World, *lives: Callable[[World], object], now_us: int = NOW_US) -> Guarded:
        """A service for a fresh world in which these things happen first. They and its operators are made once in a process."""

        def live(fresh: World) -> Enrolled:
            for each in lives:
                each(fresh)
            made = cls(fresh, now_us)
            return Enrolled(made.tokens, made.key_ids)

        names = tuple(f"{each.__module__}.{each.__qualname__}" for each in lives)
        return cls(world, now_us, world.lived(live, names, now_us))

    def _enrol(self) -> None:
        operators.add(self.home, "boss", OperatorKind.PERSON, self.who, uid=os.getuid())
        self.issue("boss")
        for role in Role:
            if role is not Role.ADMIN:
                self.add(f"the-{role}", role)

    @property
    def who(self) -> Who:
        """The admin, now."""
        return Who("boss", os.getuid(), self.now_us)

    def add(self, name: str, *roles: Role, days: int = 1) -> None:
        """An operator with roles and a token."""
        operators.add(self.home, name, OperatorKind.PERSON, self.who)
        for role in roles:
            operators.grant(self.home, name, role, "a test", self.who)
        self.issue(name, days=days)

    def issue(self, name: str, *, days: int = 1) -> None:
        """A token of an operator."""
        self.issued += 1
        token_id = f"{self.issued:032x}"
        issued = tokens.issue(self.home, name, self.now_us + days * DAY_US, token_id, self.who)
        self.tokens[name], self.key_ids[name] = issued.text, issued.key_id

    def start(self, limits: OperatorLimits | None = None, meter: Meter | None = None, log: CallLog | None = None) -> None:
        """Answer calls."""
        self.trail = Trail(self.home.path, self.now_us)
        self.identities = Identities(self.home, lambda: self.now_us)
        chosen = limits or OperatorLimits(Limit()), meter or Meter(), log or CallLog()
        access = Access(self.identities, self.trail, lambda: self.now_us, *chosen)
        self.service = service.Service.start(service.listen(LOOPBACK), self.home, lambda: self.now_us, access=access, has_reflection=True)
        self.plain = grpc.insecure_channel(str(self.service.address))
        self.is_running = True

    def channel(self, name: str | None, *metadata: tuple[str, str]) -> grpc.Channel:
        """A channel with the token of an operator, or of nobody."""
        return self.plain if name is None else with_token(self.plain, self.tokens[name], *metadata)

    def stop(self) -> None:
        """End the service; the trail is whole then."""
        if self.is_running:
            self.is_running = False
            self.plain.close()
            self.service.stop()
            self.trail.close()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    """The service; operators are `boss`, an admin, and `the-switch`, `the-finance`, ..."""
    world = World(tmp_path / "home")
    made = Guarded.of(world)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        world.home.close()
