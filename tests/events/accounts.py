"""Connected accounts of API version 2026-10-28.endive (docs.stripe.com/api/accounts/object), and
the application that an account lets in (docs.stripe.com/api/events/types)."""

from __future__ import annotations

from tests.events.facts import EMAIL, PHONE, Facts, Json, address


def account(facts: Facts) -> Json:
    """The account as its platform sees it, open or closed for charges."""
    enabled = facts.charges_enabled
    return {
        "id": facts.account,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": "5948",
            "minority_owned_business_designation": None,
            "name": "Kofferhaus am Hafen",
            "product_description": None,
            "support_address": address(),
            "support_email": EMAIL,
            "support_phone": PHONE,
            "support_url": "https://koffer.example/help",
            "url": "https://koffer.example",
        },
        "business_type": "company",
        "capabilities": {
            "card_payments": "active" if enabled else "inactive",
            "transfers": "active",
        },
        "charges_enabled": enabled,
        "controller": {"is_controller": True, "type": "application"},
        "country": "US",
        "created": facts.created - 90 * 86_400,
        "default_currency": facts.currency,
        "details_submitted": True,
        "email": EMAIL,
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/accounts/{facts.account}/external_accounts",
        },
        "future_requirements": _requirements(None),
        "metadata": dict(facts.tollgate),
        "payouts_enabled": enabled,
        "requirements": _requirements(None if enabled else "rejected.fraud"),
        "settings": _settings(),
        "tos_acceptance": {"date": facts.created - 90 * 86_400, "ip": None, "user_agent": None},
        "type": "standard",
    }


def application() -> Json:
    """The platform's application, which the account has shut out."""
    return {
        "id": "ca_Qx5JBYTNPHDwr7pYmmB1rUqQLnLqXyZv",
        "object": "application",
        "name": "Tollgate, the payments of the Hafen marketplace",
    }


def _requirements(disabled_reason: str | None) -> Json:
    due: list[object] = ["company.tax_id", "person_1NirD8.verification.document"]
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": due if disabled_reason else [],
        "disabled_reason": disabled_reason,
        "errors": [],
        "eventually_due": due,
        "past_due": due if disabled_reason else [],
        "pending_verification": [],
    }


def _settings() -> Json:
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": {
            "icon": None,
            "logo": None,
            "primary_color": "#0a2540",
            "secondary_color": None,
        },
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": True},
            "statement_descriptor_prefix": "KOFFER",
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": "Kofferhaus am Hafen", "timezone": "Europe/Berlin"},
        "payments": {
            "statement_descriptor": "KOFFERHAUS",
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 7, "interval": "daily"},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }
