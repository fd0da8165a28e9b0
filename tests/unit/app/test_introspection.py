"""Introspection over HTTP, by role and setting."""

from __future__ import annotations

import json

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from app.budgets import Budgets, Rates
from app.graphql import GraphQLEndpoint
from app.guard import GraphQLGuard
from app.introspection import Introspection
from app.policy import Policy
from app.refusal import GRAPHQL_RESPONSE
from app.windows import LocalWindows
from domain.caller import Role
from schema.schema import schema
from tests.unit.app.asgi import answered
from tests.unit.app.entrance import an_admission, services
from tests.unit.app.test_graphql import MERCHANT, SETTINGS, bearer
from tests.unit.schema.shop import Shelf

BUILDERS = {Role.DEVELOPER, Role.ADMIN, Role.PLATFORM_ADMIN}
ROLES = [role for role in Role if role is not Role.CHECKOUT]


@pytest.mark.parametrize("setting", ["all", "roles", "off"])
@pytest.mark.parametrize("role", ROLES)
async def test_the_schema_is_read_by_role_and_setting(setting: Introspection, role: Role) -> None:
    """`roles` is for DEVELOPER, ADMIN and PLATFORM_ADMIN; others get FORBIDDEN, and no data."""
    shelf = Shelf(merchant=MERCHANT)
    policy = Policy(Budgets(Rates(), LocalWindows()), introspection=setting)
    endpoint = GraphQLEndpoint(schema, an_admission(SETTINGS, shelf), services(shelf), policy)
    app = Starlette(routes=[Route("/graphql", GraphQLGuard(endpoint))])
    staff = role is Role.PLATFORM_ADMIN
    headers = [
        ("Content-Type", "application/json"),
        ("Accept", GRAPHQL_RESPONSE),
        bearer(role, tenant=None) if staff else bearer(role),
    ]
    body = json.dumps({"query": "{ __schema { queryType { name } } }"}).encode()
    answer = await answered(app, body, headers=headers)

    if setting == "all" or (setting == "roles" and role in BUILDERS):
        assert answer.json["data"] == {"__schema": {"queryType": {"name": "Query"}}}
    else:
        assert (answer.status, answer.code) == (400, "FORBIDDEN")
        assert "data" not in answer.json
