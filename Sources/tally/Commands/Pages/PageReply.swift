// What the replies of calls that changed a page have in common.

internal import TallyMessages

/// A reply of a call that changed a page.
protocol PageReply: Message {
  var change: TallystickV1.PageChange? { get }
}

extension TallystickV1.CreatePageResponse: PageReply {}
extension TallystickV1.SavePageResponse: PageReply {}
extension TallystickV1.PatchPageResponse: PageReply {}
extension TallystickV1.DeletePageResponse: PageReply {}
extension TallystickV1.UndeletePageResponse: PageReply {}
extension TallystickV1.DuplicatePageResponse: PageReply {}
extension TallystickV1.RestoreVersionResponse: PageReply {}
extension TallystickV1.PublishResponse: PageReply {}
extension TallystickV1.UnpublishResponse: PageReply {}
