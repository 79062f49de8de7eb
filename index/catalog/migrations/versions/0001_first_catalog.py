"""The first catalog: libraries, videos, embeddings, change log, labels, jobs and measured results."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "catalog_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_state")),
    )
    op.create_table(
        "change_log",
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("video_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("encoder_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.CheckConstraint("kind IN ('added', 'removed', 'noted')", name=op.f("ck_change_log_kind")),
        sa.PrimaryKeyConstraint("revision", "video_id", "encoder_id", name=op.f("pk_change_log")),
    )
    op.create_table(
        "encoder",
        sa.Column("id", ID, nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("dim", sa.Integer(), nullable=False),
        sa.Column("card_json", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encoder")),
        sa.UniqueConstraint("weights_sha256", name=op.f("uq_encoder_weights_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "evaluation_run",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("library", sa.String(length=200), nullable=True),
        sa.Column("settings_json", sa.Text(), nullable=False),
        sa.Column("results_json", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_run")),
    )
    op.create_table(
        "job",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("library", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("process_start", sa.String(length=64), nullable=True),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("progress_json", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('running', 'done', 'failed', 'stopped')", name=op.f("ck_job_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_table(
        "library",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library")),
        sa.UniqueConstraint("name", name=op.f("uq_library_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "saved_search",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("query_json", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
        sa.UniqueConstraint("name", name=op.f("uq_saved_search_name")),
    )
    op.create_table(
        "library_folder",
        sa.Column("library_id", ID, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["library_id"], ["library.id"], name=op.f("fk_library_folder_library_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("library_id", "path", name=op.f("pk_library_folder")),
    )
    op.create_table(
        "video",
        sa.Column("id", ID, nullable=False),
        sa.Column("library_id", ID, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(length=128), nullable=True),
        sa.Column("duration_s", sa.Float(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("frame_rate", sa.Float(), nullable=True),
        sa.Column("codec", sa.String(length=64), nullable=True),
        sa.Column("container", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("missing_since", sa.Float(), nullable=True),
        sa.Column("indexed_at", sa.Float(), nullable=False),
        sa.CheckConstraint("outcome IN ('indexed', 'broken')", name=op.f("ck_video_outcome")),
        sa.ForeignKeyConstraint(["library_id"], ["library.id"], name=op.f("fk_video_library_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video")),
        sa.UniqueConstraint("library_id", "path", name=op.f("uq_video_library_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_video_content_hash"), "video", ["content_hash"], unique=False)
    op.create_index("ix_video_path", "video", ["path"], unique=False)
    op.create_table(
        "embedding",
        sa.Column("video_id", ID, nullable=False),
        sa.Column("encoder_id", ID, nullable=False),
        sa.Column("num_clips", sa.Integer(), nullable=False),
        sa.Column("spans", sa.LargeBinary(), nullable=False),
        sa.Column("flags", sa.LargeBinary(), nullable=False),
        sa.Column("vectors", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["encoder_id"], ["encoder.id"], name=op.f("fk_embedding_encoder_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["video_id"], ["video.id"], name=op.f("fk_embedding_video_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("video_id", "encoder_id", name=op.f("pk_embedding")),
    )
    op.create_index(op.f("ix_embedding_encoder_id"), "embedding", ["encoder_id"], unique=False)
    op.create_table(
        "judgement",
        sa.Column("id", ID, nullable=False),
        sa.Column("video_id", ID, nullable=False),
        sa.Column("encoder_id", ID, nullable=True),
        sa.Column("query_json", sa.Text(), nullable=False),
        sa.Column("start_s", sa.Float(), nullable=False),
        sa.Column("end_s", sa.Float(), nullable=False),
        sa.Column("relevant", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["encoder_id"], ["encoder.id"], name=op.f("fk_judgement_encoder_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["video_id"], ["video.id"], name=op.f("fk_judgement_video_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_judgement")),
    )
    op.create_index(op.f("ix_judgement_video_id"), "judgement", ["video_id"], unique=False)
    op.create_table(
        "label",
        sa.Column("id", ID, nullable=False),
        sa.Column("video_id", ID, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("split", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["video_id"], ["video.id"], name=op.f("fk_label_video_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label")),
        sa.UniqueConstraint("video_id", "source", "split", "label", name=op.f("uq_label_video_id")),
    )
    op.create_index(op.f("ix_label_video_id"), "label", ["video_id"], unique=False)
    op.create_table(
        "thumbnail_pack",
        sa.Column("video_id", ID, nullable=False),
        sa.Column("encoder_id", ID, nullable=False),
        sa.Column("places", sa.LargeBinary(), nullable=False),
        sa.Column("pictures", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["video_id", "encoder_id"],
            ["embedding.video_id", "embedding.encoder_id"],
            name=op.f("fk_thumbnail_pack_video_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("video_id", "encoder_id", name=op.f("pk_thumbnail_pack")),
    )
    op.execute("INSERT INTO catalog_state (id, revision) VALUES (1, 0)")


def downgrade() -> None:
    for table in (
        "thumbnail_pack",
        "label",
        "judgement",
        "embedding",
        "video",
        "library_folder",
        "saved_search",
        "library",
        "job",
        "evaluation_run",
        "encoder",
        "change_log",
        "catalog_state",
    ):
        op.drop_table(table)
