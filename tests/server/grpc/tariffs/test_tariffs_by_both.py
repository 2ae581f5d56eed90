"""Each step of a version by calls and by commands, on two homes that are alike: the same versions, changes, notes and sheets."""

from __future__ import annotations

import datetime as dt
import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest

from billing import catalogue
from billing.catalogue import Operator
from ratewright.v1 import tariff_service_pb2 as pb
from server.cli import app
from server.grpc import convert
from tests.billing.runs.world import NATIONAL, Call, instant_us, price_of, shop
from tests.server.access.conftest import NOW_US
from tests.server.grpc.tariffs.conftest import FIRST, MOBILE, SECOND, drafted, files_of, published, tariffs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home
    from rating.model import Catalogue
    from tests.billing.runs.world import World
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
OTHER = Operator("ben", os.getuid() + 1)
BERLIN_MIDNIGHT_US = 1_792_015_200_000_000  # 2026-10-15: 22:00 UTC of the day before
TITLES = {"en": "Smart M", "zh": "智选 M"}
MEDIA_TYPES = {"text": "text/plain; charset=utf-8", "html": "text/html; charset=utf-8", "pdf": "application/pdf"}
EFFECTS = {"EFFECT_UNSPECIFIED": None, "EFFECT_RAISES": True, "EFFECT_LOWERS_OR_KEEPS": False}


def summary(version: pb.TariffVersion) -> dict[str, Any]:
    """A version as --json has it."""
    _, identity, _, number = version.name.split("/")
    return {
        "identity": identity,
        "version": int(number),
        "content_hash": version.content_hash,
        "currency": version.currency_code,
        "timezone": version.time_zone,
        "effective_from_us": version.effective_time.ToMicroseconds(),
        "plans": list(version.plans),
        "prices": version.price_count,
        "zones": version.zone_count,
        "prefixes": version.prefix_count,
    }


def change(found: pb.TariffChange) -> dict[str, Any]:
    """A change as --json has it, but for what is derived from it."""
    return {
        "kind": found.kind,
        "text_en": found.text,
        "old": found.old,
        "new": found.new,
        "raises": EFFECTS[pb.TariffChange.Effect.Name(found.effect)],
        "price_id": found.price_id or None,
        "plans": list(found.plans),
    }


def as_told(change: dict[str, Any]) -> dict[str, Any]:
    """The same fields of a change as the command prints it."""
    return {name: change[name] for name in ("kind", "text_en", "old", "new", "raises", "price_id", "plans")}


def warning(found: pb.TariffWarning) -> dict[str, str]:
    return {name: getattr(found, name) for name in ("code", "file", "path", "message", "remedy")}


def within(told: list[dict[str, str]], folder: Path) -> list[dict[str, str]]:
    """Places that the command has by path, as the service has them by name."""
    return [{name: text.replace(f"{folder}/", "") for name, text in each.items()} for each in told]


def publish_twin(command: Callable[..., Any], twin: World, folder: Path) -> dict[str, Any]:
    """The same as `published` in the shell."""
    name = "{identity}@{version}".format(**command("draft", folder))
    catalogue.review(twin.home, name, OTHER, NOW_US, accept=True)
    found: dict[str, Any] = command("publish", name)
    return found


def test_mistakes_are_an_answer_with_all_of_them(guarded: Guarded, command: Callable[..., Any], tmp_path: Path) -> None:
    """Three mistakes in two files: the same places, messages and remedies as the command has."""
    folder = tmp_path / "broken"
    folder.mkdir()
    for each in FIRST.iterdir():
        (folder / each.name).write_bytes(each.read_bytes())
    header = (folder / "header.yaml").read_text().replace("currency: EUR", "currency: EURO").replace("Europe/Berlin", "Europe/Bärlin")
    (folder / "header.yaml").write_text(header)
    (folder / "prices.yaml").write_text((folder / "prices.yaml").read_text().replace('rate: "0.19"', 'rate: "0,19"'))
    found = tariffs(guarded, "the-operator").CheckTariff(pb.CheckTariffRequest(files=files_of(folder)), timeout=30)
    told = command("check", folder, home=False, status=1)["error"]["problems"]
    problems = [{name: getattr(each, name) for name in ("file", "path", "message", "remedy")} for each in found.problems]
    assert problems == within(told, folder)
    assert {each.file for each in found.problems} == {"header.yaml", "prices.yaml"}
    assert (found.problem_count, found.HasField("tariff_version"), len(found.warnings)) == (len(told), False, 0)
    assert len(told) >= 3


def test_warnings_beside_the_published_versions(guarded: Guarded, command: Callable[..., Any], twin: World, tmp_path: Path) -> None:
    """A price that is ten times the one before is doubtful, and only where it is compared."""
    published(guarded, FIRST)
    publish_twin(command, twin, FIRST)
    folder = tmp_path / "dear"
    folder.mkdir()
    for each in SECOND.iterdir():
        (folder / each.name).write_bytes(each.read_bytes().replace(b'rate: "0.11", connect_fee', b'rate: "9.00", connect_fee'))
    alone, beside = (
        tariffs(guarded, "the-operator").CheckTariff(pb.CheckTariffRequest(files=files_of(folder), against_published=against), timeout=30)
        for against in (False, True)
    )
    (told,) = command("check", folder, "--against", twin.home.path, home=False)
    assert [warning(each) for each in beside.warnings] == within(told["warnings"], folder)
    assert beside.warning_count == len(told["warnings"]) > alone.warning_count
    assert summary(beside.tariff_version) == {name: value for name, value in told.items() if name != "warnings"}


def test_a_draft(guarded: Guarded, command: Callable[..., Any]) -> None:
    first, told = drafted(guarded, FIRST), command("draft", FIRST)
    assert summary(first.tariff_version) == {name: told[name] for name in summary(first.tariff_version)}
    assert (first.author, first.already_drafted, first.commit_seq > 0) == ("the-operator", False, True)
    again = tariffs(guarded, "the-finance").DraftTariff(pb.DraftTariffRequest(files=files_of(FIRST)), timeout=30)
    assert (again.author, again.already_drafted, again.commit_seq) == ("the-operator", True, first.commit_seq)
    assert command("draft", FIRST)["added"] is False


def test_a_diff_in_pages(guarded: Guarded, command: Callable[..., Any], twin: World) -> None:
    published(guarded, FIRST)
    publish_twin(command, twin, FIRST)
    drafted(guarded, SECOND)
    command("draft", SECOND)
    told = command("diff", "mobile@1", "mobile@2")["changes"]
    auditor, seen, token = tariffs(guarded, "the-auditor"), [], ""
    for _ in told:
        asked = pb.DiffTariffVersionsRequest(old=f"{MOBILE}1", new=f"{MOBILE}2", page_size=1, page_token=token)
        page = auditor.DiffTariffVersions(asked, timeout=30)
        seen += [change(each) for each in page.changes]
        token = page.next_page_token
        assert page.change_count == len(told)
    assert (seen, token) == ([as_told(each) for each in told], "")
    assert len(told) == 2, "a dearer peak, and calls to Europe that are cheaper"


def test_a_rejection_says_what_the_draft_changes(guarded: Guarded, command: Callable[..., Any], twin: World) -> None:
    published(guarded, FIRST)
    publish_twin(command, twin, FIRST)
    drafted(guarded, SECOND)
    command("draft", SECOND)
    found = tariffs(guarded, "the-approver").RejectTariffDraft(
        pb.RejectTariffDraftRequest(name=f"{MOBILE}2", note="peak is too dear"), timeout=30
    )
    told = command("review", "mobile@2", "--reject", "--note", "peak is too dear")
    assert (found.tariff_version, found.approved, found.by, found.note) == (f"{MOBILE}2", False, "the-approver", "peak is too dear")
    assert (found.content_hash, found.compared_with) == (told["content_hash"], told["compared_with"])
    assert [change(each) for each in found.changes] == [as_told(each) for each in told["changes"]]
    assert (found.change_count, found.warning_count) == (len(told["changes"]), len(told["warnings"]))


def test_the_history_of_a_version(guarded: Guarded, command: Callable[..., Any], twin: World) -> None:
    """Drafted, reviewed and published; then the next version, which is repealed before it takes effect. Persons and commits differ."""
    published(guarded, FIRST)
    publish_twin(command, twin, FIRST)
    published(guarded, SECOND)
    publish_twin(command, twin, SECOND)
    day = convert.date(dt.date(2026, 10, 15))
    done = tariffs(guarded, "the-operator").RepealTariff(
        pb.RepealTariffRequest(name=f"{MOBILE}2", from_date=day, reason="a new brand"), timeout=30
    )
    told = command("repeal", "mobile@2", "--from", "2026-10-15", "--reason", "a new brand")
    assert (
        done.from_time.ToMicroseconds() == told["detail"]["from_us"] == 1_792_015_200_000_000
    )  # midnight of Berlin: 22:00 UTC the day before
    assert (done.reason, done.by, done.subscriptions_without_a_plan) == ("a new brand", "the-operator", 0)
    listed = tariffs(guarded, "the-support").ListTariffVersions(pb.ListTariffVersionsRequest(parent="catalogues/mobile"), timeout=30)
    histories = command("history", "mobile")
    assert [pb.TariffVersion.State.Name(each.state)[6:].lower().replace("_", " ") for each in listed.tariff_versions] == [
        each["state"] for each in histories
    ]
    for version, history in zip(listed.tariff_versions, histories, strict=True):
        kinds = [(each.kind, each.content_hash, each.time.ToMicroseconds()) for each in version.events]
        assert kinds == [(each["what"], each["content_hash"], each["at_us"]) for each in history["events"]]
    assert [each.kind for each in listed.tariff_versions[1].events] == ["drafted", "reviewed", "published", "repealed"]
    last = listed.tariff_versions[1].events[-1]
    assert (last.note, last.from_time, last.by) == ("a new brand", done.from_time, "the-operator")
    assert listed.tariff_versions[0].events[0].note == "upload of header.yaml, holidays.csv, plans.yaml, prices.yaml, smart-l.yaml"
    one = tariffs(guarded, "the-auditor").GetTariffVersion(pb.GetTariffVersionRequest(name=f"{MOBILE}2"), timeout=30)
    assert one == listed.tariff_versions[1]


def test_versions_of_all_catalogues_in_pages(guarded: Guarded) -> None:
    drafted(guarded, FIRST)
    drafted(guarded, SECOND)
    seen, token = [], ""
    while True:
        asked = pb.ListTariffVersionsRequest(parent="catalogues/-", page_size=1, page_token=token)
        page = tariffs(guarded, "the-auditor").ListTariffVersions(asked, timeout=30)
        seen += [(each.name, pb.TariffVersion.State.Name(each.state)) for each in page.tariff_versions]
        token = page.next_page_token
        if not token:
            break
    assert seen == [
        (f"{MOBILE}1", "STATE_DRAFT"),
        (f"{MOBILE}2", "STATE_DRAFT"),
        ("catalogues/shop/versions/1", "STATE_IN_FORCE"),
    ]


def test_a_back_dated_version_names_what_is_billed_again(guarded: Guarded, command: Callable[..., Any], twin: World) -> None:
    """Anna has a bill of October by shop@1; shop@2 takes effect on 15 October, and is published in November."""
    for world in (guarded.world, twin):
        world.catch_up()
        world.account("anna")
        world.subscription("anna-1", "anna", "shop/basic", "1001")
        world.take(Call("1001", "2025-10-05T10:00:00", 25 * 60))
        world.bill("2025-11-01")
    guarded.now_us = guarded.world.now_us
    for home, now_us in ((guarded.home, guarded.now_us), (twin.home, NOW_US)):
        catalogue.record_what_if(home, cheaper_shop(home, now_us), "2025-10", OTHER, now_us, {})
        catalogue.review(home, "shop@2", OTHER, now_us, accept=True)
    asked = pb.PublishTariffRequest(name="catalogues/shop/versions/2", validate_only=True)
    tried = tariffs(guarded, "the-operator").PublishTariff(asked, timeout=30)
    assert command("history", "shop")[1]["state"] == "reviewed"
    asked.validate_only = False
    found, told = tariffs(guarded, "the-operator").PublishTariff(asked, timeout=30), command("publish", "shop@2")
    assert list(found.notes) == told["notes"] == list(tried.notes)
    assert "it takes effect in the past and touches 1 subscription" in told["notes"]
    assert [each.account for each in found.adjust_by_hand] == [f"accounts/{each['account_id']}" for each in told["adjust_by_hand"]]
    assert (tried.commit_seq, found.already_published, found.commit_seq > 0) == (0, False, True)
    again = tariffs(guarded, "the-operator").PublishTariff(asked, timeout=30)
    assert (again.already_published, again.commit_seq, list(again.notes)) == (True, found.commit_seq, [])


@pytest.mark.parametrize("sheet", list(itertools.product(TITLES, MEDIA_TYPES)), ids=" ".join)
def test_sheets(guarded: Guarded, twin: World, command: Callable[..., Any], tmp_path: Path, sheet: tuple[str, str]) -> None:
    language, form = sheet
    drafted(guarded, FIRST)
    command("draft", FIRST)
    asked = pb.GetTariffSheetRequest(
        plan="mobile@1/smart-m", language_code=language, format=f"FORMAT_{form.upper()}", as_of=convert.date(dt.date(2026, 3, 1))
    )
    found = tariffs(guarded, "the-support").GetTariffSheet(asked, timeout=60)
    words = ["sheet", "mobile@1/smart-m", "--language", language, "--format", form, "--at", "2026-03-01", "--output", tmp_path / "sheet"]
    assert app.main(["tariffs", *map(str, words), "--home", str(twin.home.path)]) == 0
    assert found.content == (tmp_path / "sheet").read_bytes()
    assert (found.title, found.media_type) == (TITLES[language], MEDIA_TYPES[form])
    assert found.price_count == len(command(*words[:4])["cells"]) > 0


def cheaper_shop(home: Home, now_us: int) -> Catalogue:
    """shop@2: national calls cost 0.05 in place of 0.10 a minute from 15 October on."""
    cheaper = (price_of(NATIONAL, "National calls", 10, 50_000), shop().prices[1])
    made = shop(2, instant_us("2025-10-15T00:00:00"), prices=cheaper)
    return catalogue.save(home, made, Operator("ana", 77), now_us).catalogue
