"""The example clients against a running server, as processes of their own, as a reader of the examples runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from server.grpc import service
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOW_US = 1_763_000_000_000_000
CSV = """record_id,service,served,other,start_us,duration_us,volume_bytes,units
r1,1,1000,8613900000001,2025-10-05T02:00:00.000001Z,61000000,,
r2,2,1000,8613900000001,2025-10-05T02:00:00.000001Z,,,1
r3,4,1000,,2025-10-05T02:00:00.000001Z,,12345,
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    yield made
    made.home.close()


@pytest.fixture
def address(world: World) -> Iterator[str]:
    with service.Service.start(service.listen(service.Address("127.0.0.1", 0)), world.home, lambda: NOW_US) as running:
        yield str(running.address)


def run(name: str, *words: object, status: int = 0) -> tuple[str, str]:
    call = [sys.executable, EXAMPLES / name, *map(str, words)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stdout, done.stderr


def totals(*words: object) -> dict[str, object]:
    out, _ = run("switch_stream.py", *words, "--json")
    found: dict[str, object] = json.loads(out)
    del found["seconds"]
    return found


def test_a_switch_streams_and_streams_again(address: str) -> None:
    out, err = run("switch_stream.py", "--address", address)
    assert out.startswith("2,500 records in 3 batches, all acked in ")
    assert out.endswith("accepted 2,500, duplicate 0, conflicting 0, rejected 0, absorbed 0\n")
    assert err == ""
    again = totals("--address", address)
    assert (again["accepted"], again["duplicate"]) == (0, 2_500)


def test_a_connection_cut_on_purpose_loses_and_doubles_nothing(address: str) -> None:
    out, err = run("switch_stream.py", "--address", address, "--rows", 4_000, "--batch-rows", 50, "--cut-after", 40, "--json")
    assert "connection broken on purpose after 40 batches, 1 of them acked" in err
    found = json.loads(out)
    assert found["accepted"] + found["duplicate"] == 4_000
    assert found["batches"] == 80
    again = totals("--address", address, "--rows", 4_000)
    assert (again["accepted"], again["duplicate"], again["conflicting"]) == (0, 4_000, 0)


def test_a_stream_goes_on_where_the_server_says(address: str) -> None:
    """Cut after 40 of 80 batches, most acks unread: none of the 4,000 records is sent twice, so that none is a duplicate."""
    words = ("--address", address, "--rows", 4_000, "--batch-rows", 50, "--stream", "switch-7")
    _, err = run("switch_stream.py", *words, "--cut-after", 40)
    assert "connection broken on purpose after 40 batches, 1 of them acked" in err
    again = totals(*words)  # another process: the last batch alone is sent, to be compared with what is stored
    assert (again["batches"], again["stored"]) == (
        1,
        {"accepted": 4_000, **dict.fromkeys(("duplicate", "conflicting", "rejected", "absorbed"), 0)},
    )
    out, _ = run("switch_stream.py", *words)
    assert (
        out.splitlines()[1]
        == "stream switch-7 has accepted 4,000, duplicate 0, conflicting 0, rejected 0, absorbed 0; 1 batches were acked as repeated, "
        "79 had been stored and were not sent again"
    )
    _, err = run("switch_stream.py", "--address", address, "--stream", "switch-8", "--source", "nobody", status=1)
    assert "SOURCE_UNKNOWN" in err


def test_a_batch_acked_before_the_cut_counts_once(address: str) -> None:
    """Cut after the first of two batches of 50, and its ack: 50 + 50 rows. Sent once more they are compared, and acked as repeated."""
    words = ("--address", address, "--rows", 100, "--batch-rows", 50, "--stream", "switch-7", "--cut-after", 1)
    found = totals(*words)
    assert (found["batches"], found["accepted"], found["stored"]["accepted"]) == (2, 100, 100)  # type: ignore[index]  # of JSON
    again = totals(*words)
    assert (again["batches"], again["accepted"], again["stored"]["accepted"]) == (2, 100, 100)  # type: ignore[index]  # of JSON


def test_files_are_read_as_csv_and_as_arrow(address: str, tmp_path: Path) -> None:
    csv = tmp_path / "records.csv"
    csv.write_text(CSV)
    assert totals("--address", address, "--file", csv)["accepted"] == 3
    table = pa_csv.read_csv(csv, convert_options=pa_csv.ConvertOptions(column_types={"served": pa.string(), "other": pa.string()}))
    table = table.set_column(1, "service", table.column("service").cast(pa.int8()))
    for name in ("duration_us", "volume_bytes", "units"):
        table = table.set_column(table.schema.get_field_index(name), name, table.column(name).cast(pa.int64()))
    start = table.column("start_us").cast(pa.timestamp("us", tz="UTC"))
    table = table.set_column(table.schema.get_field_index("start_us"), "start_us", start)
    arrow = tmp_path / "records.arrow"
    with pa.ipc.new_file(arrow, table.schema) as writer:
        writer.write_table(table)
    found = totals("--address", address, "--file", arrow)
    assert (found["duplicate"], found["conflicting"]) == (3, 0)


def test_a_switch_that_is_refused_says_why(address: str, tmp_path: Path) -> None:
    _, err = run("switch_stream.py", "--address", address, "--source", "nobody", status=1)
    assert err == "error: source 'nobody' is not one that this server takes streams of (SOURCE_UNKNOWN {'source': 'nobody'})\n"
    _, err = run("switch_stream.py", "--address", address, "--file", tmp_path / "missing.csv", status=1)
    assert "missing.csv" in err
    assert "Traceback" not in err


def test_a_switch_that_cuts_its_connection_never_hangs(address: str) -> None:
    for server, source, reason in [(address, "nobody", "SOURCE_UNKNOWN"), ("127.0.0.1:1", "stream", "UNAVAILABLE")]:
        _, err = run("switch_stream.py", "--address", server, "--source", source, "--cut-after", 2, status=1)
        assert reason in err.splitlines()[-1]
    for words in (["--cut-after", 0], ["--rows", 0], ["--batch-rows", -1]):
        _, err = run("switch_stream.py", "--address", address, *words, status=2)
        assert "is less than 1" in err


def test_a_switch_with_nothing_to_send(address: str, tmp_path: Path) -> None:
    csv = tmp_path / "records.csv"
    csv.write_text(CSV.splitlines()[0] + "\n")
    assert totals("--address", address, "--file", csv)["batches"] == 0


def test_finance_reads_invoices(address: str, world: World) -> None:
    assert run("finance_client.py", "--address", address)[0] == "no invoices yet\n"
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1000")
    world.take(Call("1000", "2025-10-05T10:00:00", 29 * 60))
    world.bill("2025-11-01")
    out, err = run("finance_client.py", "--address", address)
    assert "accounts/anna/invoices/R-0000000001" in out
    assert "National calls" in out
    assert "net 10.90 CNY, tax 0.65 CNY, total 11.55 CNY" in out
    assert "the lines add up to 11.55: as the total says" in out
    assert "accounts/anna/dunningState on 2025-11-13: past due 0.00 CNY" in out
    assert err == ""
    found = json.loads(run("finance_client.py", "--address", address, "--account", "anna", "--json")[0])
    assert [line["amount_micros"] for line in found["invoice"]["lines"]] == [10_000_000, 900_000, 650_000]
    assert run("finance_client.py", "--address", address, "--account", "nobody", status=1)[1] == (
        "error: no account has the id nobody (ACCOUNT_UNKNOWN)\n"
    )


def test_finance_asks_for_an_invoice_by_number_or_name(address: str, world: World) -> None:
    for account in ("anna", "bert", "carl"):
        world.account(account)
        world.subscription(f"{account}-1", account, "shop/basic", f"{account}-number")
    world.bill("2025-11-01")
    shown = "invoice R-0000000003 of accounts/carl"
    beyond_the_list = ("--limit", 1, "--invoice", "R-0000000003")
    by_name = ("--invoice", "accounts/carl/invoices/R-0000000003")
    of_account = ("--account", "carl", "--invoice", "R-0000000003")
    for words in (beyond_the_list, by_name, of_account):
        assert shown in run("finance_client.py", "--address", address, *words)[0], words
    for words in (("--invoice", "R-9"), ("--account", "anna", "--invoice", "R-0000000003")):
        out, err = run("finance_client.py", "--address", address, *words, status=1)
        assert (out, "INVOICE_UNKNOWN" in err, "Traceback" in err) == ("", True, False), words
