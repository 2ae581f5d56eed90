"""Catalogues of a home by the names that users write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing import catalogue as store
from rating.errors import NotFoundError

if TYPE_CHECKING:
    from billing.store.home import Home
    from rating.model import Catalogue


def named(home: Home, text: str) -> Catalogue:
    """The catalogue `mobile@2`; of `mobile` the newest published version, else the newest draft. Raises NotFoundError."""
    identity, _, version = text.partition("@")
    published = [each for each in store.published(home) if each.identity == identity]
    drafted = {each.catalogue.version: each.catalogue for each in store.drafts(home, identity)}
    known = {**drafted, **{each.version: each for each in published}}
    if version.isascii() and version.isdecimal() and int(version) in known:
        return known[int(version)]
    if not version and published:
        return max(published, key=lambda each: (each.effective_from_us, each.version))
    if not version and drafted:
        return drafted[max(drafted)]
    names = ", ".join(f"{identity}@{number}" for number in sorted(known))
    raise NotFoundError(
        f'"{text}" is neither a published version nor a draft of the home',
        f"it has {names}"
        if names
        else "write the path of a tariff file or folder, or the name of a published version or a draft, such as mobile@2",
    )
