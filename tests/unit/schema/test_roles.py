"""Who sees what of an object, and who may pay for it."""

from __future__ import annotations

import pytest

from domain.caller import Role
from domain.ids import Prefix, new_id
from domain.payment import NextAction, PaymentStatus
from tests.builders import a_payment, an_order
from tests.unit.schema.shop import CHARGE, OTHER_ORDER, TIER, Shelf, Till, a_caller, execute


async def test_a_shopper_reads_and_pays_its_own_order_only() -> None:
    """A CHECKOUT token sees its order, by id and by reference, and no other of the tenant."""
    own, other = an_order(), an_order(id=OTHER_ORDER, reference="A-2")
    theirs = a_payment(id=new_id(Prefix.PAYMENT), order_id=OTHER_ORDER)
    shelf = Shelf(all_orders=[own, other], all_payments=[a_payment(), theirs])
    result = await execute(
        f"""{{
            own: order(by: {{reference: "A-1"}}) {{ id payments {{ nodes {{ id status }} }} }}
            byId: order(by: {{id: "{OTHER_ORDER}"}}) {{ id }}
            byReference: order(by: {{reference: "A-2"}}) {{ id }}
            payment(id: "{a_payment().id}") {{ id }}
            theirs: payment(id: "{theirs.id}") {{ id }}
            node(id: "{theirs.id}") {{ id }}
        }}""",
        caller=a_caller(Role.CHECKOUT, order_id=own.id),
        shelf=shelf,
    )

    assert result.errors is None
    assert result.data == {
        "own": {"id": own.id, "payments": {"nodes": [{"id": a_payment().id, "status": "PENDING"}]}},
        "byId": None,
        "byReference": None,
        "payment": {"id": a_payment().id},
        "theirs": None,
        "node": None,
    }


async def test_a_shopper_cannot_pay_another_order() -> None:
    """For a CHECKOUT token another order of the tenant does not exist."""
    till = Till()
    caller = a_caller(Role.CHECKOUT, order_id=an_order().id)
    refused = await execute(CHARGE, caller=caller, till=till, variables={"order": OTHER_ORDER})
    own = await execute(CHARGE, caller=caller, till=till, variables={"order": an_order().id})

    assert refused.data is not None
    assert own.data is not None
    assert refused.data["chargePayment"]["__typename"] == "NotFoundError"
    assert own.data["chargePayment"]["__typename"] == "PaymentSuccess"
    assert len(till.heard) == 1


@pytest.mark.parametrize(
    "field",
    [
        "metadata",
        "platformFee { amountCents }",
        "gatewayFee { amountCents }",
        "netAmount { amountCents }",
        "feeTerms { basisPoints }",
        "timeline { totalCount }",
        "refunds { totalCount }",
        "gatewayDashboardUrl",
    ],
)
async def test_a_shopper_sees_no_fees_and_no_metadata(field: str) -> None:
    """The merchant's side of a payment is FORBIDDEN to a CHECKOUT token."""
    result = await execute(
        f'{{ payment(id: "{a_payment().id}") {{ id {field} }} }}',
        caller=a_caller(Role.CHECKOUT, order_id=an_order().id),
        shelf=Shelf(all_payments=[a_payment()]),
    )

    assert result.errors
    assert "roles" in result.errors[0].message


@pytest.mark.parametrize(
    ("role", "secret"),
    [
        (Role.CHECKOUT, "pi_secret"),
        (Role.OPERATOR, "pi_secret"),
        (Role.ADMIN, "pi_secret"),
        (Role.VIEWER, None),
        (Role.DEVELOPER, None),
        (Role.FINANCE, None),
        (Role.PLATFORM_ADMIN, None),
    ],
)
async def test_a_client_secret_is_for_those_who_pay(role: Role, secret: str | None) -> None:
    """CHECKOUT, OPERATOR and ADMIN read clientSecret; the others read null, without an error."""
    action = NextAction("redirect_to_url", "https://bank.example/", "pi_secret")
    payment = a_payment(status=PaymentStatus.REQUIRES_ACTION, next_action=action)
    result = await execute(
        f'{{ payment(id: "{payment.id}") {{ nextAction {{ redirectUrl clientSecret }} }} }}',
        caller=a_caller(role, order_id=payment.order_id if role is Role.CHECKOUT else None),
        shelf=Shelf(all_payments=[payment]),
    )

    assert result.errors is None
    assert result.data == {
        "payment": {"nextAction": {"redirectUrl": "https://bank.example/", "clientSecret": secret}}
    }


async def test_the_platforms_staff_need_a_tenant_for_a_tenants_fields() -> None:
    """Without a tenant the viewer and the tiers answer, and everything of a tenant is refused."""
    staff = a_caller(Role.PLATFORM_ADMIN, tenant_id=None)
    result = await execute(
        "{ viewer { tenant { id } roles } feeTiers { name } payments { totalCount } }",
        caller=staff,
        shelf=Shelf(tiers=[TIER]),
    )
    alone = await execute(
        "{ viewer { tenant { id } roles } feeTiers { name } }",
        caller=staff,
        shelf=Shelf(tiers=[TIER]),
    )

    assert result.data is None
    assert result.errors
    assert result.errors[0].message == (
        "This field is a tenant's: name the tenant in the header Tollgate-Tenant, and why in "
        "Tollgate-Reason."
    )
    assert alone.data == {
        "viewer": {"tenant": None, "roles": ["PLATFORM_ADMIN"]},
        "feeTiers": [{"name": "Starter"}],
    }
