"""Published catalogues: immutable, and checked whenever they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.store.home import Home
from rating.errors import ProblemsError, UserError
from tariffs import canonical
from tests.billing import behind
from tests.billing.files import NOW_US, a_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened


def test_what_is_published_is_read_back(home: Home) -> None:
    for version in (2, 1):
        publication = catalogue.publish(home, a_catalogue(version), NOW_US)
        assert (publication.added, publication.commit_seq) == (True, 3 - version)
    assert catalogue.published(home) == [canonical.sealed(a_catalogue(1)), canonical.sealed(a_catalogue(2))]


def test_the_same_content_again_is_the_same_publication(home: Home) -> None:
    first = catalogue.publish(home, a_catalogue(), NOW_US)
    assert catalogue.publish(home, canonical.sealed(a_catalogue()), NOW_US + 5) == first._replace(added=False)


def test_a_version_never_changes(home: Home) -> None:
    catalogue.publish(home, a_catalogue(), NOW_US)
    with pytest.raises(UserError, match="version 1 of catalogue mobile is published with other content") as caught:
        catalogue.publish(home, a_catalogue(title="Smart Medium"), NOW_US)
    assert "raise the version number" in caught.value.remedy
    assert catalogue.published(home) == [canonical.sealed(a_catalogue())]


def test_two_versions_cannot_begin_together(home: Home) -> None:
    catalogue.publish(home, a_catalogue(1), NOW_US)
    twin = msgspec.structs.replace(a_catalogue(2), effective_from_us=a_catalogue(1).effective_from_us)
    with pytest.raises(ProblemsError) as caught:
        catalogue.publish(home, twin, NOW_US)
    [problem] = caught.value.problems
    assert problem.message == "version 1 takes effect at the same instant"
    assert "`corrects: 1`" in problem.remedy


@pytest.mark.parametrize(
    "change", ["document = replace(CAST(document AS TEXT), 'Smart M', 'Smart N')", "version = 7", "content_hash = x'00'"]
)
def test_a_changed_byte_stops_everything(home: Home, change: str) -> None:
    catalogue.publish(home, a_catalogue(), NOW_US)
    change = change.replace("replace(", "CAST(replace(").replace("'Smart N')", "'Smart N') AS BLOB)")
    behind.change(home, f"UPDATE publications SET {change}")  # noqa: S608 - a row of the table above
    for read in (catalogue.published, catalogue.in_force, catalogue.tables):
        with pytest.raises(UserError, match="is not what was published"):
            read(home)


def test_the_tables_hold_every_version(home: Home) -> None:
    for version in (1, 2):
        catalogue.publish(home, a_catalogue(version), NOW_US)
    tables = catalogue.tables(home)
    assert list(tables.plan_index) == ["mobile/smart-m"]
    assert [(name.identity, name.version) for name in tables.versions] == [("mobile", 1), ("mobile", 2)]
