"""Pages and media against a real daemon."""

from __future__ import annotations

import threading

import pytest

from tallystick import Client, errors
from tallystick.messages import (
    GRANT_EXPIRY_PERIOD_END,
    MEDIA_SOURCE_UPLOAD,
    Plan,
    PlanLimits,
    SectionInput,
    SectionPatch,
    UserSettings,
)


def section(section_id: str, content: str = "", media_id: str = "") -> SectionInput:
    return SectionInput(section_id=section_id, kind="text", content=content, first_media_id=media_id)


@pytest.fixture
def page(tally: Client) -> str:
    """A page of u1 with the sections a and b."""
    tally.pages.create_page(
        user_id="u1", page_id="home", title="Welcome", sections=[section("a", "1"), section("b", "1")]
    )
    return "home"


def test_a_page_is_made_once_and_read_with_its_images(tally: Client) -> None:
    made, remade = (
        tally.pages.create_media(
            user_id="u1",
            media_id="logo",
            url="https://x.example/l.png",
            width=640,
            source=MEDIA_SOURCE_UPLOAD,
        )
        for _ in range(2)
    )
    assert (made.replayed, remade.replayed) == (False, True)
    first, again = (
        tally.pages.create_page(
            user_id="u1", page_id="home", title="Hi", sections=[section("a", "{}", "logo")]
        ).change
        for _ in range(2)
    )
    assert (first.replayed, again.replayed) == (False, True)
    assert first.page.version == 1
    page = tally.pages.get_page(page_id="home").page
    assert [(part.section_id, part.content) for part in page.sections] == [("a", "{}")]
    assert page.sections[0].first_image == made.media
    assert not page.sections[0].HasField("second_image")
    with pytest.raises(errors.MediaInUse) as caught:
        tally.pages.delete_media(media_id="logo")
    assert caught.value.page_ids == "home"
    assert tally.pages.delete_media(media_id="logo", detach=True).detached_page_ids == ["home"]


def test_a_stale_save_is_refused_with_what_changed_and_saves_nothing(tally: Client, page: str) -> None:
    saved = tally.pages.save_page(
        page_id=page,
        expected_version=1,
        title="Welcome",
        sections=[section("a", "2"), section("b", "1")],
        author="ann",
    )
    assert saved.change.page.version == 2
    with pytest.raises(errors.VersionConflict) as caught:
        tally.pages.save_page(page_id=page, expected_version=1, title="Mine")
    assert caught.value.current_version == 2
    assert caught.value.author == "ann"
    assert caught.value.changed_sections == "a"
    assert caught.value.code == errors.Code.ABORTED
    assert tally.pages.get_page(page_id=page).page.title == "Welcome"
    # What is there already makes no version, whoever saves it.
    again = tally.pages.save_page(
        page_id=page,
        expected_version=1,
        title="Welcome",
        sections=[section("a", "2"), section("b", "1")],
        author="ann",
    )
    assert again.change.replayed
    assert again.change.page.version == 2


def test_of_writers_at_once_one_a_version_gets_through(tally: Client, page: str) -> None:
    won: list[int] = []
    lost: list[int] = []

    def save(writer: int) -> None:
        try:
            tally.pages.save_page(page_id=page, expected_version=1, title=f"by {writer}")
        except errors.VersionConflict as error:
            lost.append(error.current_version)
        else:
            won.append(writer)

    threads = [threading.Thread(target=save, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert lost == [2] * 15
    assert tally.pages.get_page(page_id=page).page.title == f"by {won[0]}"


def test_a_patch_goes_onto_a_newer_version_where_it_touches_nothing_changed(tally: Client, page: str) -> None:
    tally.pages.patch_page(page_id=page, expected_version=1, patches=[SectionPatch(update=section("a", "2"))])
    moved = tally.pages.patch_page(
        page_id=page,
        expected_version=1,
        patches=[SectionPatch(move="b", position=0), SectionPatch(add=section("c"), position=-1)],
    )
    assert moved.rebased
    assert [part.section_id for part in moved.change.page.sections] in ([], ["b", "a", "c"])
    current = tally.pages.get_page(page_id=page).page
    assert [(part.section_id, part.content) for part in current.sections] == [
        ("b", "1"),
        ("a", "2"),
        ("c", ""),
    ]
    with pytest.raises(errors.VersionConflict):
        tally.pages.patch_page(page_id=page, expected_version=1, patches=[SectionPatch(remove="a")])


def test_versions_are_kept_restored_and_published(tally: Client, page: str) -> None:
    tally.pages.save_page(page_id=page, expected_version=1, title="Second", sections=[section("a")])
    tally.pages.publish(page_id=page, version=1)
    assert tally.pages.get_page(page_id=page, published=True).page.title == "Welcome"
    restored = tally.pages.restore_version(page_id=page, version=1, expected_version=2).change.page
    assert (restored.version, restored.title) == (3, "Welcome")
    versions = tally.pages.list_versions(page_id=page).versions
    assert [version.version for version in versions] == [3, 2, 1]
    assert len(tally.pages.get_version(page_id=page, version=2).page.sections) == 1
    with pytest.raises(errors.VersionNotFound):
        tally.pages.get_version(page_id=page, version=9)
    tally.pages.unpublish(page_id=page)
    with pytest.raises(errors.PageNotFound):
        tally.pages.get_page(page_id=page, published=True)


def test_a_deleted_page_frees_its_quota_and_asks_for_it_again(tally: Client, page: str) -> None:
    tally.usage.put_plan(
        plan=Plan(
            plan_id="free",
            monthly_credit_micros=1,
            grant_expiry=GRANT_EXPIRY_PERIOD_END,
            limits=PlanLimits(page_count=1),
        )
    )
    tally.admin.put_user_settings(settings=UserSettings(user_id="u1", plan_id="free"))
    with pytest.raises(errors.QuotaExceeded) as caught:
        tally.pages.duplicate_page(page_id=page, new_page_id="copy")
    assert (caught.value.quota, caught.value.limit, caught.value.used) == ("PAGES", 1, 1)
    with pytest.raises(AttributeError, match="resets_at_micros"):
        caught.value.resets_at_micros  # noqa: B018
    tally.pages.delete_page(page_id=page)
    with pytest.raises(errors.PageNotFound):
        tally.pages.get_page(page_id=page)
    tally.pages.create_page(user_id="u1", page_id="other")
    with pytest.raises(errors.QuotaExceeded):
        tally.pages.undelete_page(page_id=page)
    assert [item.page_id for item in tally.pages.list_pages(user_id="u1").pages] == ["other"]
    assert tally.pages.purge_page(page_id=page).versions == 1


def test_pages_of_another_user_are_not_there(tally: Client, page: str) -> None:
    other = tally.acting_as("u2")
    with pytest.raises(errors.PageNotFound):
        other.pages.get_page(page_id=page)
    with pytest.raises(errors.ActingUser):
        other.pages.list_pages(user_id="u1")
    assert tally.acting_as("u1").pages.get_page(page_id=page).page.title == "Welcome"
