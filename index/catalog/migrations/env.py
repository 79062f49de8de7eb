"""Runs migrations on the connection that `index.catalog.schema` hands over, inside its transaction."""

from alembic import context

from index.catalog.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError(
        "Migrations run when a catalog is opened (index.catalog.schema.ensure_schema), not from Alembic's own command."
    )
# render_as_batch: SQLite alters a table by copying it.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
