"""`ratewright dunning policy check|add|list`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.done import done_at, done_by
from server.cli.homes import BY_ITSELF, HERE, AsJson, Place, ServicePlace

if TYPE_CHECKING:
    from billing.dunning_policy import Added, Policy, Step
    from billing.store.home import Home

PolicyFile = Annotated[Path, Parameter(name="FILE", help="YAML file that holds a policy.")]


def check(file: PolicyFile, /, *, by: ServicePlace = BY_ITSELF, as_json: AsJson = False) -> int:
    """Check a policy file: every mistake at once, then what is doubtful. Needs no home and stores nothing."""
    from billing import dunning_policy
    from server.cli import output

    content = dunning_policy.content_of(file)
    policy = dunning_policy.parse_policy(content, str(file))
    found, doubts = done_by(
        by,
        lambda: (dunning_policy.Added(policy, dunning_policy.hash_of(policy), False, ""), dunning_policy.doubts(policy)),
        lambda service: service.dunning.add_policy(content, dry_run=True),
    )
    if as_json:
        output.print_json({"policy": found.policy, "policy_hash": found.policy_hash, "doubts": doubts})
        return 0
    print(f"policy {found.policy.name}, hash {found.policy_hash[:12]}")
    _print_steps(found.policy)
    for doubt in doubts:
        print(f"doubtful: {doubt}")
    return 0


def add(
    file: PolicyFile,
    /,
    *,
    dry_run: Annotated[bool, Parameter(name="--dry-run", negative="", help="Say what would be added, and store nothing.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Add a policy to the home: from now on it applies to the accounts that name it. Its content is kept in the database."""
    from billing import dunning_policy
    from server import clock, operator
    from server.cli import output

    content, who = dunning_policy.content_of(file), operator.current()
    policy = dunning_policy.parse_policy(content, str(file))

    def add_here(home: Home) -> tuple[Added, list[str]]:
        added = dunning_policy.add(home, policy, (who.name, who.uid), clock.now_us(home), dry_run=dry_run)
        return added, dunning_policy.doubts(policy)

    _, (done, doubts) = done_at(at, add_here, lambda service: service.dunning.add_policy(content, dry_run=dry_run))
    if as_json:
        output.print_json({"dry_run": dry_run, "added": done, "doubts": doubts})
        return 0
    if done.existed:
        print(f"policy {done.policy.name} says so already, hash {done.policy_hash[:12]}; nothing changed")
        return 0
    replaced = f", in the place of {done.replaces[:12]}" if done.replaces else ""
    print(f"policy {done.policy.name}, hash {done.policy_hash[:12]}{replaced}")
    _print_steps(done.policy)
    for doubt in doubts:
        print(f"doubtful: {doubt}")
    if dry_run:
        print("only tried: nothing was stored")
    return 0


def list_(*, at: Place = HERE, as_json: AsJson = False) -> int:
    """List every policy that is known with its steps: those that hold, and those by which steps were taken."""
    from server.actions import dunning
    from server.cli import output

    _, found = done_at(at, dunning.policies, lambda service: service.dunning.policies())
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
