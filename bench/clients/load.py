"""A load generator that uses the Python client: one connection, several calls in flight, and a line of JSON.

Takes the arguments of the C load generator (bench/CTallyLoadGenerator) that make sense here, checks every
reply as it does, and prints the same report. `--client` chooses threads over the synchronous client, or tasks
over the one for asyncio.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import threading
import time
from collections import Counter
from typing import Any

from tallystick import AsyncClient, Client
from tallystick.testing import AsyncConformance, Conformance

PAYLOAD_BYTES = 64


class Report:
    """What was measured between the end of the warm-up and the end of the run."""

    def __init__(self, seconds: float, warmup: float) -> None:
        self.begin = time.perf_counter() + warmup
        self.end = self.begin + seconds
        self.latencies: list[float] = []
        self.errors: Counter[str] = Counter()

    def record(self, started: float, ended: float) -> None:
        if started >= self.begin and ended <= self.end:
            # One append is one step for the interpreter, so that threads need no lock.
            self.latencies.append(ended - started)

    def text(self) -> str:
        latencies = sorted(self.latencies)

        def micros(part: float) -> float:
            return round(latencies[min(int(part * len(latencies)), len(latencies) - 1)] * 1e6, 2)

        seconds = self.end - self.begin
        figures: dict[str, Any] = {
            "operations": len(latencies),
            "seconds": round(seconds, 3),
            "per_second": round(len(latencies) / seconds, 1),
            "errors": self.errors.total(),
        }
        if latencies:
            figures |= {"p50_micros": micros(0.5), "p99_micros": micros(0.99), "max_micros": micros(1)}
        return json.dumps(figures | {"error_kinds": dict(self.errors)}, separators=(",", ":"))


class Calls:
    """The requests of a workload, and what their replies must say."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.workload = options.workload
        self.accounts = options.accounts
        self.body = b"x" * PAYLOAD_BYTES

    def request(self) -> dict[str, Any]:
        if self.workload == "echo":
            return {"number": random.randrange(1, 1 << 30), "body": self.body}
        user = f"user-{random.randrange(self.accounts):06}"
        return {"user_id": user, "amount_micros": random.randrange(1, 100)}

    def check(self, request: dict[str, Any], reply: Any) -> None:
        if self.workload == "echo":
            right = reply.number == request["number"] and reply.body == self.body
        else:
            right = reply.transaction.amount_micros == -request["amount_micros"] and not reply.replayed
        if not right:
            raise ValueError("a reply that does not match")


def run_threads(options: argparse.Namespace, report: Report, calls: Calls) -> None:
    with Client(options.socket) as client:
        method = Conformance(client.caller).echo if options.workload == "echo" else client.credits.consume

        def work() -> None:
            while (started := time.perf_counter()) < report.end:
                request = calls.request()
                try:
                    calls.check(request, method(**request))
                except Exception as error:
                    report.errors[type(error).__name__] += 1
                else:
                    report.record(started, time.perf_counter())

        threads = [threading.Thread(target=work) for _ in range(options.depth)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


async def run_tasks(options: argparse.Namespace, report: Report, calls: Calls) -> None:
    async with AsyncClient(options.socket) as client:
        echo = AsyncConformance(client.caller).echo
        method = echo if options.workload == "echo" else client.credits.consume

        async def work() -> None:
            while (started := time.perf_counter()) < report.end:
                request = calls.request()
                try:
                    calls.check(request, await method(**request))
                except Exception as error:
                    report.errors[type(error).__name__] += 1
                else:
                    report.record(started, time.perf_counter())

        await asyncio.gather(*(work() for _ in range(options.depth)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", choices=["threads", "asyncio"], required=True)
    parser.add_argument("--target", choices=["ttrpc"], default="ttrpc")
    parser.add_argument("--workload", choices=["echo", "consume"], required=True)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--connections", type=int, choices=[1], default=1)
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--warmup", type=float, default=1)
    options = parser.parse_args()
    report, calls = Report(options.seconds, options.warmup), Calls(options)
    if options.client == "threads":
        run_threads(options, report, calls)
    else:
        asyncio.run(run_tasks(options, report, calls))
    print(report.text())


main()
