"""Idempotency keys for the requests that came without one.

A key is a UUID of version 7: ordered by time, so that the server's index is written in order.
"""

from __future__ import annotations

import os
import random
import threading
import time
from typing import Any

KEY_FIELD = "idempotency_key"
_RANDOM_BITS = 74
# Two of a UUID's bits and four are its variant and its version.
_VARIANT, _VERSION = 0b10 << 62, 7 << 76


class _Clock:
    """Milliseconds and a random tail that only ever grow within a process."""

    def __init__(self) -> None:
        self.after_fork()
        self._millis = 0
        self._tail = 0

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        # Seeded from the system: other processes have other tails.
        self._bits = random.Random(os.urandom(32)).getrandbits

    def next(self) -> tuple[int, int]:
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._millis:
                # The top bit is left free to count up in.
                self._millis, self._tail = now, self._bits(_RANDOM_BITS - 1)
            else:
                self._tail += 1 + self._bits(32)
                if self._tail >> _RANDOM_BITS:
                    self._millis, self._tail = self._millis + 1, self._bits(_RANDOM_BITS - 1)
            return self._millis, self._tail


_clock = _Clock()
os.register_at_fork(after_in_child=_clock.after_fork)


def new_key() -> str:
    """A fresh key, greater than every earlier one of this process."""
    millis, tail = _clock.next()
    high, low = tail >> 62, tail & ((1 << 62) - 1)
    digits = f"{millis << 80 | _VERSION | high << 64 | _VARIANT | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def fill(request: Any, field: str) -> None:
    """Gives a key to the request, or to each message of its repeated `field`, where there is none."""
    for keyed in (request,) if field == KEY_FIELD else getattr(request, field):
        if not keyed.idempotency_key:
            keyed.idempotency_key = new_key()
