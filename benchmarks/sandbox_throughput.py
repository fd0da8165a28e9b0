"""How many create-and-confirm calls a second the sandbox takes over HTTP, on one core.

    python benchmarks/sandbox_throughput.py [seconds]

Raw aiohttp keeps 16 calls in flight against the sandbox and, in the same run, against a bare
Starlette route that answers a constant JSON object; the ratio of the two is what to compare between
machines. The client shares the machine with the server.
"""

import asyncio
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing import Process
from urllib.parse import urlencode

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.server import create_app

IN_FLIGHT = 16
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
KEY = {"Authorization": "Bearer sk_test_throughput", **FORM}
CREATE = urlencode(
    {
        "amount": "2000",
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "metadata[order]": "6735",
    }
).encode()


def bare() -> Starlette:
    """The smallest answer that Starlette gives."""

    async def answer(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "read": len(await request.body())})

    return Starlette(routes=[Route("/v1/payment_intents", answer, methods=["POST"])])


def serve(application: Callable[[], Starlette], port: int) -> None:
    """Serves until terminated."""
    uvicorn.run(application(), port=port, log_level="error", access_log=False)


async def calls_per_second(port: int, seconds: float) -> float:
    """Calls answered with 200 a second, with a key of its own for each."""
    url = f"http://127.0.0.1:{port}/v1/payment_intents"
    done = 0

    async def keep_calling(session: aiohttp.ClientSession, worker: int) -> None:
        nonlocal done
        sent = 0
        while time.perf_counter() < until:
            sent += 1
            headers = {**KEY, "Idempotency-Key": f"{worker}-{sent}"}
            async with session.post(url, data=CREATE, headers=headers) as answer:
                await answer.read()
                answer.raise_for_status()
            done += 1

    async with aiohttp.ClientSession() as session:
        await _until_up(session, url)
        started = time.perf_counter()
        until = started + seconds
        await asyncio.gather(*(keep_calling(session, worker) for worker in range(IN_FLIGHT)))
        return done / (time.perf_counter() - started)


async def _until_up(session: aiohttp.ClientSession, url: str) -> None:
    for _ in range(200):
        try:
            async with session.get(url):
                return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.05)
    raise TimeoutError(url)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def measure(application: Callable[[], Starlette], seconds: float) -> float:
    """Calls a second of an application in a process of its own."""
    port = free_port()
    server = Process(target=serve, args=(application, port), daemon=True)
    server.start()
    try:
        return asyncio.run(calls_per_second(port, seconds))
    finally:
        server.terminate()
        server.join()


def main(seconds: float) -> None:
    """Prints both rates and their ratio."""
    floor = measure(bare, seconds)
    sandbox = measure(create_app, seconds)
    print(f"bare Starlette JSON route   {floor:8.0f} calls/s")
    print(f"sandbox create and confirm  {sandbox:8.0f} calls/s")
    print(f"ratio                       {sandbox / floor:8.2f}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
