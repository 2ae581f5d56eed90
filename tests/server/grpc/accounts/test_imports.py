"""Accounts that are imported over gRPC as the command imports them, searched for, and shown with what they owe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.type import date_pb2

from billing.documents.allowances_left import allowances_left
from ratewright.v1 import account_import_pb2 as import_pb
from ratewright.v1 import account_service_pb2 as pb
from server.cli import app
from tests.server.access.test_approvals import refusal
from tests.server.grpc.accounts.conftest import NOW_US, ROOT
from tests.server.grpc.calls import DEADLINE_S, refused
from tests.server.grpc.finance.asking import iso, micros

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home

pytestmark = pytest.mark.slow
EXAMPLES = ROOT / "examples" / "accounts"
ACCOUNTS = "account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days"
SUBSCRIPTIONS = "subscription_id,account_id,plan,from_date,to_date"
NUMBERS = "served_id,subscription_id,from,to"


def files(**content: str) -> list[import_pb.AccountFile]:
    return [import_pb.AccountFile(file_name=f"{name}.csv", content=text.encode()) for name, text in content.items()]


def small(name: str, number: str) -> list[import_pb.AccountFile]:
    """One account with a subscription and a number."""
    return files(
        accounts=f"{ACCOUNTS}\n{name},Zoe,CNY,Asia/Shanghai,1,zh,2026-01-01,,standard,14\n",
        subscriptions=f"{SUBSCRIPTIONS}\n{name}-1,{name},china-mobile/star-39,2026-01-01,\n",
        numbers=f"{NUMBERS}\n{number},{name}-1,2026-01-01T00:00:00+08:00,\n",
    )


def send(accounts: Any, sent: list[import_pb.AccountFile], **fields: Any) -> import_pb.ImportAccountsResponse:  # noqa: ANN401 -- a stub, fields
    return accounts.ImportAccounts(import_pb.ImportAccountsRequest(files=sent, **fields), timeout=DEADLINE_S)


def counts(answer: import_pb.ImportAccountsResponse) -> dict[str, tuple[int, int, int]]:
    return {each.kind: (each.added_count, each.ended_count, each.known_count) for each in answer.counts}


def head(home: Home) -> int:
    with home.connect() as connection:
        return home.head_seq(connection)


def test_the_examples_are_known_as_the_command_knows_them(accounts: Any, command: Callable[..., Any], home: Home) -> None:  # noqa: ANN401 -- a stub
    sent = [import_pb.AccountFile(file_name=each.name, content=each.read_bytes()) for each in sorted(EXAMPLES.glob("*.csv"))]
    before, told = head(home), command("accounts", "import", EXAMPLES)
    found = send(accounts, sent)
    assert counts(found)["accounts"] == (told["accounts_added"], 0, told["accounts_known"])
    more = ("plan_changes", "account_facts", "subscription_facts", "opening_items", "opening_allowances", "baselines")
    assert {name: counts(found)[name] for name in more} == {
        name: tuple(told[name][field] for field in ("added", "ended", "known")) for name in more
    }
    assert counts(found)["accounts"][2] > 0
    assert (head(home), found.commit_seq) == (before, 0)


def test_an_import_is_tried_and_counts_once(accounts: Any, home: Home) -> None:  # noqa: ANN401 -- a stub
    sent, before = small("Z-1", "8613811110001"), head(home)
    tried = send(accounts, sent, validate_only=True)
    assert (counts(tried)["accounts"], tried.problem_count, head(home)) == ((1, 0, 0), 0, before)
    first = send(accounts, sent, request_id="z-1")
    assert (counts(first)["numbers"], first.commit_seq, head(home)) == ((1, 0, 0), before + 1, before + 1)
    assert send(accounts, sent, request_id="z-1") == first
    with home.begin() as connection:
        connection.exec_driver_sql("UPDATE requests SET answer = NULL")
    lost = send(accounts, sent, request_id="z-1")
    assert (counts(lost)["accounts"], lost.commit_seq, head(home)) == ((0, 0, 1), first.commit_seq, before + 1)
    other = refused(lambda: send(accounts, small("Z-2", "8613811110002"), request_id="z-1"))
    assert (other.reason, other.metadata["field"]) == ("REQUEST_ID_REUSED", "files")


def test_every_mistake_is_answered_at_once(accounts: Any, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ANN401 -- a stub
    rows = "".join(f"M-{number},,CNY,Nowhere,99,zh,2026-01-01,,none,14\n" for number in range(6))
    sent = files(accounts=f"{ACCOUNTS}\n{rows}", subscriptions=f"{SUBSCRIPTIONS}\n", numbers=f"{NUMBERS}\n")
    before = head(home)
    found = send(accounts, sent, validate_only=True)
    assert (found.problem_count, len(found.problems), len(found.counts)) == (len(found.problems), len(found.problems), 0)
    assert found.problem_count > 8, "more than a refusal can hold"
    assert {each.file_name for each in found.problems} == {"accounts.csv"}
    for each in sent:
        (tmp_path / each.file_name).write_bytes(each.content)
    assert app.main(["accounts", "import", str(tmp_path), "--home", str(home.path)]) != 0
    told = capsys.readouterr().err
    assert all(each.message in told and each.remedy in told for each in found.problems)
    code, reason, _ = refusal(accounts.ImportAccounts, import_pb.ImportAccountsRequest(files=sent))
    assert (code, reason, head(home)) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST", before)


def test_one_document(accounts: Any) -> None:  # noqa: ANN401 -- a stub
    document = import_pb.AccountFile(file_name="accounts.json", content=b'{"accounts": [], "colours": []}')
    (problem,) = send(accounts, [document], validate_only=True).problems
    assert (problem.file_name, problem.place) == ("accounts.json", "colours")


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("../accounts.csv",),
        ("accounts.csv", "accounts.csv"),
        ("accounts.csv", "accounts.json"),
        ("x/a.json",),
        ("colours.csv",),
        ("a\0.json",),
    ],
    ids=repr,
)
def test_files_that_no_import_has(accounts: Any, home: Home, names: tuple[str, ...]) -> None:  # noqa: ANN401 -- a stub
    sent = [import_pb.AccountFile(file_name=name, content=b"x") for name in names]
    for tried in (True, False):
        found = refused(lambda tried=tried: send(accounts, sent, validate_only=tried))
        assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
        assert str(home.path) not in found.message
    assert [each.name for each in (home.path / "spool").rglob("*") if each.is_file() and each.name != "lock"] == []


def test_legal_entities(accounts: Any, home: Home) -> None:  # noqa: ANN401 -- a stub
    north = import_pb.LegalEntity(name="legalEntities/north", display_name="North Ltd", invoice_prefix="N", credit_prefix="NC")
    before = head(home)
    accounts.AddLegalEntity(import_pb.AddLegalEntityRequest(legal_entity=north, validate_only=True), timeout=DEADLINE_S)
    assert head(home) == before
    added = accounts.AddLegalEntity(import_pb.AddLegalEntityRequest(legal_entity=north, request_id="n"), timeout=DEADLINE_S)
    told = "north (North Ltd) numbers its invoices from N-0000000001 on, its credit notes from NC-0000000001 on"
    assert (list(added.effects), added.already_recorded, added.commit_seq) == ([told], False, before + 1)
    again = accounts.AddLegalEntity(import_pb.AddLegalEntityRequest(legal_entity=north), timeout=DEADLINE_S)
    assert (list(again.effects), again.already_recorded, again.commit_seq) == (["north is there already"], True, 0)
    with home.begin() as connection:
        connection.exec_driver_sql("UPDATE requests SET answer = NULL")
    lost = accounts.AddLegalEntity(import_pb.AddLegalEntityRequest(legal_entity=north, request_id="n"), timeout=DEADLINE_S)
    assert (lost.name, lost.already_recorded, lost.commit_seq) == (north.name, True, before + 1)
    assert list(accounts.ListLegalEntities(import_pb.ListLegalEntitiesRequest(), timeout=DEADLINE_S).legal_entities) == [north]
    other = import_pb.LegalEntity(name="legalEntities/south", display_name="South", invoice_prefix="N", credit_prefix="SC")
    assert refusal(accounts.AddLegalEntity, import_pb.AddLegalEntityRequest(legal_entity=other))[1] == "MALFORMED_REQUEST", (
        "a prefix of two"
    )
    north.display_name = "Nord"
    assert refusal(accounts.AddLegalEntity, import_pb.AddLegalEntityRequest(legal_entity=north))[1] == "REFUSED"
    assert refusal(accounts.AddLegalEntity, import_pb.AddLegalEntityRequest())[1] == "MALFORMED_NAME"


def test_a_search_finds_what_the_command_finds_by_index(accounts: Any, command: Callable[..., Any]) -> None:  # noqa: ANN401 -- a stub
    for text in ("P-300", "P-300-2", "861380001", "+86 138 0001 0302", "nothing of the kind"):
        told = command("accounts", "find", text, status=0 if text != "nothing of the kind" else 1)
        expected = [
            (f"accounts/{each['account_id']}", each["found_by"], each["exact"], each["subscription_id"], each["from_us"] and each["text"])
            for each in told["hits"]
            if each["found_by"] != "name"
        ]
        found = accounts.SearchAccounts(pb.SearchAccountsRequest(query=text), timeout=DEADLINE_S)
        rows = [(each.account, each.found_by, each.exact, each.subscription, each.number.number or None) for each in found.matches]
        assert rows == expected
    none = accounts.SearchAccounts(pb.SearchAccountsRequest(query="Trading"), timeout=DEADLINE_S)
    assert not none.matches, "names are not searched"
    named = accounts.SearchAccounts(pb.SearchAccountsRequest(query="trading", search_names=True), timeout=DEADLINE_S)
    assert [(each.found_by, each.display_name) for each in named.matches] == [
        ("name", f"Harbour Trading{rest}") for rest in (" Co.", ": sales", ": drivers")
    ]
    few = accounts.SearchAccounts(pb.SearchAccountsRequest(query="861380001", page_size=1), timeout=DEADLINE_S)
    assert few.more
    assert refusal(accounts.SearchAccounts, pb.SearchAccountsRequest(query=" "))[1] == "MALFORMED_REQUEST"
    assert refusal(accounts.SearchAccounts, pb.SearchAccountsRequest(query="x" * 201))[1] == "MALFORMED_REQUEST"
    assert refusal(accounts.SearchAccounts, pb.SearchAccountsRequest(query="x", page_size=-1))[1] == "PAGE_SIZE"


def test_the_whole_of_an_account_is_that_of_its_commands(accounts: Any, command: Callable[..., Any], home: Home) -> None:  # noqa: ANN401 -- a stub
    told, unbilled = command("accounts", "show", "P-300"), command("bill", "unbilled", "P-300")
    stored = accounts.GetAccount(pb.GetAccountRequest(name="accounts/P-300"), timeout=DEADLINE_S)
    assert not stored.HasField("unbilled")
    whole = accounts.GetAccount(pb.GetAccountRequest(name="accounts/P-300", view=pb.ACCOUNT_VIEW_FULL), timeout=DEADLINE_S)
    assert [each.fact for each in whole.facts] == [each["fact_id"] for each in told["facts"]]
    plans = [[(each.plan, iso(each.from_date)) for each in of.plans] for of in whole.subscriptions]
    assert plans == [[(each["plan"], each["from_date"]) for each in of["plans"]] for of in told["subscriptions"]]
    coming = [(iso(each.from_date), each.about, each.text) for each in whole.coming_changes]
    assert coming == [(each["from_date"], each["about"], each["says"]) for each in told["coming"]]
    assert (whole.dunning_policy, whole.standing.dunning_policy) == (told["account"]["dunning_policy"], told["standing"]["dunning_policy"])
    rows = [(each.subscription, each.kind, each.text, each.event_count, micros(each.amount)) for each in whole.unbilled.charges]
    assert rows == [
        (each["subscription_id"], each["kind"], each["text"], each["events"], each["amount_micros"]) for each in unbilled["lines"]
    ]
    assert rows
    assert {each.currency_code: micros(each) for each in whole.unbilled.net} == unbilled["net_micros"]
    left = [(each.subscription, each.allowance, each.granted, each.left) for each in whole.unbilled.allowances]
    less = pb.GetAccountRequest(name="accounts/P-300", view=pb.ACCOUNT_VIEW_UNBILLED, language_code="de")
    assert refusal(accounts.GetAccount, less) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST", "language_code")
    less.language_code = ""
    less.unbilled_through_date.CopyFrom(date_pb2.Date(year=2026, month=2, day=30))
    assert refusal(accounts.GetAccount, less)[2] == "unbilled_through_date"
    less.ClearField("unbilled_through_date")
    found = accounts.GetAccount(less, timeout=DEADLINE_S).unbilled
    assert (found.charges, len(found.allowances)) == (whole.unbilled.charges, 0)
    assert left == [(each.subscription_id, each.allowance, each.granted, each.left) for each in allowances_left(home, "P-300", NOW_US)]
    assert left


def test_a_document_that_is_nested_too_deeply_is_refused(accounts: Any) -> None:  # noqa: ANN401 -- a stub
    content = b'{"accounts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    told = refused(lambda: send(accounts, [import_pb.AccountFile(file_name="accounts.json", content=content)]))
    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
