"""A catalog as an earlier version of vret left it."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from index.catalog import schema


def take_back(url: str, revision: str) -> None:
    """Takes a catalog, which nobody has open, back to an earlier schema."""
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()
