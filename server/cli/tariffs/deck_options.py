"""The options that `tariffs deck preview` and `tariffs deck import` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

DeckFile = Annotated[Path, Parameter(name="FILE")]
MappingFile = Annotated[Path, Parameter(name="--mapping")]
IsFull = Annotated[bool | None, Parameter(name="--full", negative="--partial")]
DeckName = Annotated[str | None, Parameter(name="--deck")]
Onto = Annotated[str | None, Parameter(name="--onto")]
Day = Annotated[str | None, Parameter(name="--on")]
NoticeDays = Annotated[int | None, Parameter(name="--notice-days")]
Received = Annotated[str | None, Parameter(name="--received")]
