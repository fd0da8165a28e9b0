"""/v1/accounts, /v1/application_fees, /v1/customers, /v1/payment_methods."""

from sandbox.api.call import Call, found
from sandbox.api.intent_rules import payment_method
from sandbox.api.lists import page
from sandbox.cards import by_token
from sandbox.currencies import check_positive, display, known
from sandbox.errors import ApiError, invalid, missing, refused
from sandbox.events import emit
from sandbox.flows.refunds import refund_fee
from sandbox.models import Account, ApplicationFee, Customer, PaymentMethod
from sandbox.params import merged_metadata
from sandbox.wire import Wire

COUNTRY_CURRENCIES = {
    "US": "usd", "GB": "gbp", "DE": "eur", "FR": "eur", "ES": "eur", "IT": "eur", "NL": "eur",
    "IE": "eur", "AT": "eur", "BE": "eur", "FI": "eur", "PT": "eur", "CA": "cad", "AU": "aud",
    "NZ": "nzd", "JP": "jpy", "CH": "chf", "DK": "dkk", "NO": "nok", "SE": "sek", "PL": "pln",
    "SG": "sgd", "HK": "hkd", "MX": "mxn", "BR": "brl", "IN": "inr", "CZ": "czk", "HU": "huf",
}  # fmt: skip
"""Countries of connected accounts, and the currency in which each settles by default."""


def create(call: Call) -> Wire:
    """POST /v1/accounts: an account connected to this platform, ready to charge at once."""
    params = call.params
    country = params.text("country") or "US"
    if country not in COUNTRY_CURRENCIES:
        raise refused(
            f"Country '{country}' is unknown. Try using a 2-character alphanumeric country code "
            "instead, such as 'US', 'EG', or 'GB'. A full list of country codes is available at "
            "https://stripe.com/docs/api#country_codes.",
            "country",
            "country_code_invalid",
        )
    currency = params.text("default_currency") or COUNTRY_CURRENCIES[country]
    id_ = call.world.new_id("acct_", 16)
    account = Account(
        id=id_,
        account=id_,
        created=call.world.timestamp(),
        platform=call.book.account.id,
        country=country,
        currency=known(currency, "default_currency"),
        email=params.text("email"),
        type=params.text("type") or "none",
        business_type=params.text("business_type"),
        metadata=merged_metadata({}, params),
    )
    book = call.world.open(account)
    emit(call.world, book, "account.updated", account)
    return call.render(account)


def retrieve(call: Call) -> Wire:
    """GET /v1/accounts/{account}."""
    return call.render(_account(call))


def retrieve_own(call: Call) -> Wire:
    """GET /v1/account: the account of the key, or the one in Stripe-Account."""
    return call.render(call.book.account)


def list_(call: Call) -> Wire:
    """GET /v1/accounts: those connected to this platform."""
    own = call.book.account.id
    shelf = {
        id_: book.account
        for id_, book in call.world.books.items()
        if book.account.platform == own and book.account.connected
    }
    return page(call, shelf, "/v1/accounts", "account")


def update(call: Call) -> Wire:
    """POST /v1/accounts/{account}."""
    account = _account(call)
    params = call.params
    account.email = params.text("email") or account.email
    account.business_type = params.text("business_type") or account.business_type
    account.metadata = merged_metadata(account.metadata, params)
    if profile := params.nested("business_profile"):
        given = {name: profile.text(name) for name in ("mcc", "name", "support_email", "url")}
        account.business_profile = {
            **(account.business_profile or dict.fromkeys(given)),
            **{name: value for name, value in given.items() if value is not None},
        }
    emit(call.world, call.world.books[account.id], "account.updated", account)
    return call.render(account)


def _account(call: Call) -> Account:
    book = call.world.books.get(call.ids[0])
    own = call.book.account.id
    reachable = book and book.account.connected and own in (book.account.platform, book.account.id)
    if book is None or not reachable:
        raise account_invalid(call.ids[0])
    return book.account


def account_invalid(id_: str) -> ApiError:
    """An account that the key may not use (Stripe's account_invalid, 403)."""
    return ApiError(
        403,
        f"The provided key does not have access to account '{id_[:60]}' (or that account does not "
        "exist). Application access may have been revoked.",
        code="account_invalid",
        stored=False,
    )


def list_fees(call: Call) -> Wire:
    """GET /v1/application_fees."""
    charge = call.params.text("charge")
    return page(
        call,
        call.book.application_fees,
        "/v1/application_fees",
        "application fee",
        lambda fee: charge is None or fee.charge == charge,
    )


def retrieve_fee(call: Call) -> Wire:
    """GET /v1/application_fees/{id}."""
    return call.render(_fee(call))


def create_fee_refund(call: Call) -> Wire:
    """POST /v1/application_fees/{id}/refunds: all that is left of the fee, or a part."""
    fee = _fee(call)
    amount = call.params.integer("amount")
    if amount is not None:
        check_positive(amount, "amount")
    left = fee.amount - fee.amount_refunded
    if left == 0:
        raise invalid(f"Application fee {fee.id} has already been refunded.")
    if amount is not None and amount > left:
        asked, rest = display(amount, fee.currency), display(left, fee.currency)
        raise invalid(
            f"Refund amount ({asked}) is greater than unrefunded amount on fee ({rest})", "amount"
        )
    metadata = merged_metadata({}, call.params)
    return call.render(refund_fee(call.world, fee, amount or left, metadata))


def list_fee_refunds(call: Call) -> Wire:
    """GET /v1/application_fees/{id}/refunds."""
    fee = _fee(call)
    shelf = {refund.id: refund for refund in fee.refunds}
    return page(call, shelf, f"/v1/application_fees/{fee.id}/refunds", "fee refund")


def retrieve_fee_refund(call: Call) -> Wire:
    """GET /v1/application_fees/{fee}/refunds/{id}."""
    fee = _fee(call)
    for refund in fee.refunds:
        if refund.id == call.ids[1]:
            return call.render(refund)
    raise missing("fee refund", call.ids[1], "id")


def _fee(call: Call) -> ApplicationFee:
    return found(call.book.application_fees, call.ids[0], "application fee", "id")


def create_customer(call: Call) -> Wire:
    """POST /v1/customers."""
    customer = Customer(
        id=call.world.new_id("cus_", 14),
        account=call.book.account.id,
        created=call.world.timestamp(),
        email=call.params.text("email"),
        name=call.params.text("name"),
        phone=call.params.text("phone"),
        description=call.params.text("description"),
        metadata=merged_metadata({}, call.params),
    )
    call.world.add(call.book.customers, customer)
    emit(call.world, call.book, "customer.created", customer)
    return call.render(customer)


def retrieve_customer(call: Call) -> Wire:
    """GET /v1/customers/{customer}."""
    return call.render(found(call.book.customers, call.ids[0], "customer", "id"))


def list_customers(call: Call) -> Wire:
    """GET /v1/customers."""
    email = call.params.text("email")
    return page(
        call,
        call.book.customers,
        "/v1/customers",
        "customer",
        lambda customer: email is None or customer.email == email,
    )


def create_payment_method(call: Call) -> Wire:
    """POST /v1/payment_methods: a card of a test token; a card number is never taken."""
    card = call.params.nested("card")
    if call.params.text("type") != "card" or card is None:
        raise refused("The sandbox takes payment methods of type card only.", "type")
    token = card.text("token")
    if token is None:
        raise refused(
            "Sending credit card numbers directly to the Stripe API is generally unsafe. We "
            "suggest you use test tokens that map to the test card you are using, see "
            "https://stripe.com/docs/testing.",
            "card[number]",
        )
    known_card = by_token(token)
    if known_card is None:
        raise missing("token", token, "card[token]", 400)
    billing = call.params.nested("billing_details")
    texts = {name: billing.text(name) for name in ("email", "name", "phone")} if billing else {}
    made = PaymentMethod(
        id=call.world.new_id("pm_"),
        account=call.book.account.id,
        created=call.world.timestamp(),
        card=known_card,
        billing={name: text for name, text in texts.items() if text},
        metadata=merged_metadata({}, call.params),
    )
    return call.render(call.world.add(call.book.payment_methods, made))


def retrieve_payment_method(call: Call) -> Wire:
    """GET /v1/payment_methods/{payment_method}; a test card's name makes a new one."""
    try:
        return call.render(payment_method(call, call.ids[0]))
    except ApiError as error:
        raise missing("PaymentMethod", call.ids[0], "payment_method") from error
