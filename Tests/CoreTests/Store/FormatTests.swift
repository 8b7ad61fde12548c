// What is on disk: packed lists, the chain's bytes, migrations.

internal import Crypto
internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Store formats")
struct FormatTests {
  @Test(
    "numbers pack to their bytes and back",
    arguments: [
      (0, [0]), (1, [1]), (127, [127]), (128, [128, 1]), (16_384, [128, 128, 1]),
      (Int64.max, [255, 255, 255, 255, 255, 255, 255, 255, 127]),
      (-1, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
    ] as [(Int64, [UInt8])])
  func varints(value: Int64, bytes: [UInt8]) throws {
    var packer = Packer()
    packer.append(value)
    #expect(packer.bytes == bytes)
    var unpacker = Unpacker(bytes, what: "test")
    #expect(try unpacker.int() == value)
    #expect(unpacker.isAtEnd)
    packer = Packer()
    packer.append(signed: value)
    unpacker = Unpacker(packer.bytes, what: "test")
    #expect(try unpacker.signed() == value)
  }

  @Test("lots, allocations and metadata come back as they were; anything cut short is refused")
  func lists() throws {
    let lots = [
      Lot(id: 1, priority: 1_000, amountMicros: .max, remainingMicros: 5, pinnedMicros: 4),
      Lot(
        id: .max, priority: 1, amountMicros: 1, remainingMicros: 1, effectiveAtMicros: -1,
        expiresAtMicros: .max),
      Lot(id: 3, priority: 10, amountMicros: 9, remainingMicros: 9, expiresAtMicros: .min),
      Self.planLot,
    ]
    let packed = Packing.pack(lots)
    #expect(try Packing.lots(packed) == lots)
    for count in 0..<packed.count {
      #expect(throws: SQLiteError.self) { try Packing.lots(Array(packed.prefix(count))) }
    }
    #expect(throws: SQLiteError.self) { try Packing.lots(packed + [0]) }
    let parts = [LotAllocation(lotId: 1, amountMicros: 300), LotAllocation(lotId: 300, amountMicros: 1)]
    #expect(Packing.pack(parts) == [1, 172, 2, 172, 2, 1])
    #expect(try Packing.allocations([1, 172, 2, 172, 2, 1]) == parts)
    #expect(throws: SQLiteError.self) { try Packing.allocations([1, 172, 2, 172, 2]) }
    let metadata = [MetadataEntry(key: "", value: "é"), MetadataEntry(key: "k", value: "")]
    #expect(try Packing.metadata(Packing.pack(metadata)) == metadata)
    #expect(throws: SQLiteError.self) { try Packing.metadata([5, 65]) }
    let many = (1...Int64(1 << 16)).map { Lot(id: $0, priority: 1, amountMicros: 1, remainingMicros: 1) }
    #expect(try Packing.lots(Packing.pack(many)).count == many.count)
    #expect(throws: SQLiteError.self) { try Packing.lots(Packing.pack(many + [Self.planLot])) }
  }

  /// Reversed in part, and of a plan whose rest rolls over.
  private static var planLot: Lot {
    var lot = Lot(id: 4, priority: 10, amountMicros: 9, remainingMicros: 9, expiresAtMicros: 7)
    lot.shortMicros = .max
    lot.rollover = Rollover(capMicros: 300, endMicros: -1)
    return lot
  }

  @Test("what is owed comes back as it was; anything cut short or not above zero is refused")
  func owed() throws {
    let owed = [OwedPart(purchase: 300, amountMicros: 5), OwedPart(purchase: nil, amountMicros: .max - 5)]
    let packed = Packing.pack(owed)
    #expect(packed.prefix(4) == [172, 2, 5, 0])
    #expect(try Packing.owed(packed) == owed)
    #expect(try Packing.owed([]) == [])
    for bytes in [Array(packed.dropLast()), [1], [1, 0], packed + [1, 6]] {
      #expect(throws: SQLiteError.self) { try Packing.owed(bytes) }
    }
  }

  private func number(_ value: Int64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
  }

  private func text(_ text: String) -> [UInt8] { number(Int64(text.utf8.count)) + Array(text.utf8) }

  private static let entry: Entry = {
    var entry = Entry(
      userId: "é", type: .apiUsage, amountMicros: -2, balanceAfterMicros: 3, heldAfterMicros: 4, version: 5,
      atMicros: 6, effectiveAtMicros: 7, lots: [LotAllocation(lotId: 8, amountMicros: 2)])
    entry.sequence = 9
    entry.commit = CommitPoint(sequence: 10, position: 11)
    entry.idempotency = Idempotency(key: "k", digest: Digest(bytes: [UInt8](repeating: 12, count: 32)))
    entry.text = FreeText(description: "d", metadata: [MetadataEntry(key: "a", value: "b")])
    return entry
  }()

  @Test("a row's hash is over the bytes that the first format says")
  func firstFormat() {
    let entry = Self.entry
    let words =
      Array("tallystick text 1".utf8) + text("d") + number(1) + text("a") + text("b")
    let digest = Array(SHA256.hash(data: words))
    #expect(Chain.textDigest(of: entry, .one) == digest)
    var plain = entry
    plain.text = FreeText()
    plain.actor = "who"
    #expect(Chain.textDigest(of: plain, .one) == nil)
    var bytes = Array("tallystick ledger 1".utf8) + [UInt8](repeating: 0, count: 32) + number(9) + text("é")
    for value in [6, -2, 3, 4, 0, 5, 6, 7, 10, 11, 1, 8, 2] as [Int64] { bytes += number(value) }
    bytes += [1] + text("k") + [UInt8](repeating: 12, count: 32)
    bytes += [0] + text("") + [0, 0, 0, 0] + number(0) + [0] + number(0)
    bytes += text("") + text("") + text("") + [1] + digest
    let hash = Chain.hash(of: entry, previous: Chain.origin, textDigest: digest, .one)
    #expect(hash == Array(SHA256.hash(data: bytes)))
  }

  @Test("new rows' hashes are over the bytes that the second format says")
  func secondFormat() {
    var entry = Self.entry
    entry.actor = "who"
    entry.reason = "why"
    let words =
      Array("tallystick text 2".utf8) + text("d") + number(1) + text("a") + text("b") + text("who")
      + text("why")
    let digest = Array(SHA256.hash(data: words))
    #expect(Chain.textDigest(of: entry) == digest)
    var plain = entry
    plain.text = FreeText()
    plain.actor = ""
    #expect(Chain.textDigest(of: plain) != nil)
    plain.reason = ""
    #expect(Chain.textDigest(of: plain) == nil)
    let before =
      Array("tallystick ledger 2".utf8) + [UInt8](repeating: 0, count: 32) + number(9) + text("é")
      + ([6, -2, 3, 4, 0, 5, 6, 7, 10, 11, 1, 8, 2] as [Int64]).flatMap(number)
      + [1] + text("k") + [UInt8](repeating: 12, count: 32) + [0] + text("") + [0, 0, 0, 0]
      + number(0) + [0] + number(0) + text("") + [1] + digest
    let none: [UInt8] = [0, 0] + [UInt8](repeating: 0, count: 32) + text("") + number(0) + [0, 0, 0]
    #expect(hash(of: entry, digest) == Array(SHA256.hash(data: before + none)))
    entry.refersTo = 13
    entry.eventId = "e"
    entry.askedMicros = 14
    entry.shortMicros = -15
    entry.owedMicros = 16
    entry.owedAfterMicros = 17
    entry.spender = "s"
    entry.attempt = 18
    entry.intentId = "i"
    entry.rollover = Rollover(capMicros: 19, endMicros: 20)
    entry.periodDays = 21..<22
    // Where the user's other rows are is no fact of this one.
    entry.previous = 8
    entry.skip = 4
    let all =
      [1] + number(13) + [1] + text("e") + ([14, -15, 16, 17] as [Int64]).flatMap(number) + text("s")
      + number(18) + [1] + text("i") + [1] + number(19) + number(20) + [1] + number(21) + number(22)
    #expect(hash(of: entry, digest) == Array(SHA256.hash(data: before + all)))
  }

  private func hash(of entry: Entry, _ digest: [UInt8]) -> [UInt8] {
    Chain.hash(of: entry, previous: Chain.origin, textDigest: digest)
  }

  @Test("a released migration is never changed")
  func checksums() {
    #expect(Schema.migrations.map(\.version) == Array(1...9))
    #expect(Schema.migrations.map(\.checksum) == Self.checksums)
  }

  /// Of released migrations, in order.
  private static let checksums = [
    "6e26b1792ac6689e5f11bc2064190f87502e0ec0e34f4203c42f920b7d571e59",
    "440d13da8afb38c92d8aa83d34ac8114ec1b1973e652f887c424df2ee676da50",
    "89ec1aa074b162649e40813dbff4680311da5aa660f45382323d4c1e73590695",
    "53d2846d3e05909f684447eaf08a0ad8916d82fc863a1d600090a64f72bbe645",
    "427386b3a930f0d0c131251a3e2a073a8aaa8de036680aa2b9cb2c5344f6ef0c",
    "1e89739945cda0f288f2b5bcc4065661db0cfaef00d084c352acfe073903e243",
    "3a384779ca460913719d22a15fee97aeef603ce00e9881f5e9c67a9ec0fe24b1",
    "64a4a0e455ef1f48d7b2fc46ba277c08abe47fab10fb67753a6b0cd14a496cae",
    "f05bf0e39de78b596ed8f26fd18e3e4007d277a208cf6b01bf0d3a9703539caa",
  ]

  @Test("a file of a newer program, or with other migrations, is refused and left alone")
  func refused() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    try open(directory).close()
    try directory.connection().execute("UPDATE migration SET checksum = 'x'")
    #expect { try open(directory) } throws: { ($0 as? StoreError)?.code == .changedMigration }
    try directory.connection().execute("PRAGMA user_version = 99")
    #expect { try open(directory) } throws: { ($0 as? StoreError)?.code == .newerSchema }
    #expect(try directory.connection().value("PRAGMA user_version") == 99)
  }

  @Test("a migration that fails leaves the file at the version before it")
  func failedMigration() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let first = Migration(version: 1, name: "one", sql: "CREATE TABLE a(x)")
    let second = Migration(version: 2, name: "two", sql: "CREATE TABLE b(x); CREATE TABLE a(x)")
    let repaired = Migration(version: 2, name: "two", sql: "CREATE TABLE b(x)")
    try Migrations.apply([first], to: try directory.connection())
    #expect(throws: StoreError.self) {
      try Migrations.apply([first, second], to: try directory.connection())
    }
    let connection = try directory.connection()
    #expect(try connection.value("PRAGMA user_version") == 1)
    #expect(try connection.value("SELECT count(*) FROM sqlite_schema WHERE name = 'b'") == 0)
    try Migrations.apply([first, repaired], to: connection)
    #expect(try connection.value("PRAGMA user_version") == 2)
    #expect(try connection.value("SELECT count(*) FROM migration") == 2)
  }
}
