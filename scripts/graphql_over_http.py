"""Run the audit of the npm package graphql-http against the API, as a signed-in merchant.

The package's authors write the specification of GraphQL over HTTP; its audit sends some sixty
requests and tells what a server MUST, SHOULD and MAY. The stack is started for it, and stopped.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from app.embedded.account import service_account
from app.embedded.folders import reachable_folder
from app.seed import seed
from app.settings import Settings, load_settings
from app.stack import Stack
from app.tokens import mint_token
from domain.caller import Role

PACKAGES = ("graphql-http@1.22.4", "graphql@16")
TIME_LIMIT_SECONDS = 120
CANNOT_RUN = 2

AUDIT = """
import { auditServer } from 'graphql-http';
const [, , url, token] = process.argv;
const fetchFn = (to, { headers, ...rest } = {}) =>
  fetch(to, { ...rest, headers: { ...headers, authorization: `Bearer ${token}` } });
const results = await auditServer({ url, fetchFn });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) =>
  ({ id, name, status, reason: reason ?? '' }))));
"""


def main() -> int:
    """Prints a line for each result that is not ok, and the counts; 1 for an error or warning."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        sys.stderr.write("the audit is an npm package: install node and npm\n")
        return CANNOT_RUN
    with tempfile.TemporaryDirectory(dir=reachable_folder(service_account())) as name:
        folder = Path(name)
        folder.chmod(0o711)
        install(folder / "audit")
        with Stack(folder / "stack", durable=False, say=say) as stack:
            results = audit(folder / "audit", load_settings(stack.environment))
    counts = dict.fromkeys(("ok", "notice", "warn", "error"), 0)
    for result in results:
        counts[result["status"]] += 1
        if result["status"] != "ok":
            say(f"{result['status']:6} {result['id']} {result['name']}: {result['reason']}")
    say(", ".join(f"{count} {status}" for status, count in counts.items()))
    return int(counts["warn"] + counts["error"] > 0 or not results)


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def install(folder: Path) -> None:
    """Puts the package into the folder. Raises CalledProcessError."""
    folder.mkdir()
    (folder / "audit.mjs").write_text(AUDIT)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    subprocess.run(  # noqa: S603 - fixed words
        command, cwd=folder, check=True, timeout=TIME_LIMIT_SECONDS, stdout=subprocess.DEVNULL
    )


def audit(folder: Path, settings: Settings) -> list[dict[str, str]]:
    """What the audit found."""
    tenant = asyncio.run(seed(settings)).tenants[0]
    token = mint_token(settings, tenant=tenant.id, roles=[Role.ADMIN])
    done = subprocess.run(  # noqa: S603 - fixed words, our own URL and token
        ["node", "audit.mjs", f"{settings.public_url}/graphql", token],  # noqa: S607
        cwd=folder,
        check=True,
        timeout=TIME_LIMIT_SECONDS,
        capture_output=True,
        text=True,
    )
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
