// The services of a server, with the handlers of their methods.
//
// Invariants:
// 1. Reflection lists these services and no others, and health knows the same ones.
// 2. TestControl and Conformance are served only by a server for testing.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct Registry {
  var services: Services
  var facts: ServerFacts
  var engine: any ServedEngine
  var catalogue: MetricCatalogue
  /// nil unless the server is for testing.
  var harness: Harness?
  var cancel: @Sendable (_ token: String, _ uid: UInt32) -> Int

  /// The services; the health service is returned as well, since its state changes later.
  func make() -> (services: ServiceRegistry, health: HealthService) {
    let engine = engine
    var bound: [String: [Binding]] = [
      TallystickV1.CreditService.name: CreditService(services: services).bindings,
      TallystickV1.UsageService.name: UsageService(services: services).bindings,
      TallystickV1.PageService.name: PageService(services: services).bindings,
      TallystickV1.AdminService.name: AdminService(services: services, facts: facts) {
        (report) throws(StoreError) in _ = try engine.verify(enums: protoEnums, report: report)
      }.bindings + MetricsService(services: services, catalogue: catalogue).bindings,
      TallystickV1.Control.name: ControlService(services: services, cancel: cancel).bindings,
    ]
    if harness != nil { bound[TallystickTestingV1.Conformance.name] = ConformanceService().bindings }
    let reflection = GrpcReflectionV1.ServerReflection.name
    let control = TallystickTestingV1.TestControl.name
    let names = (bound.keys + [HealthService.name, reflection] + (harness == nil ? [] : [control])).sorted()
    let services = services
    let health = HealthService(services: names, status: .notServing) { context throws(Status) in
      _ = try services.caller(context)
    }
    bound[HealthService.name] = health.methods.map { ($0.key, $0.value) }
    bound[reflection] = [(ReflectionService.method, reflectionService(names).handler)]
    if let harness { bound[control] = testControl(harness, over: bound).bindings }

    var registry = ServiceRegistry()
    for (service, bindings) in bound {
      let bindings = harness?.wrap(service, bindings) ?? bindings
      registry.add(service: service, methods: Dictionary(uniqueKeysWithValues: bindings))
    }
    return (registry, health)
  }

  /// Reflection of the embedded descriptors.
  private func reflectionService(_ names: [String]) -> ReflectionService {
    let files = EmbeddedDescriptors.fileDescriptors.map { file in
      DescriptorFile(
        name: file.name, symbols: Set(file.symbols), services: [], dependencies: file.dependencies,
        serialized: file.serialized)
    }
    let services = services
    return ReflectionService(files: files, services: names) { context throws(Status) in
      _ = try services.caller(context)
    }
  }

  /// TestControl, with the other services' methods as they are without injected failures.
  private func testControl(_ harness: Harness, over bound: [String: [Binding]]) -> TestControlService {
    var services = services
    services.limiter = RateLimiter(clock: harness.clock)
    let methods = bound.flatMap { service, bindings in bindings.map { "\(service)/\($0.name)" } }
    return TestControlService(
      services: services, engine: engine, harness: harness, fixtures: Fixtures(bound), methods: Set(methods))
  }
}
