"""`ratewright dunning policy check|add|list`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from billing.dunning_policy import Policy, Step

PolicyFile = Annotated[Path, Parameter(name="FILE", help="YAML file that holds a policy.")]


def check(file: PolicyFile, /, *, as_json: AsJson = False) -> int:
    """Check a policy file: every mistake at once, then what is doubtful. Needs no home and stores nothing."""
    from billing import dunning_policy
    from server.cli import output

    policy = dunning_policy.read_policy(file)
    doubts, policy_hash = dunning_policy.doubts(policy), dunning_policy.hash_of(policy)
    if as_json:
        output.print_json({"policy": policy, "policy_hash": policy_hash, "doubts": doubts})
        return 0
    print(f"policy {policy.name}, hash {policy_hash[:12]}")
    _print_steps(policy)
    for doubt in doubts:
        print(f"doubtful: {doubt}")
    return 0


def add(
    file: PolicyFile,
    /,
    *,
    dry_run: Annotated[bool, Parameter(name="--dry-run", negative="", help="Say what would be added, and store nothing.")] = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Add a policy to the home: from now on it applies to the accounts that name it. Its content is kept in the database."""
    from billing import dunning_policy
    from billing.store.home import Home
    from server import clock, operator
    from server.cli import output

    policy, by = dunning_policy.read_policy(file), operator.current()
    with Home.open(home) as opened:
        done = dunning_policy.add(opened, policy, (by.name, by.uid), clock.now_us(opened), dry_run=dry_run)
    if as_json:
        output.print_json({"dry_run": dry_run, "added": done, "doubts": dunning_policy.doubts(policy)})
        return 0
    if done.existed:
        print(f"policy {policy.name} says so already, hash {done.policy_hash[:12]}; nothing changed")
        return 0
    replaced = f", in the place of {done.replaces[:12]}" if done.replaces else ""
    print(f"policy {policy.name}, hash {done.policy_hash[:12]}{replaced}")
    _print_steps(policy)
    for doubt in dunning_policy.doubts(policy):
        print(f"doubtful: {doubt}")
    if dry_run:
        print("only tried: nothing was stored")
    return 0


def list_(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """List every policy that is known with its steps: those that hold, and those by which steps were taken."""
    from billing import dunning_policy
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened, opened.connect() as connection:
        found = dunning_policy.kept(connection)
    if as_json:
        output.print_json(found)
        return 0
    rows = [
        (
            each.policy.name,
            each.policy_hash[:12],
            each.origin,
            "holds" if each.holds else "",
            each.by_name,
            each.commit_seq or "",
            "; ".join(_words(step) for step in each.policy.steps),
        )
        for each in found
    ]
    output.print_table(("policy", "hash", "from", "", "by", "commit", "steps"), rows, right=("commit",))
    return 0


def _print_steps(policy: Policy) -> None:
    for step in policy.steps:
        print(f"  {_words(step)}")


def _words(step: Step) -> str:
    after = step.after if step.after is None or isinstance(step.after, str) else f"level {step.after}"
    waits = f", {counted(step.days_after, 'day')} after {after}" if after is not None else ""
    return f"{step.level} {step.action}: {counted(step.days_past_due, 'day')} past due, {step.amount_min} or more{waits}"
