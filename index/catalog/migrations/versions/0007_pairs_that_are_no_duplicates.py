"""Pairs of videos that a person said are no duplicates of one another."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "not_duplicate",
        sa.Column("first_id", number, nullable=False),
        sa.Column("second_id", number, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_not_duplicate_in_order")),
        sa.ForeignKeyConstraint(["first_id"], ["video.id"], name=op.f("fk_not_duplicate_first_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["second_id"], ["video.id"], name=op.f("fk_not_duplicate_second_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_not_duplicate")),
    )
    op.create_index(op.f("ix_not_duplicate_second_id"), "not_duplicate", ["second_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_not_duplicate_second_id"), table_name="not_duplicate")
    op.drop_table("not_duplicate")
