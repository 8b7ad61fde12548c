// Media of the model of pages, and what its sweep does.
//
// Values; lives for one run.

import TallyCore

extension PageModel {
  // MARK: the sweep

  /// Takes deleted media out of the pages that are left.
  mutating func detach() {
    for medium in media {
      guard let author = detaching.removeValue(forKey: medium.mediaId) else { continue }
      for page in users(of: medium.mediaId) {
        detach(medium.mediaId, from: page, author: author)
        detachedCount += 1
      }
    }
  }

  /// Pages whose current version names a medium.
  private func users(of mediaId: String) -> [Int] {
    pages.indices.filter { Self.mediaIds(pages[$0].content).contains(mediaId) }
  }

  private mutating func detach(_ mediaId: String, from page: Int, author: String) {
    let content = Self.without([mediaId], pages[page].content)
    _ = advance(page, content, base: pages[page].current, author: author)
  }

  /// Takes the autosaves away that are not kept: by the words of the product, an hour or a day at a time.
  mutating func thin() {
    for index in pages.indices {
      let versions = pages[index].versions
      let autosaves = versions.indices.filter { versions[$0].isAutosave && !versions[$0].isGone }
      func isNewest(_ place: Int, of hours: Int64) -> Bool {
        let length = hours * 3_600_000_000
        return !autosaves.contains {
          $0 > place && versions[$0].atMicros / length == versions[place].atMicros / length
        }
      }
      for place in autosaves where place != versions.count - 1 {
        let ageMicros = nowMicros - versions[place].atMicros
        let hours = Double(ageMicros) / 3_600_000_000
        let isKept =
          hours <= 1 || hours <= 24 && isNewest(place, of: 1) || hours <= 720 && isNewest(place, of: 24)
        if isKept { continue }
        pages[index].versions[place].isGone = true
        thinnedCount += 1
      }
    }
  }

  // MARK: media

  mutating func create(_ new: Media) -> Expected {
    if let known = media.first(where: { $0.mediaId == new.mediaId }) {
      let isSame = known.userId == new.userId && known.url == new.url && known.source == new.source
      return isSame ? .media(known, replayed: true) : .refused(.idempotencyMismatch)
    }
    var new = new
    new.createdAtMicros = nowMicros
    media.append(new)
    return .media(new, replayed: false)
  }

  mutating func delete(_ it: PageCommand.DeleteMedia) -> Expected {
    guard
      let index = media.firstIndex(where: {
        $0.mediaId == it.mediaId && (it.actingUserId == nil || it.actingUserId == $0.userId)
      })
    else { return .refused(.mediaNotFound) }
    let users = users(of: it.mediaId)
    if media[index].deletedAtMicros != nil {
      let left = detaching[it.mediaId] == nil ? 0 : users.count
      return .mediaDeleted([], left: left, replayed: true)
    }
    if !users.isEmpty && !it.detaches { return .refused(.mediaInUse) }
    let now = users.prefix(Self.detachedPages)
    for page in now { detach(it.mediaId, from: page, author: it.author) }
    media[index].deletedAtMicros = nowMicros
    let left = users.count - now.count
    if left > 0 { detaching[it.mediaId] = it.author }
    return .mediaDeleted(now.map { pages[$0].pageId }, left: left, replayed: false)
  }
}
