"""A guarded service in front of the shop, a second home for the command line, and catalogues as messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ratewright.v1 import tariff_service_pb2 as pb
from ratewright.v1 import tariff_service_pb2_grpc
from server.cli import app
from tests.billing.runs.world import World
from tests.server.access.conftest import NOW_US, Guarded, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["guarded"]
CATALOGS = Path(__file__).parents[4] / "tariffs" / "catalogs"
FIRST, SECOND = CATALOGS / "mobile", CATALOGS / "mobile-2026-10-15"
MOBILE = "catalogues/mobile/versions/"


def files_of(folder: Path) -> list[pb.TariffFile]:
    """The files of a catalogue, as a client sends them."""
    return [pb.TariffFile(name=each.name, content=each.read_bytes()) for each in sorted(folder.iterdir()) if each.is_file()]


def tariffs(guarded: Guarded, name: str) -> Any:  # noqa: ANN401 -- a stub
    """The service for an operator."""
    return tariff_service_pb2_grpc.TariffServiceStub(guarded.channel(name))


def drafted(guarded: Guarded, folder: Path, **more: Any) -> pb.DraftTariffResponse:  # noqa: ANN401 -- fields of the message
    """A draft by the operator."""
    found: pb.DraftTariffResponse = tariffs(guarded, "the-operator").DraftTariff(
        pb.DraftTariffRequest(files=files_of(folder), **more), timeout=30
    )
    return found


def published(guarded: Guarded, folder: Path) -> pb.PublishTariffResponse:
    """A version that the operator drafts, the approver approves, and the operator publishes."""
    name = drafted(guarded, folder).tariff_version.name
    tariffs(guarded, "the-approver").ApproveTariffDraft(pb.ApproveTariffDraftRequest(name=name), timeout=30)
    found: pb.PublishTariffResponse = tariffs(guarded, "the-operator").PublishTariff(pb.PublishTariffRequest(name=name), timeout=30)
    return found


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[World]:
    """The same home again, for the command line."""
    made = World(tmp_path / "twin")
    yield made
    made.home.close()


@pytest.fixture
def command(twin: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command of tariffs on the twin, when it is for the service; what it prints with --json, on stderr where it fails."""
    monkeypatch.setattr("server.clock.machine_now_us", lambda: NOW_US)

    def call(*words: object, status: int = 0, home: bool = True) -> Any:  # noqa: ANN401 -- JSON is anything
        capsys.readouterr()
        where = ["--home", str(twin.home.path)] if home else []
        assert app.main(["tariffs", *map(str, words), *where, "--json"]) == status
        out, err = capsys.readouterr()
        return json.loads(err if status else out)

    return call
