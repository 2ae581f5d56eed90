"""Hostile uploads: names that lead elsewhere, bounds, archives, bombs. Each is refused by its reason, and no text tells of the server."""

from __future__ import annotations

import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing.store.home import SPOOL
from ratewright.v1 import tariff_service_pb2 as pb
from server.actions.tariffs import uploads
from server.grpc.spool import LOCK
from server.grpc.tariffs import tariff_service
from tariffs.reading import load
from tests.server.grpc.calls import refused
from tests.server.grpc.tariffs.conftest import FIRST, files_of, tariffs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
INVALID, EXHAUSTED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED
NAMES = [
    *("", ".", "..", "/", "/etc/passwd", "../up.yaml", "a/../../up.yaml", "a/./b.yaml", "a//b.yaml", "a/", "/a.yaml", "./a.yaml"),
    *("~/a.yaml", ".hidden.yaml", "a/.git/config", "a\\..\\b.yaml", "C:/a.yaml", "C:a.yaml", "a\0b.yaml", "a\nb.yaml", "a\u202eb.yaml"),
    *("$(id).yaml", "a/b/c/d/e.yaml", "x" * 201, "é" * 101, "-o.yaml", "a|b.yaml", "*.yaml", "%2e%2e/a.yaml"),
    *("\u2025/a.yaml", "\uff0e\uff0e/a.yaml"),
]  # fmt: skip
TWICE = [
    ("a.yaml", "a.yaml"), ("a.yaml", "A.YAML"), ("decks", "decks/a.csv"), ("decks/a.csv", "decks"), ("D/a.csv", "d"),
    ("a/b/c.csv", "a/b"), ("ﬁ.yaml", "fi.yaml"), ("e\u0301.yaml", "é.yaml"),
]  # fmt: skip
HEAD = b"identity: bomb\nversion: 1\ncurrency: EUR\ntimezone: Europe/Berlin\neffective_from: 2026-01-01T00:00:00+01:00\n"
LAUGHS = b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n"
LEADS_OUT = "zones: [{id: 1, name: abroad, prefixes_file: %s}]\n"


@pytest.fixture
def scratch(guarded: Guarded) -> Path:
    """The spool, which the next service empties where this one is killed: no file is in it before and after."""
    return guarded.home.path / SPOOL


def left(scratch: Path) -> list[Path]:
    """Files in the spool but for the locks of services."""
    return [each for each in scratch.rglob("*") if each.is_file() and each.name != LOCK]


def named(*names: str, content: bytes = b"") -> list[pb.TariffFile]:
    return [pb.TariffFile(name=each, content=content) for each in names]


def check(guarded: Guarded, files: list[pb.TariffFile]) -> pb.CheckTariffResponse:
    found: pb.CheckTariffResponse = tariffs(guarded, "the-operator").CheckTariff(pb.CheckTariffRequest(files=files), timeout=60)
    return found


def test_names_that_lead_elsewhere(guarded: Guarded, scratch: Path) -> None:
    """The folder of temporary files is the only one that an upload could write beside: nothing is there afterwards."""
    for name in NAMES:
        answer = refused(lambda: check(guarded, [*files_of(FIRST), pb.TariffFile(name=name, content=b"x: 1\n")]))  # noqa: B023 -- called at once
        assert answer[:2] == (INVALID, "UPLOAD_MALFORMED"), name
        assert answer.metadata["field"] == "files[5].name", name
    assert left(scratch) == []


def test_a_draft_refuses_such_names_too(guarded: Guarded, scratch: Path) -> None:
    asked = pb.DraftTariffRequest(files=named("../up.yaml"), request_id="r-1")
    answer = refused(lambda: tariffs(guarded, "the-operator").DraftTariff(asked, timeout=30))
    assert (answer[:2], answer.metadata["field"]) == ((INVALID, "UPLOAD_MALFORMED"), "files[0].name")
    assert left(scratch) == []


@pytest.mark.parametrize("names", TWICE, ids=ascii)
def test_names_that_are_there_twice(guarded: Guarded, names: tuple[str, ...]) -> None:
    """Also to file systems that take no notice of capitals and accents, and as a file and a folder."""
    answer = refused(lambda: check(guarded, named(*names)))
    assert (answer[:2], answer.metadata["field"]) == ((INVALID, "UPLOAD_MALFORMED"), "files[1].name")


def test_bounds_of_an_upload(guarded: Guarded) -> None:
    """200 files and 8 MiB are read; one more of either is not."""
    catalogue = files_of(FIRST)
    room = uploads.BYTES_MAX - sum(len(each.content) for each in catalogue)
    full, above = ([*catalogue, pb.TariffFile(name="f.csv", content=bytes(room + more))] for more in (0, 1))
    most, many = ([*catalogue, *named(*(f"f{each}.csv" for each in range(195 + more)))] for more in (0, 1))
    for files in (above, many):
        assert refused(lambda: check(guarded, files))[:2] == (EXHAUSTED, "UPLOAD_TOO_LARGE")  # noqa: B023 -- called at once
    assert [check(guarded, files).problem_count for files in (full, most)] == [0, 0]
    answer = refused(lambda: check(guarded, []))
    assert (answer[:2], answer.metadata["field"]) == ((INVALID, "UPLOAD_MALFORMED"), "files")


def test_archives_are_not_unpacked(guarded: Guarded, scratch: Path) -> None:
    """An archive in an archive is a file that no document names; alone it is no catalogue."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("../../header.yaml", HEAD + b" " * 1_000_000)
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("inner.zip", inner.getvalue())
    archive = pb.TariffFile(name="all.zip", content=outer.getvalue())
    answer = refused(lambda: check(guarded, [archive]))
    assert (answer[:2], answer.metadata["field"]) == ((INVALID, "UPLOAD_MALFORMED"), "files")
    assert answer.message == "files: the upload: the folder holds no tariff file"
    assert check(guarded, [*files_of(FIRST), archive]).problem_count == 0
    as_yaml = check(guarded, [pb.TariffFile(name="all.yaml", content=outer.getvalue())])
    assert as_yaml.problem_count > 0
    assert left(scratch) == []


def test_only_inner_folders_are_no_catalogue(guarded: Guarded) -> None:
    answer = refused(lambda: check(guarded, [pb.TariffFile(name=f"inner/{each.name}", content=each.content) for each in files_of(FIRST)]))
    assert answer[:2] == (INVALID, "UPLOAD_MALFORMED")
    assert answer.metadata["remedy"] == "name one of its folders, such as inner"


BOMBS = {
    "aliases": HEAD + LAUGHS,
    "nesting": HEAD + b"plans: " + b"[" * 100_000,
    "a mapping in a mapping": HEAD + b"plans: " + b"{a: " * 50_000,
    "tags": HEAD + b"plans: !!python/object/apply:os.system [id]\n",
    "many values": HEAD + b"plans: [" + b"1," * 600_000 + b"1]\n",
    "a long word": HEAD + b"identity: " + b"x" * 3_000_000 + b"\n",
    "many documents": HEAD + b"---\n" * 100_000,
    "not UTF-8": HEAD + b"disclosure: {en: \xff\xfe}\n",
    "a huge number": HEAD + b"minor_digits: " + b"9" * 100_000 + b"\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_mistakes(guarded: Guarded, scratch: Path, name: str) -> None:
    """Each is told as mistakes of the file, by its name, within bounds of the answer."""
    found = check(guarded, [pb.TariffFile(name="bomb.yaml", content=BOMBS[name])])
    assert found.problem_count >= 1
    assert {each.file for each in found.problems} == {"bomb.yaml"}
    assert found.ByteSize() < 4 * 1024 * 1024
    assert left(scratch) == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../etc/passwd", "/dev/zero", "/proc/self/environ", "decks/../../x.csv", "."])
def test_no_file_of_the_server_is_read(guarded: Guarded, scratch: Path, path: str) -> None:
    """A document that names a file elsewhere has a mistake; nothing of that file, and no place of the server, is in the answer."""
    found = check(guarded, [pb.TariffFile(name="bomb.yaml", content=HEAD + (LEADS_OUT % path).encode())])
    told = [each.message for each in found.problems if "prefixes_file" in each.path]
    assert len(told) == 1, found.problems
    assert "outside the catalogue's folder" in told[0] or "not an ordinary file" in told[0]
    assert str(scratch) not in str(found)
    assert "root:" not in str(found)


def test_many_mistakes_are_counted_and_the_answer_arrives(guarded: Guarded) -> None:
    """Of some 20,000 mistakes in two decks texts are told until 3 MiB are full; their number is told whole."""
    names = ("one.csv", "two.csv")
    decks = "".join(
        f"  - {{name: d{place}, file: {name}, charge_code: 1, revenue_code: 1, tax_class: standard}}\n" for place, name in enumerate(names)
    )
    rows = b"zone_id,zone,prefixes,rate\n" + b"".join(
        b"%d,z%d,%d,%s\n" % (each, each, 10**7 + each, b"0.0x" * 12) for each in range(10_000)
    )
    files = [pb.TariffFile(name="many.yaml", content=HEAD + b"decks:\n" + decks.encode()), *named(*names, content=rows)]
    found = check(guarded, files)
    assert found.problem_count >= 20_000
    assert 0 < len(found.problems) < found.problem_count
    assert 3_000_000 < found.ByteSize() < 4 * 1024 * 1024


def test_one_upload_is_read_at_a_time(guarded: Guarded, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one waits a while, and is then asked to come again. The files of the first one lie in the spool meanwhile."""
    entered, release, seen = threading.Event(), threading.Event(), list[str]()
    real, read = uploads.load, load.load_located

    def slow(files: list[uploads.File], within: Path) -> Any:  # noqa: ANN401 -- as `load`
        entered.set()
        assert release.wait(30)
        return real(files, within)

    def looked(folder: Path) -> load.Located:
        seen.extend(each.name for each in left(scratch))
        return read(folder)

    monkeypatch.setattr(load, "load_located", looked)

    monkeypatch.setattr(uploads, "load", slow)
    monkeypatch.setattr(tariff_service, "WAIT_S", 0.05)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(check, guarded, files_of(FIRST))
        assert entered.wait(30)
        answer = refused(lambda: check(guarded, files_of(FIRST)))
        release.set()
        assert first.result(60).problem_count == 0
    assert sorted(seen) == sorted(each.name for each in files_of(FIRST))
    assert answer[:2] == (EXHAUSTED, "UPLOADS_EXHAUSTED")
    assert check(guarded, files_of(FIRST)).problem_count == 0


def test_the_place_of_an_upload_is_nowhere(guarded: Guarded, scratch: Path) -> None:
    """A draft keeps the names that were sent, and refusals name them."""
    made = tariffs(guarded, "the-operator").DraftTariff(pb.DraftTariffRequest(files=files_of(FIRST)), timeout=30)
    listed = tariffs(guarded, "the-operator").GetTariffVersion(pb.GetTariffVersionRequest(name=made.tariff_version.name), timeout=30)
    assert str(scratch) not in str(listed)
    broken = [*files_of(FIRST), pb.TariffFile(name="more.yaml", content=b"currency: USD\n")]
    answer = refused(lambda: tariffs(guarded, "the-operator").DraftTariff(pb.DraftTariffRequest(files=broken), timeout=30))
    assert answer[:2] == (INVALID, "MALFORMED_REQUEST")
    assert str(scratch) not in str(answer)
    assert left(scratch) == []
