"""Changes that a rule makes to a record, column by column, for people to look at before anything is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

    from billing.suspense.candidates import Candidates

COMPARED: Final = ("served_id", "other_e164", "start_us", "offset_s", "service")


def changed_fields(chosen: Candidates, row: int) -> dict[str, tuple[Any, Any]]:
    """Columns of a record that are not as they were: the value before and the one after; instants as text in UTC."""
    if chosen.problem[row]:
        return {}
    pairs = ((name, _value(chosen.before, name, row), _value(chosen.after, name, row)) for name in COMPARED)
    return {name: (before, after) for name, before, after in pairs if before != after}


def _value(rows: pa.Table, name: str, row: int) -> Any:  # noqa: ANN401 -- of any type
    value: Any = rows[name][row]
    return value.as_py().isoformat() if name == "start_us" else value.as_py()
