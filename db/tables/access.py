"""Who may not come in any more."""

from __future__ import annotations

from sqlalchemy import Index, Table

from db.tables.base import metadata, moment, text_id

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    text_id("jti", primary_key=True),
    moment("expires_at"),
    Index("ix_revoked_tokens_expires_at", "expires_at"),
)
"""`jti` is the token's own id or, for a token without one, a digest of it. It says nothing of a
tenant: the policies of migration 0009 say who may do what to a row, and that it goes only once the
token has ended by itself."""
