"""A source as the YAML of a definition: what is not said has its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from mediation.sources.format_columns import COLUMNS
from rating.dates import DAY_US, HOUR_US, SECOND_US

if TYPE_CHECKING:
    from mediation.sources.model import Source

_US: Final = "_us"
_UNITS_US: Final = (("d", DAY_US), ("h", HOUR_US), ("m", 60 * SECOND_US), ("s", SECOND_US))


def definition(source: Source) -> dict[str, Any]:
    """The fields of a definition of `source`. Of several built-in layouts none is listed: a definition without columns has them all."""
    made: dict[str, Any] = {"name": source.name, "format": source.format.value}
    if source.positions:
        made["positions"] = {position.column: [position.first, position.last] for position in source.positions}
    elif len(source.layouts) == 1 and source.layouts[0].columns not in COLUMNS[source.format].layouts:
        made["columns"] = list(source.layouts[0].columns)
    skipped = {"name", "format", "layouts", "positions"}
    return made | {name: value for name, value in _said(source).items() if name not in skipped}


def length(length_us: int) -> str:
    """A length of time as a definition writes it, in the largest unit that fits."""
    unit, unit_us = next((unit, unit_us) for unit, unit_us in _UNITS_US if length_us % unit_us == 0)
    return f"{length_us // unit_us}{unit}"


def _said(struct: msgspec.Struct) -> dict[str, Any]:
    """The fields that are not as they are when nothing is said."""
    made = {}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
        if value != default:
            made[field.name.removesuffix(_US)] = length(value) if field.name.endswith(_US) else _plain(value)
    return made


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    if isinstance(value, msgspec.Struct):
        return _said(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return msgspec.to_builtins(value)
