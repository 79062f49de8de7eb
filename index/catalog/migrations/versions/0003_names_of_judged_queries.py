"""Keeps what a judged query was called: an upload is stored under a name of its own, and the file may be gone later."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("judgement", sa.Column("query_name", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("judgement", "query_name")
