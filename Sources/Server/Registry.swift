// Which services a server has.
//
// Invariants:
// 1. What is bound here is what reflection lists and health knows.
// 2. TestControl and Conformance are there only for testing.
//
// A value; made once at start.

internal import Core
internal import Messages
internal import TTRPC

struct Registry {
  var services: Services
  var facts: ServerFacts
  var engine: SQLiteEngine
  var catalogue: MetricCatalogue
  /// Set when serving for testing.
  var testClock: TestClock?
  var cancel: @Sendable (_ token: String, _ uid: UInt32) -> Int
  var isDraining: @Sendable () -> Bool

  func make() -> ServiceRegistry {
    let engine = engine
    var bound: [String: [Binding]] = [
      TallystickV1.CreditService.name: CreditService(services: services).bindings,
      TallystickV1.UsageService.name: UsageService(services: services).bindings,
      TallystickV1.PageService.name: PageService(services: services, pages: engine).bindings,
      TallystickV1.AdminService.name: AdminService(services: services, facts: facts) {
        (report) throws(StoreError) in _ = try engine.verify(enums: protoEnums, report: report)
      }.bindings + MetricsService(services: services, catalogue: catalogue).bindings,
      TallystickV1.Control.name: ControlService(services: services, cancel: cancel).bindings,
    ]
    if let testClock {
      var harness = services
      harness.limiter = RateLimiter(clock: testClock)
      bound[TallystickTestingV1.TestControl.name] =
        TestControlService(services: harness, clock: testClock) { () throws(Refusal) in try reset(engine) }
        .bindings
      bound[TallystickTestingV1.Conformance.name] = ConformanceService().bindings
    }
    let health = GrpcHealthV1.Health.name
    let reflection = GrpcReflectionV1.ServerReflection.name
    let names = (bound.keys + [health, reflection]).sorted()
    bound[health] =
      HealthService(
        services: services, isDraining: isDraining, serviceNames: Set(names)
      ).bindings
    bound[reflection] = ReflectionService(services: services, serviceNames: names).bindings

    var registry = ServiceRegistry()
    for (service, bindings) in bound {
      registry.add(service: service, methods: Dictionary(uniqueKeysWithValues: bindings))
    }
    return registry
  }
}

private func reset(_ engine: SQLiteEngine) throws(Refusal) -> Int64 {
  do throws(StoreError) { return try engine.reset() } catch {
    throw Refusal(.readOnly, "the database could not be emptied: \(error)")
  }
}
