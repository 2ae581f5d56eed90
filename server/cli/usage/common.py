"""Options and helpers of several usage commands: the source, files that can be read, and progress in bytes of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SourceName = Annotated[str, Parameter(name="--source", help="Name of a source, or a YAML file that defines one.")]


def refuse_unreadable(files: Sequence[Path]) -> None:
    """All files are checked before the first is taken."""
    from rating.errors import Problem, ProblemsError, UserError

    problems = []
    for file in files:
        if file.is_dir():
            problems.append(Problem(str(file), "file", "is a folder", "name the files in it"))
        elif not file.exists():
            problems.append(Problem(str(file), "file", "does not exist", "correct the name"))
        elif not file.is_file():
            problems.append(Problem(str(file), "file", "is a pipe or device", "write what comes from it to a file, and name that"))
    if len(problems) == 1:
        only = problems[0]
        raise UserError(f"{only.file} {only.message}", only.remedy)
    if problems:
        raise ProblemsError(problems)


def of_file(file: Path, report: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Progress in bytes of the file, however often decoding reads it."""
    size_bytes = file.stat().st_size
    return lambda done, total: report(done * size_bytes // max(total, 1), size_bytes)
