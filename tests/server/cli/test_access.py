"""`ratewright operators|tokens|certs|audit`, as the account that owns the home gives them."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from billing.store.home import Home
from server.access import trail
from server.access.trail import Entry, Trail
from server.cli.app import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow
UID = os.getuid()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Home.open(tmp_path / "home", create=True).close()
    return tmp_path / "home"


@pytest.fixture
def say(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Give a command, and return what it prints."""

    def give(*words: object, status: int = 0) -> str:
        found = main([*map(str, words), "--home", str(home)])
        told = capsys.readouterr()
        assert found == status, told
        return told.out + told.err

    return give


@pytest.fixture
def led(say: Callable[..., str]) -> Callable[..., str]:
    """The same in a home with an admin, `boss`."""
    say("operators", "add", "boss", "--account", UID)
    return say


def document(text: str) -> Any:  # noqa: ANN401 -- JSON
    return json.loads(text)


def test_operators_and_their_roles(led: Callable[..., str]) -> None:
    assert led("operators", "add", "switch-1", "--machine") == "operator switch-1 is added\n"
    told = led("operators", "grant", "switch-1", "switch", "--reason", "sends usage", "--source", "stream", "--days", 30)
    assert told == "switch-1 has the role switch\n"
    lines = led("operators", "list").splitlines()
    assert lines[1].split() == ["boss", "person", str(UID), "admin", "0", "open"]
    assert lines[2].startswith("switch-1  machine")
    assert "switch of stream until 20" in lines[2]
    assert led("operators", "revoke", "switch-1", "switch", "--reason", "sold") == "switch-1 does not have the role switch any more\n"
    assert led("operators", "close", "switch-1", "--reason", "sold") == "operator switch-1 is closed\n"
    assert led("operators", "list").splitlines()[2].split() == ["switch-1", "machine", "0", "closed"]


def test_the_first_operator(say: Callable[..., str]) -> None:
    told = say("operators", "add", "ana", status=1)
    assert told.startswith("error: the first operator is the account that owns the home folder\n  remedy: run it as that account:")
    assert say("operators", "add", "ana", "--account", "no-such-account", status=2).startswith("error: this machine has no account")


def test_no_key_is_stored_for_a_token_without_a_file(led: Callable[..., str], tmp_path: Path) -> None:
    """A file where the folder is to be, and an operator who is not there: no key, and no empty file. A folder is made: key 1."""
    led("operators", "add", "fin")
    (tmp_path / "taken").write_text("", "utf-8")
    led("tokens", "issue", "fin", "--out", tmp_path / "taken" / "fin.token", status=1)
    led("tokens", "issue", "nobody", "--out", tmp_path / "keys" / "nobody.token", status=1)
    assert document(led("tokens", "list", "--json")) == []
    assert list((tmp_path / "keys").iterdir()) == []
    assert led("tokens", "issue", "fin", "--out", tmp_path / "keys" / "fin.token").startswith("token 1 of fin is in ")
    assert [each["key_id"] for each in document(led("tokens", "list", "--json"))] == [1]


def test_a_token_is_in_a_file_of_its_own_alone(led: Callable[..., str], tmp_path: Path) -> None:
    led("operators", "add", "fin")
    file = tmp_path / "fin.token"
    told = led("tokens", "issue", "fin", "--out", file, "--days", 7)
    assert told.startswith(f"token 1 of fin is in {file}; it ends at ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text().strip()
    assert text.count(".") == 2
    assert text not in told
    assert led("tokens", "issue", "fin", "--out", file, status=2).startswith(f"error: {file} is there already")
    listed = led("tokens", "list", "--json")
    assert [(each["operator"], each["key_id"]) for each in document(listed)] == [("fin", 1)]
    assert text not in listed
    assert led("tokens", "revoke", 1, "--reason", "lost") == "token 1 of fin holds no more\n"
    assert document(led("tokens", "list", "--json")) == []
    assert led("tokens", "revoke", 1, "--reason", "lost", status=1).startswith("error: no token 1 holds")


@pytest.mark.parametrize("days", [0, -1, 826])
def test_days_that_cannot_be(led: Callable[..., str], tmp_path: Path, days: int) -> None:
    assert led("tokens", "issue", "boss", "--out", tmp_path / "t", "--days", days, status=2).startswith(
        f"error: --days {days} is not between"
    )
    assert not (tmp_path / "t").exists()


def test_tokens_are_signed_by_a_new_key(led: Callable[..., str], tmp_path: Path) -> None:
    led("tokens", "issue", "boss", "--out", tmp_path / "t")
    [old] = document(led("tokens", "rotate", "--json"))["keys"][:-1]
    left = document(led("tokens", "rotate", "--forget", old, "--json"))["keys"]
    assert len(left) == 1
    assert left != [old]
    assert led("tokens", "rotate", "--forget", "../ca-key", status=1).startswith("error: no token was signed by a key ../ca-key")


def test_certificates(led: Callable[..., str], home: Path, tmp_path: Path) -> None:
    assert led("certs", "issue", "--host", "localhost", "--out", tmp_path / "c", status=1).startswith("error: this home has no authority")
    assert str(home / "keys" / "ca.pem") in led("certs", "init")
    led("operators", "add", "fin")
    led("certs", "issue", "fin", "--out", tmp_path / "c")
    led("certs", "issue", "--host", "localhost", "--host", "127.0.0.1", "--out", tmp_path / "c")
    made = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "c").iterdir()}
    assert made == dict.fromkeys(("fin.pem", "fin-key.pem", "server.pem", "server-key.pem"), 0o600)
    assert [each["operator"] for each in document(led("certs", "list", "--json"))] == ["fin"], "the service is no operator"
    assert led("certs", "revoke", 1, "--reason", "lost") == "certificate 1 of fin holds no more\n"
    assert led("certs", "issue", "--out", tmp_path / "d", status=2).startswith("error: a certificate is for an operator or for hosts")


def test_what_was_changed_in_the_trail_is_named(led: Callable[..., str], home: Path, tmp_path: Path) -> None:
    now_us = 1_763_000_000_000_000
    made = Trail(home, now_us)
    for number in range(3):
        made.add(Entry(now_us + number, "S/C", "OK", "ana", 7))
    made.add(Entry(now_us + 86_400_000_000, "S/C", "OK", "ana", 7))
    made.close()
    ends = tmp_path / "ends.json"
    ends.write_text(led("audit", "export"))
    assert led("audit", "verify", "--ends", ends) == "commits and audit trail are as they were written\n"
    path = trail.files(home)[0]
    path.write_bytes(path.read_bytes().replace(b"ana", b"ben", 1))
    told = led("audit", "verify", status=1)
    assert told.startswith("2025-11-13.jsonl:1: the entry, or one in front of it, was changed")
    assert document(led("audit", "verify", "--json", status=1))["problems"][0]["place"] == "2025-11-13.jsonl:1"
    assert led("audit", "verify", "--ends", path, status=2).startswith(f"error: {path} is not what `audit export` prints")


def test_deleted_commits_show_against_an_export(led: Callable[..., str], home: Path, tmp_path: Path) -> None:
    """Their hashes have no key: what is left looks whole by itself."""
    led("operators", "add", "fin")
    ends = tmp_path / "ends.json"
    ends.write_text(led("audit", "export"))
    with Home.open(home) as opened, opened.begin() as connection:
        last = opened.head_seq(connection)
        connection.exec_driver_sql("DELETE FROM operators WHERE name = 'fin'")
        connection.exec_driver_sql(f"DELETE FROM commits WHERE commit_seq = {last}")  # noqa: S608 -- a number
    assert led("audit", "verify") == "commits and audit trail are as they were written\n"
    told = led("audit", "verify", "--ends", ends, status=1)
    assert told == f"commit {last}: it is not the commit that was exported: commits were deleted, or made again\n"


def test_commands_are_in_the_trail_with_their_names(led: Callable[..., str]) -> None:
    led("operators", "add", "fin")
    found = document(led("audit", "show", "--json", "--call", "operators"))
    assert [(each["call"], each["number"], each["via"]) for each in found] == [("ratewright operators add", UID, "os")] * 2
    assert led("audit", "show", "--day", "2001-01-01").splitlines()[1:] == []


def test_roles_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["operators", "roles", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ratewright.v1.ApprovalService/AgreeApproval"] == ["approver"]
    assert found["grpc.health.v1.Health/Check"] == ["anybody"]
