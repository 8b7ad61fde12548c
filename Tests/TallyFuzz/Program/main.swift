// The fuzzer: `TallyFuzz TARGET [libFuzzer's options and corpora...]`. scripts/fuzz builds and runs it.
//
// Invariants:
// 1. A broken property ends the process, as a crash of the product would; libFuzzer then keeps the input.

import Glibc

/// libFuzzer's own loop: it calls the function with one input after the other, and ends the process.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ argumentCount: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Set before the first input, and never again.
nonisolated(unsafe) private var chosen = FuzzTarget.frames

private func runOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe [UInt8](UnsafeBufferPointer(start: data, count: count))
  do { try unsafe chosen.run(bytes) } catch { fatalError("\(unsafe chosen): \(error)") }
  return 0
}

/// libFuzzer starts this program anew for a part of its work, with its own arguments alone.
private let inherited = unsafe getenv("TALLY_FUZZ_TARGET").map { unsafe String(cString: $0) }

guard let name = inherited ?? CommandLine.arguments.dropFirst().first, let target = FuzzTarget(rawValue: name)
else {
  print(FuzzTarget.allCases.map(\.rawValue).joined(separator: "\n"))
  exit(CommandLine.arguments.count > 1 ? 64 : 0)
}
unsafe chosen = target
unsafe setenv("TALLY_FUZZ_TARGET", name, 1)
// The target's name is not for libFuzzer, whose arguments begin with the program's.
private let skipped = inherited == nil ? 1 : 0
private var pointers = unsafe CommandLine.unsafeArgv + skipped
unsafe pointers[0] = CommandLine.unsafeArgv[0]
private var arguments = unsafe UnsafeMutableRawPointer(pointers).assumingMemoryBound(
  to: UnsafeMutablePointer<CChar>.self)
private var argumentCount = CommandLine.argc - CInt(skipped)
exit(
  unsafe withUnsafeMutablePointer(to: &arguments) { arguments in
    unsafe runDriver(
      &argumentCount,
      UnsafeMutableRawPointer(arguments).assumingMemoryBound(
        to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.self), runOne)
  })
