// tallystick.v1.AdminService: metrics, statements and caches.
//
// Invariants:
// 1. No reply has a user's data in it: statements come with placeholders, not with bound values.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct MetricsService {
  typealias RPCs = TallystickV1.AdminService

  var services: Services
  var catalogue: MetricCatalogue

  var bindings: [Binding] { [metrics, queries, caches] }

  private var metrics: Binding {
    let catalogue = catalogue
    return services.query(
      RPCs.getMetrics, role: .admin, parse: { request, _ in request.prometheus },
      read: { isPrometheus in
        var response = TallystickV1.GetMetricsResponse()
        if isPrometheus {
          response.prometheusText = PrometheusText.text(catalogue.families)
        } else {
          response.metrics = catalogue.families.map(TallystickV1.Metric.init)
        }
        return response
      })
  }

  private var queries: Binding {
    let statements = catalogue.engine.statements
    return services.query(
      RPCs.getQueryStats, role: .admin, parse: { _, _ in },
      read: { _ in
        var response = TallystickV1.GetQueryStatsResponse()
        response.queries = statements.reports.sorted { ($1.latency.sum, $0.sql) < ($0.latency.sum, $1.sql) }
          .map { report in
            var query = TallystickV1.QueryStats()
            query.sql = report.sql
            query.latency = TallystickV1.Distribution(report.latency, divisor: 1_000)
            query.rows = report.rows
            query.errors = report.errors
            query.slow = report.slow
            query.plan = report.plan
            return query
          }
        response.slowQueryMicros = Int64(clamping: (statements.slowNanoseconds ?? 0) / 1_000)
        return response
      })
  }

  private var caches: Binding {
    let catalogue = catalogue
    return services.query(
      RPCs.getCacheStats, role: .admin, parse: { _, _ in },
      read: { _ in
        var response = TallystickV1.GetCacheStatsResponse()
        response.caches = catalogue.cacheStatistics.map { statistics in
          var cache = TallystickV1.CacheStats()
          cache.name = statistics.name
          cache.entries = Int64(statistics.entryCount)
          cache.bytes = Int64(statistics.byteCount)
          cache.limitBytes = Int64(statistics.limitByteCount)
          cache.hits = statistics.hits
          cache.misses = statistics.misses
          cache.invalidations = statistics.invalidations
          cache.evictions = statistics.evictions
          return cache
        }
        return response
      })
  }
}
