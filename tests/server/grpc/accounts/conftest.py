"""The example accounts behind a service, and the same home for the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing import catalogue
from billing.store.home import Home
from ratewright.v1 import account_service_pb2_grpc
from server.cli import app
from server.grpc import service
from tariffs.reading.load import load
from tests.server.grpc.conftest import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[4]
NOW_US = 1_782_864_000_000_000  # 2026-07-01T00:00Z


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with everything of examples/accounts."""
    with pytest.MonkeyPatch.context() as patch, Home.open(tmp_path_factory.mktemp("accounts") / "home", create=True) as opened:
        patch.setattr("server.clock.machine_now_us", lambda: NOW_US)
        catalogue.publish(opened, load(ROOT / "tariffs" / "catalogs" / "china-mobile"), 1)
        assert app.main(["accounts", "import", str(ROOT / "examples" / "accounts"), "--home", str(opened.path)]) == 0
        yield opened


@pytest.fixture(scope="module")
def accounts(home: Home) -> Iterator[Any]:
    """The service of accounts."""
    with (
        service.Service.start(service.listen(LOOPBACK), home, lambda: NOW_US) as running,
        grpc.insecure_channel(str(running.address)) as channel,
    ):
        yield account_service_pb2_grpc.AccountServiceStub(channel)


@pytest.fixture
def command(home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command on that home; what it prints with --json."""
    monkeypatch.setattr("server.clock.machine_now_us", lambda: NOW_US)

    def call(*words: object, status: int = 0) -> Any:  # noqa: ANN401 -- JSON is anything
        capsys.readouterr()
        assert app.main([*map(str, words), "--home", str(home.path), "--json"]) == status
        return json.loads(capsys.readouterr().out)

    return call
