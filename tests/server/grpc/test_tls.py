"""What the server shows its clients: whether it holds today, and whether its key is its own."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import pytest

from rating.errors import UserError
from server.grpc import tls
from tests.server.grpc.certificates import make

if TYPE_CHECKING:
    from pathlib import Path

DAY_US = 86_400_000_000
SECOND_US = 1_000_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tls.Tls:
    return make(tmp_path_factory.mktemp("tls"))


def dates(files: tls.Tls) -> tls.Validity:
    """The time in which the certificate holds."""
    return tls.validity(ssl.PEM_cert_to_DER_cert(files.certificate.read_text()))


def test_a_certificate_holds_from_its_first_second_to_its_last(files: tls.Tls) -> None:
    from_us, until_us = dates(files)
    assert until_us - from_us == 90 * DAY_US
    assert tls.check(files, from_us) == ""
    assert tls.check(files, until_us - 30 * DAY_US) == ""
    warning = tls.check(files, until_us - 30 * DAY_US + SECOND_US)
    assert warning.startswith(f"TLS certificate {files.certificate} ends in 29 days, at ")
    assert "ends in 0 days" in tls.check(files, until_us)
    with pytest.raises(UserError, match="is not valid any more: it ended at") as over:
        tls.check(files, until_us + 1)
    assert "renew it" in over.value.remedy
    with pytest.raises(UserError, match="is not valid yet: it begins at"):
        tls.check(files, from_us - 1)


def test_the_shortest_of_a_chain_counts(tmp_path: Path, files: tls.Tls) -> None:
    short = make(tmp_path, 5, "short")
    chain = tls.Tls(tmp_path / "chain.pem", files.key)
    chain.certificate.write_text("a comment\n" + files.certificate.read_text() + short.certificate.read_text())
    assert "ends in 4 days" in tls.check(chain, dates(short).until_us - 5 * DAY_US + SECOND_US)
    with pytest.raises(UserError, match="not valid any more"):
        tls.check(chain, dates(short).until_us + 1)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o666, 0o644])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    mine = make(tmp_path)
    mine.key.chmod(mode)
    with pytest.raises(UserError, match=rf"may be read or changed by others than its owner \(mode {mode:04o}\)") as refused:
        tls.check(mine, dates(mine).from_us)
    assert f"chmod 600 {mine.key}" in refused.value.remedy
    mine.key.chmod(0o400)
    assert tls.check(mine, dates(mine).from_us) == ""


@pytest.mark.parametrize(("user", "mode", "is_taken"), [(1001, 0o640, True), (1001, 0o644, False), (0, 0o640, False)])
def test_a_key_of_root_may_be_read_by_a_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, mode: int, *, is_taken: bool
) -> None:
    """By the group that keys are for on such a system; not where root itself serves, which needs no group."""
    mine = make(tmp_path)
    mine.key.chmod(mode)
    look = type(mine.key).stat
    found = look(mine.key)
    of_root = os.stat_result((*found[:4], 0, *found[5:]))
    monkeypatch.setattr(type(mine.key), "stat", lambda path, **how: of_root if path == mine.key else look(path, **how))
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if is_taken:
        assert tls.check(mine, dates(mine).from_us) == ""
    else:
        with pytest.raises(UserError, match="others than its owner"):
            tls.check(mine, dates(mine).from_us)


def der(tag: int, *parts: bytes) -> bytes:
    """One value of ASN.1, with a length of two bytes."""
    content = b"".join(parts)
    return bytes([tag, 0x82]) + len(content).to_bytes(2) + content


@pytest.mark.parametrize("damaged", [b"", b"\x30", b"\x30\x82\xff\xff\x00", der(0x30), der(0x30, der(0x30)), b"no certificate at all"])
def test_what_is_no_certificate(damaged: bytes) -> None:
    with pytest.raises(UserError, match="no time of validity"):
        tls.validity(damaged)
