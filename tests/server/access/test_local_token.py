"""The token of a service on loopback: a client that goes on while the service starts again finds a whole one at any time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from billing.persons import Who
from billing.store.home import Home
from server.access import key_files, local

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
NOW_US = 1_762_000_000_000_000


def test_the_token_of_before_is_there_until_the_new_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    real = key_files.write_private
    with Home.open(tmp_path / "home", create=True) as home:
        who = Who("ana", os.getuid(), NOW_US)
        path = local.provide(home, who)
        before = path.read_bytes()

        def looking(file: Path, data: bytes) -> None:
            seen.append(path.read_bytes())
            real(file, data)
            seen.append(path.read_bytes())

        monkeypatch.setattr(key_files, "write_private", looking)
        path.with_name("local-token.new").write_bytes(b"of a service that was killed")
        assert local.provide(home, who) == path
    assert seen == [before, before]
    assert path.read_bytes() != before
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.glob("local-token*")] == ["local-token"]
