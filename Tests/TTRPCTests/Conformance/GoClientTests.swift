// The stock ttrpc client for Go, from Debian's package, against this server.

import Dispatch
import Glibc
import Testing

@testable import TTRPC

@Suite("Stock Go client")
struct GoClientTests {
  /// Runs a shell command; its output and exit status.
  private func shell(_ command: String) async -> (output: String, status: Int32) {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        guard let pipe = unsafe popen(command + " 2>&1", "r") else {
          return continuation.resume(returning: ("popen failed", -1))
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
          let count = unsafe fread(&buffer, 1, buffer.count, pipe)
          if count == 0 { break }
          bytes.append(contentsOf: buffer[0..<count])
        }
        let status = unsafe pclose(pipe)
        continuation.resume(returning: (String(decoding: bytes, as: UTF8.self), status))
      }
    }
  }

  @Test("every unary case passes with ttrpc 1.1.1 for Go")
  func unary() async throws {
    let host = try TestServer()
    let tests = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let go = "GO111MODULE=off GOPATH=/usr/share/gocode go run main.go"
    // Neither go nor its library missing may pass for success.
    let (output, status) = await shell("cd /\(tests)/ConformanceTests/go && \(go) \(host.path)")
    #expect(status == 0, "\(output)")
    let passed = output.split(separator: "\n").filter { $0.hasPrefix("ok ") }
    #expect(passed.count == 9, "\(output)")
  }
}
