// `tally pages` and `tally media`, against a server whose clock stands still.

import TallyMessages
import TallyProtoJSON
import TallyTesting
import Testing

@testable import tally

@Suite("Page commands")
struct PageCommandTests {
  /// Runs a command line by the shell, for what goes through pipes and files.
  private func shell(_ rig: Rig, _ line: String) throws -> ProcessResult {
    try ChildProcess.run(
      ["sh", "-c", line.replacing("tally ", with: "\"$0\" "), Program.path],
      environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket]))
  }

  @Test("a page is made, shown, edited through a file, restored and published")
  func editing() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    let directory = try Rig.temporaryDirectory()
    let file = "\(directory.path)/home.json"
    _ = try rig.output("media", "create", "alice", "--id", "logo", "--url", "https://x.example/l.png")
    let made = try shell(
      rig,
      """
      printf '%s' '{"title":"Welcome","sections":[{"sectionId":"hero","kind":"hero","content":"hi",\
      "firstMediaId":"logo"}]}' | tally pages create alice --id home --file - --author ann
      """)
    #expect(
      made.output == """
        page       home
        user       alice
        title      Welcome
        version    1
        sections   1
        made       2030-01-15T12:00:00Z
        saved      2030-01-15T12:00:00Z by ann
        published  no

        """, "\(made.error)")
    let shown = try rig.output("pages", "show", "home")
    #expect(
      shown.hasSuffix(
        """

        SECTION  KIND  FIRST IMAGE  SECOND IMAGE  CONTENT
        hero     hero  logo         -             hi

        """), "\(shown)")
    let edited = try shell(
      rig,
      """
      tally pages show home --input > \(file) && sed -i 's/"hi"/"hello"/' \(file) \
      && tally pages save home \(file) --author bob
      """)
    #expect(edited.status == 0, "\(edited.error)")
    #expect(edited.output.contains("version    2\n"))
    #expect(edited.output.contains("by bob\n"))
    // The same again is there already; an older one is refused, and nothing changes.
    #expect(try rig.output("pages", "save", "home", file, "--author", "bob").contains("home (unchanged)"))
    _ = try shell(rig, "sed -i 's/hello/howdy/' \(file)")
    let stale = try rig.refusal("pages", "save", "home", file)
    for part in ["VERSION_CONFLICT", "current_version 2", "author bob", "changed_sections hero", "--input"] {
      #expect(stale.contains(part), "\(stale)")
    }
    #expect(try rig.output("pages", "save", "home", file, "--force").contains("version    3\n"))
    #expect(
      try rig.output("pages", "restore", "home", "1", "--expected-version", "3").contains("version    4\n"))
    #expect(try rig.output("pages", "publish", "home", "--version", "2").contains("published  version 2\n"))
    let published = try rig.output("pages", "show", "home", "--published")
    #expect(published.contains("version    2, the current one is 4\n") && published.contains("hello"))
    let versions = try rig.output("pages", "versions", "home").split(separator: "\n").dropFirst()
    #expect(versions.map { $0.split(separator: " ")[2] } == ["4", "3", "2", "1"])
    let draft = try rig.output("pages", "save", "home", file, "--force", "--autosave")
    #expect(draft.contains("version    5\n") && draft.contains("autosave   yes\n"), "\(draft)")
    #expect(!(try rig.output("pages", "save", "home", file, "--force").contains("autosave")))
    #expect(try rig.output("pages", "show", "home", "--version", "3").contains("howdy"))
    #expect(try rig.output("pages", "unpublish", "home").contains("published  no\n"))
    try directory.remove()
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a patch moves and removes sections, and is put on a newer version when it can be")
  func patching() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    let page = #"{"sections":[{"sectionId":"a","kind":"k"},{"sectionId":"b","kind":"k"}]}"#
    let made = try shell(rig, "echo '\(page)' | tally pages create alice --id home --file -")
    #expect(made.status == 0, "\(made.error)")
    let update = #"{"expectedVersion":1,"patches":[{"update":{"sectionId":"a","kind":"hero"}}]}"#
    let first = try shell(rig, "echo '\(update)' | tally pages patch home -")
    #expect(first.output.contains("version    2\n"), "\(first.error)")
    let remove = #"{"expectedVersion":1,"patches":[{"remove":"b"}]}"#
    let second = try shell(rig, "echo '\(remove)' | tally pages patch home -")
    #expect(second.output.contains("rebased  onto a newer version\n"), "\(second.error)")
    #expect(second.output.contains("sections   1\n"))
    let third = try shell(rig, "echo '\(update)' | tally pages patch home - --expected-version 3 --json")
    #expect(try JSON.parse(third.output)["change"]?["replayed"] == .bool(true), "\(third.error)")
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a page is found by its slug and by its words, and its versions are compared")
  func finding() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output(
      "pages", "create", "alice", "--id", "home", "--title", "One fine day", "--slug", "start")
    #expect(try rig.output("pages", "find", "alice", "start").contains("slug       start\n"))
    #expect(try rig.output("pages", "slug", "home", "about/us").contains("slug       about/us\n"))
    #expect(try rig.refusal("pages", "find", "alice", "start").contains("PAGE_NOT_FOUND"))
    #expect(!(try rig.output("pages", "slug", "home", "--none").contains("slug")))
    #expect(
      try rig.output("pages", "search", "alice", "FIN*", "day") == """
        PAGE  TITLE         SECTION  TEXT
        home  One fine day  -        One [fine] [day]

        """)
    let none = try rig.run("pages", "search", "alice", "nothing")
    #expect(none.status == 0 && none.error == "tally: alice has no such pages\n", "\(none.error)")
    let nobody = try rig.run("pages", "search", "alcie", "fine")
    #expect(nobody.error == "tally: there is no user alcie; is the name spelled right?\n", "\(nobody.error)")
    let add = #"{"add":{"sectionId":"a","kind":"k","content":"x"}}"#
    let patch = #"{"expectedVersion":1,"title":"One rainy day","patches":["# + add + "]}"
    _ = try shell(rig, "echo '\(patch)' | tally pages patch home -")
    #expect(
      try rig.output("pages", "diff", "home", "1") == """
        version 1 to 2
        title: One [-fine-]{+rainy+} day
        section a: added at 0
          {+x+}

        """)
    #expect(try rig.output("pages", "diff", "home", "2", "2").hasSuffix("nothing differs\n"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a page is listed, copied, deleted, brought back and removed for ever")
  func life() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("pages", "create", "alice", "--id", "home", "--title", "Welcome")
    let copy = try rig.output("pages", "duplicate", "home", "--id", "copy", "--title", "Again")
    #expect(copy.contains("title      Again"))
    #expect(try rig.output("pages", "delete", "home").contains("deleted    2030-01-15T12:00:00Z\n"))
    #expect(try rig.refusal("pages", "show", "home").contains("PAGE_NOT_FOUND"))
    #expect(try rig.output("pages", "show", "home", "--deleted").contains("Welcome"))
    #expect(
      try rig.output("pages", "list", "alice") == """
        PAGE  TITLE  VERSION  PUBLISHED  SECTIONS  SAVED                 AUTHOR  DELETED
        copy  Again        1          -         0  2030-01-15T12:00:00Z  -       -

        """)
    #expect(try rig.output("pages", "list", "alice", "--deleted").contains("home"))
    _ = try rig.output("pages", "undelete", "home")
    _ = try rig.output("pages", "delete", "home")
    #expect(try rig.output("pages", "purge", "home") == "page     home\nremoved  1 versions\n")
    #expect(try rig.refusal("pages", "show", "home", "--deleted").contains("PAGE_NOT_FOUND"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("an image is registered once, listed by its source, and kept while a page shows it")
  func media() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    let create = [
      "media", "create", "alice", "--id", "logo", "--url", "https://x.example/l.png", "--width", "640",
      "--height", "480", "--bytes", "12345", "--mime", "image/png",
    ]
    let environment = ["TALLY_SOCKET": rig.fixture.socket]
    #expect(
      try Rig.run(create, environment: environment).output == """
        media   logo
        user    alice
        url     https://x.example/l.png
        size    640 x 480, 12,345 bytes
        type    image/png
        source  upload
        made    2030-01-15T12:00:00Z

        """)
    #expect(try Rig.run(create, environment: environment).output.contains("logo (replayed)\n"))
    #expect(try rig.output("media", "show", "logo").contains("12,345 bytes"))
    #expect(try rig.output("media", "list", "alice", "--source", "upload").contains("logo"))
    #expect(try !rig.output("media", "list", "alice", "--source", "generated").contains("logo"))
    let page = #"{"sections":[{"sectionId":"a","kind":"k","firstMediaId":"logo"}]}"#
    #expect(try shell(rig, "echo '\(page)' | tally pages create alice --id home --file -").status == 0)
    let inUse = try rig.refusal("media", "delete", "logo")
    for part in ["MEDIA_IN_USE", "home", "--detach"] { #expect(inUse.contains(part), "\(inUse)") }
    #expect(
      try rig.output("media", "delete", "logo", "--detach") == "deleted       logo\ntaken out of  home\n")
    #expect(try rig.output("media", "delete", "logo").contains("logo (replayed)"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("of an image that many pages use it is told how many are yet to be done")
  func detaching() {
    var reply = TallystickV1.DeleteMediaResponse()
    reply.detachedPageIds = ["home"]
    reply.remainingPageCount = 1_234
    #expect(
      DeleteMediaCommand.text("logo", reply)
        == "deleted       logo\ntaken out of  home\nto go         1,234 pages, soon\n")
  }

  @Test("restore takes the version as an option, and is refused only where the page has moved on")
  func restore() throws {
    let rig = try Rig()
    _ = try rig.output("pages", "create", "alice", "--id", "home", "--title", "First")
    _ = try shell(rig, "echo '{\"title\":\"Second\"}' | tally pages save home - --force")
    let stale = try rig.refusal("pages", "restore", "home", "--version", "1", "--expected-version", "1")
    #expect(stale.contains("VERSION_CONFLICT"), "\(stale)")
    let restored = try rig.output("pages", "restore", "home", "--version", "1")
    #expect(restored.contains("title      First\n") && restored.contains("version    3\n"), "\(restored)")
    #expect(try rig.output("pages", "restore", "home", "2", "--expected-version", "3").contains("Second"))
    let published = try rig.output("pages", "publish", "home", "--version", "1")
    #expect(published.contains("published  version 1\n"), "\(published)")
    #expect(try rig.output("pages", "show", "home", "--version", "2").contains("Second"))
    for words in [["pages", "restore", "home"], ["pages", "restore", "home", "1", "--version", "1"]] {
      let result = try Rig.run(words, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(result.status == tally.ExitStatus.usage.rawValue && result.error.contains("--version"))
    }
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a page that is deleted, or not deleted, or not published, is told apart from one that is not there")
  func notFound() throws {
    let rig = try Rig()
    #expect(try rig.refusal("pages", "show", "home").contains("there is no such page"))
    _ = try rig.output("pages", "create", "alice", "--id", "home")
    #expect(try rig.refusal("pages", "show", "home", "--published").contains("the page is not published"))
    #expect(try rig.refusal("pages", "purge", "home").contains("the page is not deleted"))
    _ = try rig.output("pages", "delete", "home")
    for words in [
      ["show", "home"], ["publish", "home"], ["versions", "home"], ["show", "home", "--version", "1"],
    ] {
      let result = try Rig.run(["pages"] + words, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(result.status == tally.ExitStatus.refused.rawValue)
      for part in ["PAGE_NOT_FOUND", "the page is deleted", "'tally pages undelete home'"] {
        #expect(result.error.contains(part), "\(words): \(result.error)")
      }
    }
    // Somebody else is told no more than that there is none.
    let other = try rig.refusal("pages", "show", "home", "--acting-user", "bob")
    #expect(other.contains("there is no such page"), "\(other)")
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a file that is not there, not JSON or no page says so by its status and its place")
  func files() throws {
    let rig = try Rig()
    #expect(
      try rig.refusal("pages", "save", "home", "/nonexistent.json", status: .noInput)
        == "tally: there is no file /nonexistent.json\n")
    for (text, place) in [
      ("{", "standard input is not valid JSON at byte 2: expected a name in quotes"),
      (#"{"sections":[{"kind":1}]}"#, "standard input, sections[0].kind"),
      (#"{"section":[]}"#, "standard input, section: "),
    ] {
      let result = try shell(rig, "echo '\(text)' | tally pages save home -")
      #expect(result.status == tally.ExitStatus.malformedInput.rawValue, "\(text)")
      #expect(result.error.contains(place), "\(result.error)")
    }
    #expect(rig.fixture.stop() == 0)
  }
}
