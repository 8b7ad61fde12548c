"""The client: one socket, the services, and what holds for every call."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Optional, Union

from ._blocks import Hold, Run
from ._calls import Caller, Channel
from ._generated.services import AdminService, Control, CreditService, PageService, UsageService
from ._rules import ACTING_USER, Terms
from ._watch import EventWatch, PageWatch, Place, TransactionWatch, event_id, sequence, update_number
from .money import Amount

#: Seconds that a call may take, its retries included.
DEFAULT_TIMEOUT = 10.0
#: Seconds after its start in which a call that did not get through is tried again.
DEFAULT_RETRY_SECONDS = 5.0

SYSTEM_SOCKET = "/run/tallystick/tally.sock"
#: The kernel's limit on a socket's path, in bytes.
LONGEST_SOCKET_PATH = 107


def default_socket(environment: Optional[Mapping[str, str]] = None) -> str:
    """`TALLY_SOCKET`; else the socket below `XDG_RUNTIME_DIR` if it is there; else the system's."""
    environment = os.environ if environment is None else environment
    if environment.get("TALLY_SOCKET"):
        return environment["TALLY_SOCKET"]
    runtime = environment.get("XDG_RUNTIME_DIR")
    if runtime:
        path = os.path.join(runtime, "tallystick", "tally.sock")
        if os.path.exists(path) or not os.path.exists(SYSTEM_SOCKET):
            return path
    return SYSTEM_SOCKET


def socket_path(socket: Union[str, os.PathLike[str], None]) -> str:
    path = default_socket() if socket is None else os.fspath(socket)
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise ValueError(f"a socket's path has at most {LONGEST_SOCKET_PATH} bytes: {path}")
    return path


class Client:
    """A connection to `tally serve`. Threads may share it: their calls go down one socket at once.

    It connects with the first call, and again whenever the connection was lost. A call that did not
    get through is tried again with the same idempotency key, for `retry_seconds`; `timeout` bounds it
    all. Close it, or use it as a context manager. A fork's child gets a connection of its own.

    The calls are methods of its services `credits`, `usage`, `pages`, `admin` and `control`.
    """

    def __init__(
        self,
        socket: Union[str, os.PathLike[str], None] = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        retry_seconds: float = DEFAULT_RETRY_SECONDS,
        metadata: Optional[Mapping[str, str]] = None,
    ) -> None:
        path = socket_path(socket)
        terms = Terms(timeout, retry_seconds, ()).with_metadata(metadata or {})
        channel = Channel(path)
        self._open(path, channel, Caller(channel, terms))

    def _open(self, path: str, channel: Channel, caller: Caller) -> None:
        #: The socket's path.
        self.socket = path
        self._channel = channel
        self._caller = caller
        #: Prepaid credits: balances, holds and the ledger.
        self.credits = CreditService(caller)
        #: Runs, what users have used of their plans, and plans.
        self.usage = UsageService(caller)
        #: Pages with their sections and versions, and media.
        self.pages = PageService(caller)
        #: Users, and the server itself.
        self.admin = AdminService(caller)
        #: Cancellation of other calls.
        self.control = Control(caller)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.socket!r})"

    @property
    def caller(self) -> Caller:
        """For the stubs of further services, such as the test harness's."""
        return self._caller

    def with_metadata(self, metadata: Mapping[str, str]) -> Client:
        """The same connection; calls carry these metadata as well."""
        view = object.__new__(type(self))
        view._open(self.socket, self._channel, self._caller.with_metadata(metadata))
        return view

    def acting_as(self, user_id: str) -> Client:
        """The same connection; calls may touch this user's rows only."""
        return self.with_metadata({ACTING_USER: user_id})

    def run(
        self,
        user_id: str,
        model: str,
        estimate_micros: Amount = 0,
        *,
        type: str = "text",
        run_id: Optional[str] = None,
        ttl_millis: int = 0,
        attempt: int = 0,
        spender: str = "",
        tags: Optional[Mapping[str, str]] = None,
    ) -> Run:
        """A run for `with`: it holds the estimate, and ends with the block, without cost unless it was
        finished. Without a `run_id` it has a fresh one; `ttl_millis` is 15 minutes when zero.
        """
        return Run(
            self.usage,
            user_id=user_id,
            model=model,
            estimate_micros=estimate_micros,
            type=type,
            run_id=run_id,
            ttl_millis=ttl_millis,
            attempt=attempt,
            spender=spender,
            tags=tags,
        )

    def hold(
        self,
        user_id: str,
        amount_micros: Amount,
        ttl_millis: int = 0,
        *,
        idempotency_key: Optional[str] = None,
        description: str = "",
    ) -> Hold:
        """A hold for `with`: released at the block's end unless it was captured. `ttl_millis` is 15 minutes
        when zero. A job that names the key and is done again holds and captures once.
        """
        return Hold(
            self.credits,
            user_id=user_id,
            amount_micros=amount_micros,
            ttl_millis=ttl_millis,
            idempotency_key=idempotency_key,
            description=description,
        )

    def watch(self, from_sequence: int = 0, user_ids: Iterable[str] = ()) -> TransactionWatch:
        """The ledger's rows as they are committed: from that one on, or from the next when zero; of these
        users, or of all. It goes on by itself wherever its stream was cut, and has no end.
        """
        place = Place(from_sequence, user_ids, self._caller.retry_seconds, sequence)
        return TransactionWatch(CreditService(self._caller.once()), place)

    def watch_events(self, from_event_id: int = 0, user_ids: Iterable[str] = ()) -> EventWatch:
        """Events as they are committed: from that one on, or from the next when zero; of these users, or of
        all. It goes on by itself wherever its stream was cut, and has no end.
        """
        place = Place(from_event_id, user_ids, self._caller.retry_seconds, event_id)
        return EventWatch(UsageService(self._caller.once()), place)

    def watch_pages(self, from_update: int = 0, user_ids: Iterable[str] = ()) -> PageWatch:
        """Changes of pages as they are committed: from that one on, or from the next when zero; of these
        users, or of all. From an earlier one each page that changed since comes once. It goes on by itself
        wherever its stream was cut, and has no end.
        """
        place = Place(from_update, user_ids, self._caller.retry_seconds, update_number)
        return PageWatch(PageService(self._caller.once()), place)

    def close(self) -> None:
        """Ends the connection, also for every client that `acting_as` made from this one."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
