"""The commit from which the credit of a document settles the invoices that it corrects.

Revision 0006. Before it such credit settled the oldest invoice; what was settled then stays. A home with nothing in it needs no row.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import going_back
from billing.store.migrations.going_back import NoPlace
from billing.store.tables.columns import INT64

revision = "0006"
down_revision = "0005"

_SINCE = "credit_kind = 'invoice' AND commit_seq >= (SELECT min(from_seq) FROM settlement_rules)"


def upgrade() -> None:
    """A row with the next commit, in a home that has any."""
    columns = (sa.Column("rule", sa.Text(), primary_key=True, nullable=False), sa.Column("from_seq", INT64, nullable=False))
    op.create_table("settlement_rules", *columns, sqlite_strict=True)
    op.execute(
        "INSERT INTO settlement_rules (rule, from_seq) SELECT 'corrected_first', max(commit_seq) + 1 FROM commits HAVING count(*) > 0"
    )


def downgrade() -> None:
    """Back to 0005, whose rule is another one: refused where the new one has settled anything."""
    going_back.refuse("0005", [NoPlace("settlements", "", "what settled the invoices that documents correct", _SINCE)])
    op.drop_table("settlement_rules")
