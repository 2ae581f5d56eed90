"""Ways of ending: each becomes its exit status and its text, and none a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from typing import TYPE_CHECKING

import pytest

from rating.errors import Problem, ProblemsError, UserError
from server.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable

HEAVY = ("numpy", "numba", "pyarrow", "sqlalchemy", "alembic", "grpc")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the root command with one command, `probe`, that does what the test says."""

    def run_probe(action: Callable[[], object], *words: str) -> int:
        def probe(*, json: bool = False) -> object:  # noqa: ARG001 -- the switch itself is what main looks at
            return action()

        module = types.ModuleType("probe_commands")
        module.probe = probe  # type: ignore[attr-defined] # a module made by hand has no declared names
        monkeypatch.setitem(sys.modules, "probe_commands", module)
        monkeypatch.setattr(app, "COMMANDS", (("probe", "probe_commands:probe", "A command of the test."),))
        return app.main(["probe", *words])

    return run_probe


def raising(error: BaseException) -> Callable[[], object]:
    def action() -> object:
        raise error

    return action


def sys_exit() -> object:
    sys.exit(3)


ENDINGS = [
    (lambda: None, 0, ""),
    (lambda: 1, 1, ""),
    (sys_exit, 3, ""),
    (raising(UserError("no such file: x.csv", "name one")), 1, "error: no such file: x.csv\n  remedy: name one\n"),
    (raising(UserError("bad call", "do so", exit_status=2)), 2, "error: bad call\n  remedy: do so\n"),
    (raising(KeyboardInterrupt()), 130, "interrupted\n"),
    (
        raising(PermissionError(13, "Permission denied", "/home/x/ratewright.db")),
        1,
        """error: /home/x/ratewright.db: Permission denied
  remedy: check that the path exists, that this user may use it and that the disk has room
""",
    ),
    (
        raising(RuntimeError("two\nlines")),
        70,
        "internal error: RuntimeError: two lines; please report it with the output of the same call under RATEWRIGHT_DEBUG=1\n",
    ),
]


@pytest.mark.parametrize(("action", "status", "text"), ENDINGS)
def test_ending(run: Callable[..., int], capsys: pytest.CaptureFixture[str], action: Callable[[], object], status: int, text: str) -> None:
    assert run(action) == status
    assert capsys.readouterr() == ("", text)


def test_problems_are_a_list_and_json_on_request(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    error = ProblemsError([Problem("a.yaml", "prices[0].name", "is missing", "add it")])
    assert run(raising(error)) == 1
    assert capsys.readouterr().err.startswith("a.yaml: prices[0].name: is missing; remedy: add it\nerror: 1 mistake found\n")
    assert run(raising(error), "--json") == 1
    document = json.loads(capsys.readouterr().err)
    assert document["error"]["problems"] == [{"file": "a.yaml", "path": "prices[0].name", "message": "is missing", "remedy": "add it"}]


def test_traceback_only_on_request(run: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEWRIGHT_DEBUG", "1")
    assert run(raising(RuntimeError("inside"))) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["probe", "--nonsense"], ["nonsense"], ["probe", "surplus"], ["--nonsense"]])
def test_wrong_call(run: Callable[..., int], capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    run(lambda: None)
    assert app.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "--help shows how to call it" in err


@pytest.mark.parametrize("words", ["bill undo --reason x --run", "approvals agree", "invoice list --limit", "bill rerate-approve"])
@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "9" * 40])
def test_numbers_that_no_database_holds(capsys: pytest.CaptureFixture[str], words: str, number: str) -> None:
    assert app.main([*words.split(), number]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "--help shows how to call it" in err


def test_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == "0.1.0"


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from server.cli.app import main; status = main(['--help']); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    for name, _, _ in app.COMMANDS:
        assert f" {name} " in done.stdout


@pytest.mark.parametrize(
    ("redirection", "words", "status"), [(">&-", "--version", 0), ("2>&-", "nonsense", 2), (">&- 2>&-", "nonsense", 2)]
)
def test_closed_streams_change_no_exit_status(redirection: str, words: str, status: int) -> None:
    code = f'"$0" -c "import sys; from server.cli import app; sys.exit(app.main())" {words} {redirection}'
    assert subprocess.run(["bash", "-c", code, sys.executable], capture_output=True, text=True, check=False).returncode == status


def test_closed_pipe_is_quiet() -> None:
    code = "import sys; from server.cli import app; app._run = lambda words: print('x' * 200_000); sys.exit(app.main([]))"
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" | head -c 1; exit ${PIPESTATUS[0]}', sys.executable, code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("bill", "run"), "A run that was interrupted goes on where it ended; run again, it bills nothing twice."),
        (("payment", "order"), "Settlements of before stay as they are; a new order applies to later payments."),
        (("tariffs", "publish", "mobile@2"), "Each condition can be waived with a reason, which is kept."),
        (("usage", "suspense"), "Records that wait for a decision"),
        (("usage", "suspense", "list"), "Values are estimates at the likely tariff."),
    ],
)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_of_a_command_is_its_whole_description(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str, flag: str
) -> None:
    assert app.main([*words, flag]) == 0
    assert says in " ".join(capsys.readouterr().out.split())


def test_lists_of_commands_say_one_sentence_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["payment", "--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Show or set the order in which payments" in out
    assert "Settlements of before" not in out
