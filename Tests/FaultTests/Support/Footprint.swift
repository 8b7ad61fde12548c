// What a server takes of the machine, held to its bounds before, during and after what a test does to it.
//
// Owner: the test.

import Glibc
import TallyTestSupport
import Testing

struct Footprint {
  /// Threads that may start beside those of a server at rest: workers of Dispatch and of tasks, which go by
  /// cores, and the writer, the readers and whatever else has a queue of its own.
  static let spareThreadCount = 2 * sysconf(Int32(_SC_NPROCESSORS_ONLN)) + 8
  /// Files that may be open beside those of a server at rest: a reader's, a checkpoint's.
  static let spareDescriptorCount = 16

  let residentBytes: Int
  let threadCount: Int
  let descriptorCount: Int

  init(_ child: Child) {
    (residentBytes, threadCount) = (child.residentBytes, child.threadCount)
    descriptorCount = child.descriptorCount
  }

  /// Nothing but so much memory is taken beyond this, at any moment until now.
  func expectBounds(
    _ child: Child, memoryBytes: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let growth = child.highestResidentBytes - residentBytes
    #expect(growth < memoryBytes, "\(growth) bytes more", sourceLocation: sourceLocation)
    let threads = child.threadCount
    #expect(
      threads <= threadCount + Self.spareThreadCount, "\(threadCount) threads before, \(threads) now",
      sourceLocation: sourceLocation)
  }

  /// Once its peers have left, the server is as before.
  func expectReturn(
    _ child: Child, memoryBytes: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    expectBounds(child, memoryBytes: memoryBytes, sourceLocation: sourceLocation)
    try await eventually("all descriptors are given back", sourceLocation: sourceLocation) {
      child.descriptorCount <= descriptorCount + Self.spareDescriptorCount
    }
  }
}

extension Child {
  var threadCount: Int { Files.names(in: "/proc/\(pid)/task").count }
  var descriptorCount: Int { Files.names(in: "/proc/\(pid)/fd").count }

  /// Sockets that are open, the listener's and what the process was started with among them.
  var socketCount: Int {
    let folder = "/proc/\(pid)/fd"
    return Files.names(in: folder).count { Files.target(ofLink: "\(folder)/\($0)").hasPrefix("socket:") }
  }

  /// Processor time that its threads have used.
  var processorNanoseconds: Int {
    Files.names(in: "/proc/\(pid)/task").reduce(0) { sum, thread in
      let first = Files.text("/proc/\(pid)/task/\(thread)/schedstat").split(separator: " ").first
      return sum + (first.flatMap { Int($0) } ?? 0)
    }
  }
}
