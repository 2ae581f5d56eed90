"""PostgreSQL as the database of a home: engines and schemas, and columns as its binary COPY carries them."""

from billing.store.postgres.engines import drop_schema, engine, explained, finish_schema, make_schema

__all__ = ["drop_schema", "engine", "explained", "finish_schema", "make_schema"]
