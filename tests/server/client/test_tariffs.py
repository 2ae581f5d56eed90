"""Tariffs and prices by the client: a folder on its machine becomes a version, and customers read it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pyarrow as pa
import pytest

from ratewright.v1 import tariff_service_pb2 as pb
from rating.schema import USAGE_V1
from server.client import CallError, Operator, micros, tariff_files
from tests.billing.runs.world import Call
from tests.server.client.conftest import connect

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
CATALOGS = Path(__file__).parents[3] / "tariffs" / "catalogs"
ONE, TWO = "catalogues/mobile/versions/1", "catalogues/mobile/versions/2"


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    """YAML and CSV, of inner folders too; nothing hidden, and nothing else."""
    for name in ("plans.yaml", "decks/europe.csv", ".git/config.yaml", ".plans.yaml.swp", "README.md", "decks/.old.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    assert tariff_files(tmp_path) == {"decks/europe.csv": b"decks/europe.csv", "plans.yaml": b"plans.yaml"}


def test_a_version_from_a_folder_to_a_repeal(guarded: Guarded, tmp_path: Path) -> None:
    with connect(guarded, tmp_path, "the-operator") as ours, connect(guarded, tmp_path, "the-approver") as theirs:
        operator, approver = Operator(ours), Operator(theirs)
        files = tariff_files(CATALOGS / "mobile")
        assert operator.check_tariff(files).problem_count == 0
        assert operator.draft_tariff(files, validate_only=True).commit_seq == 0
        made = operator.draft_tariff(files, request_id="first")
        assert operator.draft_tariff(files, request_id="first") == made
        with pytest.raises(CallError) as refused:
            operator.publish_tariff(ONE)
        assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TARIFF_NOT_READY")
        assert [(field, text.partition(";")[0]) for field, text in refused.value.places] == [
            ("review", "no person but its author has reviewed it"),
        ]
        with pytest.raises(CallError) as denied:
            operator.approve_tariff(ONE)
        assert denied.value.reason == "ROLE_MISSING"
        assert approver.approve_tariff(ONE, "good", content_hash=made.tariff_version.content_hash).approved
        assert operator.publish_tariff(ONE).already_published is False
        operator.draft_tariff(tariff_files(CATALOGS / "mobile-2026-10-15"))
        assert [each.effect for each in operator.tariff_changes(ONE, TWO)] == [
            pb.TariffChange.EFFECT_RAISES,
            pb.TariffChange.EFFECT_LOWERS_OR_KEEPS,
        ]
        assert approver.reject_tariff(TWO, "peak is too dear").by == "the-approver"
        assert [each.name for each in operator.tariff_versions("catalogues/mobile")] == [ONE, TWO]
        assert "Smart M" in operator.tariff_sheet("mobile/smart-m", as_of=dt.date(2026, 3, 1)).content.decode()
        assert operator.tariff_sheet("mobile@1/smart-m", "pdf", language="zh").content.startswith(b"%PDF")
        assert operator.repeal_tariff(ONE, dt.date(2027, 1, 1), "a new brand").by == "the-operator"
        assert operator.tariff_version(ONE).events[-1].kind == "repealed"


def test_prices_and_explanations(guarded: Guarded, tmp_path: Path) -> None:
    """Five minutes beyond twenty free ones: 0.50. A month of 10.50 on basic, and of 35.50 on plus."""
    world = guarded.world
    world.catch_up()
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 25 * 60, key="long"))
    world.bill("2025-11-01")
    guarded.now_us = world.now_us
    rows = [{"service": 1, "start_us": 1_759_300_000_000_000, "other_e164": 8613900000001, "duration_us": 60_000_000}]
    schema = pa.schema([pa.field(name, USAGE_V1.field(name).type) for name in rows[0]])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write(pa.RecordBatch.from_pylist(rows, schema=schema))
    usage = sink.getvalue().to_pybytes()
    with connect(guarded, tmp_path, "the-operator") as connection:
        operator = Operator(connection)
        early = operator.rate_batch("catalogues/shop/versions/1", "shop/basic", usage, effective_on=dt.date(2025, 1, 1))
        assert (micros(early.total), dict(early.status_counts)) == (100_000, {"RATED": 1})
        charge = operator.explain_record("long").charges[0]
        assert (micros(charge.charge), charge.status) == (500_000, "RATED")
        assert operator.explain_record("long", bill_run="billRuns/1", language="zh").charges[0].sentences != charge.sentences
        assert operator.explain_invoice("accounts/anna/invoices/R-0000000001").invoice.number == "R-0000000001"
        compared = operator.compare_plans("accounts/anna", 2025, 10, catalogue="shop")
        assert [(each.plan, micros(each.total)) for each in compared.offers] == [("shop/basic", 10_500_000), ("shop/plus", 35_500_000)]
