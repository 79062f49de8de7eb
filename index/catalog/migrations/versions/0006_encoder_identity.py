"""Knows encoders by what they are, worked out from their files, and no longer by the hash that a file claims for its weights."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("encoder", sa.Column("identity", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_encoder_identity"), "encoder", ["identity"], unique=True)


def downgrade() -> None:
    op.drop_index(op.f("ix_encoder_identity"), table_name="encoder")
    op.drop_column("encoder", "identity")
