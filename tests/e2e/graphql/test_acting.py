"""PLATFORM_ADMIN within a tenant: one tenant a request, for a reason, written down beforehand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from domain.caller import Role
from tests.e2e.graphql.merchant import Header, Merchant, a_token, mutation
from tests.e2e.graphql.staff import Staff, acting, entries, sql

ORDERS = "query Lookup { orders { totalCount } viewer { tenant { id } } }"
ORDER = "query ($id: ID!) { order(by: {id: $id}) { id } }"
REFUSED = {401, 403}
TENANT_HEADER, REASON_HEADER = "Tollgate-Tenant", "Tollgate-Reason"


def test_an_act_names_its_tenant_by_id_or_slug_and_is_written_down(merchant: Merchant) -> None:
    """One entry for each request: who, from where, under which request id, what and why."""
    staff = Staff(merchant)
    slug = sql(merchant, "SELECT slug FROM tenants WHERE id = $1", merchant.tenant_id)[0]["slug"]
    merchant.order()
    for named in (merchant.tenant_id, slug):
        answer = staff.ask(
            ORDERS, *acting(named, "Rückfrage zu Ticket 4711"), ("X-Request-Id", f"req-{named}")
        )

        assert answer.json["data"] == {
            "orders": {"totalCount": 1},
            "viewer": {"tenant": {"id": merchant.tenant_id}},
        }
    entry = {
        "actor_id": "server",
        "ip_address": "127.0.0.1",
        "subject_id": merchant.tenant_id,
        "after": {
            "operation": "query Lookup { orders, viewer }",
            "reason": "Rückfrage zu Ticket 4711",
        },
    }
    assert entries(merchant) == [
        entry | {"request_id": f"req-{named}"} for named in (merchant.tenant_id, slug)
    ]


def test_an_act_changes_what_the_tenant_could(merchant: Merchant) -> None:
    """A mutation within the tenant has both lines: the act with its reason, and the change."""
    given = {"reference": "A-1", "totalAmountCents": 10_000, "currency": "USD"}
    given["idempotencyKey"] = "k"
    made = Staff(merchant).act(mutation("createOrder"), input=given).json["data"]["createOrder"]
    lines = sql(
        merchant,
        "SELECT action, actor_id FROM audit_log WHERE tenant_id = $1 ORDER BY id",
        merchant.tenant_id,
    )

    assert made["__typename"] == "OrderSuccess"
    assert lines == [
        {"action": "platform.acted", "actor_id": "server"},
        {"action": "order.created", "actor_id": "server"},
    ]
    assert entries(merchant)[0]["after"]["operation"] == "mutation { createOrder }"


def test_an_act_reaches_the_named_tenant_only(merchant: Merchant, competitor: Merchant) -> None:
    """What another tenant owns is not there, whoever asks."""
    order_id = competitor.order()
    staff = Staff(merchant)

    assert staff.act(ORDER, id=order_id).json["data"] == {"order": None}
    assert staff.act(ORDER, competitor.tenant_id, id=order_id).json["data"]["order"] == {
        "id": order_id
    }
    assert [len(entries(merchant)), len(entries(competitor))] == [1, 1]


def test_an_act_that_fails_has_its_entry_all_the_same(merchant: Merchant) -> None:
    """The entry is committed before anything is read: an argument that is refused, an object that
    is not there and an unknown order leave it standing."""
    staff = Staff(merchant)
    nobody = "ord_0000000000000000000000000a"
    given = {"orderId": nobody, "idempotencyKey": "k"}
    refused = staff.act("{ orders(first: 1000) { totalCount } }")
    missing = staff.act(ORDER, id=nobody)
    unknown = staff.act(mutation("cancelOrder"), input=given)

    assert refused.codes == ["BAD_USER_INPUT"]
    assert missing.json["data"] == {"order": None}
    assert unknown.json["data"]["cancelOrder"]["__typename"] == "NotFoundError"
    assert [entry["after"]["operation"] for entry in entries(merchant)] == [
        "query { orders }",
        "query { order }",
        "mutation { cancelOrder }",
    ]


def test_what_is_never_run_has_no_entry(merchant: Merchant) -> None:
    """A document that is not valid reads and does nothing, and there is nothing to write down."""
    staff = Staff(merchant)

    assert staff.act("{ nope }").codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert staff.act("{").codes == ["GRAPHQL_PARSE_FAILED"]
    assert entries(merchant) == []


def test_without_its_entry_nothing_is_done(merchant: Merchant) -> None:
    """While the audit cannot be written nothing is read and nothing changed."""
    staff = Staff(merchant)
    given = {"reference": "A-1", "totalAmountCents": 10_000, "currency": "USD"}
    given["idempotencyKey"] = "k"
    sql(merchant, "REVOKE INSERT ON audit_log FROM tollgate_api")
    try:
        before = merchant.rows()
        answers = [
            staff.act(ORDERS),
            staff.act("{ viewer { id } feeTiers { id } }"),
            staff.act(mutation("createOrder"), input=given),
            staff.get("/viewer", *acting(merchant.tenant_id)),
        ]
        after = merchant.rows()
    finally:
        sql(merchant, "GRANT INSERT ON audit_log TO tollgate_api")

    assert [answer.codes for answer in answers] == [["INTERNAL_SERVER_ERROR"]] * 4
    assert not any(answer.json.get("data") for answer in answers)
    assert after == before
    assert staff.act(ORDERS).json["data"]["orders"] == {"totalCount": 0}


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ([], "BAD_USER_INPUT"),
        ([""], "BAD_USER_INPUT"),
        (["   "], "BAD_USER_INPUT"),
        (["once", "twice"], "BAD_USER_INPUT"),
        (["x" * 201], "BAD_USER_INPUT"),
        (["caf\xe9"], "BAD_USER_INPUT"),
        (["a\tb"], "BAD_USER_INPUT"),
        (["a\u202eb".encode().decode("latin-1")], "BAD_USER_INPUT"),
        (["a\u0085b".encode().decode("latin-1")], "BAD_USER_INPUT"),
        (["card 4242 4242 4242 4242"], "CARD_DATA_FORBIDDEN"),
        (["sk_live_0123456789abcdef"], "BAD_USER_INPUT"),
        (["asked for by jo@shop.example"], "BAD_USER_INPUT"),
    ],
    ids=(
        *("missing", "empty", "blank", "two", "long", "latin-1", "tab", "override", "c1"),
        *("card", "secret", "e-mail"),
    ),
)
def test_a_bad_reason_is_refused(merchant: Merchant, reason: list[str], code: str) -> None:
    """One reason in UTF-8, 1 to 200 visible characters, nothing secret in it; else a 400 that does
    not repeat it."""
    names = (REASON_HEADER, REASON_HEADER.lower())
    headers = [(TENANT_HEADER, merchant.tenant_id), *zip(names, reason, strict=False)]
    answer = Staff(merchant).ask(ORDERS, *headers)

    assert (answer.status, answer.codes) == (400, [code])
    # four digits come up in a drawn id now and then
    said = answer.body.replace(answer.headers["x-request-id"].encode(), b"")
    assert b"4242" not in said
    assert b"0123456789" not in said
    assert entries(merchant) == []


@pytest.mark.parametrize(
    "tenant",
    [[], [""], ["ten_0000000000000000000000000a"], ["no-such-shop"], ["ten_x"], ["a", "b"]],
    ids=["missing", "empty", "unknown id", "unknown slug", "malformed", "two"],
)
def test_a_tenant_that_is_not_named_is_a_400(merchant: Merchant, tenant: list[str]) -> None:
    """A reason alone, two tenants, and names of nobody open nothing."""
    names = (TENANT_HEADER, TENANT_HEADER.lower())
    headers = [(REASON_HEADER, "ticket 4711"), *zip(names, tenant, strict=False)]
    answer = Staff(merchant).ask(ORDERS, *headers)

    assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])
    assert entries(merchant) == []


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.PLATFORM_ADMIN}))
@pytest.mark.parametrize(
    "names", [(TENANT_HEADER,), (REASON_HEADER,), (TENANT_HEADER, REASON_HEADER)]
)
def test_nobody_else_may_send_the_headers(
    merchant: Merchant, role: Role, names: Sequence[str]
) -> None:
    """Another role with either header is refused, even where it names its own tenant."""
    token = (
        merchant.checkout_token(merchant.order())
        if role is Role.CHECKOUT
        else a_token(merchant.settings, merchant.tenant_id, role)
    )
    headers: list[Header] = [(name, merchant.tenant_id) for name in names]
    answer = merchant.post(
        b'{"query": "{ viewer { id } }"}',
        [
            ("Content-Type", "application/json"),
            ("Authorization", f"Bearer {token}"),
            *headers,
        ],
    )

    assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])
    assert entries(merchant) == []


def test_the_platforms_people_get_into_a_tenant_that_is_switched_off(merchant: Merchant) -> None:
    """They must, to repair it; the tenant's own tokens open nothing."""
    sql(merchant, "UPDATE tenants SET is_active = false WHERE id = $1", merchant.tenant_id)
    given = {"reference": "A-1", "totalAmountCents": 10_000, "currency": "USD"}
    given["idempotencyKey"] = "k"
    changed = Staff(merchant).act(mutation("createOrder"), input=given)
    acted = Staff(merchant).act(ORDERS)
    own = merchant.ask(ORDERS)

    assert changed.json["data"]["createOrder"]["__typename"] == "OrderSuccess"
    assert acted.json["data"]["orders"] == {"totalCount": 1}
    assert own.status in REFUSED
    assert len(entries(merchant)) == 2


def test_without_the_headers_only_what_is_no_tenants_answers(merchant: Merchant) -> None:
    """Tiers and the viewer answer; a tenant's field says what to send."""
    staff = Staff(merchant)
    wide = staff.ask("{ viewer { roles tenant { id } } feeTiers { level } }").json
    refused = [
        staff.ask(ORDERS),
        staff.ask(ORDER, id=merchant.order()),
        staff.ask("query ($id: ID!) { node(id: $id) { id } }", id=merchant.paid("chargePayment")),
    ]

    assert wide["data"]["viewer"] == {"roles": ["PLATFORM_ADMIN"], "tenant": None}
    assert [tier["level"] for tier in wide["data"]["feeTiers"]] == [1, 2, 3]
    for answer in refused:
        assert answer.codes == ["FORBIDDEN"]
        assert "Tollgate-Tenant" in answer.json["errors"][0]["message"]
    assert entries(merchant) == []


def test_the_plumbing_route_is_an_act_too(merchant: Merchant) -> None:
    """GET /viewer within a tenant says which, and leaves its entry."""
    answer = Staff(merchant).get("/viewer", *acting(merchant.tenant_id))

    assert (answer.status, answer.json["tenant"]) == (200, merchant.tenant_id)
    assert [entry["after"]["operation"] for entry in entries(merchant)] == ["GET /viewer"]


def test_a_secret_in_an_operations_name_is_not_kept(merchant: Merchant) -> None:
    """The caller chooses the name, the audit keeps it for ever."""
    staff = Staff(merchant)
    staff.act("query sk_live_0123456789abcdef { viewer { id } }")
    refused = staff.act("query Q4242424242424242 { viewer { id } }")

    assert [entry["after"]["operation"] for entry in entries(merchant)] == [
        "query [secret removed] { viewer }",
    ]
    assert refused.codes == ["CARD_DATA_FORBIDDEN"]
