"""The catalog's tables, as SQLAlchemy Core. The migrations create exactly these; a test compares the two.

Core and not mapped classes: the catalog hands out plain records, and a cold search should not pay for an ORM.
Blobs are little-endian arrays without a header; their shape follows from `num_clips` and the encoder's `dim`.
Times of day are seconds since 1970 (UTC).
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts only INTEGER PRIMARY KEY columns up by itself; PostgreSQL needs BIGINT to hold eight bytes.
Id = BigInteger().with_variant(Integer(), "sqlite")

# Ids are never used twice (sqlite_autoincrement): a clip id in a stale vector file must not come to mean another video.
library = Table(
    "library",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("created_at", Float, nullable=False),
    sqlite_autoincrement=True,
)

library_folder = Table(
    "library_folder",
    metadata,
    Column("library_id", Id, ForeignKey("library.id", ondelete="CASCADE"), primary_key=True),
    Column("path", Text, primary_key=True),
)

# What a library leaves out when its folders are looked through, in the order of its patterns, of which the last decides.
library_exclude = Table(
    "library_exclude",
    metadata,
    Column("library_id", Id, ForeignKey("library.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("pattern", Text, nullable=False),
)

video = Table(
    "video",
    metadata,
    Column("id", Id, primary_key=True),
    Column("library_id", Id, ForeignKey("library.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("content_hash", String(128), index=True),
    Column("duration_s", Float),
    Column("width", Integer),
    Column("height", Integer),
    Column("frame_rate", Float),
    Column("codec", String(64)),
    Column("container", String(64)),
    # What the last reading of the file gave. Being missing is a matter of its own, so that it can be undone.
    Column("outcome", String(16), nullable=False),
    Column("reason", Text),
    # How often this content has failed for a reason that may pass; 0 where the reason is the file itself, or none.
    Column("failures", Integer, nullable=False, server_default="0"),
    # 1 for a broken one that is a whole file of another kind (text, a picture) under a video's name.
    Column("not_video", Integer, nullable=False, server_default="0"),
    # By which version of the rules of reading (embedder.reading_rules) that was; up to 1, versions were not kept.
    Column("reading", Integer, nullable=False, server_default="1"),
    Column("warnings", Text, nullable=False),
    Column("missing_since", Float),
    Column("indexed_at", Float, nullable=False),
    UniqueConstraint("library_id", "path"),
    CheckConstraint("outcome IN ('indexed', 'broken')", name="outcome"),
    Index("ix_video_path", "path"),
    sqlite_autoincrement=True,
)

encoder = Table(
    "encoder",
    metadata,
    Column("id", Id, primary_key=True),
    # Names the encoder's vector files. Of rows that older versions wrote, the hash of the weights as the file claimed it; else the
    # identity.
    Column("weights_sha256", String(64), nullable=False, unique=True),
    # Worked out from all that decides a vector. NULL in rows of older versions, until the file was seen that made their vectors.
    Column("identity", String(64), unique=True, index=True),
    Column("name", String(200), nullable=False),
    Column("dim", Integer, nullable=False),
    Column("card_json", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    sqlite_autoincrement=True,
)

embedding = Table(
    "embedding",
    metadata,
    Column("video_id", Id, ForeignKey("video.id", ondelete="CASCADE"), primary_key=True),
    Column("encoder_id", Id, ForeignKey("encoder.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("num_clips", Integer, nullable=False),
    Column("spans", LargeBinary, nullable=False),
    Column("flags", LargeBinary, nullable=False),
    Column("vectors", LargeBinary, nullable=False),
    Column("reading", Integer, nullable=False, server_default="1"),
    # In an index of its own: behind the blobs, a row's last column costs a walk through all of them.
    Index("ix_embedding_reading", "video_id", "encoder_id", "reading"),
)

# Apart from `embedding`, so that reading vectors does not page through pictures.
thumbnail_pack = Table(
    "thumbnail_pack",
    metadata,
    Column("video_id", Id, primary_key=True),
    Column("encoder_id", Id, primary_key=True),
    Column("places", LargeBinary, nullable=False),
    Column("pictures", LargeBinary, nullable=False),
    ForeignKeyConstraint(["video_id", "encoder_id"], ["embedding.video_id", "embedding.encoder_id"], ondelete="CASCADE"),
)

# One row; its revision is counted up last in each writing transaction, so revisions become visible in order.
catalog_state = Table(
    "catalog_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)

# Rows outlive the videos they speak of, hence no foreign keys. encoder_id 0: no vectors were touched.
# The token is random per revision: a vector file made after a backup that was later restored knows another token.
change_log = Table(
    "change_log",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("video_id", BigInteger, primary_key=True, autoincrement=False),
    Column("encoder_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("token", String(32), nullable=False),
    CheckConstraint("kind IN ('added', 'removed', 'noted')", name="kind"),
)

label = Table(
    "label",
    metadata,
    Column("id", Id, primary_key=True),
    Column("video_id", Id, ForeignKey("video.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("label", Text, nullable=False),
    Column("split", String(64), nullable=False),
    Column("source", String(200), nullable=False),
    UniqueConstraint("video_id", "source", "split", "label"),
)

judgement = Table(
    "judgement",
    metadata,
    Column("id", Id, primary_key=True),
    Column("video_id", Id, ForeignKey("video.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("encoder_id", Id, ForeignKey("encoder.id", ondelete="CASCADE")),
    Column("query_json", Text, nullable=False),
    Column("query_name", Text, nullable=False, server_default=""),
    Column("start_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
    Column("relevant", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
)

# Pairs that a person said are no duplicates of one another. first_id is the lower number, so that a pair has one row.
not_duplicate = Table(
    "not_duplicate",
    metadata,
    Column("first_id", Id, ForeignKey("video.id", ondelete="CASCADE"), primary_key=True),
    Column("second_id", Id, ForeignKey("video.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("created_at", Float, nullable=False),
    CheckConstraint("first_id < second_id", name="in_order"),
)

saved_search = Table(
    "saved_search",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("query_json", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)

evaluation_run = Table(
    "evaluation_run",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(64), nullable=False),
    # By name: the result stays true when the library is gone.
    Column("library", String(200)),
    Column("settings_json", Text, nullable=False),
    Column("results_json", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)

job = Table(
    "job",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("library", String(200)),
    Column("state", String(16), nullable=False),
    Column("pid", BigInteger, nullable=False),
    # When the process began, as the system tells it, so that another process with a reused pid is not taken for it.
    Column("process_start", String(64)),
    Column("host", String(255), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("progress_json", Text, nullable=False),
    Column("message", Text),
    CheckConstraint("state IN ('running', 'done', 'failed', 'stopped')", name="state"),
)
