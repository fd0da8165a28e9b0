"""Which events of the inbox are taken up next: each gateway row in its turn.

A tenant signs for its own endpoint, and may send as much as it likes. So events wait in one line
for each gateway row, in the order in which they fall due, and a free place goes to the row that
holds the fewest; among rows that hold as many, chance decides, so that none waits for ever.
"""

from __future__ import annotations

from sqlalchemy import ARRAY, CTE, DateTime, Integer, Text, bindparam, text

OPEN = "status IN ('RECEIVED', 'PROCESSING', 'RETRY')"
"""Events that a worker takes up by itself; the condition of the index, letter by letter."""

DUE_AT = (
    "CASE status WHEN 'RETRY' THEN next_attempt_at WHEN 'PROCESSING' THEN lease_until"
    " ELSE created_at END"
)
"""When a worker may take the event up; the index's expression, letter by letter."""

_SPARE = 64
"""How many more of each row are looked at than are wanted: other workers may hold the first."""

# The rows are found one after the other, each by one look into the index: what is done costs
# nothing, and neither does how long a row's line is. Locks are taken in the last step alone, by a
# scan that stops at its limit; its condition is checked again on the row as it is once locked.
DUE = f"""
WITH RECURSIVE gateway(id) AS (
    (SELECT gateway_id FROM webhook_events WHERE {OPEN}
        ORDER BY gateway_id, {DUE_AT}, id LIMIT 1)
    UNION ALL
    SELECT (SELECT gateway_id FROM webhook_events
            WHERE {OPEN} AND gateway_id > gateway.id
            ORDER BY gateway_id, {DUE_AT}, id LIMIT 1)
    FROM gateway WHERE gateway.id IS NOT NULL
), candidate AS (
    SELECT due.id, random() AS lot,
        row_number() OVER (PARTITION BY gateway.id ORDER BY due.due_at, due.id) + (
            SELECT count(*) FROM unnest(CAST(:held AS text[])) AS of_row WHERE of_row = gateway.id
        ) AS turn
    FROM gateway CROSS JOIN LATERAL (
        SELECT id, {DUE_AT} AS due_at FROM webhook_events
        WHERE gateway_id = gateway.id AND {OPEN} AND {DUE_AT} <= :now
            AND (status <> 'RECEIVED' OR created_at <= :received_until)
        ORDER BY {DUE_AT}, id LIMIT :at_most + {_SPARE}
    ) AS due
    ORDER BY turn, lot LIMIT :at_most + {_SPARE}
)
SELECT event.id, event.status, event.lease_until
FROM candidate JOIN webhook_events AS event ON event.id = candidate.id
WHERE {OPEN} AND {DUE_AT} <= :now
ORDER BY candidate.turn, candidate.lot
LIMIT :at_most FOR UPDATE OF event SKIP LOCKED
"""  # noqa: S608 - of our own constants


_MOMENT = DateTime(timezone=True)


def due_events() -> CTE:
    """The events to take up now, locked: their ids, and status and lease as they are. A CTE that
    locks is run once, so that what it locks and what is claimed are the same rows."""
    given = (
        bindparam("now", type_=_MOMENT),
        bindparam("received_until", type_=_MOMENT),
        bindparam("at_most", type_=Integer),
        bindparam("held", type_=ARRAY(Text)),
    )
    found = text(DUE).bindparams(*given).columns(id=Text, status=Text, lease_until=_MOMENT)
    return found.cte("before")
