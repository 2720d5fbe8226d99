"""A client of a server in this process, and a worker that a test drives by hand."""

from dataclasses import dataclass
from typing import Any

import httpx
import jwt

from perdure.engine.engine import Engine
from perdure.server import tokens
from perdure.server.app import App
from perdure.store.rows import Environment
from perdure.testing.clock import FakeClock
from perdure.wire.workers import Assignment

MODERN = {"x-trigger-api-version": "2025-07-16"}


@dataclass
class Api:
    """Calls the server with a key, or with whatever a test gives."""

    app: App
    engine: Engine
    clock: FakeClock
    environment: Environment
    http: httpx.AsyncClient

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **more: Any
    ) -> httpx.Response:
        """Send a request; the body is JSON unless it is bytes."""
        key = self.environment.key if token is None else token
        headers = {**MODERN, **({"authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
        content = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
        return await self.http.request(method, path, headers=headers, **content, **more)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        """Send a GET."""
        return await self.call("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """Send a POST."""
        return await self.call("POST", path, body, **more)

    async def trigger(self, task: str = "echo", payload: Any = None, **options: Any) -> str:
        """Trigger a run a moment after the one before; return its id.  Options are spelled as on the wire."""
        self.clock.forward(0.001)
        answer = await self.post(f"/api/v1/tasks/{task}/trigger", {"payload": payload, "options": options})
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    async def run(self, run: str) -> dict[str, Any]:
        """Retrieve a run."""
        answer = await self.get(f"/api/v3/runs/{run}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def worker(self, *tasks: str, dead_letters: bool = False) -> "ApiWorker":
        """Connect a worker that has these tasks."""
        manifests = [
            {
                "id": task,
                "filePath": "tasks/all.py",
                "line": 1,
                "name": "f",
                "queue": {"name": f"task/{task}"},
                "deadLetters": dead_letters,
            }
            for task in tasks or ("echo",)
        ]
        hello = {
            "name": "w",
            "host": "h",
            "pid": 1,
            "pythonVersion": "3.11.7",
            "perdureVersion": "0.1.0",
            "concurrency": 10,
            "codeHash": ",".join(tasks),
            "tasks": manifests,
        }
        answer = await self.post("/worker/v1/connect", hello)
        assert answer.status_code == 200, answer.text
        return ApiWorker(self, answer.json()["workerId"])


@dataclass
class ApiWorker:
    """A connected worker."""

    api: Api
    id: str

    async def poll(self, *, slots: int = 10, wait: float = 0) -> dict[str, Any]:
        """Ask for runs."""
        body = {"workerId": self.id, "slots": slots, "wait": wait}
        answer = await self.api.post("/worker/v1/poll", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def claim(self) -> Assignment:
        """Take one run."""
        (run,) = (await self.poll(slots=1))["runs"]
        return Assignment.model_validate(run)

    async def report(self, held: Assignment, kind: str, **fields: Any) -> dict[str, Any]:
        """Report one thing of a run; return the verdict."""
        item = {"type": kind, "runId": held.run_id, "fence": held.fence, **fields}
        answer = await self.api.post("/worker/v1/report", {"workerId": self.id, "items": [item]})
        assert answer.status_code == 200, answer.text
        return answer.json()["verdicts"][0]

    async def complete(self, output: str = "null") -> str:
        """Take a run and complete it; return its id."""
        held = await self.claim()
        assert (await self.report(held, "started"))["ok"]
        assert (await self.report(held, "succeeded", output=output))["ok"]
        return held.run_id

    async def fail(self, **error: Any) -> str:
        """Take a run and let it fail for good; return its id."""
        held = await self.claim()
        await self.report(held, "started")
        await self.report(held, "failed", error=error, retry={"skip": True})
        return held.run_id


def sign(api: Api, *scopes: str, key: str | None = None, **claims: Any) -> str:
    """Sign a token as the official client does."""
    now = api.clock.now() // 1000
    fields = {
        "sub": api.environment.id,
        "pub": True,
        "scopes": list(scopes),
        "iss": tokens.ISSUER,
        "aud": tokens.AUDIENCE,
        "iat": now,
        "exp": now + 900,
    }
    return jwt.encode(fields | claims, key or api.environment.key, algorithm="HS256", headers={"typ": None})  # type: ignore[dict-item]
