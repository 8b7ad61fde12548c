// A status as the argument parser's.

internal import ArgumentParser

extension ExitStatus {
  var code: ExitCode { ExitCode(rawValue) }
}
