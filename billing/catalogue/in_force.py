"""Catalogues that price, of all that is published.

Versions that a correction replaced, or that were repealed before they took effect, are left out. Where a version ends and no other one
follows, a *tombstone* is added: the version without its plans, from the instant it ends, under its number below zero. A plan that the
version in force does not hold is not for sale. So nothing is priced after the end, and no earlier version takes effect again. A tombstone
keeps its tax classes: bills of the time before need them. No charge ever names a tombstone.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from billing.catalogue.stored import publications_of, repeals_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.catalogue.stored import Repeal
    from billing.store.home import Home
    from rating.model import Catalogue
    from rating.tables import Tables


def in_force(home: Home, seq: int | None = None) -> list[Catalogue]:
    """Catalogues that rating reads: all that price at some instant, as of a sequence number. Raises UserError as `published` does."""
    with home.connect() as connection:
        published, repeals = publications_of(connection), repeals_of(connection)
    versions = [each.catalogue for each in published if seq is None or each.commit_seq <= seq]
    return in_force_of(versions, [each for each in repeals if seq is None or each.commit_seq <= seq])


def tables(home: Home) -> Tables:
    """The kernel's tables of everything that prices."""
    from tariffs.compiling.compiler import compile_catalogues  # noqa: PLC0415 - numba-side modules, paid for only by commands that price

    return compile_catalogues(in_force(home))


def in_force_of(versions: Sequence[Catalogue], repeals: Sequence[Repeal]) -> list[Catalogue]:
    """The same of published versions, any number of catalogues. By identity, the versions before the tombstones."""
    found: list[Catalogue] = []
    for _, group in itertools.groupby(sorted(versions, key=lambda each: (each.identity, each.version)), key=lambda each: each.identity):
        of_identity = list(group)
        live = live_of(of_identity, repeals)
        found += [*live, *(_tombstone(each, end_us) for each in live if (end_us := _ends_at(each, of_identity, live, repeals)) is not None)]
    return found


def live_of(of_identity: Sequence[Catalogue], repeals: Sequence[Repeal]) -> list[Catalogue]:
    """The versions of one catalogue that price at some instant."""
    corrected = {each.corrects for each in of_identity if each.corrects is not None}
    return [each for each in of_identity if each.version not in corrected and not is_withdrawn(each, of_identity, repeals)]


def is_withdrawn(catalogue: Catalogue, of_identity: Sequence[Catalogue], repeals: Sequence[Repeal]) -> bool:
    """Return whether a version was repealed before it took effect."""
    end_us = end_of(catalogue, of_identity, repeals, repealed_only=True)
    return end_us is not None and end_us <= catalogue.effective_from_us


def withdrawn_of(identity: str, versions: Sequence[Catalogue], repeals: Sequence[Repeal]) -> frozenset[int]:
    """The numbers of the versions of one catalogue that were repealed before they took effect."""
    of_identity = [each for each in versions if each.identity == identity]
    return frozenset(each.version for each in of_identity if is_withdrawn(each, of_identity, repeals))


def end_of(catalogue: Catalogue, of_identity: Sequence[Catalogue], repeals: Sequence[Repeal], *, repealed_only: bool = False) -> int | None:
    """The instant at which a version ends by repeal or by its own words. A correction ends when what it corrects was repealed from."""
    versions = {each.version: each for each in of_identity}
    ends = [] if repealed_only or catalogue.effective_to_us is None else [catalogue.effective_to_us]
    corrects: int | None = catalogue.version
    for _ in of_identity:  # a chain of corrections is no longer than the list
        ends += [each.from_us for each in repeals if (each.identity, each.version) == (catalogue.identity, corrects)]
        corrects = versions[corrects].corrects if corrects in versions else None
    return min(ends, default=None)


def _ends_at(catalogue: Catalogue, of_identity: Sequence[Catalogue], live: Sequence[Catalogue], repeals: Sequence[Repeal]) -> int | None:
    """Instant at which a live version ends with nothing to follow it; None where there is none."""
    end_us = end_of(catalogue, of_identity, repeals)
    if end_us is None or any(catalogue.effective_from_us < each.effective_from_us <= end_us for each in live):
        return None
    return end_us


def _tombstone(catalogue: Catalogue, from_us: int) -> Catalogue:
    return msgspec.structs.replace(
        catalogue,
        version=-catalogue.version,
        effective_from_us=from_us,
        effective_to_us=None,
        corrects=None,
        zones=(),
        calendars=(),
        prices=(),
        plans=(),
        add_ons=(),
        roaming_zones=(),
    )
