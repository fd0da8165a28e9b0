"""What the endpoint lets a caller send: how much, which documents, and whether about the schema."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.budgets import Budgets, Rates, redis_windows
from app.introspection import Introspection
from app.settings import Settings
from app.trusted_documents import TrustedDocuments, load_documents


@dataclass(frozen=True, slots=True)
class Policy:
    """Applied to each request that was admitted."""

    budgets: Budgets
    documents: TrustedDocuments = field(default_factory=TrustedDocuments)
    introspection: Introspection = "roles"

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """What the settings say. Raises SettingsError for a manifest that cannot be used."""
        documents = load_documents(settings)
        windows = redis_windows(settings.redis_url.get_secret_value())
        return cls(Budgets(Rates.of(settings), windows), documents, settings.introspection)
