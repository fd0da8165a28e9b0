"""The balance: what a charge, a refund or a dispute does to an account's money."""

from sandbox import fees
from sandbox.currencies import exchange
from sandbox.events import emit
from sandbox.models import ApplicationFee, BalanceTransaction, Charge, FeeDetail
from sandbox.world import Book, World


def post(
    world: World,
    book: Book,
    *,
    amount: int,
    currency: str,
    type_: str,
    source: str,
    category: str | None = None,
    description: str | None = None,
    fee_details: tuple[FeeDetail, ...] = (),
) -> BalanceTransaction:
    """Books minor units of ``currency``, converted to the account's own; positive is money in.

    ``fee_details`` are in the account's own currency already.
    """
    settled = exchange(amount, currency, book.account.currency)
    transaction = BalanceTransaction(
        id=world.new_id("txn_"),
        account=book.account.id,
        created=world.timestamp(),
        amount=settled.amount,
        currency=settled.currency,
        type=type_,
        reporting_category=category or type_,
        source=source,
        description=description,
        exchange_rate=settled.rate,
        fee_details=fee_details,
    )
    world.add(book.balance_transactions, transaction)
    balances = book.balances
    balances[settled.currency] = balances.get(settled.currency, 0) + transaction.net
    return transaction


def settle(world: World, book: Book, charge: Charge) -> None:
    """Books a captured charge: its balance transaction, and the platform's fee if there is one."""
    fee = _application_fee(world, book, charge)
    settled = exchange(charge.amount_captured, charge.currency, book.account.currency)
    transaction = post(
        world,
        book,
        amount=charge.amount_captured,
        currency=charge.currency,
        type_="charge",
        source=charge.id,
        description=charge.description,
        fee_details=_fee_details(book, settled.amount, fee),
    )
    charge.balance_transaction = transaction.id


def settle_later(world: World, book: Book, charge: Charge) -> None:
    """Books a charge that was captured asynchronously, and tells so with ``charge.updated``."""
    if charge.balance_transaction is None:
        settle(world, book, charge)
        previous = {"application_fee": None, "balance_transaction": None}
        if charge.application_fee is None:
            del previous["application_fee"]
        emit(world, book, "charge.updated", charge, dict(previous))


def _fee_details(book: Book, settled: int, fee: ApplicationFee | None) -> tuple[FeeDetail, ...]:
    kept = FeeDetail(fees.processing_fee(settled), "stripe_fee", "Stripe processing fees")
    if fee is None:
        return (kept,)
    own = exchange(fee.amount, fee.currency, book.account.currency).amount
    name = f"{book.account.platform} application fee"
    return (kept, FeeDetail(own, "application_fee", name, fee.application))


def _application_fee(world: World, book: Book, charge: Charge) -> ApplicationFee | None:
    account = book.account
    if not charge.application_fee_amount or account.platform is None:
        return None
    platform = world.books[account.platform]
    fee = ApplicationFee(
        id=world.new_id("fee_"),
        account=account.platform,
        created=world.timestamp(),
        amount=min(charge.application_fee_amount, charge.amount_captured),
        currency=charge.currency,
        payer=account.id,
        charge=charge.id,
        application=account.application or "",
    )
    world.add(platform.application_fees, fee)
    charge.application_fee = fee.id
    transaction = post(
        world,
        platform,
        amount=fee.amount,
        currency=fee.currency,
        type_="application_fee",
        source=fee.id,
        category="platform_earning",
    )
    fee.balance_transaction = transaction.id
    emit(world, platform, "application_fee.created", fee)
    return fee
