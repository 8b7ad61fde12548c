// Families of samples, as messages and as Prometheus text.
//
// Invariants:
// 1. The text is Prometheus's exposition format 0.0.4: one HELP and one TYPE for each family, all samples of
//    a family together, buckets cumulative, the last of them +Inf.

internal import TallyMeasuring
internal import TallyMessages

struct MetricFamily {
  enum Kind: String {
    case counter, gauge, histogram
  }

  /// What a histogram counts, and where its buckets end in Prometheus text.
  enum Unit {
    /// Nanoseconds in the histogram, microseconds in the output.
    case micros
    case items

    var divisor: UInt64 { self == .micros ? 1_000 : 1 }

    /// The ends of the buckets, in the output's unit.
    var bounds: [UInt64] {
      switch self {
      case .micros:
        [
          10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
          1_000_000, 2_500_000, 10_000_000,
        ]
      case .items: [1, 2, 4, 8, 16, 32, 64, 128, 256]
      }
    }
  }

  enum Value {
    case number(Int64)
    case histogram(Histogram, Unit)
  }

  struct Sample {
    var labels: [(name: String, value: String)] = []
    var value: Value
  }

  var name: String
  var help: String
  var kind: Kind
  var samples: [Sample]

  static func counter(_ name: String, _ help: String, _ samples: [Sample]) -> MetricFamily {
    MetricFamily(name: "tallystick_" + name, help: help, kind: .counter, samples: samples)
  }

  static func counter(_ name: String, _ help: String, _ value: Int64) -> MetricFamily {
    counter(name, help, [Sample(value: .number(value))])
  }

  static func gauge(_ name: String, _ help: String, _ samples: [Sample]) -> MetricFamily {
    MetricFamily(name: "tallystick_" + name, help: help, kind: .gauge, samples: samples)
  }

  static func gauge(_ name: String, _ help: String, _ value: Int64) -> MetricFamily {
    gauge(name, help, [Sample(value: .number(value))])
  }

  static func histogram(_ name: String, _ help: String, _ samples: [Sample]) -> MetricFamily {
    MetricFamily(name: "tallystick_" + name, help: help, kind: .histogram, samples: samples)
  }
}

// MARK: as messages

extension TallystickV1.Metric {
  init(_ family: MetricFamily) {
    self.init()
    name = family.name
    help = family.help
    switch family.kind {
    case .counter: kind = .counter
    case .gauge: kind = .gauge
    case .histogram: kind = .histogram
    }
    samples = family.samples.map(TallystickV1.MetricSample.init)
  }
}

extension TallystickV1.MetricSample {
  init(_ sample: MetricFamily.Sample) {
    self.init()
    labels = sample.labels.map { label in
      var message = TallystickV1.MetricLabel()
      message.name = label.name
      message.value = label.value
      return message
    }
    switch sample.value {
    case .number(let number): value = number
    case .histogram(let histogram, let unit):
      distribution = TallystickV1.Distribution(histogram, divisor: unit.divisor)
    }
  }
}

extension TallystickV1.Distribution {
  /// - Parameter divisor: what the histogram's values are divided by for the output, rounded up.
  init(_ histogram: Histogram, divisor: UInt64) {
    self.init()
    func told(_ value: UInt64) -> Int64 {
      Int64(clamping: value / divisor + (value % divisor == 0 ? 0 : 1))
    }
    count = Int64(clamping: histogram.count)
    sum = Int64(clamping: histogram.sum / divisor)
    p50 = told(histogram.quantile(thousandths: 500))
    p90 = told(histogram.quantile(thousandths: 900))
    p99 = told(histogram.quantile(thousandths: 990))
    p999 = told(histogram.quantile(thousandths: 999))
    max = told(histogram.maximum)
    for bucket in histogram.buckets {
      let end = told(bucket.end)
      if bucketEnds.last == end {
        bucketCounts[bucketCounts.count - 1] += Int64(clamping: bucket.count)
      } else {
        bucketEnds.append(end)
        bucketCounts.append(Int64(clamping: bucket.count))
      }
    }
  }
}

// MARK: as text

enum PrometheusText {
  static func text(_ families: [MetricFamily]) -> String {
    var text = ""
    for family in families {
      text += "# HELP \(family.name) \(escaped(family.help, quotes: false))\n"
      text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
      for sample in family.samples { append(sample, family.name, to: &text) }
    }
    return text
  }

  private static func append(_ sample: MetricFamily.Sample, _ name: String, to text: inout String) {
    switch sample.value {
    case .number(let number):
      text += "\(name)\(labels(sample.labels)) \(number)\n"
    case .histogram(let histogram, let unit):
      for bound in unit.bounds {
        let labels = labels(sample.labels + [("le", "\(bound)")])
        text += "\(name)_bucket\(labels) \(histogram.count(upTo: bound * unit.divisor))\n"
      }
      text += "\(name)_bucket\(labels(sample.labels + [("le", "+Inf")])) \(histogram.count)\n"
      text += "\(name)_sum\(labels(sample.labels)) \(histogram.sum / unit.divisor)\n"
      text += "\(name)_count\(labels(sample.labels)) \(histogram.count)\n"
    }
  }

  private static func labels(_ labels: [(name: String, value: String)]) -> String {
    if labels.isEmpty { return "" }
    let pairs = labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
    return "{\(pairs.joined(separator: ","))}"
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(character)
      }
    }
    return escaped
  }
}
