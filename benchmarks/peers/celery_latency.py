"""How soon a task begins and ends in Celery, one in flight: prints p50, p95 and p99 of each, in ms.

    python celery_latency.py REDIS_URL RUNS

In this order: trigger to body, trigger to result.  Two prefork processes, one message fetched at a time,
results in Redis, as https://docs.celeryq.dev/en/stable/userguide/optimizing.html advises for short tasks;
nothing is durable.
"""

import os
import statistics
import subprocess
import sys
import time

from celery import Celery

URL = os.environ.get("BENCH_REDIS") or sys.argv[1]
WARM = 10

app = Celery("celery_latency", broker=URL, backend=URL)
app.conf.update(worker_prefetch_multiplier=1, task_ignore_result=False)


@app.task(name="body")
def body(number: int) -> float:
    return time.monotonic()


def quantiles(seconds: list[float]) -> list[float]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return [cut * 1000 for cut in (cuts[49], cuts[94], cuts[98])]


def measure(runs: int) -> None:
    bodies, results = [], []
    body.delay(0).get(timeout=60)
    for _ in range(WARM + runs):
        began = time.monotonic()
        at = body.delay(1).get(timeout=60)
        results.append(time.monotonic() - began)
        bodies.append(at - began)
    print(*(number for times in (bodies, results) for number in quantiles(times[WARM:])))


def main() -> None:
    command = [sys.executable, "-m", "celery", "-A", "celery_latency", "worker", "-c", "2", "-l", "ERROR"]
    worker = subprocess.Popen(
        command,
        cwd=os.path.dirname(os.path.abspath(__file__)),
        env={**os.environ, "BENCH_REDIS": URL},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        measure(int(sys.argv[2]))
    finally:
        worker.terminate()
        worker.wait(30)


if __name__ == "__main__":
    main()
