from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
DIFF_KIND_ADDED: DiffKind
DIFF_KIND_KEPT: DiffKind
DIFF_KIND_REMOVED: DiffKind
DIFF_KIND_UNSPECIFIED: DiffKind
MEDIA_SOURCE_GENERATED: MediaSource
MEDIA_SOURCE_UNSPECIFIED: MediaSource
MEDIA_SOURCE_UPLOAD: MediaSource
PAGE_UPDATE_KIND_CREATED: PageUpdateKind
PAGE_UPDATE_KIND_DELETED: PageUpdateKind
PAGE_UPDATE_KIND_PUBLISHED: PageUpdateKind
PAGE_UPDATE_KIND_PURGED: PageUpdateKind
PAGE_UPDATE_KIND_SAVED: PageUpdateKind
PAGE_UPDATE_KIND_SCHEDULED: PageUpdateKind
PAGE_UPDATE_KIND_SCHEDULE_CANCELLED: PageUpdateKind
PAGE_UPDATE_KIND_SLUG_CHANGED: PageUpdateKind
PAGE_UPDATE_KIND_UNDELETED: PageUpdateKind
PAGE_UPDATE_KIND_UNPUBLISHED: PageUpdateKind
PAGE_UPDATE_KIND_UNSPECIFIED: PageUpdateKind
SECTION_CHANGE_ADDED: SectionChange
SECTION_CHANGE_CHANGED: SectionChange
SECTION_CHANGE_REMOVED: SectionChange
SECTION_CHANGE_UNSPECIFIED: SectionChange

class CancelScheduledPublishRequest(_message.Message):
    __slots__ = ["page_id"]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    page_id: str
    def __init__(self, page_id: _Optional[str] = ...) -> None: ...

class CancelScheduledPublishResponse(_message.Message):
    __slots__ = ["change"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ...) -> None: ...

class CreateMediaRequest(_message.Message):
    __slots__ = ["byte_count", "height", "media_id", "mime_type", "run_id", "source", "url", "user_id", "width"]
    BYTE_COUNT_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    MEDIA_ID_FIELD_NUMBER: _ClassVar[int]
    MIME_TYPE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    byte_count: int
    height: int
    media_id: str
    mime_type: str
    run_id: str
    source: MediaSource
    url: str
    user_id: str
    width: int
    def __init__(self, user_id: _Optional[str] = ..., media_id: _Optional[str] = ..., url: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., byte_count: _Optional[int] = ..., mime_type: _Optional[str] = ..., source: _Optional[_Union[MediaSource, str]] = ..., run_id: _Optional[str] = ...) -> None: ...

class CreateMediaResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "media", "replayed"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    media: Media
    replayed: bool
    def __init__(self, media: _Optional[_Union[Media, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class CreatePageRequest(_message.Message):
    __slots__ = ["author", "page_id", "sections", "settings", "slug", "title", "user_id"]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    SECTIONS_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    SLUG_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    author: str
    page_id: str
    sections: _containers.RepeatedCompositeFieldContainer[SectionInput]
    settings: str
    slug: str
    title: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., page_id: _Optional[str] = ..., title: _Optional[str] = ..., settings: _Optional[str] = ..., sections: _Optional[_Iterable[_Union[SectionInput, _Mapping]]] = ..., author: _Optional[str] = ..., slug: _Optional[str] = ...) -> None: ...

class CreatePageResponse(_message.Message):
    __slots__ = ["change"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ...) -> None: ...

class DeleteMediaRequest(_message.Message):
    __slots__ = ["author", "detach", "media_id"]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    DETACH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_ID_FIELD_NUMBER: _ClassVar[int]
    author: str
    detach: bool
    media_id: str
    def __init__(self, media_id: _Optional[str] = ..., detach: bool = ..., author: _Optional[str] = ...) -> None: ...

class DeleteMediaResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "detached_page_ids", "remaining_page_count", "replayed"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DETACHED_PAGE_IDS_FIELD_NUMBER: _ClassVar[int]
    REMAINING_PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    detached_page_ids: _containers.RepeatedScalarFieldContainer[str]
    remaining_page_count: int
    replayed: bool
    def __init__(self, detached_page_ids: _Optional[_Iterable[str]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ..., remaining_page_count: _Optional[int] = ...) -> None: ...

class DeletePageRequest(_message.Message):
    __slots__ = ["page_id"]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    page_id: str
    def __init__(self, page_id: _Optional[str] = ...) -> None: ...

class DeletePageResponse(_message.Message):
    __slots__ = ["change"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ...) -> None: ...

class DiffPiece(_message.Message):
    __slots__ = ["kind", "text"]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    kind: DiffKind
    text: str
    def __init__(self, kind: _Optional[_Union[DiffKind, str]] = ..., text: _Optional[str] = ...) -> None: ...

class DiffVersionsRequest(_message.Message):
    __slots__ = ["from_version", "page_id", "to_version"]
    FROM_VERSION_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TO_VERSION_FIELD_NUMBER: _ClassVar[int]
    from_version: int
    page_id: str
    to_version: int
    def __init__(self, page_id: _Optional[str] = ..., from_version: _Optional[int] = ..., to_version: _Optional[int] = ...) -> None: ...

class DiffVersionsResponse(_message.Message):
    __slots__ = ["commit_sequence", "from_version", "sections", "settings", "title", "to_version"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FROM_VERSION_FIELD_NUMBER: _ClassVar[int]
    SECTIONS_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TO_VERSION_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    from_version: int
    sections: _containers.RepeatedCompositeFieldContainer[SectionDiff]
    settings: TextDiff
    title: TextDiff
    to_version: int
    def __init__(self, from_version: _Optional[int] = ..., to_version: _Optional[int] = ..., title: _Optional[_Union[TextDiff, _Mapping]] = ..., settings: _Optional[_Union[TextDiff, _Mapping]] = ..., sections: _Optional[_Iterable[_Union[SectionDiff, _Mapping]]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class DuplicatePageRequest(_message.Message):
    __slots__ = ["author", "new_page_id", "page_id", "title"]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    NEW_PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    author: str
    new_page_id: str
    page_id: str
    title: str
    def __init__(self, page_id: _Optional[str] = ..., new_page_id: _Optional[str] = ..., title: _Optional[str] = ..., author: _Optional[str] = ...) -> None: ...

class DuplicatePageResponse(_message.Message):
    __slots__ = ["change"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ...) -> None: ...

class GetMediaRequest(_message.Message):
    __slots__ = ["media_id"]
    MEDIA_ID_FIELD_NUMBER: _ClassVar[int]
    media_id: str
    def __init__(self, media_id: _Optional[str] = ...) -> None: ...

class GetMediaResponse(_message.Message):
    __slots__ = ["commit_sequence", "media"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    media: Media
    def __init__(self, media: _Optional[_Union[Media, _Mapping]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class GetPageBySlugRequest(_message.Message):
    __slots__ = ["published", "slug", "user_id"]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    SLUG_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    published: bool
    slug: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., slug: _Optional[str] = ..., published: bool = ...) -> None: ...

class GetPageBySlugResponse(_message.Message):
    __slots__ = ["commit_sequence", "page"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    page: Page
    def __init__(self, page: _Optional[_Union[Page, _Mapping]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class GetPageRequest(_message.Message):
    __slots__ = ["include_deleted", "page_id", "published"]
    INCLUDE_DELETED_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    include_deleted: bool
    page_id: str
    published: bool
    def __init__(self, page_id: _Optional[str] = ..., published: bool = ..., include_deleted: bool = ...) -> None: ...

class GetPageResponse(_message.Message):
    __slots__ = ["commit_sequence", "page"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    page: Page
    def __init__(self, page: _Optional[_Union[Page, _Mapping]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class GetVersionRequest(_message.Message):
    __slots__ = ["page_id", "version"]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    page_id: str
    version: int
    def __init__(self, page_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetVersionResponse(_message.Message):
    __slots__ = ["commit_sequence", "page"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    page: Page
    def __init__(self, page: _Optional[_Union[Page, _Mapping]] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ListMediaRequest(_message.Message):
    __slots__ = ["cursor", "limit", "source", "user_id"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    limit: int
    source: MediaSource
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., source: _Optional[_Union[MediaSource, str]] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListMediaResponse(_message.Message):
    __slots__ = ["commit_sequence", "media", "next_cursor"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    media: _containers.RepeatedCompositeFieldContainer[Media]
    next_cursor: str
    def __init__(self, media: _Optional[_Iterable[_Union[Media, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ListPagesRequest(_message.Message):
    __slots__ = ["cursor", "include_deleted", "limit", "user_id"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_DELETED_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    include_deleted: bool
    limit: int
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., include_deleted: bool = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListPagesResponse(_message.Message):
    __slots__ = ["commit_sequence", "next_cursor", "pages"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    next_cursor: str
    pages: _containers.RepeatedCompositeFieldContainer[Page]
    def __init__(self, pages: _Optional[_Iterable[_Union[Page, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class ListVersionsRequest(_message.Message):
    __slots__ = ["cursor", "limit", "page_id"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    limit: int
    page_id: str
    def __init__(self, page_id: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListVersionsResponse(_message.Message):
    __slots__ = ["commit_sequence", "next_cursor", "versions"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    next_cursor: str
    versions: _containers.RepeatedCompositeFieldContainer[Page]
    def __init__(self, versions: _Optional[_Iterable[_Union[Page, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class Media(_message.Message):
    __slots__ = ["byte_count", "created_at_micros", "height", "media_id", "mime_type", "run_id", "source", "url", "user_id", "width"]
    BYTE_COUNT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    MEDIA_ID_FIELD_NUMBER: _ClassVar[int]
    MIME_TYPE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    byte_count: int
    created_at_micros: int
    height: int
    media_id: str
    mime_type: str
    run_id: str
    source: MediaSource
    url: str
    user_id: str
    width: int
    def __init__(self, media_id: _Optional[str] = ..., user_id: _Optional[str] = ..., url: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., byte_count: _Optional[int] = ..., mime_type: _Optional[str] = ..., source: _Optional[_Union[MediaSource, str]] = ..., run_id: _Optional[str] = ..., created_at_micros: _Optional[int] = ...) -> None: ...

class Page(_message.Message):
    __slots__ = ["author", "autosave", "created_at_micros", "current_version", "deleted_at_micros", "page_id", "published_version", "scheduled_at_micros", "scheduled_version", "section_count", "sections", "settings", "slug", "title", "updated_at_micros", "user_id", "version"]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    AUTOSAVE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    DELETED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_VERSION_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_VERSION_FIELD_NUMBER: _ClassVar[int]
    SECTIONS_FIELD_NUMBER: _ClassVar[int]
    SECTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    SLUG_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    author: str
    autosave: bool
    created_at_micros: int
    current_version: int
    deleted_at_micros: int
    page_id: str
    published_version: int
    scheduled_at_micros: int
    scheduled_version: int
    section_count: int
    sections: _containers.RepeatedCompositeFieldContainer[Section]
    settings: str
    slug: str
    title: str
    updated_at_micros: int
    user_id: str
    version: int
    def __init__(self, page_id: _Optional[str] = ..., user_id: _Optional[str] = ..., title: _Optional[str] = ..., settings: _Optional[str] = ..., version: _Optional[int] = ..., sections: _Optional[_Iterable[_Union[Section, _Mapping]]] = ..., created_at_micros: _Optional[int] = ..., updated_at_micros: _Optional[int] = ..., author: _Optional[str] = ..., published_version: _Optional[int] = ..., deleted_at_micros: _Optional[int] = ..., section_count: _Optional[int] = ..., current_version: _Optional[int] = ..., slug: _Optional[str] = ..., scheduled_version: _Optional[int] = ..., scheduled_at_micros: _Optional[int] = ..., autosave: bool = ...) -> None: ...

class PageChange(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "page", "replayed"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    page: Page
    replayed: bool
    def __init__(self, page: _Optional[_Union[Page, _Mapping]] = ..., replayed: bool = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class PageMatch(_message.Message):
    __slots__ = ["excerpt", "page", "section_id"]
    EXCERPT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    SECTION_ID_FIELD_NUMBER: _ClassVar[int]
    excerpt: _containers.RepeatedCompositeFieldContainer[TextPiece]
    page: Page
    section_id: str
    def __init__(self, page: _Optional[_Union[Page, _Mapping]] = ..., section_id: _Optional[str] = ..., excerpt: _Optional[_Iterable[_Union[TextPiece, _Mapping]]] = ...) -> None: ...

class PageUpdate(_message.Message):
    __slots__ = ["at_micros", "commit_position", "commit_sequence", "kind", "page", "page_id", "update_number", "user_id"]
    AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    UPDATE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    at_micros: int
    commit_position: int
    commit_sequence: int
    kind: PageUpdateKind
    page: Page
    page_id: str
    update_number: int
    user_id: str
    def __init__(self, update_number: _Optional[int] = ..., kind: _Optional[_Union[PageUpdateKind, str]] = ..., page_id: _Optional[str] = ..., user_id: _Optional[str] = ..., page: _Optional[_Union[Page, _Mapping]] = ..., at_micros: _Optional[int] = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class PatchPageRequest(_message.Message):
    __slots__ = ["author", "expected_version", "page_id", "patches", "settings", "title"]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PATCHES_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    author: str
    expected_version: int
    page_id: str
    patches: _containers.RepeatedCompositeFieldContainer[SectionPatch]
    settings: str
    title: str
    def __init__(self, page_id: _Optional[str] = ..., expected_version: _Optional[int] = ..., patches: _Optional[_Iterable[_Union[SectionPatch, _Mapping]]] = ..., title: _Optional[str] = ..., settings: _Optional[str] = ..., author: _Optional[str] = ...) -> None: ...

class PatchPageResponse(_message.Message):
    __slots__ = ["change", "rebased"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    REBASED_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    rebased: bool
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ..., rebased: bool = ...) -> None: ...

class PublishRequest(_message.Message):
    __slots__ = ["page_id", "version"]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    page_id: str
    version: int
    def __init__(self, page_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ["change"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ...) -> None: ...

class PurgePageRequest(_message.Message):
    __slots__ = ["page_id"]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    page_id: str
    def __init__(self, page_id: _Optional[str] = ...) -> None: ...

class PurgePageResponse(_message.Message):
    __slots__ = ["commit_position", "commit_sequence", "versions"]
    COMMIT_POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    commit_position: int
    commit_sequence: int
    versions: int
    def __init__(self, versions: _Optional[int] = ..., commit_sequence: _Optional[int] = ..., commit_position: _Optional[int] = ...) -> None: ...

class RestoreVersionRequest(_message.Message):
    __slots__ = ["author", "expected_version", "page_id", "version"]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    author: str
    expected_version: int
    page_id: str
    version: int
    def __init__(self, page_id: _Optional[str] = ..., version: _Optional[int] = ..., expected_version: _Optional[int] = ..., author: _Optional[str] = ...) -> None: ...

class RestoreVersionResponse(_message.Message):
    __slots__ = ["change"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ...) -> None: ...

class SavePageRequest(_message.Message):
    __slots__ = ["author", "autosave", "expected_version", "force", "page_id", "sections", "settings", "title"]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    AUTOSAVE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    SECTIONS_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    author: str
    autosave: bool
    expected_version: int
    force: bool
    page_id: str
    sections: _containers.RepeatedCompositeFieldContainer[SectionInput]
    settings: str
    title: str
    def __init__(self, page_id: _Optional[str] = ..., expected_version: _Optional[int] = ..., title: _Optional[str] = ..., settings: _Optional[str] = ..., sections: _Optional[_Iterable[_Union[SectionInput, _Mapping]]] = ..., force: bool = ..., author: _Optional[str] = ..., autosave: bool = ...) -> None: ...

class SavePageResponse(_message.Message):
    __slots__ = ["change"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ...) -> None: ...

class SchedulePublishRequest(_message.Message):
    __slots__ = ["at_micros", "page_id", "version"]
    AT_MICROS_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    at_micros: int
    page_id: str
    version: int
    def __init__(self, page_id: _Optional[str] = ..., version: _Optional[int] = ..., at_micros: _Optional[int] = ...) -> None: ...

class SchedulePublishResponse(_message.Message):
    __slots__ = ["change"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ...) -> None: ...

class SearchPagesRequest(_message.Message):
    __slots__ = ["cursor", "limit", "query", "user_id"]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    limit: int
    query: str
    user_id: str
    def __init__(self, user_id: _Optional[str] = ..., query: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class SearchPagesResponse(_message.Message):
    __slots__ = ["commit_sequence", "matches", "next_cursor"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    matches: _containers.RepeatedCompositeFieldContainer[PageMatch]
    next_cursor: str
    def __init__(self, matches: _Optional[_Iterable[_Union[PageMatch, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., commit_sequence: _Optional[int] = ...) -> None: ...

class Section(_message.Message):
    __slots__ = ["content", "first_image", "kind", "second_image", "section_id"]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    FIRST_IMAGE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SECOND_IMAGE_FIELD_NUMBER: _ClassVar[int]
    SECTION_ID_FIELD_NUMBER: _ClassVar[int]
    content: str
    first_image: Media
    kind: str
    second_image: Media
    section_id: str
    def __init__(self, section_id: _Optional[str] = ..., kind: _Optional[str] = ..., content: _Optional[str] = ..., first_image: _Optional[_Union[Media, _Mapping]] = ..., second_image: _Optional[_Union[Media, _Mapping]] = ...) -> None: ...

class SectionDiff(_message.Message):
    __slots__ = ["change", "content", "from_kind", "from_position", "moved", "other_images", "section_id", "to_kind", "to_position"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    FROM_KIND_FIELD_NUMBER: _ClassVar[int]
    FROM_POSITION_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    OTHER_IMAGES_FIELD_NUMBER: _ClassVar[int]
    SECTION_ID_FIELD_NUMBER: _ClassVar[int]
    TO_KIND_FIELD_NUMBER: _ClassVar[int]
    TO_POSITION_FIELD_NUMBER: _ClassVar[int]
    change: SectionChange
    content: TextDiff
    from_kind: str
    from_position: int
    moved: bool
    other_images: bool
    section_id: str
    to_kind: str
    to_position: int
    def __init__(self, section_id: _Optional[str] = ..., change: _Optional[_Union[SectionChange, str]] = ..., moved: bool = ..., from_position: _Optional[int] = ..., to_position: _Optional[int] = ..., from_kind: _Optional[str] = ..., to_kind: _Optional[str] = ..., other_images: bool = ..., content: _Optional[_Union[TextDiff, _Mapping]] = ...) -> None: ...

class SectionInput(_message.Message):
    __slots__ = ["content", "first_media_id", "kind", "second_media_id", "section_id"]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    FIRST_MEDIA_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SECOND_MEDIA_ID_FIELD_NUMBER: _ClassVar[int]
    SECTION_ID_FIELD_NUMBER: _ClassVar[int]
    content: str
    first_media_id: str
    kind: str
    second_media_id: str
    section_id: str
    def __init__(self, section_id: _Optional[str] = ..., kind: _Optional[str] = ..., content: _Optional[str] = ..., first_media_id: _Optional[str] = ..., second_media_id: _Optional[str] = ...) -> None: ...

class SectionPatch(_message.Message):
    __slots__ = ["add", "move", "position", "remove", "update"]
    ADD_FIELD_NUMBER: _ClassVar[int]
    MOVE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    add: SectionInput
    move: str
    position: int
    remove: str
    update: SectionInput
    def __init__(self, add: _Optional[_Union[SectionInput, _Mapping]] = ..., update: _Optional[_Union[SectionInput, _Mapping]] = ..., move: _Optional[str] = ..., remove: _Optional[str] = ..., position: _Optional[int] = ...) -> None: ...

class SetPageSlugRequest(_message.Message):
    __slots__ = ["page_id", "slug"]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    SLUG_FIELD_NUMBER: _ClassVar[int]
    page_id: str
    slug: str
    def __init__(self, page_id: _Optional[str] = ..., slug: _Optional[str] = ...) -> None: ...

class SetPageSlugResponse(_message.Message):
    __slots__ = ["change"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ...) -> None: ...

class TextDiff(_message.Message):
    __slots__ = ["coarse", "left_out", "pieces"]
    COARSE_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    PIECES_FIELD_NUMBER: _ClassVar[int]
    coarse: bool
    left_out: bool
    pieces: _containers.RepeatedCompositeFieldContainer[DiffPiece]
    def __init__(self, pieces: _Optional[_Iterable[_Union[DiffPiece, _Mapping]]] = ..., coarse: bool = ..., left_out: bool = ...) -> None: ...

class TextPiece(_message.Message):
    __slots__ = ["matched", "text"]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    matched: bool
    text: str
    def __init__(self, text: _Optional[str] = ..., matched: bool = ...) -> None: ...

class UndeletePageRequest(_message.Message):
    __slots__ = ["page_id"]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    page_id: str
    def __init__(self, page_id: _Optional[str] = ...) -> None: ...

class UndeletePageResponse(_message.Message):
    __slots__ = ["change"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ...) -> None: ...

class UnpublishRequest(_message.Message):
    __slots__ = ["page_id"]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    page_id: str
    def __init__(self, page_id: _Optional[str] = ...) -> None: ...

class UnpublishResponse(_message.Message):
    __slots__ = ["change"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: PageChange
    def __init__(self, change: _Optional[_Union[PageChange, _Mapping]] = ...) -> None: ...

class WatchPagesRequest(_message.Message):
    __slots__ = ["from_update", "user_ids"]
    FROM_UPDATE_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    from_update: int
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, from_update: _Optional[int] = ..., user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchPagesResponse(_message.Message):
    __slots__ = ["next_update", "updates"]
    NEXT_UPDATE_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    next_update: int
    updates: _containers.RepeatedCompositeFieldContainer[PageUpdate]
    def __init__(self, updates: _Optional[_Iterable[_Union[PageUpdate, _Mapping]]] = ..., next_update: _Optional[int] = ...) -> None: ...

class MediaSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class DiffKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SectionChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class PageUpdateKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
