"""Each change of an account over gRPC says and does what its command says and does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import json_format

from billing.accounts import lookup
from billing.store import tables
from ratewright.v1 import account_change_pb2 as pb
from ratewright.v1 import account_service_pb2
from tests.server.grpc.calls import DEADLINE_S, Refused, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home

pytestmark = pytest.mark.slow
D = "2026-06-01"
# account | change as JSON (dates as text) | the command of the same
CHANGES: list[tuple[str, dict[str, Any], str]] = [
    (
        "P-7",
        {"open": {"display_name": "Zoe", "currency_code": "CNY", "time_zone": "Asia/Shanghai", "bill_day": 31, "open_date": "2026-03-12"}},
        "open P-7 --name Zoe --currency CNY --timezone Asia/Shanghai --bill-day 31 --opened-on 2026-03-12",
    ),
    (
        "P-300",
        {"activate": {"subscription": "P-300-9", "plan": "china-mobile/star-39", "from_date": "2026-03-12", "numbers": ["8613800010309"]}},
        "activate P-300-9 --account P-300 --plan china-mobile/star-39 --from 2026-03-12 --number 8613800010309",
    ),
    (
        "F-201",
        {"change_plan": {"subscription": "F-201-1", "plan": "china-mobile/star-39", "start": {"date": "2026-03-15"}}},
        "change-plan F-201-1 --to china-mobile/star-39 --on 2026-03-15",
    ),
    (
        "F-201",
        {"change_plan": {"subscription": "F-201-1", "plan": "china-mobile/star-99", "start": {"today": True}}},
        "change-plan F-201-1 --to china-mobile/star-99 --now",
    ),
    (
        "F-201",
        {"change_plan": {"subscription": "F-201-1", "plan": "china-mobile/star-99", "start": {"at_cycle_end": True}}},
        "change-plan F-201-1 --to china-mobile/star-99 --at-cycle-end",
    ),
    (
        "C-101",
        {"add_add_on": {"subscription": "C-101-1", "add_on": "data-10g", "start": {"date": "2026-03-01"}}},
        "add-on add C-101-1 data-10g --on 2026-03-01",
    ),
    (
        "P-300",
        {"remove_add_on": {"subscription": "P-300-2", "add_on": "data-10g", "start": {"date": "2026-04-01"}}},
        "add-on remove P-300-2 data-10g --on 2026-04-01",
    ),
    (
        "P-300",
        {"pause": {"subscription": "P-300-2", "from_date": "2026-05-01", "reason": "travel"}},
        "pause P-300-2 --from 2026-05-01 --reason travel",
    ),
    (
        "P-300",
        {"pause": {"subscription": "P-300-2", "from_date": "2026-05-01", "to_date": "2026-05-11"}},
        "pause P-300-2 --from 2026-05-01 --to 2026-05-10",
    ),
    ("C-102", {"resume": {"subscription": "C-102-1", "date": "2026-03-15"}}, "resume C-102-1 --on 2026-03-15"),
    (
        "P-300",
        {"outage": {"subscription": "P-300-2", "from_date": "2026-05-01", "to_date": "2026-05-03", "ticket": "N-1"}},
        "outage P-300-2 --from 2026-05-01 --to 2026-05-02 --ticket N-1",
    ),
    ("P-300", {"end": {"subscription": "P-300-2", "date": D, "reason": "moved"}}, f"end P-300-2 --on {D} --reason moved"),
    (
        "P-300",
        {"transfer": {"subscription": "P-300-2", "to_account": "accounts/S-400", "date": D, "new_subscription": "S-400-9"}},
        f"transfer P-300-2 --to S-400 --on {D} --as S-400-9",
    ),
    (
        "P-300",
        {"give_number": {"number": "8613800010777", "subscription": "P-300-2", "from_time": "2026-03-01T04:00:00Z"}},
        "number give 8613800010777 P-300-2 --from 2026-03-01T12:00:00+08:00",
    ),
    (
        "P-300",
        {"give_number": {"number": "8613800010777", "subscription": "P-300-2", "from_date": "2026-03-01", "quarantine_days": 0}},
        "number give 8613800010777 P-300-2 --from 2026-03-01 --quarantine-days 0",
    ),
    (
        "P-300",
        {"take_number": {"number": "8613800010302", "subscription": "P-300-2", "date": D}},
        f"number take 8613800010302 P-300-2 --on {D}",
    ),
    ("P-300", {"terms": {"from_date": "2026-03-01", "payment_days": 30}}, "terms P-300 --from 2026-03-01 --payment-days 30"),
    (
        "P-300",
        {"terms": {"subscription": "P-300-2", "from_date": "2026-03-01", "minimum_months": 0, "early_end_waived": True}},
        "terms P-300-2 --from 2026-03-01 --minimum-months 0 --early-end-waived",
    ),
    (
        "P-300",
        {"discount": {"subscription": "P-300-2", "name": "loyal", "from_date": "2026-03-01", "percent": "12.5", "kinds": ["usage"]}},
        "discount P-300-2 loyal --from 2026-03-01 --percent 12.5 --kind usage",
    ),
    (
        "P-300",
        {"discount": {"name": "gift", "from_date": "2026-03-01", "to_date": "2026-04-01", "amount": {"units": 5}, "charge_codes": [10]}},
        "discount P-300 gift --from 2026-03-01 --to 2026-03-31 --amount 5.00 --charge-code 10",
    ),
    (
        "P-300",
        {"tax": {"from_date": "2026-03-01", "exempt": ["*"], "certificate": "9"}},
        "tax P-300 --from 2026-03-01 --exempt * --certificate 9",
    ),
    ("P-300", {"tax": {"from_date": "2026-03-01", "instead": {"added": "voice"}}}, "tax P-300 --from 2026-03-01 --instead added=voice"),
    ("P-300", {"category": {"category": "test", "from_date": "2026-03-01"}}, "category P-300 test --from 2026-03-01"),
    (
        "P-300",
        {"hold": {"from_date": "2026-03-01", "to_date": "2026-04-01", "reason": "dispute"}},
        "hold P-300 --from 2026-03-01 --to 2026-03-31 --reason dispute",
    ),
    ("C-101", {"payer": {"from_date": D}}, f"payer C-101 --nobody --from {D}"),
    (
        "C-102",
        {"sponsor": {"payer": "accounts/C-100", "from_date": D, "kinds": ["one_off"]}},
        f"sponsor C-102 C-100 --from {D} --kind one_off",
    ),
    ("C-102", {"pool": {"root": "accounts/C-101", "from_date": D}}, f"pool C-102 C-101 --from {D}"),
    ("F-201", {"bill_day": {"bill_day": 1, "from_date": "2026-06-20"}}, "bill-day F-201 1 --from 2026-06-20"),
    ("P-300", {"close": {"date": "2026-06-20"}}, "close P-300 --on 2026-06-20"),
    ("P-300", {"retract": {"fact": 8, "reason": "mistyped"}}, "retract P-300 8 --reason mistyped"),
]


def request(account: str, change: dict[str, Any], **more: Any) -> pb.ChangeAccountRequest:  # noqa: ANN401 -- fields of the message
    """The message of a change, whose dates are text."""

    def dated(value: Any, name: str = "") -> Any:  # noqa: ANN401 -- JSON is anything
        if isinstance(value, dict):
            return {key: dated(each, key) for key, each in value.items()}
        if name.endswith("date"):
            year, month, day = map(int, value.split("-"))
            return {"year": year, "month": month, "day": day}
        return value

    return json_format.ParseDict(dated({"name": f"accounts/{account}", **change, **more}), pb.ChangeAccountRequest())


def send(accounts: Any, account: str, change: dict[str, Any], **more: Any) -> pb.ChangeAccountResponse:  # noqa: ANN401 -- a stub, fields
    return accounts.ChangeAccount(request(account, change, **more), timeout=DEADLINE_S)


def refusal(accounts: Any, account: str, change: dict[str, Any]) -> Refused:  # noqa: ANN401 -- a stub
    return refused(lambda: send(accounts, account, change))


def head(home: Home) -> int:
    with home.connect() as connection:
        return home.head_seq(connection)


def test_there_is_a_row_of_each_change() -> None:
    fields = {each.name for each in pb.ChangeAccountRequest.DESCRIPTOR.oneofs_by_name["change"].fields}
    assert {name for _, change, _ in CHANGES for name in change} == fields - {
        "revive",
        "untransfer",
    }  # which need an end, or a handover: below


@pytest.mark.parametrize("row", CHANGES, ids=[words for *_, words in CHANGES])
def test_a_rehearsal_says_what_the_command_says(
    accounts: Any,  # noqa: ANN401 -- a stub
    home: Home,
    command: Callable[..., Any],
    row: tuple[str, dict[str, Any], str],
) -> None:
    account, change, words = row
    before = head(home)
    told = command("accounts", *words.split(), "--dry-run")
    found = send(accounts, account, change, validate_only=True)
    assert (list(found.effects), found.already_recorded, found.commit_seq) == (told["said"], told["existed"], 0)
    assert found.effects
    assert head(home) == before


def test_a_change_counts_once_and_is_retracted(accounts: Any, home: Home) -> None:  # noqa: ANN401 -- a stub
    hold = {"hold": {"from_date": "2027-01-01", "reason": "dispute"}}
    before = head(home)
    first = send(accounts, "P-300", hold, request_id="hold")
    assert (first.commit_seq, first.already_recorded, head(home)) == (before + 1, False, before + 1)
    assert send(accounts, "P-300", hold, request_id="hold") == first
    other = refused(lambda: send(accounts, "P-300", {"hold": {"from_date": "2027-01-02"}}, request_id="hold"))
    assert (other.reason, other.metadata["field"]) == ("REQUEST_ID_REUSED", "hold")
    again = send(accounts, "P-300", hold)
    assert (again.already_recorded, again.commit_seq) == (True, 0)
    with home.begin() as connection:
        connection.execute(tables.requests.update().values(answer=None))
    assert send(accounts, "P-300", hold, request_id="hold") == pb.ChangeAccountResponse(commit_seq=first.commit_seq)
    shown = accounts.GetAccount(account_service_pb2.GetAccountRequest(name="accounts/P-300"), timeout=DEADLINE_S)
    (held,) = [each for each in shown.holds if each.reason == "dispute"]
    assert (held.from_date.year, held.HasField("to_date")) == (2027, False)
    send(accounts, "P-300", {"retract": {"fact": str(held.fact), "reason": "settled"}})
    shown = accounts.GetAccount(account_service_pb2.GetAccountRequest(name="accounts/P-300"), timeout=DEADLINE_S)
    assert not [each for each in shown.holds if each.reason == "dispute"]


def test_a_subscription_ends_and_is_revived(accounts: Any, home: Home) -> None:  # noqa: ANN401 -- a stub
    def end() -> str | None:
        return next(each.to_date for each in lookup.show_account(home, "S-400").subscriptions if each.subscription_id == "S-400-1")

    send(accounts, "S-400", {"end": {"subscription": "S-400-1", "date": "2026-09-01"}})
    assert end() == "2026-09-01"
    done = send(accounts, "S-400", {"revive": {"subscription": "S-400-1", "reason": "a mistake"}})
    assert done.effects
    assert end() is None


def test_a_transfer_is_taken_back(accounts: Any, home: Home, command: Callable[..., Any]) -> None:  # noqa: ANN401 -- a stub
    """A rehearsal says what the command says; a repeat by its id has the first answer, another one changes nothing."""
    transfer = {"subscription": "P-300-2", "to_account": "accounts/S-400", "date": D, "new_subscription": "S-400-9"}
    send(accounts, "P-300", {"transfer": transfer})
    back = {"untransfer": {"subscription": "S-400-9", "reason": "a mistake"}}
    before = head(home)
    told = command("accounts", "untransfer", "S-400-9", "--reason", "a mistake", "--dry-run")
    found = send(accounts, "S-400", back, validate_only=True)
    assert (list(found.effects), found.already_recorded, found.commit_seq) == (told["said"], False, 0)
    assert head(home) == before
    done = send(accounts, "S-400", back, request_id="back")
    assert (list(done.effects), done.commit_seq) == (told["said"], before + 1)
    assert send(accounts, "S-400", back, request_id="back") == done
    again = send(accounts, "-", back)
    assert (again.already_recorded, again.commit_seq) == (True, 0)
    (line,) = [each for each in lookup.show_account(home, "P-300").subscriptions if each.subscription_id == "P-300-2"]
    assert (line.to_date, line.numbers) == (None, ["8613800010302"])
    other = refused(lambda: send(accounts, "P-300", {"untransfer": {"subscription": "P-300-2", "reason": "x"}}))
    assert (other.reason, other.message) == ("REFUSED", "P-300-2 did not come from another owner")
    other = refused(lambda: send(accounts, "S-400", {"untransfer": {"subscription": "S-400-9"}}))
    assert other.reason == "MALFORMED_REQUEST"


HOLD = {"from_date": "2026-03-01"}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "nothing is changed": ("P-300", {}, "CHANGE_MISSING"),
    "no account": ("P-301", {"hold": HOLD}, "ACCOUNT_UNKNOWN"),
    "all accounts": ("-", {"hold": HOLD}, "MALFORMED_NAME"),
    "no account of a new subscription": ("-", {"activate": {"subscription": "P-300-9", "from_date": D}}, "MALFORMED_NAME"),
    "terms of all accounts": ("-", {"terms": {"from_date": D, "payment_days": 7}}, "MALFORMED_NAME"),
    "no subscription of any": ("-", {"pause": {"subscription": "P-300", "from_date": D}}, "SUBSCRIPTION_UNKNOWN"),
    "neither a subscription nor an account": ("-", {"terms": {"subscription": "X", "from_date": D, "payment_days": 7}}, "ACCOUNT_UNKNOWN"),
    "a whole account by one of its subscriptions": ("P-300-2", {"hold": HOLD}, "MALFORMED_REQUEST"),
    "no subscription": ("P-300", {"end": {"subscription": "X", "date": D}}, "SUBSCRIPTION_UNKNOWN"),
    "a subscription of another": ("P-300", {"end": {"subscription": "S-400-1", "date": D}}, "SUBSCRIPTION_OF_ANOTHER"),
    "a number for one of another": (
        "P-300",
        {"give_number": {"number": "861", "subscription": "S-400-1", "from_date": D}},
        "SUBSCRIPTION_OF_ANOTHER",
    ),
    "no date": ("P-300", {"hold": {"reason": "x"}}, "MALFORMED_REQUEST"),
    "no day": ("P-300", {"hold": {"from_date": "2026-02-30"}}, "MALFORMED_REQUEST"),
    "out of reach": ("P-300", {"hold": {"from_date": "9999-12-31"}}, "MALFORMED_REQUEST"),
    "a span without a day": ("P-300", {"hold": {"from_date": D, "to_date": D}}, "REFUSED"),
    "no start": ("P-300", {"change_plan": {"subscription": "P-300-2", "plan": "china-mobile/star-39"}}, "MALFORMED_REQUEST"),
    "a start that is not": (
        "P-300",
        {"change_plan": {"subscription": "P-300-2", "plan": "china-mobile/star-39", "start": {"today": False}}},
        "MALFORMED_REQUEST",
    ),
    "no plan": ("P-300", {"change_plan": {"subscription": "P-300-2", "plan": "x/y", "start": {"date": D}}}, "REFUSED"),
    "neither percent nor amount": ("P-300", {"discount": {"name": "x", "from_date": D}}, "MALFORMED_REQUEST"),
    "no percentage": ("P-300", {"discount": {"name": "x", "from_date": D, "percent": "0.00001"}}, "MALFORMED_REQUEST"),
    "more than all": ("P-300", {"discount": {"name": "x", "from_date": D, "percent": "100.0001"}}, "MALFORMED_REQUEST"),
    "another currency": (
        "P-300",
        {"discount": {"name": "x", "from_date": D, "amount": {"currency_code": "EUR", "units": 5}}},
        "MALFORMED_REQUEST",
    ),
    "no category": ("P-300", {"category": {"category": "vip", "from_date": D}}, "MALFORMED_REQUEST"),
    "a sponsor of a subscription": ("P-300", {"sponsor": {"subscription": "P-300-2", "from_date": D}}, "MALFORMED_REQUEST"),
    "no bill day": ("P-300", {"bill_day": {"bill_day": 32, "from_date": D}}, "MALFORMED_REQUEST"),
    "no fact": ("P-300", {"retract": {"fact": 9999, "reason": "x"}}, "NOT_FOUND"),
    "a fact below zero": ("P-300", {"retract": {"fact": -1, "reason": "x"}}, "NOT_FOUND"),
    "a long quarantine": (
        "P-300",
        {"give_number": {"number": "861", "subscription": "P-300-2", "from_date": D, "quarantine_days": 9999}},
        "MALFORMED_REQUEST",
    ),
    "a nanosecond": (
        "P-300",
        {"give_number": {"number": "861", "subscription": "P-300-2", "from_time": "2026-03-01T04:00:00.000000001Z"}},
        "MALFORMED_REQUEST",
    ),
    "a NUL": ("P-300", {"hold": {**HOLD, "reason": "a\0"}}, "MALFORMED_REQUEST"),
    "held with another": ("C-101", {"hold": HOLD}, "REFUSED"),
    "a day beyond months": (
        "P-700",
        {"open": {"display_name": "Z", "currency_code": "CNY", "time_zone": "Asia/Shanghai", "bill_day": 32, "open_date": D}},
        "REFUSED",
    ),
    "a payer that is not": ("P-300", {"payer": {"payer": "accounts/nobody", "from_date": D}}, "REFUSED"),
}


@pytest.mark.parametrize(("account", "change", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused(accounts: Any, home: Home, account: str, change: dict[str, Any], reason: str) -> None:  # noqa: ANN401 -- a stub
    before = head(home)
    found = refusal(accounts, account, change)
    assert found.reason == reason, found
    assert found.code in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION}
    assert head(home) == before
