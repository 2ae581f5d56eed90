"""The samples of docs/invoices.md: every command that stands there is given, in one home, and prints what the page says."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from billing.catalogue import Operator
from server import clock, operator
from server.cli.app import main
from tests.billing.runs.world import Call, World, instant_us

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow
PAGE: Final = (Path(__file__).parents[3] / "docs" / "invoices.md").read_text(encoding="utf-8")
NUMBER: Final = "8613800001001"


class Samples:
    """Commands of the page with what they print, each taken once and in its order."""

    def __init__(self) -> None:
        text = "".join(re.findall(r"^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)).replace("\\\n", "")
        each = re.findall(r"^\$ ratewright (.*?)\n(.*?)(?=^\$ |\Z)", text, re.DOTALL | re.MULTILINE)
        self.left = [(" ".join(command.split()), output.strip()) for command, output in each]

    def take(self, command: str) -> tuple[list[str], str]:
        """The first one left that begins so: its words, and its output."""
        found = next(sample for sample in self.left if sample[0].startswith(command))
        self.left.remove(found)
        return shlex.split(found[0]), found[1]


@pytest.fixture
def shown(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Samples, str, str], None]:
    """Gives a sample's command at noon of a day, and compares."""
    monkeypatch.setattr(operator, "current", lambda: Operator("root", 0))

    def show(samples: Samples, day: str, command: str) -> None:
        world.catch_up()
        now_us = max(instant_us(f"{day}T20:00:00"), world.tick())
        monkeypatch.setattr(clock, "machine_now_us", lambda: now_us)
        words, expected = samples.take(command)
        capsys.readouterr()
        status = main([*words, "--home", str(world.home.path)])
        printed = capsys.readouterr()
        assert (printed.out + printed.err).strip() == expected
        assert (status != 0) == expected.startswith("error:")

    return show


def test_the_page_is_what_the_program_prints(world: World, shown: Callable[[Samples, str, str], None]) -> None:
    """Anna's October with a credit note, a void and a reissue with ten cents of late usage; then her November with an adjustment."""
    samples = Samples()
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", NUMBER)
    world.take(Call(NUMBER, "2025-10-05T10:00:00", 30 * 60), Call(NUMBER, "2025-10-07T10:00:00", 30, 8690000000001))
    world.bill("2025-11-01")
    shown(samples, "2025-11-02", "invoice usage")
    shown(samples, "2025-11-05", "invoice credit")
    for _ in range(4):
        shown(samples, "2025-11-06", "invoice void")
    world.take(Call(NUMBER, "2025-10-09T10:00:00", 60))
    shown(samples, "2025-11-07", "invoice reissue")
    world.take(Call(NUMBER, "2025-11-03T10:00:00", 25 * 60))
    shown(samples, "2025-11-10", "bill unbilled")
    shown(samples, "2025-11-20", "adjustment add --reference A-17")
    shown(samples, "2025-11-20", "adjustment add --reference A-18")
    world.bill(dt.date(2025, 12, 1).isoformat())
    shown(samples, "2025-12-02", "invoice explain")
    assert not samples.left, "a sample of the page that nothing shows"
