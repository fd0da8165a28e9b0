"""A stateful stand-in for Stripe's API, with signed webhooks and faults on demand.

It speaks Stripe's wire format to the unmodified ``stripe`` library and keeps its own ledger. It
imports nothing of Tollgate. What it covers, and what it does not, is in docs/sandbox.md.
"""
