"""One call of an operation, and what all operations share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sandbox.errors import missing, refused
from sandbox.models import Charge, PaymentIntent, Record
from sandbox.objects.rendering import render
from sandbox.params import Params
from sandbox.wire import Wire
from sandbox.world import Book, World

Kept = TypeVar("Kept", bound=Record)


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose parameters are checked; ``ids`` are those in the path."""

    world: World
    book: Book
    params: Params
    ids: tuple[str, ...] = ()

    def render(self, record: Record) -> Wire:
        """A record of this account on the wire."""
        return render(record, self.book.account.application)

    def intent(self) -> PaymentIntent:
        """The intent in the path; raises ApiError where there is none."""
        return found(self.book.intents, self.ids[0], "payment_intent", "intent")

    def charge(self) -> Charge:
        """The charge in the path; raises ApiError where there is none."""
        return found(self.book.charges, self.ids[0], "charge", "charge")


Operation = Callable[[Call], Wire]


def found(shelf: dict[str, Kept], id_: str, kind: str, param: str, *, status: int = 404) -> Kept:
    """The record of this id; raises ApiError as Stripe does where there is none."""
    record = shelf.get(id_)
    if record is None:
        raise missing(kind, id_, param, status)
    return record


def check_exclusive(params: Params, *names: str) -> None:
    """Raises ApiError where more than one of the parameters is given."""
    given = [name for name in names if name in params]
    if len(given) > 1:
        raise refused(
            f"You may only specify one of these parameters: {', '.join(given)}.",
            given[1],
            "parameters_exclusive",
        )
