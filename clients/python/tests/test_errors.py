"""Statuses become exceptions by their reason."""

from __future__ import annotations

import copy
import pickle

import pytest

from tallystick import errors
from tallystick._generated.errors import BY_REASON
from tallystick._generated.v1.errors_pb2 import ErrorInfo, Reason


def status(reason: str, code: int = 9, **details: str) -> errors.TallyError:
    info = ErrorInfo(reason=reason, domain="tallystick", metadata=details).SerializeToString()
    return errors.from_status(code, "message", [("type.googleapis.com/tallystick.v1.ErrorInfo", info)])


def test_every_reason_of_the_proto_has_its_class() -> None:
    names = {name.replace("REASON_", "", 1) for name in Reason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118
    # What the status code says already has a class of its own, or needs none.
    names -= {"CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "UNIMPLEMENTED"}
    assert set(BY_REASON) == names
    for name in names:
        error = status(name)
        assert type(error).__name__ == "".join(word.capitalize() for word in name.split("_"))
        assert error.reason == name
        assert error.maybe_applied == (name == "OUTCOME_UNKNOWN")


def test_details_are_parsed() -> None:
    with pytest.raises(errors.InsufficientCredits) as caught:
        raise status("INSUFFICIENT_CREDITS", available_micros="9007199254740993", required_micros="5")
    assert caught.value.available_micros == 9007199254740993
    assert caught.value.required_micros == 5
    assert caught.value.code is errors.Code.FAILED_PRECONDITION
    assert str(caught.value).startswith("INSUFFICIENT_CREDITS: message available_micros=")
    field = status("INVALID_FIELD", 3, field="items[3].user_id")
    assert isinstance(field, errors.InvalidField)
    assert field.field == "items[3].user_id"
    assert getattr(status("INVALID_FIELD"), "field", None) is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, errors.Cancelled),
        (4, errors.DeadlineExceeded),
        (12, errors.Unimplemented),
        (14, errors.Unavailable),
        (13, errors.TallyError),
        (99, errors.TallyError),
    ],
)
def test_a_status_without_a_reason_has_its_codes_class(code: int, kind: type[errors.TallyError]) -> None:
    error = errors.from_status(code, "m")
    assert type(error) is kind
    assert error.code == (code if code <= 16 else errors.Code.UNKNOWN)


def test_a_reason_of_a_later_version_is_kept() -> None:
    error = status("SOMETHING_NEW", 14, hint="x")
    assert type(error) is errors.Unavailable
    assert (error.reason, dict(error.details)) == ("SOMETHING_NEW", {"hint": "x"})


def test_errors_can_be_copied_and_sent_to_other_processes() -> None:
    lost = errors.ConnectionLost("gone", maybe_applied=True)
    for error in (status("HOLD_EXPIRED", hold_id="h"), lost):
        for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert type(again) is type(error)
            assert str(again) == str(error)
            assert again.details == error.details
    assert pickle.loads(pickle.dumps(lost)).maybe_applied
