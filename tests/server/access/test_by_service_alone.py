"""A home where persons act by the service alone: commands on its machine sign nothing but what the machine does by itself."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from billing.catalogue import Operator
from billing.operators import Role
from billing.store import approvals, settings
from ratewright.v1 import approval_service_pb2 as pb
from ratewright.v1 import approval_service_pb2_grpc, payment_service_pb2_grpc
from server.cli import app
from server.cli.by_service import with_option
from tests.server.grpc.finance.asking import payment
from tests.server.grpc.finance.conftest import bill_two
from tests.server.grpc.tariffs.conftest import FIRST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
REFUSED = "error: persons act in this home by the service alone: its setting `access` is server"
AGREES = "another person: ratewright settings agree access --server HOST:PORT"
PAY = ("payment", "record", "--id", "P-1", "--account", "anna", "--amount", "4", "--date", "2025-11-10")


@pytest.fixture
def shell(guarded: Guarded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command in the home, as the account of the service; what it prints, or its error."""
    guarded.world.catch_up()
    bill_two(guarded.world)
    guarded.now_us = guarded.world.now_us
    guarded.issue("the-finance", days=30)
    monkeypatch.setattr("server.clock.machine_now_us", lambda: guarded.now_us)
    monkeypatch.setattr("server.operator.current", lambda: Operator("boss", os.getuid()))

    def call(*words: object, status: int = 0) -> Any:  # noqa: ANN401 -- text
        capsys.readouterr()
        assert app.main([*map(str, words), "--home", str(guarded.home.path)]) == status
        printed = capsys.readouterr()
        return printed.err if status else printed.out

    return call


def test_what_persons_sign_is_refused_in_a_shell(shell: Callable[..., Any], guarded: Guarded) -> None:
    assert "P-0" in shell("payment", "record", "--id", "P-0", *PAY[4:], "--json")
    assert shell("settings", "set", "access", "server") == "access is server\n"
    error = shell(*PAY, status=1)
    assert REFUSED in error
    assert "give it with --server and your own token" in error
    assert REFUSED in shell("invoice", "void", "R-0000000002", "--reason", "a mistake", status=1)
    assert REFUSED in shell("invoice", "reissue", "R-0000000002", status=1)
    assert [each["payment_id"] for each in json.loads(shell("payment", "list", "--json"))] == ["P-0"]
    pay = payment_service_pb2_grpc.PaymentServiceStub(guarded.channel("the-finance")).RecordPayment
    assert pay(payment("P-1"), timeout=20).payment == "payments/P-1"
    assert [each["by_name"] for each in json.loads(shell("payment", "list", "--json"))] == ["boss", "the-finance"]


def test_the_machine_goes_on_with_its_own_work(shell: Callable[..., Any], guarded: Guarded) -> None:
    """Bill runs, operators and their keys: a run of that date has nothing more to bill."""
    shell("settings", "set", "access", "server")
    assert json.loads(shell("bill", "run", "--date", "2025-11-01", "--json"))["invoices"] == 0
    assert "operator nina is added" in shell("operators", "add", "nina")
    assert shell("operators", "grant", "nina", "finance", "--reason", "is new") == "nina has the role finance\n"
    assert guarded.home.path.exists()


def test_it_is_taken_back_by_another_person_over_the_service(shell: Callable[..., Any], guarded: Guarded) -> None:
    """In a shell it can be asked for; nobody agrees to it there."""
    shell("settings", "set", "access", "server")
    assert "waits for another person" in shell("settings", "set", "access", "any", "--reason", "the service is down")
    assert "error: " in shell("settings", "agree", "access", status=1)
    assert REFUSED in shell(*PAY, status=1)
    assert shell("settings", "set", "access", "any", "--reason", "the service is down").splitlines()[1] == AGREES
    assert shell("settings", "list").splitlines()[-1].endswith(f"; {AGREES}")
    [command] = [each["command"] for each in json.loads(shell("approvals", "list", "--json"))]
    assert command == "ratewright approvals agree 1 --server HOST:PORT"
    guarded.add("ben", Role.APPROVER, days=30)
    with guarded.home.connect() as connection:
        waits = approvals.waiting(connection, approvals.SETTING, settings.ACCESS)
    assert waits is not None
    service = approval_service_pb2_grpc.ApprovalServiceStub(guarded.channel("ben"))
    service.AgreeApproval(pb.AgreeApprovalRequest(name=f"approvals/{waits.approval_id}"), timeout=20)
    assert "4.00 CNY to invoice R-0000000001" in shell(*PAY)


def test_commands_for_another_person_name_the_service(
    shell: Callable[..., Any], guarded: Guarded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results and remedies: a void and a refund above the limit of one person, and the void asked for once more."""
    assert guarded.service.address
    server = str(guarded.service.address)
    token = tmp_path / "the-finance.token"
    token.write_text(guarded.tokens["the-finance"])
    token.chmod(0o600)

    def told(*words: object, status: int = 0) -> str:
        capsys.readouterr()
        assert app.main([*map(str, words), "--server", server, "--token-file", str(token)]) == status, capsys.readouterr()
        printed = capsys.readouterr()
        return printed.err if status else printed.out

    shell("settings", "set", "give_back_limit_micros", "1000000")
    void = ("invoice", "void", "R-0000000002", "--reason", "a mistake")
    told("payment", "record", "--id", "P-9", "--account", "anna", "--amount", "20", "--date", "2025-11-10")
    assert (
        told(
            "payment",
            "refund",
            "--payment",
            "P-9",
            "--id",
            "F-1",
            "--amount",
            "8",
            "--date",
            "2025-11-11",
            "--to",
            "DE02",
            "--reason",
            "paid twice",
        )
        .rstrip()
        .endswith("ratewright approvals agree 1")
    )
    shell("settings", "set", "access", "server")
    assert told(*void).rstrip().endswith(f"another person: ratewright approvals agree 2 --server {server}")
    assert f"ratewright approvals agree --server {server} 2" in told("invoice", "reissue", "R-0000000002", status=1)


def test_next_steps_and_remedies_name_the_service(
    shell: Callable[..., Any], guarded: Guarded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of results and of errors, by the person who acts in the service: each command that has a call goes there."""
    server = f"--server {guarded.service.address}"
    guarded.issue("boss", days=90)
    token = tmp_path / "boss.token"
    token.write_text(guarded.tokens["boss"])
    token.chmod(0o600)

    def told(words: str, *more: object, status: int = 0) -> str:
        capsys.readouterr()
        given = [*words.split(), *map(str, more), *server.split(), "--token-file", str(token)]
        assert app.main(given) == status, capsys.readouterr()
        printed = capsys.readouterr()
        return printed.out + printed.err

    guarded.world.bill("2025-12-01")
    guarded.now_us = guarded.world.now_us
    void = "undo that run first: ratewright bill undo {}--run 2 --reason ..."
    assert void.format("") in told("bill undo --run 1 --dry-run --reason wrong", status=1), "persons may act by commands on the machine"
    shell("settings", "set", "access", "server")
    for dry in ("--dry-run", ""):
        assert void.format(f"{server} ") in told(f"bill undo --run 1 {dry} --reason wrong", status=1)
    [blocker, *_] = json.loads(told("bill undo --run 1 --dry-run --json --reason wrong", status=1))["blockers"]
    assert f"ratewright bill undo {server} --run 2" in blocker["remedy"]
    told("accounts end berta-1 --on 2025-12-01")
    assert f"`ratewright accounts number give {server} 1001 berta-1 --from 2025-12-01" in told("accounts revive berta-1 --dry-run")
    last = guarded.world.numbers()[-1]
    assert f"at once: ratewright invoice reissue {server} {last}\n" in told(f"invoice void {last} --reason wrong")
    assert f"  ratewright tariffs history {server} shop" in told("status")
    assert f"remedy: draft it first: ratewright tariffs draft {server} {FIRST}" in told("tariffs publish", FIRST, status=2)
    told("tariffs draft", FIRST)
    gates = told("tariffs publish mobile@1", status=1)
    assert (
        f"draft it (`ratewright tariffs draft {server} PATH`) and let another person run `ratewright tariffs review {server} mobile@1`"
        in gates
    )


def test_the_option_stands_behind_commands_that_have_a_call() -> None:
    text = "reject it (`ratewright bill reject --run 3`), or ratewright db check, then ratewright usage suspense approve 4 --reject: see"
    assert with_option(text, " --server H:1") == (
        "reject it (`ratewright bill reject --server H:1 --run 3`), or ratewright db check, "
        "then ratewright usage suspense approve --server H:1 4 --reject: see"
    )
    assert with_option("ratewright approvals list --server H:2 lists them", " --server H:1") == (
        "ratewright approvals list --server H:2 lists them"
    )
    for command in ("ratewright usage suspense approve --server H:2 x", "ratewright ledger write-offs --server H:2"):
        assert with_option(command, " --server H:1") == command, "it has the option, also where a beginning of it is a command"
