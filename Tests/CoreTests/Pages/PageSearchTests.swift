// Words of pages, and what a search makes of texts: hand-made cases.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Words of pages")
struct PageWordsTests {
  @Test(
    "words are folded and divided",
    arguments: [
      ("Hello, World!", ["hello", "world"]), ("", []), ("  \n.", []), ("don't", ["don", "t"]),
      ("Caf\u{e9} cafe\u{301} CAF\u{c9}", ["cafe", "cafe", "cafe"]), ("\u{c5}ngstr\u{f6}m", ["angstrom"]),
      ("\u{130}stanbul", ["istanbul"]), ("Stra\u{df}e", ["stra\u{df}e"]),
      ("\u{39f}\u{394}\u{39f}\u{3a3} \u{3bf}\u{3b4}\u{3cc}\u{3c2}", ["οδοσ", "οδοσ"]),
      ("\u{41c}\u{43e}\u{439}", ["мои"]), ("\u{6771}\u{4eac} Tower2", ["東", "京", "tower2"]),
      ("\u{304b}\u{3099}", ["か\u{3099}"]), ("\u{304c}", ["か\u{3099}"]), ("\u{301}a", ["a"]),
      ("\u{1F600} x", ["x"]), ("a_b-c", ["a", "b", "c"]), ("3.14", ["3", "14"]),
    ])
  func folded(text: String, words: [String]) {
    let found = PageWords.folded(text)
    #expect(found.map { Array($0.unicodeScalars) } == words.map { Array($0.unicodeScalars) })
  }

  @Test("a word's range is where it stands, and a long word is compared by its first 64 letters")
  func ranges() {
    let text = "«Café» x"
    #expect(PageWords.words(of: text).map { String(text[$0.range]) } == ["Café", "x"])
    let long = String(repeating: "a", count: 70)
    #expect(PageWords.folded(long) == [String(repeating: "a", count: 64)])
    #expect(PageWords.folded(long) == PageWords.folded(long + "b"))
  }

  @Test(
    "of JSON the texts of values are searched, of anything else all",
    arguments: [
      (
        #"{"a": "one", "b": ["two", {"c": "three\n\u0041\ud83d\ude00"}], "d": [1.5e-3, null, {}]}"#,
        ["one", "two", "three\nA😀"]
      ),
      (#""alone""#, ["alone"]), ("12", []), ("", [""]), ("plain {text}", ["plain {text}"]),
      (#"{"a": "one",}"#, [#"{"a": "one",}"#]), (#"{"a" "one"}"#, [#"{"a" "one"}"#]),
      (#"["a"] b"#, [#"["a"] b"#]), (#"["a\x"]"#, [#"["a\x"]"#]), (#"{"a": "\ud83d!"}"#, ["\u{FFFD}!"]),
      ("[", ["["]), (#"["a"}"#, [#"["a"}"#]), ("[,]", ["[,]"]), ("nul", ["nul"]),
    ])
  func texts(content: String, texts: [String]) {
    #expect(PageTexts.texts(of: content) == texts)
  }

  @Test("content as deep as it may be large takes no more stack")
  func deep() {
    let content = String(repeating: "[", count: 65_536)
    #expect(PageTexts.texts(of: content) == [content])
    let nested = String(repeating: "[", count: 256) + "\"x\"" + String(repeating: "]", count: 256)
    #expect(PageTexts.texts(of: nested) == ["x"])
  }

  @Test(
    "a query is words, phrases and beginnings, whatever else stands in it",
    arguments: [
      ("a b", "a|b"), (#""a b" c"#, "a b|c"), (#""a b"#, "a b"), ("ab*", "ab*"), (#""a b"* c"#, "a b*|c"),
      ("a AND b", "a|and|b"), ("title:x", "title x"), ("(a OR b) NOT c", "a|or|b|not|c"),
      ("a'b\"c\"d", "a b|c|d"),
      ("a b A a* \"a b\" a* \"a B\"", "a|b|a*|a b"), ("e-mail*", "e mail*"), ("* \"\" a", "a"),
      ("a\"\"b", "a|b"), ("a*b", "a b"), (#""x"y*"#, "x|y*"),
    ])
  func query(text: String, terms: String) throws {
    let query = try WordQuery(parsing: text)
    #expect(
      query.terms.map { $0.words.joined(separator: " ") + ($0.isPrefix ? "*" : "") }.joined(separator: "|")
        == terms)
  }

  @Test("a query without a word, and one of more than 32, is refused")
  func refused() {
    for text in [
      "", "*", "\"\"", "!?", String(repeating: "a ", count: 33), String(repeating: "a-", count: 33),
    ] {
      #expect(throws: Refusal.self) { try WordQuery(parsing: text) }
    }
    #expect(throws: Never.self) { try WordQuery(parsing: String(repeating: "a ", count: 32)) }
  }
}

@Suite("Search of pages")
struct PageSearchTests {
  private static func page(
    _ pageId: String, _ title: String, user: String = "u", _ texts: [String] = []
  ) -> Command {
    let sections = texts.enumerated().map {
      PageSection(sectionId: "s\($0.offset)", kind: "k", content: $0.element)
    }
    return .page(
      .create(
        .init(
          userId: user, pageId: pageId, content: PageContent(title: title, sections: sections), author: "",
          maximumReplyByteCount: 1 << 22)))
  }

  private func search(_ engine: any PageStore, _ query: String, user: String = "u") throws -> [PageMatch] {
    let search = PageSearch(
      userId: user, query: try WordQuery(parsing: query), limit: 100, maximumByteCount: 1 << 20)
    return try engine.search(search).value.rows
  }

  private func found(_ engine: any PageStore, _ query: String, user: String = "u") throws -> [String] {
    try search(engine, query, user: user).map(\.facts.pageId).sorted()
  }

  @Test("what is searched is the current version of live pages", arguments: EngineUnderTest.allCases)
  func life(engine: EngineUnderTest) throws {
    let rig = try engine.rig()
    rig.setTime(micros: noon)
    let target = PageTarget(pageId: "p", actingUserId: nil, maximumReplyByteCount: 1 << 20)
    func apply(_ command: PageCommand) throws {
      if case .refused(let refusal) = rig.engine.apply(.page(command)) { throw refusal }
    }
    _ = rig.engine.apply([Self.page("p", "first", ["alpha"]), Self.page("q", "first", user: "v")])
    #expect(try found(rig.engine, "first") == ["p"])
    #expect(try found(rig.engine, "first", user: "v") == ["q"])
    #expect(try found(rig.engine, "first", user: "nobody") == [])
    let content = PageContent(title: "second", sections: [PageSection(sectionId: "s0", kind: "k")])
    try apply(.save(.init(target: target, expectedVersion: 1, content: content, author: "")))
    try apply(.publish(target, version: 1))
    #expect(try found(rig.engine, "first") == [] && found(rig.engine, "alpha") == [])
    #expect(try found(rig.engine, "second") == ["p"])
    try apply(.delete(target))
    #expect(try found(rig.engine, "second") == [])
    try rig.restart()
    try apply(.undelete(target))
    #expect(try found(rig.engine, "second") == ["p"])
    try apply(.restore(.init(target: target, version: 1, expectedVersion: 2, author: "")))
    #expect(try found(rig.engine, "first alpha") == ["p"])
    // Deleted and brought back in one commit, and changed in between.
    let outcomes = rig.engine.apply([
      .page(.delete(target)), .page(.undelete(target)),
      .page(.save(.init(target: target, expectedVersion: 3, content: content, author: ""))),
    ])
    #expect(outcomes.allSatisfy { $0.refusal == nil })
    #expect(try found(rig.engine, "first") == [] && found(rig.engine, "second") == ["p"])
    try apply(.delete(target))
    try apply(.purge(target))
    #expect(try found(rig.engine, "second") == [])
    #expect(try rig.findings() == [])
  }

  @Test("what a user types is no language of the store's", arguments: EngineUnderTest.allCases)
  func syntax(engine: EngineUnderTest) throws {
    let rig = try engine.rig()
    rig.setTime(micros: noon)
    _ = rig.engine.apply([
      Self.page("a", "one two"), Self.page("b", "one"), Self.page("c", "near one 5"),
      Self.page("d", "", [#"{"x": "end of one"}"#, #"{"x": "text begins"}"#]),
    ])
    let cases: [(String, [String])] = [
      ("one NOT two", []), ("one OR two", []), ("NEAR(one two, 5)", []), ("near one", ["c"]),
      ("title : one", []),
      ("-one", ["a", "b", "c", "d"]), ("^one", ["a", "b", "c", "d"]), ("1x", []), ("1xone", []), ("on", []),
      ("o*", ["a", "b", "c", "d"]), ("\"one two\"", ["a"]), ("\"two one\"", []), ("{title} : one", []),
      ("one + two", ["a"]), ("\"one tw\"*", ["a"]), ("x", []), ("\"one text\"", []), ("of one", ["d"]),
      ("\"'; DROP TABLE page_search; --", []),
    ]
    for (query, pages) in cases { #expect(try found(rig.engine, query) == pages, "\(query)") }
  }

  @Test("a word that is asked for 32 times on a page of that word alone is found")
  func manyPlaces() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    let text = String(repeating: "a ", count: 32_000)
    _ = try engine.decide([Self.page("all", "a", Array(repeating: text, count: 10))])
    // SQLite refuses to list eight million bytes of places.
    for query in [String(repeating: "a ", count: 32), String(repeating: "a* ", count: 32)] {
      #expect(try found(engine, query) == ["all"])
    }
  }

  @Test(
    "a search that would take longer than one may is refused, naming the query, and the next one is answered")
  func tooLong() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    _ = try engine.decide((0..<50).map { Self.page("page-\($0)", "apple") })
    var asked = PageSearch(
      userId: "u", query: try WordQuery(parsing: "apple"), limit: 100, maximumByteCount: 1 << 20)
    asked.processorNanoseconds = 1
    #expect {
      try engine.search(asked)
    } throws: {
      let refusal = $0 as? Refusal
      return refusal?.reason == .invalidField && refusal?.details == ["field": "query", "limit": "5"]
    }
    #expect(try search(engine, "apple").count == 50)
  }

  @Test("the better match comes first, in a title first of all; a list goes on where it was cut")
  func ranked() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    let filler = String(repeating: "filler ", count: 200)
    _ = try engine.decide(
      [Self.page("body", "other", ["apple \(filler)"]), Self.page("title", "apple", [filler])]
        + (0..<20).map { Self.page("more-\($0)", "other", [filler + "\($0)"]) })
    #expect(try search(engine, "apple").map(\.facts.pageId) == ["title", "body"])
    var asked = PageSearch(
      userId: "u", query: try WordQuery(parsing: "filler"), limit: 5, maximumByteCount: 1 << 20)
    var pages: [String] = []
    while true {
      let part = try engine.search(asked).value
      pages += part.rows.map(\.facts.pageId)
      guard let next = part.nextBefore else { break }
      #expect(part.rows.count == 5)
      asked.from = next
    }
    #expect(pages.count == 22 && Set(pages).count == 22)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("an excerpt shows what was found, in the section that has most of it, and is short")
  func excerpts() throws {
    func match(_ query: String, _ title: String, _ texts: [String]) throws -> PageMatch {
      var budget = 1 << 20
      let content = PageContent(
        title: title,
        sections: texts.enumerated().map {
          PageSection(sectionId: "s\($0.offset)", kind: "k", content: $0.element)
        })
      return try WordQuery(parsing: query).match(
        PageFacts(pageId: "p", userId: "u"), content, lookingAt: &budget)
    }
    func text(_ match: PageMatch) -> String {
      match.excerpt.map { $0.isMatched ? "[\($0.text)]" : $0.text }.joined()
    }
    let best = try match("one two", "one two", ["one <b>", "two, One!", "x"])
    #expect(best.sectionId == "s1" && text(best) == "[two], [One]")
    let title = try match("caf*", "Café au lait", ["x"])
    #expect(title.sectionId == nil && text(title) == "[Café] au lait")
    let phrase = try match("\"a b\" b", "", ["x a  b <b>"])
    #expect(text(phrase) == "x [a  b] <[b]")
    let far = try match("needle", "", [String(repeating: "hay ", count: 100) + "needle" + " straw" + " end"])
    #expect(text(far) == String(repeating: "hay ", count: 6) + "[needle] straw end")
    let long = try match(
      "needle", "", ["needle" + String(repeating: " ü" + String(repeating: "w", count: 99), count: 20)])
    #expect(text(long).utf8.count <= 514 && long.excerpt.first == TextPiece(text: "needle", isMatched: true))
    // Words before it that leave no room for it give way; of a match without room its beginning is shown.
    for before in [
      String(repeating: "A", count: 2_000) + "\"> ", "a b c d e f" + String(repeating: "-", count: 600),
    ] {
      let late = try match("needle", "", [before + " needle here"])
      #expect(text(late).hasSuffix("[needle] here") && text(late).utf8.count <= 512 + 2)
    }
    let some = try match("needle", "", ["a \(String(repeating: "b", count: 600)) c d needle"])
    #expect(text(some) == "c d [needle]")
    let wide = try match("\"a b\"", "", ["x a" + String(repeating: "-", count: 600) + "b"])
    #expect(text(wide) == "[a" + String(repeating: "-", count: 511) + "]")
    var spent = 0
    let none = try WordQuery(parsing: "a").match(
      PageFacts(pageId: "p", userId: "u"), PageContent(title: "a"), lookingAt: &spent)
    #expect(none.excerpt.isEmpty)
  }

  @Test("a search takes as many statements and no more of other users' words, whatever there is")
  func isolated() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    for user in 0..<20 {
      _ = try engine.decide(
        (0..<10).map { Self.page("p\(user)-\($0)", "common word", user: "u\(user)", ["common \($0)"]) })
    }
    for query in ["common", "com*", "\"common word\""] {
      #expect(try found(engine, query, user: "u7").count == 10)
      #expect(try found(engine, query, user: "u7").allSatisfy { $0.hasPrefix("p7-") })
    }
    // No word of one user is a word of another's, not even by its beginning.
    let words = try directory.connection()
    try words.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'page_search', 'row')")
    #expect(try words.value("SELECT max(doc) FROM words") == 10)
    try engine.close()
  }

  @Test("words that a start was killed over are written by the next one, a slice a transaction")
  func filled() throws {
    let directory = try TemporaryDirectory()
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    _ = try engine.decide((0..<9).map { Self.page("p\($0)", "common word", user: "u", ["text \($0)"]) })
    #expect(try engine.findings() == [])
    try engine.close()
    // As an upgrade leaves it that has written the words of four pages.
    let before = try directory.connection()
    try before.execute("DELETE FROM page_search")
    try PageSearchTable.beginFilling(before)
    for _ in 0..<2 { try PageSearchTable.fillSlice(before, pages: 2) }
    #expect(try before.value("SELECT count(*) FROM page_search") == 4)
    #expect(try PageSearchTable.isFilling(before))
    let again = try open(directory, clock: TestClock(wallMicros: noon))
    #expect(try found(again, "common", user: "u").count == 9)
    #expect(try again.findings() == [])
    #expect(try PageSearchTable.isFilling(before) == false)
    try again.close()
    // A slice that ends with the last page.
    try before.execute("DELETE FROM page_search")
    try PageSearchTable.beginFilling(before)
    for _ in 0..<4 { try PageSearchTable.fillSlice(before, pages: 3) }
    #expect(try PageSearchTable.isFilling(before) == false)
    #expect(try before.value("SELECT count(*) FROM page_search") == 9)
  }

  @Test("a file of the version before has its pages' words after the upgrade, but of deleted ones")
  func upgraded() throws {
    let directory = try TemporaryDirectory()
    try directory.install(fixture: "v5.db")
    let before = try directory.connection()
    let live = try before.value("SELECT count(*) FROM page WHERE deleted_at IS NULL AND purged = 0")
    #expect(live > 0)
    let engine = try open(directory, clock: TestClock(wallMicros: noon + 10 * second))
    #expect(try engine.findings() == [])
    #expect(try directory.connection().value("SELECT count(*) FROM page_search") == live)
    try engine.close()
  }
}
