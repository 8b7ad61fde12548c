"""Client for Tallystick: prepaid credits, usage and pages, kept exactly, over a Unix socket."""

from ._blocks import Hold, Run
from ._keys import new_key
from ._stream import Duplex, Stream
from ._watch import EventWatch, PageWatch, TransactionWatch
from .aio import AsyncClient
from .client import Client, default_socket
from .errors import TallyError
from .money import dollars, to_dollars, to_micros
from .times import to_datetime, to_timestamp

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "Client",
    "Duplex",
    "EventWatch",
    "Hold",
    "PageWatch",
    "Run",
    "Stream",
    "TallyError",
    "TransactionWatch",
    "default_socket",
    "dollars",
    "new_key",
    "to_datetime",
    "to_dollars",
    "to_micros",
    "to_timestamp",
]
