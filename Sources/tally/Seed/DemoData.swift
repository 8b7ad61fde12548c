// The demo data: plans, users, runs, pages and media of a given size.
//
// Invariants:
// 1. Each item is a function of the size, the seed, the day and its own number. It does not matter when and
//    in which order items are asked for, so tasks may make batches concurrently and a second seeding replays.
// 2. Ids contain whatever their content depends on: other data never has the same ids.
// 3. Runs are numbered in the order of their start.

internal import TallyMessages

/// How much demo data there is, and which.
struct DemoSize: Sendable, Equatable {
  var users: Int
  var runs: Int
  var pages: Int
  /// Each user buys this much; zero buys nothing.
  var creditMicros: Int64
  /// Recorded runs are spread over this many days before `day`.
  var days: Int
  var seed: UInt64
  /// The day on the server's clock, since the epoch, in UTC.
  var day: Int64
  /// The quarters of an hour of that day that have passed. Runs of today are recorded for these only.
  var passedQuarters = 0
}

/// An AI model of the demo data.
struct DemoModel: Sendable {
  var name: String
  var type: String
  /// Of a thousand runs.
  var weight: UInt64
  /// Micro-USD per million tokens.
  var inputRate: Int64
  var outputRate: Int64
  var imageMicros: Int64

  static let all: [DemoModel] = [
    DemoModel("atlas-large", "text", 340, 3_000_000, 15_000_000, 0),
    DemoModel("atlas-mini", "text", 270, 250_000, 1_250_000, 0),
    DemoModel("canvas-xl", "image", 160, 0, 0, 40_000),
    DemoModel("quill-2", "text", 120, 1_000_000, 5_000_000, 0),
    DemoModel("canvas-fast", "image", 80, 0, 0, 8_000),
    DemoModel("echo-embed", "embedding", 30, 20_000, 0, 0),
  ]

  init(
    _ name: String, _ type: String, _ weight: UInt64, _ inputRate: Int64, _ outputRate: Int64,
    _ imageMicros: Int64
  ) {
    self.name = name
    self.type = type
    self.weight = weight
    self.inputRate = inputRate
    self.outputRate = outputRate
    self.imageMicros = imageMicros
  }

  var price: TallystickV1.ModelPrice {
    var price = TallystickV1.ModelPrice()
    price.model = name
    price.inputMicrosPerMillion = inputRate
    price.outputMicrosPerMillion = outputRate
    price.imageMicros = imageMicros
    return price
  }
}

struct DemoData: Sendable {
  static let microsPerDay: Int64 = 86_400_000_000
  static let microsPerQuarter: Int64 = 900_000_000
  static let quartersPerDay = 96
  static let mediaPerPage = 2

  let size: DemoSize
  /// Part of the ids of recorded runs.
  private let runTag: String
  /// Part of the ids of pages.
  private let pageTag: String
  private let users: WeightedChoice
  private let models = WeightedChoice(DemoModel.all.map(\.weight))
  /// When the runs of the days before start.
  private let schedule: RunSchedule
  /// When the runs of a whole day like today start.
  private let todaysSchedule: RunSchedule

  init(_ size: DemoSize) {
    self.size = size
    let sizes = [size.users, size.runs, size.days].map { UInt64($0) }
    runTag = Self.tag(size.seed, sizes[0], sizes[1], sizes[2], UInt64(size.day))
    pageTag = Self.tag(size.seed, sizes[0])
    users = .zipf(size.users)
    let today = size.days * Self.quartersPerDay
    let weights = (0..<today + Self.quartersPerDay).map { Self.weight(quarter: $0, of: size) }
    schedule = RunSchedule(
      runs: size.runs, weights: weights[..<today],
      startMicros: (size.day - Int64(size.days)) * Self.microsPerDay)
    // As many as on the days before, on average.
    todaysSchedule = RunSchedule(
      runs: size.runs / size.days, weights: weights[today...], startMicros: size.day * Self.microsPerDay)
  }

  private static func tag(_ parts: UInt64...) -> String {
    var random = SeedRandom(parts.reduce(0) { $0 &* 0x100_0000_01B3 ^ $1 })
    let text = String(random.next() >> 32, radix: 16)
    return String(repeating: "0", count: 8 - text.utf8.count) + text
  }

  /// How busy a quarter of an hour is: by the hour, by the day of the week, a little more each day, and
  /// by chance.
  private static func weight(quarter: Int, of size: DemoSize) -> UInt64 {
    let hours: [UInt64] = [
      18, 14, 11, 10, 11, 15, 24, 38, 56, 71, 80, 83, 80, 82, 85, 84, 80, 73, 66, 60, 52, 43, 34, 25,
    ]
    let day = quarter / quartersPerDay
    // The epoch began on a Thursday.
    let weekday = (size.day - Int64(size.days - day) + 3) % 7
    var random = SeedRandom(size.seed, 1, UInt64(day))
    let chance = 85 + random.below(30)
    return hours[quarter % quartersPerDay / 4] * (weekday >= 5 ? 6 : 10) * (100 + UInt64(day) * 2) / 100
      * chance / 100 + 1
  }

  // MARK: Plans and users

  static let plans: [TallystickV1.Plan] = [
    plan("demo-free", "Free", 1_000_000, generations: 1_000, uploads: 100, pages: 10),
    plan("demo-pro", "Pro", 20_000_000, generations: 50_000, uploads: 5_000, pages: 1_000),
    plan("demo-team", "Team", 200_000_000, generations: nil, uploads: nil, pages: nil),
  ]

  private static func plan(
    _ id: String, _ name: String, _ creditMicros: Int64, generations: Int64?, uploads: Int64?, pages: Int64?
  ) -> TallystickV1.Plan {
    var plan = TallystickV1.Plan()
    plan.planId = id
    plan.displayName = name
    plan.monthlyCreditMicros = creditMicros
    plan.grantExpiry = .periodEnd
    if generations != nil {
      var limits = TallystickV1.PlanLimits()
      limits.monthlyGenerations = generations
      limits.monthlyUploads = uploads
      limits.pageCount = pages
      plan.limits = limits
    }
    plan.prices = DemoModel.all.map(\.price)
    return plan
  }

  /// The first tenth of the users, whom Zipf's law makes the busiest, has the plan without limits.
  private var teamCount: Int { max(1, size.users / 10) }

  func planId(ofUser user: Int) -> String {
    user < teamCount ? "demo-team" : user < size.users * 4 / 10 ? "demo-pro" : "demo-free"
  }

  func userId(_ user: Int) -> String { "demo-\(size.seed)-\(Self.padded(user + 1, 4))" }

  func settings(ofUser user: Int) -> TallystickV1.UserSettings {
    var random = SeedRandom(size.seed, 2, UInt64(user))
    var settings = TallystickV1.UserSettings()
    settings.userId = userId(user)
    settings.email = "\(settings.userId)@example.com"
    settings.role = user == 0 ? .admin : .user
    settings.planId = planId(ofUser: user)
    settings.approval =
      switch user == 0 ? 0 : random.below(100) {
      case ..<90: .approved
      case ..<97: .pending
      default: .rejected
      }
    return settings
  }

  func purchase(ofUser user: Int) -> TallystickV1.AddPurchaseRequest {
    var request = TallystickV1.AddPurchaseRequest()
    request.userId = userId(user)
    request.amountMicros = size.creditMicros
    request.paymentId = "demo-\(size.seed)-\(size.creditMicros)-\(Self.padded(user + 1, 4))"
    request.idempotencyKey = request.paymentId
    request.package = "demo"
    return request
  }

  /// The plan's credit of the day's month.
  func grant(ofUser user: Int) -> TallystickV1.GrantPlanRequest {
    var request = TallystickV1.GrantPlanRequest()
    request.userId = userId(user)
    request.planId = planId(ofUser: user)
    request.period = String(Timestamp.format(size.day * Self.microsPerDay).prefix(7))
    request.idempotencyKey = "demo-grant-\(request.planId)-\(request.period)"
    return request
  }

  // MARK: Runs

  /// A run that ended on one of the days before.
  func run(_ number: Int) -> TallystickV1.RecordRunRequest {
    var random = SeedRandom(size.seed, 3, UInt64(number))
    return run(number, "demo-\(runTag)-\(Self.padded(number, 8))", schedule, &random)
  }

  var todaysRunCount: Int { todaysSchedule.count(beforeQuarter: size.passedQuarters) }

  /// A run that ended today.
  func todaysRun(_ number: Int) -> TallystickV1.RecordRunRequest {
    var random = SeedRandom(size.seed, 8, UInt64(number))
    return run(number, "demo-\(runTag)-today-\(Self.padded(number, 6))", todaysSchedule, &random)
  }

  private func run(
    _ number: Int, _ id: String, _ schedule: RunSchedule, _ random: inout SeedRandom
  ) -> TallystickV1.RecordRunRequest {
    let model = DemoModel.all[models.draw(&random)]
    var request = TallystickV1.RecordRunRequest()
    request.runId = id
    request.userId = userId(users.draw(&random))
    request.model = model.name
    request.type = model.type
    request.startedAtMicros = schedule.start(ofRun: number, &random)
    let result = Self.result(of: model, &random)
    request.status = result.status
    request.inputTokens = result.inputTokens
    request.outputTokens = result.outputTokens
    request.images = result.images
    request.error = result.error
    let tokens = result.inputTokens * model.inputRate + result.outputTokens * model.outputRate
    request.costMicros =
      result.status == .succeeded ? (tokens + 999_999) / 1_000_000 + result.images * model.imageMicros : 0
    return request
  }

  /// The result of a run: 96 of 100 succeed, 3 fail.
  struct RunResult {
    var status = TallystickV1.RunStatus.succeeded
    var inputTokens: Int64 = 0
    var outputTokens: Int64 = 0
    var images: Int64 = 0
    var error = ""
  }

  private static let errors = [
    "the model was busy", "the prompt was refused", "the upstream timed out", "the answer was cut off",
  ]

  private static func result(of model: DemoModel, _ random: inout SeedRandom) -> RunResult {
    var result = RunResult()
    let chance = random.count(below: 100)
    result.status = chance < 3 ? .failed : chance < 4 ? .cancelled : .succeeded
    result.inputTokens = 40 + random.count(below: 64) * random.count(below: 64)
    if result.status == .failed { result.error = random.element(of: errors) }
    guard result.status == .succeeded else { return result }
    switch model.type {
    case "image": result.images = 1 + random.count(below: 4)
    case "text": result.outputTokens = 20 + random.count(below: 48) * random.count(below: 48)
    default: break
    }
    return result
  }

  // MARK: Runs that hold and charge

  /// How many runs are begun and charged, instead of recorded.
  var liveRunCount: Int { size.runs == 0 ? 0 : min(200, max(10, size.runs / 1_000)) }

  static let liveEstimateMicros: Int64 = 250_000
  static let liveTtlMillis: Int64 = 3_600_000

  func begin(_ number: Int) -> TallystickV1.BeginRunRequest {
    var random = SeedRandom(size.seed, 4, UInt64(number))
    let model = DemoModel.all[models.draw(&random)]
    var request = TallystickV1.BeginRunRequest()
    request.runId = "demo-\(runTag)-live-\(Self.padded(number, 3))"
    request.userId = userId(number % teamCount)
    request.model = model.name
    request.type = model.type
    request.estimateMicros = Self.liveEstimateMicros
    request.ttlMillis = Self.liveTtlMillis
    return request
  }

  /// The end of that run, priced by the plan; nil for the one in ten that is left running.
  func finish(_ number: Int) -> TallystickV1.FinishRunRequest? {
    if number % 10 == 9 { return nil }
    var random = SeedRandom(size.seed, 4, UInt64(number))
    let model = DemoModel.all[models.draw(&random)]
    let result = Self.result(of: model, &random)
    var request = TallystickV1.FinishRunRequest()
    request.runId = begin(number).runId
    request.status = result.status
    request.inputTokens = result.inputTokens
    request.outputTokens = result.outputTokens
    request.images = result.images
    request.error = result.error
    return request
  }

  // MARK: Pages

  func pageId(_ page: Int) -> String { "demo-\(pageTag)-page-\(Self.padded(page + 1, 4))" }

  /// Two pages for each user, as every plan allows; the rest for those without a limit.
  private func owner(ofPage page: Int) -> String {
    userId(page < 2 * size.users ? page % size.users : page % teamCount)
  }

  private func mediaId(_ place: Int, ofPage page: Int) -> String {
    "demo-\(pageTag)-media-\(Self.padded(page + 1, 4))-\(place)"
  }

  /// The first is uploaded, the second generated.
  func media(_ place: Int, ofPage page: Int) -> TallystickV1.CreateMediaRequest {
    var random = SeedRandom(size.seed, 5, UInt64(page), UInt64(place))
    var request = TallystickV1.CreateMediaRequest()
    request.userId = owner(ofPage: page)
    request.mediaId = mediaId(place, ofPage: page)
    request.url = "https://media.example.com/\(request.mediaId).webp"
    request.width = random.element(of: [640, 1_024, 1_536, 2_048])
    request.height = request.width * 3 / 4
    request.byteCount = 40_000 + random.count(below: 400_000)
    request.mimeType = "image/webp"
    request.source = place == 0 ? .upload : .generated
    return request
  }

  /// The page as it is first made.
  func page(_ page: Int) -> TallystickV1.CreatePageRequest {
    var request = TallystickV1.CreatePageRequest()
    request.userId = owner(ofPage: page)
    request.pageId = pageId(page)
    request.title = "Demo page \(page + 1)"
    request.settings = #"{"theme":"\#(page % 2 == 0 ? "light" : "dark")"}"#
    request.sections = sections(ofPage: page, version: 1)
    request.author = request.userId
    return request
  }

  /// The second version, which every third page has.
  func secondVersion(ofPage page: Int) -> TallystickV1.SavePageRequest? {
    if page % 3 != 0 { return nil }
    let first = self.page(page)
    var request = TallystickV1.SavePageRequest()
    request.pageId = first.pageId
    request.expectedVersion = 1
    request.title = first.title + ", revised"
    request.settings = first.settings
    request.sections = sections(ofPage: page, version: 2)
    request.author = first.author
    return request
  }

  /// The first version of every second page is public.
  func publication(ofPage page: Int) -> TallystickV1.PublishRequest? {
    if page % 2 != 0 { return nil }
    var request = TallystickV1.PublishRequest()
    request.pageId = pageId(page)
    request.version = 1
    return request
  }

  private func sections(ofPage page: Int, version: UInt64) -> [TallystickV1.SectionInput] {
    let kinds = ["hero", "features", "gallery", "pricing", "questions", "quotes", "contact"]
    var random = SeedRandom(size.seed, 6, UInt64(page))
    return kinds.prefix(3 + Int(random.below(5))).map { kind in
      var words = SeedRandom(size.seed, 7, UInt64(page), kind == "hero" ? version : 1)
      var section = TallystickV1.SectionInput()
      section.sectionId = kind
      section.kind = kind
      let text = (0..<8).map { _ in words.element(of: Self.words) }.joined(separator: " ")
      section.content = #"{"heading":"\#(kind)","text":"\#(text)"}"#
      if ["hero", "gallery"].contains(kind) {
        section.firstMediaId = mediaId(0, ofPage: page)
        section.secondMediaId = mediaId(1, ofPage: page)
      }
      return section
    }
  }

  private static let words = [
    "amber", "bright", "calm", "daring", "early", "fresh", "gentle", "honest", "inland", "joyful", "keen",
    "light", "merry", "noble", "open", "plain", "quiet", "ready", "simple", "tidy", "upright", "vivid",
  ]

  private static func padded(_ number: Int, _ digits: Int) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}
