"""The command line: which commands there are, and how each way of ending becomes an exit status.

0 done; 1 an error the user can mend, or a check that failed; 2 a wrong call; 70 our own mistake; 130 interrupted;
141 the reader of the output went away.
Errors go to stderr, as text or, when the call holds --json, as one JSON object. A traceback is shown only if RATEWRIGHT_DEBUG is 1.
Commands are named by import path and imported when called, so that `ratewright --help` answers in under 0.3 s.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import cyclopts

from billing import acting
from rating.errors import ProblemsError, UserError
from server.cli import answers

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_MENDABLE = 1
EXIT_WRONG_CALL = 2
EXIT_OUR_MISTAKE = 70
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
_SERVER, _HOME = "RATEWRIGHT_SERVER", "RATEWRIGHT_HOME"
_UNDECODED = "surrogates not allowed"  # what Python says of a word of the command line whose bytes were no UTF-8
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy starts threads for products of matrices, of which there are none here

_HELP_FLAGS = frozenset(("--help", "-h"))

# name, import path, what the list of commands says about it
COMMANDS = (
    ("tariffs", "server.cli.tariffs:app", "Write, check, review, publish and try out catalogues of tariffs."),
    ("quote", "server.cli.quote:quote", "Price one event and show each step, or compare plans for a customer."),
    ("accounts", "server.cli.accounts:app", "Accounts, their subscriptions and numbers, and what is agreed with them."),
    ("party", "server.cli.parties:party", "Facts about customers: names, addresses, tax ids, bank accounts, delivery."),
    ("entity", "server.cli.parties:entity", "Facts about legal entities as issuers of documents."),
    ("source", "server.cli.source:app", "Definitions of usage sources: list, show, and try one on a file."),
    ("usage", "server.cli.usage:app", "Ingest and inspect usage files; see what waits in suspense."),
    ("bill", "server.cli.bill:app", "Run the bill cycle, or preview one account."),
    ("invoice", "server.cli.invoice:app", "List, show, explain, void and credit invoices."),
    ("documents", "server.cli.documents:app", "Documents as customers receive them: check what is missing for them."),
    ("adjustment", "server.cli.adjustment:app", "Charges and credits by hand."),
    ("payment", "server.cli.payment:app", "Payments, bank files, refunds, deposits, promises, instalments."),
    ("ledger", "server.cli.ledger:app", "Balances, ageing, month end, closing and export."),
    ("dunning", "server.cli.dunning:app", "Remind and bar accounts that are past due."),
    ("controls", "server.cli.controls:app", "Check that the books balance."),
    ("db", "server.cli.db:app", "The home's database: show where it is, upgrade, check and copy it."),
    ("settings", "server.cli.settings:app", "Settings of the operator: list, set and agree."),
    ("approvals", "server.cli.approvals:app", "Proposals that wait for a second person: list, agree, refuse."),
    ("operators", "server.cli.access:operators_app", "Persons and machines that act in a home, and their roles."),
    ("tokens", "server.cli.access:tokens_app", "Bearer tokens of operators."),
    ("certs", "server.cli.access:certs_app", "Certificates of operators and of the service."),
    ("audit", "server.cli.access:audit_app", "The trail of writes, reads and refusals."),
    ("status", "server.cli.status:status", "Show a home on one page: what is due, waits and is open, and the command with more."),
    ("config", "server.cli.config:app", "The configuration of the service: show each value and where it comes from."),
    ("serve", "server.cli.serve:serve", "Answer gRPC calls: usage streams, quotes, invoices, dunning, bill runs."),
)

_EPILOGUE = (
    "A month: tariffs publish, accounts import, usage ingest, bill run, invoice list, payment record, dunning run, controls.\n\n"
    "Exit status: 0 done; 1 an error that you can correct, or a failed check; 2 a wrong call; 70 a fault of the program; 130 interrupted."
)


def _require_kept(_type: object, value: object) -> None:
    """No whole number of a command is beyond those that a database can hold, and one more; no text or path has a NUL character."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63 - 1:
        message = f"{value} is beyond all numbers that are kept"
        raise ValueError(message)
    if isinstance(value, list | tuple):
        for each in value:
            _require_kept(_type, each)
    elif isinstance(value, str | Path) and "\0" in str(value):
        message = "It holds a NUL character."
        raise ValueError(message)


def build() -> cyclopts.App:
    """The root command with all others registered by import path."""
    root = cyclopts.App(
        name="ratewright",
        help="An exact, explainable telecom rating and billing engine.",
        help_epilogue=_EPILOGUE,
        version=_version,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
        default_parameter=cyclopts.Parameter(validator=_require_kept),
    )
    for name, path, summary in COMMANDS:
        root.command(path, name=name, help=summary)
    return root


def main(tokens: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status. `tokens` defaults to the words of the process's command line."""
    words = list(sys.argv[1:] if tokens is None else tokens)
    as_json = "--json" in words
    if sys.stdout is None or sys.stderr is None:
        _open_missing_streams()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            setattr(warnings, "showwarning", _show_warning)  # noqa: B010 -- Python's way to say how; the types say it is no variable
            return _run(words)
    except UserError as error:
        if isinstance(error, answers.UnusableAnswerError):
            _trace(error)
        _report(error, as_json=as_json)
        return error.exit_status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return EXIT_BROKEN_PIPE
    except OSError as error:
        _report(_user_error_of(error), as_json=as_json)
        return EXIT_MENDABLE
    except Exception as error:  # noqa: BLE001 -- the last line of defence: a user sees one sentence, never a traceback
        _report_our_mistake(error)
        return EXIT_OUR_MISTAKE


def _run(words: list[str]) -> int:
    try:
        root = build()
        if _HELP_FLAGS.intersection(words):
            _describe(root, words)
        elif os.environ.get(_SERVER):
            _refuse_two_places(root, words)
        with acting.acting_as(acting.of_process(_command(root, words))), answers.usable_answers():
            result = root(words, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        raise _wrong_call(error) from error
    except UnicodeEncodeError as error:
        if error.reason != _UNDECODED:
            raise _unshown(error) from error
        raise UserError(f"{error.object!a} is not a text in UTF-8", "give the same words in UTF-8", exit_status=EXIT_WRONG_CALL) from error
    except SystemExit as end:
        result = end.code
    sys.stdout.flush()
    return result if isinstance(result, int) else 0


def _refuse_two_places(root: cyclopts.App, words: list[str]) -> None:
    """Refuse a command of a home alone where the environment names a service: it would work on another home than the command before it."""
    import inspect

    chain, apps, _ = root.parse_commands(words)
    is_named = os.environ.get(_HOME) or any(word == "--home" or word.startswith("--home=") for word in words)
    command = apps[-1].default_command
    if is_named or command is None or "home" not in inspect.signature(command).parameters:
        return
    name = " ".join((*root.name, *chain))
    message = f"{name} works in a home folder alone, and {_SERVER} names a service"
    raise UserError(message, f"name the home with --home, or unset {_SERVER}", exit_status=EXIT_WRONG_CALL)


def _command(root: cyclopts.App, words: list[str]) -> str:
    """The name of the command that is called, for the audit trail, such as `ratewright payment record`."""
    chain, _, _ = root.parse_commands(words)
    return " ".join((*root.name, *chain))


def _describe(root: cyclopts.App, words: list[str]) -> None:
    """Let the help of the command itself be its docstring, with rules, its call of the service and exit status; lists keep the summary."""
    from server.cli import counterparts

    chain, apps, _ = root.parse_commands([word for word in words if word not in _HELP_FLAGS])
    if apps[-1].default_command is None:
        return
    apps[-1].help_epilogue = f"{counterparts.sentence(' '.join(chain))}\n\n{_EPILOGUE}"
    if not any(name for name in apps[-1] if not name.startswith("-")):
        apps[-1].help = None


def _show_warning(message: Warning | str, *_: object) -> None:
    """Doubts that stop nothing, in the form of errors; Python would name a line of our source."""
    print(f"warning: {message}", file=sys.stderr)


def _unshown(error: UnicodeEncodeError) -> UserError:
    mark = error.object[error.start]
    remedy = "set PYTHONIOENCODING=utf-8, or a locale such as LC_ALL=C.UTF-8; --json needs it as well"
    return UserError(f"this terminal shows {error.encoding}, which has no {mark!a}", remedy, exit_status=EXIT_WRONG_CALL)


def _wrong_call(error: cyclopts.CycloptsError) -> UserError:
    chain = " ".join(("ratewright", *(error.command_chain or ())))
    return UserError(" ".join(str(error).split()), f"{chain} --help shows how to call it", exit_status=EXIT_WRONG_CALL)


def _user_error_of(error: OSError) -> UserError:
    """A file or folder that cannot be used, where no code closer to it said so better."""
    reason = error.strerror or str(error)
    place = f"{error.filename}: " if error.filename is not None else ""
    return UserError(f"{place}{reason}", "check that the path exists, that this user may use it and that the disk has room")


def _report(error: UserError, *, as_json: bool) -> None:
    if not as_json:
        print("\n".join(error.lines()), file=sys.stderr)
        return
    import json

    problems = [problem._asdict() for problem in error.problems] if isinstance(error, ProblemsError) else []
    document = {"error": {"message": error.message, "remedy": error.remedy, "problems": problems}}
    # Unlike msgspec, json takes names that are no UTF-8: stderr writes such a byte as \udcNN, which JSON reads.
    print(json.dumps(document, ensure_ascii=False, separators=(",", ":")), file=sys.stderr)


def _trace(error: Exception) -> None:
    if os.environ.get("RATEWRIGHT_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)


def _report_our_mistake(error: Exception) -> None:
    _trace(error)
    summary = " ".join(f"{type(error).__name__}: {error}".split())
    print(f"internal error: {summary}; please report it with the output of the same call under RATEWRIGHT_DEBUG=1", file=sys.stderr)


def _open_missing_streams() -> None:
    """A caller may have closed them, as in `ratewright ... >&-`; then what is written goes nowhere."""
    null = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- lives as long as the process
    sys.stdout, sys.stderr = sys.stdout or null, sys.stderr or null


def _drop_stdout() -> None:
    """Send what is still buffered nowhere, or Python would complain about it when it ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _version() -> str:
    from importlib.metadata import version

    return version("ratewright")
