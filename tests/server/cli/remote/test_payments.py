"""Commands of payments, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from server.access import showing
from server.cli import app
from server.cli.remote import calling
from server.client import Retries

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.cli.remote.conftest import Both

pytestmark = pytest.mark.slow
RECORD = ("payment", "record", "--account", "anna", "--date", "2025-11-10", "--reference", "thanks")


def test_record_and_list(both: Both) -> None:
    """Anna pays 4.00 of 11.55, then 10.00: 7.55 settle the rest, 2.45 are left."""
    tried = both(*RECORD, "--id", "P-1", "--amount", "4", "--dry-run")
    assert tried == "4.00 CNY to invoice R-0000000001\nonly tried: nothing was stored\n"
    assert both("payment", "list", "--json") == "[]\n"
    assert both(*RECORD, "--id", "P-1", "--amount", "4") == "4.00 CNY to invoice R-0000000001\n"
    assert "was recorded before" in both(*RECORD, "--id", "P-1", "--amount", "4")
    told = json.loads(both(*RECORD, "--id", "P-2", "--amount", "10", "--currency", "CNY", "--json"))
    assert (told["allocated"], told["credit_micros"]) == ([["R-0000000001", 7_550_000]], 2_450_000)
    listed = both("payment", "list")
    assert [line.split()[0] for line in listed.splitlines()[1:]] == ["P-1", "P-2"]
    assert json.loads(both("payment", "list", "--account", "berta", "--json")) == []


def test_a_refusal_is_an_error_with_its_remedy(both: Both) -> None:
    error = both.there(*RECORD, "--id", "P-1", "--amount", "4", "--currency", "EUR", status=1)
    assert "CNY" in error
    assert "remedy: " in error
    assert "error: " in both.there("payment", "list", "--account", "nobody", status=1)
    denied = both.there(*RECORD, "--id", "P-1", "--amount", "4", status=1, as_operator="the-auditor")
    assert "needs the role admin or finance" in denied
    assert "remedy: ask an admin for the role" in denied


def test_marks_of_a_practice_home(both: Both) -> None:
    """In text the first line, in JSON a field, whatever kind of call it is."""
    both.twin.changed("INSERT INTO settings (name, value) VALUES ('practice', 'yes')")
    both.guarded.home.is_practice = both.guarded.identities.is_practice = True
    assert "PRACTICE: " in both(*RECORD, "--id", "P-1", "--amount", "4")
    for words in (
        ("payment", "list"),
        ("payment", "statement", "anna"),
        ("invoice", "usage", "R-1"),
        ("invoice", "show", "R-1"),
        ("ledger", "balance"),
        ("accounts", "show", "anna"),
        ("bill", "unbilled", "anna"),
    ):
        assert both(*words).startswith("PRACTICE: ")
        told = json.loads(both(*words, "--json"))
        assert (told[0] if isinstance(told, list) else told)["practice"] is True


def test_a_home_and_a_service_are_not_both_named(both: Both) -> None:
    error = both.there("payment", "list", "--home", "elsewhere", status=2)
    assert "both a service" in error
    assert "leave out --server or --home" in error


def test_no_service_at_the_address(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "RETRIES", Retries(attempts_max=1))
    both.guarded.stop()
    error = both.there("payment", "list", status=1)
    assert "remedy: check the address, --ca, and that the service runs" in error


@pytest.mark.parametrize("address", ["billing.example:50051", "10.0.0.7:50051", "localhost.example:1", "[2001:db8::1]:50051"])
def test_a_token_leaves_the_machine_over_tls_alone(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RATEWRIGHT_HOME", raising=False)
    token = tmp_path / "boss.token"
    token.write_text("secret")
    assert app.main(["payment", "list", "--server", address, "--token-file", str(token)]) == 1
    error = capsys.readouterr().err
    assert f"error: a token is not sent to {address} without TLS\n" in error
    assert "remedy: name the certificate of its authority, ca.pem" in error


def test_a_command_of_a_home_alone_does_not_work_beside_a_service_of_the_environment(
    both: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`usage collect` would make a new home in this folder; with a home that is named it works there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RATEWRIGHT_SERVER", str(both.guarded.service.address))
    for words in (
        ("bill", "verify"),
        ("db", "where"),
        ("usage", "collect", "in"),
    ):
        error = both.run(*words, status=2)
        assert f"ratewright {' '.join(words[:2])} works in a home folder alone, and RATEWRIGHT_SERVER names a service" in error
    assert not (tmp_path / "ratewright-home").exists()
    assert both.run("db", "where", "--home", both.twin.home.path)
    assert both.run("accounts", "--help")
    monkeypatch.setenv("RATEWRIGHT_HOME", str(both.twin.home.path))
    assert both.run("db", "where")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:99999", ":50051", "127.0.0.1:", "127.0.0.1:0", "localhost:x"])
def test_an_address_that_is_none(both: Both, address: str) -> None:
    error = both.run("payment", "list", "--server", address, status=2)
    assert f"error: --server: '{address}' is not HOST:PORT" in error


@pytest.mark.parametrize("why", ["the customer is on the line", "客户来电"])
def test_support_says_why_it_looks(both: Both, why: str) -> None:
    """With a reason names are whole, and the audit trail has it."""
    hidden = both.there("payment", "statement", "anna", as_operator="the-support")
    assert "Customer anna" not in hidden
    assert "C***" in hidden
    assert "Customer anna" in both.there("payment", "statement", "anna", "--why", why, as_operator="the-support")
    entries = showing.entries(both.guarded.home)
    assert [each.reason for each in entries if each.operator == "the-support" and each.call.endswith("GetStatement")] == ["", why]
