"""Node: what can be asked for again by its id alone."""

from __future__ import annotations

import strawberry


@strawberry.interface(description="An object with an id of its own.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="A typed, sortable id such as pay_01k9…, the same in logs, tools and webhooks."
    )
