"""Keeps by which rules of reading a video's vectors were made, so that only those that would differ are made anew."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("video", sa.Column("reading", sa.Integer(), server_default="1", nullable=False))
    op.add_column("embedding", sa.Column("reading", sa.Integer(), server_default="1", nullable=False))
    op.create_index("ix_embedding_reading", "embedding", ["video_id", "encoder_id", "reading"])


def downgrade() -> None:
    op.drop_index("ix_embedding_reading", "embedding")
    op.drop_column("embedding", "reading")
    op.drop_column("video", "reading")
