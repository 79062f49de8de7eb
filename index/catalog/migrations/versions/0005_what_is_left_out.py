"""What a library leaves out, and files that go by a video's name and are none: they are told apart from broken videos."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "library_exclude",
        sa.Column("library_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["library_id"], ["library.id"], name=op.f("fk_library_exclude_library_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("library_id", "place", name=op.f("pk_library_exclude")),
    )
    op.add_column("video", sa.Column("not_video", sa.Integer(), server_default="0", nullable=False))
    # What earlier versions said of text, pictures and archives under a video's name.
    op.execute("UPDATE video SET not_video = 1 WHERE outcome = 'broken' AND reason LIKE 'is %, not a video'")


def downgrade() -> None:
    op.drop_column("video", "not_video")
    op.drop_table("library_exclude")
