"""Options that had another name before: the former one is still taken, and no help shows it."""

from __future__ import annotations

from rating.errors import UserError


def either(now: tuple[str, str], former: tuple[str, str]) -> str:
    """The value of an option that may come under either name, each with its name. Raises UserError where both say something else."""
    (name, value), (former_name, former_value) = now, former
    if value and former_value and value != former_value:
        raise UserError(f"{name} is {value}, and {former_name} is {former_value}", f"give {name} alone: it has both names", exit_status=2)
    return value or former_value
