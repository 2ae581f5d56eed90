"""Admission of a version to those that are published. A correction alone may begin when another version began.

Refuses other content under a published number, an instant that another version has, and all that `tariffs.succession` and
`tariffs.tax_codes` refuse. Refuses a correction of a version that is not there, was corrected before, or never took effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rating.errors import UserError
from tariffs.succession import refuse_break

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rating.model import Catalogue


def same_version(catalogue: Catalogue, published: Sequence[Catalogue]) -> Catalogue | None:
    """The published version that says the same as `catalogue`, in any encoding."""
    plain = msgspec.structs.replace(catalogue, content_hash=b"")
    return next(
        (each for each in published if msgspec.structs.replace(each, content_hash=b"") == plain),
        None,
    )


def refuse_version(catalogue: Catalogue, published: Sequence[Catalogue], withdrawn: Collection[int], origin: str) -> None:
    """Raise UserError when `catalogue` cannot join `published`. `withdrawn` versions of it were repealed before they took effect."""
    versions = {each.version: each for each in published if each.identity == catalogue.identity}
    if catalogue.version in versions:
        raise UserError(
            f"version {catalogue.version} of catalogue {catalogue.identity} is published with other content",
            "a published version never changes: raise the version number and publish again",
        )
    if catalogue.corrects is not None:
        _refuse_correction(catalogue, catalogue.corrects, versions, withdrawn)
    refuse_break(catalogue, published, origin or f"catalogue {catalogue.identity}", withdrawn)


def _refuse_correction(catalogue: Catalogue, number: int, versions: dict[int, Catalogue], withdrawn: Collection[int]) -> None:
    corrected, name = versions.get(number), f"version {number} of catalogue {catalogue.identity}"
    if corrected is None:
        raise UserError(
            f"{name}, which version {catalogue.version} corrects, is not published", "correct a published version, or leave `corrects` out"
        )
    by = next((each.version for each in versions.values() if each.corrects == number), None)
    if by is not None:
        raise UserError(f"{name} is corrected already, by version {by}", f"write `corrects: {by}`")
    if number in withdrawn:
        raise UserError(f"{name} was repealed before it took effect", "leave `corrects` out")
    if corrected.effective_from_us != catalogue.effective_from_us:
        raise UserError(
            f"version {catalogue.version} corrects {name}, and does not take effect when that one does",
            "give it the same effective_from; to change prices later on, leave `corrects` out",
        )
