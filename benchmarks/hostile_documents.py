"""What it costs to refuse, or to validate, a document that was written to cost much.

    python benchmarks/hostile_documents.py [runs]

Each document is parsed, measured, validated and, where it is let through, executed over an empty
shop in memory, all in this process. What counts is the processor's time of the fastest run. The
first line is a plain query of a list: the ratio to it is what to compare between machines. Ends
with 1 where a document took 50 ms or more.
"""

import asyncio
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from domain.caller import Role
from schema.context import GraphContext
from schema.presentation import show
from schema.schema import kept_documents, schema
from tests.unit.schema.shop import a_caller, a_context

PLAIN = "{ payments(first: 10) { nodes { id status totalAmount { amountCents } order { id } } } }"
MILLISECONDS_MAX = 50.0

Variables = dict[str, object]
Sample = tuple[str, str, Variables]


def bomb(levels: int, fan_out: int, *, aliases: bool = False) -> str:
    """Fragments that multiply at every level."""
    spreads = [
        f"a{at}: node(id: 1) {{ ...f%d }} " if aliases else "...f%d " for at in range(fan_out)
    ]
    on = "Node" if aliases else "Query"
    fragments = "".join(
        f"fragment f{level} on {on} {{ {''.join(spreads) % ((level + 1,) * fan_out)} }}"
        for level in range(levels)
    )
    root = "node(id: 1) { ...f0 }" if aliases else "...f0"
    return f"{{ {root} }} {fragments} fragment f{levels} on {on} {{ __typename }}"


def samples() -> Iterator[Sample]:
    """Name, document and variables of each."""
    for levels in (10, 16, 18, 19, 20, 50, 100, 200):
        for fan_out in (2, 3):
            yield f"fragments {levels} deep, {fan_out} each", bomb(levels, fan_out), {}
        yield f"aliases in fragments {levels} deep", bomb(levels, 2, aliases=True), {}
    for depth in (5, 12, 50, 200, 1000):
        yield f"depth {depth}", "{" + "node{" * depth + "id" + "}" * depth + "}", {}
        yield f"inline fragments {depth} deep", "{" + "...{" * depth + "id" + "}" * depth + "}", {}
    for count in (10, 30, 100, 1000, 5000):
        yield f"{count} aliases", aliased(count), {}
    yield from repeated()
    yield from valued()


def aliased(count: int) -> str:
    """A field under many names."""
    return "{" + " ".join(f"a{at}: viewer {{ id }}" for at in range(count)) + "}"


def repeated() -> Iterator[Sample]:
    """The same again and again."""
    for count in (45, 63, 240, 500, 1000):
        yield f"a field {count} times", "{ viewer {" + " id" * count + "} }", {}
        yield f"an object {count} times", "{" + "viewer { id } " * count + "}", {}
    yield (
        "lists in lists, repeated",
        "{" + ("payments{" + "nodes{order{id}}" * 8 + "}") * 15 + "}",
        {},
    )
    unused = "fragment f on Query {" + "viewer { id } " * 450 + "}"
    yield "an unused fragment", "{ viewer { id } }" + unused, {}
    ring = "".join(f"fragment f{at} on Query {{ ...f{(at + 1) % 20} }}" for at in range(20))
    yield "a circle of fragments", "{ ...f0 }" + ring, {}
    yield (
        "a circle through fields",
        "{ ...f } fragment f on Query { order { payments { ...f } } }",
        {},
    )
    yield "500 directives", "{ viewer" + " @skip(if: true)" * 500 + " { id } }", {}
    yield "20 directives", "{ viewer" + " @skip(if: true)" * 20 + " { id } }", {}
    yield "200 operations", "".join(f"query q{at} {{ viewer {{ id }} }}" for at in range(200)), {}
    loop = "types{fields{type{fields{type{fields{type{name}}}}}}}"
    yield "introspection in circles", f"{{ __schema {{ {loop} }} }}", {}
    yield "450 wrong fields", "{" + " ".join(f"viewes{at}" for at in range(450)) + "}", {}
    yield "190 wrong types", "{" + " ".join("... on Paymenx { id }" for _ in range(190)) + "}", {}


def valued() -> Iterator[Sample]:
    """Values and variables."""
    for count in (49, 500, 10_000):
        declared = " ".join(f"$v{at}: Int" for at in range(count))
        yield f"{count} variables", f"query ({declared}) {{ viewer {{ id }} }}", {}
    filtered = "query ($f: PaymentFilter) { payments(filter: $f) { totalCount } }"
    for count in (30, 1900, 6000):
        wrong: Variables = {f"statusI{at}": at for at in range(count)}
        yield f"{count} wrong members in a variable", filtered, {"f": wrong}
    yield "9,000 values in a variable", filtered, {"f": {"statusIn": ["PAID"] * 9000}}
    yield "100 values in a variable", filtered, {"f": {"statusIn": ["PAID"] * 100}}
    yield "100 wrong values in a variable", filtered, {"f": {"statusIn": ["PAYD"] * 100}}
    members = " ".join(f"statusI{at}: 1" for at in range(160))
    yield "160 wrong members", f"{{ payments(filter: {{{members}}}) {{ totalCount }} }}", {}
    listed = " ".join(["PAID"] * 480)
    yield "480 values", f"{{ payments(filter: {{statusIn: [{listed}]}}) {{ totalCount }} }}", {}
    yield "first: 99999999", "{ payments(first: 99999999) { nodes { id } } }", {}
    yield "lists nested 900 deep", "{ node(id: " + "[" * 900 + "]" * 900 + ") { id } }", {}
    yield "a string of 60,000", '{ node(id: "' + "x" * 60_000 + '") { id } }', {}
    yield "a comment of 60,000", "{ viewer { id } } #" + "x" * 60_000, {}
    yield "60,000 commas", "{ viewer { id } " + "," * 60_000 + "}", {}


async def prepare(document: str, variables: Variables) -> tuple[float, str]:
    """Milliseconds of one preparation, and what came of it."""
    context = GraphContext(a_context(a_caller(Role.ADMIN)), may_introspect=True)
    kept_documents.forget()
    started = time.thread_time()
    result = await schema.execute(document, variable_values=variables, context_value=context)
    milliseconds = (time.thread_time() - started) * 1000
    for error in result.errors or ():
        return milliseconds, show(error, validated=result.data is not None, request_id="").code
    return milliseconds, "answered"


def main() -> int:
    """Prints a line for each document and the worst of them."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    table = Table("document", "bytes", "came to", "ms", "times plain")
    results: dict[str, float] = {}
    plain = 0.0
    for name, document, variables in (("a plain query", PLAIN, {}), *samples()):
        measured = [asyncio.run(prepare(document, variables)) for _ in range(runs)]
        milliseconds = results[name] = min(at for at, _ in measured)
        plain = plain or milliseconds
        ratio = f"{milliseconds / plain:.1f}"
        table.add_row(name, str(len(document)), measured[0][1], f"{milliseconds:.2f}", ratio)
    Console(width=100).print(table)
    worst = max(results, key=lambda name: results[name])
    print(f"{len(results)} documents; the worst, {worst}: {results[worst]:.1f} ms, "
          f"{results[worst] / plain:.1f} times a plain query of {plain:.2f} ms")  # fmt: skip
    return int(results[worst] >= MILLISECONDS_MAX)


if __name__ == "__main__":
    sys.exit(main())
