"""An export is of one commit: its files and the latest bill date that it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing.accounts import exporting

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_run_that_ends_while_the_files_are_written_is_not_told(world: World, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "8613800000001")
    read = exporting._sheets  # noqa: SLF001 -- the last moment in which the view is open

    def read_before_a_run(connection: Any) -> Any:  # noqa: ANN401 -- handed on
        sheets = read(connection)
        if not world.numbers():
            world.bill("2025-11-01")
        return sheets

    monkeypatch.setattr(exporting, "_sheets", read_before_a_run)
    folder = world.home.path.parent
    assert exporting.export_files(world.home, folder / "before", form).billed_through is None
    assert str(exporting.export_files(world.home, folder / "behind", form).billed_through) == "2025-11-01"
