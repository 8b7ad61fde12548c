"""The clients of a scenario, by name: the synchronous and the asyncio client are made and asked alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Union

from fake import PATIENCE
from scenario_calls import ATTRIBUTES, Target
from scenario_steps import Call

from tallystick import Client
from tallystick._generated import services
from tallystick.aio import AsyncClient

CANCEL_TOKEN = "tally-cancel-token"
#: How the format's options are named by a client.
_OPTIONS = {"retryMillis": "retry_seconds", "timeoutMillis": "timeout"}

AnyClient = Union[Client, AsyncClient]


class Clients:
    def __init__(self, kind: type[AnyClient], socket: str, options: Mapping[str, Mapping[str, int]]) -> None:
        self._kind = kind
        self._socket = socket
        self._options = options
        self.made: dict[str, Any] = {}

    def client(self, call: Call) -> Any:
        """The client that a call names, with what the call says of metadata and acting user."""
        client = self.made.get(call.client)
        if client is None:
            named = dict(self._options.get(call.client, {}))
            millis = {} if named.pop("defaults", False) else dict.fromkeys(_OPTIONS, PATIENCE * 1000)
            millis.update(named)
            options: dict[str, Any] = {_OPTIONS[name]: value / 1000 for name, value in millis.items()}
            client = self.made[call.client] = self._kind(self._socket, **options)
        if call.metadata:
            client = client.with_metadata(call.metadata)
        return client.acting_as(call.acting_user) if call.acting_user else client

    def function(self, method: Target, call: Call) -> Callable[..., Any]:
        """The client's own function for a method."""
        client = self.client(call)
        if method.service in ATTRIBUTES:
            service = getattr(client, ATTRIBUTES[method.service])
        else:
            prefix = "Async" if self._kind is AsyncClient else ""
            service = getattr(services, prefix + method.service)(client.caller)
        function: Callable[..., Any] = getattr(service, method.function)
        return function
