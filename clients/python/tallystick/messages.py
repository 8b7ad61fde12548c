"""The messages and enums of tallystick.v1, for requests that hold others and for reading replies."""

from ._generated.messages import *  # noqa: F403
from ._generated.messages import __all__  # noqa: F401
