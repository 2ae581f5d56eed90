"""The check of messages and help finds what it is for, and leaves code, options and data alone."""

from __future__ import annotations

import pytest

from tests.style.messages import findings

LONG = "one two three four five six seven eight nine ten one two three four five six seven eight nine ten one two three four five six"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('raise UserError("nobody knows it", "ask again")', "retired word 'nobody'"),
        ('raise UserError(f"{day} is no date", "ask again")', "retired word 'is no '"),
        ('raise UserError("it fails", f"see what stands in {name}")', "retired word 'stands'"),
        (f'note = "{LONG}"', "26 words"),
        ('app = App(help="What waits.")', "help opens with 'What'"),
        ('COMMANDS = (("due", "due:due", "Which dates are due."),)', "help opens with 'Which'"),
        ('import cyclopts\ndef run(): """Run it.\n\n    It is looked at anew.\n    """', "retired word 'looked at'"),
        (
            'import cyclopts\ndef run(): """Run it.\n\n    Parameters\n    ----------\n    x\n        Of data.\n    """',
            "help opens with 'Of'",
        ),
    ],
)
def test_a_fault_is_found(source: str, fault: str) -> None:
    assert [each for _, each in findings(source) if each.startswith(fault)]


@pytest.mark.parametrize(
    "source",
    [
        'raise UserError("there is no file `nobody`", "name an account, or give --nobody")',
        'raise UserError("it is no longer open", "give the command again")',
        f'note = "{LONG.replace("ten", "ten.")}"',
        'SQL = "a_b int, c_d int, " * 30',
        'def helper(): """What it is: nobody is told."""',
    ],
)
def test_plain_text_and_data_pass(source: str) -> None:
    assert list(findings(source)) == []
