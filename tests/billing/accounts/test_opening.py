"""One account by a command: the checks of an import, once, and nothing at a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.accounts import lookup
from billing.accounts.opening import open_account
from rating.errors import ProblemsError, UserError
from tests.billing.accounts.operator_home import ASKED, DRY, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.store.home import Home

ZOE = {
    "account_id": "Z1", "name": "Zoe", "currency": "CNY", "timezone": "Asia/Shanghai", "bill_day": "31", "language": "en",
    "opened_on": "2026-03-12", "billed_through": "", "dunning_policy": "standard", "payment_days": "14", "legal_entity": "north",
    "category": "staff",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with make(tmp_path) as opened:
        yield opened


def test_an_account_is_opened_once(home: Home) -> None:
    before = lookup.count_accounts(home)
    assert open_account(home, ZOE, DRY).said == ("Z1 (Zoe) is billed from 2026-03-12 on, on day 31 of the month, in CNY",)
    assert lookup.count_accounts(home) == before, "a dry run stores nothing"
    assert not open_account(home, ZOE, ASKED).existed
    assert open_account(home, ZOE, ASKED).existed
    shown = lookup.show_account(home, "Z1").account
    assert (shown.bill_day, shown.opened_on, shown.legal_entity, shown.category) == (31, "2026-03-12", "north", "staff")
    assert lookup.count_accounts(home) == before + 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("bill_day", "", "bill_day: "),
        ("bill_day", "32", "bill_day: '32' is not a whole number from 1 to 31"),
        ("currency", "yuan", "currency: 'yuan'"),
        ("timezone", "Shanghai", "timezone: 'Shanghai' is not a time zone"),
        ("dunning_policy", "kind", "dunning_policy: there is no dunning policy kind"),
        ("legal_entity", "south", "legal_entity: no legal entity is called 'south'"),
        ("billed_through", "2026-03-11", "billed_through 2026-03-11 is before opened_on 2026-03-12"),
        ("account_id", "A1/2", "account_id: 'A1/2'"),
    ],
)
def test_what_cannot_be(home: Home, field: str, value: str, message: str) -> None:
    before = lookup.count_accounts(home)
    with pytest.raises(UserError) as caught:
        open_account(home, ZOE | {field: value}, ASKED)
    assert caught.value.message.startswith(message)
    assert lookup.count_accounts(home) == before


def test_other_data_and_several_mistakes(home: Home) -> None:
    open_account(home, ZOE, ASKED)
    with pytest.raises(UserError, match="name: account Z1 exists with name 'Zoe', not 'Eve'"):
        open_account(home, ZOE | {"name": "Eve"}, ASKED)
    with pytest.raises(ProblemsError) as caught:
        open_account(home, ZOE | {"account_id": "Z2", "bill_day": "0", "opened_on": "soon"}, ASKED)
    assert [each.path for each in caught.value.problems] == ["bill_day", "opened_on"]
