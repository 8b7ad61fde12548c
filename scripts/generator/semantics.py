"""What every client knows about the protos beyond their types: which fields are times and which are
amounts, which calls may be sent twice, where idempotency keys go, and what an error's details are.
"""

from __future__ import annotations

import dataclasses
import re

from model import Enum, EnumValue, Field, File, Message, Method, Model

# Names of times among the fields in micros; the others are amounts.
TIMES = re.compile(r"(^|_)at_micros$|^(from|to|now)_micros$")
KEY = "idempotency_key"
# Methods that may be sent twice without a key: they read, set what they name, or replay under the id that
# they carry. Not Publish: without a version it shows whatever is current when it arrives. Nor Unpublish and
# DeletePage: somebody else may have published, or brought back, the page since the first was applied.
REPEATABLE = re.compile(
    r"^(Get|List|Search|Diff|Check|BatchGet|Put|Set|Reset|Verify|CancelTopUp|Echo|BeginRun|FinishRun|RecordRun|DeleteMedia)"
)
# Those that may be sent twice if the caller names what they make.
NAMED = {"CreatePage": "page_id", "DuplicatePage": "new_page_id", "CreateMedia": "media_id"}
# Details of errors that are integers; the others are text.
NUMBERS = re.compile(r"_(micros|millis|sequence|position|version|index)$|^(limit|used)$")


def is_time(field: Field) -> bool:
    return field.kind == "int64" and TIMES.search(field.name) is not None


def is_amount(field: Field) -> bool:
    return field.kind == "int64" and field.name.endswith("_micros") and not is_time(field)


def key_field(method: Method, model: Model) -> str | None:
    """Where the request's idempotency keys are: KEY for one in the request itself, else the name of the
    repeated field whose messages have one each; None without any, and where a stream of requests comes once.
    """
    if method.client_streaming:
        return None
    request = model.message(method.input)
    if has_key(request):
        return KEY
    for field in request.fields:
        if field.kind == "message" and field.repeated and has_key(model.message(field.type_name)):
            return field.name
    return None


def has_key(message: Message) -> bool:
    return any(field.name == KEY for field in message.fields)


def repeatable(method: Method, model: Model) -> bool | str:
    """Whether a call that may have been applied may be sent again. A text is the name of a field: it may if
    the request's field of that name is not empty. A stream of requests may not.
    """
    if method.client_streaming:
        return False
    if method.name in NAMED:
        return NAMED[method.name]
    return key_field(method, model) is not None or REPEATABLE.match(method.name) is not None


@dataclasses.dataclass
class Detail:
    name: str
    is_number: bool


@dataclasses.dataclass
class Reason:
    """A reason for a failure. Clients have an exception class for each."""

    # On the wire: `INSUFFICIENT_CREDITS`.
    name: str
    # `InsufficientCredits`.
    class_name: str
    comment: str
    details: list[Detail]


#: Reasons that say no more than their status code. The clients have hand-written classes for them.
NAMED_AS_CODES = {"DEADLINE_EXCEEDED", "CANCELLED", "UNIMPLEMENTED", "INTERNAL"}


def reasons(files: list[File]) -> list[Reason]:
    found: list[Enum] = [enum for file in files for enum in file.enums if enum.name == "Reason"]
    values = [value for enum in found for value in enum.values if value.number]
    return [reason(value) for value in values if value.short_name not in NAMED_AS_CODES]


def reason(value: EnumValue) -> Reason:
    # A reason's comment names its details in backquotes.
    names = dict.fromkeys(re.findall(r"`([a-z_]+)`", value.comment))
    details = [Detail(name, NUMBERS.search(name) is not None) for name in names]
    class_name = "".join(word.capitalize() for word in value.short_name.split("_"))
    return Reason(value.short_name, class_name, value.comment, details)
