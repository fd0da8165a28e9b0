"""Every action that the audit log can hold, and what its entry says.

`subject_id` is the order's, payment's, gateway account's, webhook event's, tier's, override's,
alert's or tenant's id. The entry of a refund or a dispute has its payment as the subject, so that
it stands in that payment's timeline. A test holds this table equal to what the code can write.
"""

from __future__ import annotations

from collections.abc import Mapping

ACTIONS: Mapping[str, str] = {
    "order.created": "An order was opened.",
    "order.open": "A payment that had held the order's amount ended, and it is to be paid again.",
    "order.authorized": "The order's amount is held on a card.",
    "order.partially_paid": "A part of the order's amount was captured.",
    "order.paid": "All of the order's amount was captured.",
    "order.partially_refunded": "A part of what was captured for the order went back.",
    "order.refunded": "All that was captured for the order went back.",
    "order.canceled": "The order was closed by cancelOrder; `reason` is the caller's.",
    "order.updated": "What was captured, refunded or disputed changed, and the status did not.",
    "order.payer_erased": "The payer's data were blanked; counts of what was, never the data.",
    "payment.created": "A payment was recorded, before the gateway was asked for it.",
    "payment.capture_requested": "Somebody asked for a capture of `amount`.",
    "payment.cancel_requested": "Somebody asked for a cancel; `reason` is theirs.",
    "payment.operation_given_up": "Somebody of the platform's said that the gateway never did it.",
    "payment.requires_action": "The payer must do something first.",
    "payment.processing": "The gateway is working on it.",
    "payment.authorized": "The amount is held on the card.",
    "payment.paid": "The money was captured.",
    "payment.failed": "The issuer or the gateway refused; `decline_code` is the gateway's.",
    "payment.canceled": "It was released before it was captured.",
    "payment.expired": "The authorization ran out.",
    "payment.updated": "Its details became known: the card, the gateway's fee, its intent's end.",
    "refund.requested": "A refund was reserved, before the gateway was asked for it.",
    "refund.pending": "The gateway has taken the refund on.",
    "refund.succeeded": "The money went back.",
    "refund.failed": "The money did not go back, or came back again.",
    "refund.canceled": "The refund was called off at the gateway.",
    "refund.updated": "Its details became known: the gateway's id, the payment's amounts.",
    "dispute.opened": "A dispute or an inquiry was heard of for the first time.",
    "dispute.inquiry": "A closed one is an inquiry again.",
    "dispute.needs_response": "The bank waits for evidence; the money has left.",
    "dispute.under_review": "The bank has the evidence.",
    "dispute.won": "The bank decided for the merchant.",
    "dispute.lost": "The bank decided for the cardholder.",
    "dispute.closed": "It ended as neither: an inquiry that was dropped, or it was prevented.",
    "dispute.updated": "Its money moved, or its amount, reason or date became another.",
    "checkout_token.created": "A token for a shopper's page was given out, for one order.",
    "token.revoked": "A token of the tenant was revoked; `token_id` names it, never the token.",
    "gateway.added": "A gateway account was stored and left switched off.",
    "gateway.enabled": "A gateway account was switched on; `replaced` names credentials.",
    "gateway.disabled": "A gateway account was switched off.",
    "gateway.changed": "A gateway account's credentials were replaced; `replaced` names them.",
    "alert.acknowledged": "One of the platform's people looks after an alert.",
    "credentials.rotation_started": "Re-encryption under another key began; `found` counts by key.",
    "credentials.rotated": "It came to its end; how many were moved, and how many remain.",
    "webhook_event.replayed": "An event that had ended was put back to be worked off once more.",
    "tenant.created": "A tenant was taken on, on the default tier.",
    "tenant.tier_assigned": "The tenant pays by another tier from then on.",
    "fee_override.set": "The tenant has a price of its own in a period; `reason` is its author's.",
    "fee_override.ended": "That price ended, or will not begin.",
    "fee_tier.created": "A price list was made. Lines about tiers are the platform's own.",
    "fee_tier.updated": "A price list changed, for all who pay by it, from then on.",
    "fee_tier.archived": "A price list can no longer be assigned.",
    "platform.acted": "The platform's people acted within the tenant, for `reason`.",
}
"""Action to meaning. An action reads `subject.verb`."""
