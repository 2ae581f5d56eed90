"""Runs of dunning with numbers, what was decided about them, and the policies that steps were taken by.

Revision 0007. The steps of one commit become a run; who took them is not known. Policies of before are not known either: they were files.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back
from billing.store.migrations.going_back import NoPlace

revision = "0007"
down_revision = "0006"

_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_RUNS = """
INSERT INTO dunning_runs (run_id, as_of, by_name, by_uid, at_us, commit_seq)
SELECT row_number() OVER (ORDER BY taken.commit_seq), taken.as_of, '', -1, coalesce(commits.at_us, 0), taken.commit_seq
FROM (SELECT commit_seq, min(as_of) AS as_of FROM dunning_steps GROUP BY commit_seq) AS taken
LEFT JOIN commits ON commits.commit_seq = taken.commit_seq
"""


def upgrade() -> None:
    """Three tables and a column; a run for each commit that has steps."""
    op.create_table(
        "dunning_runs",
        *_columns("run_id int, as_of text, by_name text, by_uid int, at_us int, commit_seq int"),
        sa.PrimaryKeyConstraint("run_id"),
        sa.UniqueConstraint("commit_seq"),
        sqlite_strict=True,
    )
    op.create_table(
        "dunning_decisions",
        *_columns("decision_id int, run_id int, kind text, reason text, by_name text, by_uid int, at_us int, commit_seq int"),
        sa.PrimaryKeyConstraint("decision_id"),
        sa.ForeignKeyConstraint(["run_id"], ["dunning_runs.run_id"]),
        sqlite_strict=True,
    )
    op.create_index("ix_dunning_decisions_run_id", "dunning_decisions", ["run_id"], unique=False)
    op.create_table(
        "dunning_policies",
        *_columns(
            "policy_id int, name text, policy_hash text, origin text, document text, by_name text, by_uid int, at_us int, commit_seq int"
        ),
        sa.PrimaryKeyConstraint("policy_id"),
        sqlite_strict=True,
    )
    op.add_column("dunning_steps", sa.Column("policy_hash", sa.Text(), nullable=True))
    op.execute(_RUNS)


def downgrade() -> None:
    """Back to 0006, which knows steps alone. Runs are made anew from them; what the program's own policies said is dropped."""
    no_place = (
        NoPlace("dunning_decisions", "kind", "dunning runs that are undone, or asked to be"),
        NoPlace("dunning_policies", "name", "dunning policies of the home", "origin <> 'package'"),
    )
    going_back.refuse("0006", no_place)
    op.drop_column("dunning_steps", "policy_hash")
    for name in ("dunning_policies", "dunning_decisions", "dunning_runs"):
        op.drop_table(name)


def _columns(columns: str) -> list[sa.Column[object]]:
    found: list[sa.Column[object]] = []
    for column in columns.split(", "):
        name, kind = column.split(" ")
        found.append(sa.Column(name, _INT if kind == "int" else sa.Text(), nullable=False))
    return found
