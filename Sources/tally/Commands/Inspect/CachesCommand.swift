// `tally caches`: what the caches hold, and how often they are hit.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct CachesCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "caches", abstract: "Prints the size and the hit ratio of each cache.",
    discussion: "Example: tally caches")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform() async throws {
    try await tally.perform(
      TallystickV1.AdminService.getCacheStats, TallystickV1.GetCacheStatsRequest(), connection, output
    ) { Self.text($0.caches) }
  }

  static func text(_ caches: [TallystickV1.CacheStats]) -> String {
    var table = Table(
      [
        ("cache", .left), ("entries", .right), ("bytes", .right), ("limit", .right), ("hits", .right),
        ("misses", .right), ("hit ratio", .right), ("invalidated", .right), ("evicted", .right),
      ], optional: ["evicted", "invalidated", "limit", "bytes"])
    for cache in caches {
      table.add([
        cache.name, "\(cache.entries)", "\(cache.bytes)", "\(cache.limitBytes)", "\(cache.hits)",
        "\(cache.misses)", Spans.ratio(cache.hits, of: cache.hits + cache.misses), "\(cache.invalidations)",
        "\(cache.evictions)",
      ])
    }
    return table.text
  }
}
