"""Books that do not balance are kept as findings: once each, with an owner and a day, until somebody closes them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from billing.controls import findings
from billing.controls.book import book
from billing.runs.states import By
from rating.errors import ChangedError, UserError

if TYPE_CHECKING:
    from tests.billing.runs.world import World

ADA = By("ada", 1001)
TODAY = dt.date(2025, 11, 3)
BALANCED, TORN = book("ledger CNY", 5, 5, "rows"), book("tax CNY", 5, 2**70, "micro-units CNY", {"billed": 5})


def test_a_finding_is_kept_once_given_away_and_closed(world: World) -> None:
    first = findings.keep(world.home, [BALANCED, TORN], 7, "ada", TODAY, world.tick())
    assert [(each.name, each.run_id, each.owner, each.due_on, each.right) for each in first] == [
        ("tax CNY", 7, "ada", "2025-11-08", 2**63 - 1)
    ]
    assert findings.keep(world.home, [TORN], 8, "ben", TODAY, world.tick()) == first, "the same two sides are the same finding"
    assert len(findings.keep(world.home, [book("tax CNY", 4, 5, "rows")], 8, "", TODAY, world.tick())) == 2
    for _ in range(2):
        given = findings.assign(world.home, 1, "carl", dt.date(2025, 12, 1), ADA, world.tick())
        assert (given.owner, given.due_on, given.is_open) == ("carl", "2025-12-01", True)
    with pytest.raises(UserError, match="closed with a word on what was done"):
        findings.close(world.home, 1, " ", ADA, world.tick())
    closed = findings.close(world.home, 1, "a row was put back", ADA, world.tick())
    assert (closed.closed_by, closed.note, closed.owner) == ("ada", "a row was put back", "carl")
    with pytest.raises(UserError, match="finding 1 was closed by ada: a row was put back"):
        findings.assign(world.home, 1, "dora", TODAY, ADA, world.tick())
    with pytest.raises(UserError, match="there is no finding 9"):
        findings.close(world.home, 9, "x", ADA, world.tick())
    assert [each.owner for each in findings.findings(world.home)] == ["carl", "nobody"]


@pytest.mark.parametrize("etag", ["", "0"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_another_one_did_meanwhile_is_seen(world: World, monkeypatch: pytest.MonkeyPatch, etag: str, dry_run: bool) -> None:  # noqa: FBT001 -- a parameter
    """Bob closes the finding when ada's command has begun, and before it can write."""
    findings.keep(world.home, [TORN], 0, "ann", TODAY, world.tick())
    begin, home = world.home.begin, world.home

    def begin_late(**more: bool) -> Any:  # noqa: ANN401 -- handed on
        monkeypatch.setattr(home, "begin", begin)
        findings.close(home, 1, "put right", By("bob", 7), world.tick())
        return begin(**more)

    monkeypatch.setattr(home, "begin", begin_late)
    told = "finding 1 was changed since it was read" if etag else "finding 1 was closed by bob: put right"
    with pytest.raises(UserError, match=told):
        findings.assign(home, 1, "dora", TODAY, ADA, world.tick(), etag=etag, dry_run=dry_run)
    [found] = findings.findings(home)
    assert (found.closed_by, found.owner, found.etag) == ("bob", "ann", "1")


def test_an_etag_is_that_of_the_newest_word(world: World) -> None:
    findings.keep(world.home, [TORN], 0, "ann", TODAY, world.tick())
    [read] = findings.findings(world.home)
    tried = findings.assign(world.home, 1, "dora", TODAY, ADA, world.tick(), etag=read.etag, dry_run=True)
    assert (tried.owner, findings.findings(world.home)) == ("dora", [read])
    given = findings.assign(world.home, 1, "dora", TODAY, ADA, world.tick(), etag=read.etag)
    assert given == tried
    with pytest.raises(ChangedError):
        findings.close(world.home, 1, "put right", ADA, world.tick(), etag=read.etag)
    same = findings.assign(world.home, 1, "dora", TODAY, ADA, world.tick(), etag=given.etag)
    assert same == given, "nothing is changed, and nothing stored"
    assert findings.close(world.home, 1, "put right", ADA, world.tick(), etag=same.etag).closed_by == ADA.name
