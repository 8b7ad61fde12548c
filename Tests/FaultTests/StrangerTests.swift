// A peer of another uid: the socket's mode may let it in, the allow-list does not.

import Glibc
import TallyMessages
import Testing

extension FaultTests {
  @Suite("Strangers", .enabled(if: geteuid() == 0, "becoming another user needs root"))
  struct StrangerTests {
    static let strangerUid = 65_534

    /// Connects as another user in root's group, sends a frame and prints the payload of the answer in hex.
    /// Perl, since it is on every Debian machine and may run as anybody.
    private static let script = """
      use Socket;
      $> = \(strangerUid);
      socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
      connect($s, sockaddr_un($ARGV[0])) or die;
      my $frame = pack("H*", $ARGV[1]);
      syswrite($s, $frame) == length($frame) or die;
      sub take {
        my ($count, $bytes) = (shift, "");
        while (length($bytes) < $count) {
          sysread($s, $bytes, $count - length($bytes), length($bytes)) or die;
        }
        return $bytes;
      }
      print unpack("H*", take(unpack("N", take(10))));
      """

    private static func call(_ daemon: Daemon) async throws -> String? {
      let frame = Intruder.call(1, TallystickV1.AdminService.getServerInfo, [])
      let hex = frame.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      let perl = try Child(
        ["perl", "-e", script, daemon.workplace.socket, hex], log: daemon.workplace.log)
      let digits = Array(perl.outputText())
      try #require(perl.end(0) == 0, "\(Files.text(daemon.workplace.log).suffix(500))")
      let payload = stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(String(digits[$0...($0 + 1)]), radix: 16) ?? 0
      }
      return try Intruder.reason(payload)
    }

    @Test("a peer whose uid is not on the list is refused, and served once it is")
    func uid() async throws {
      let workplace = try Workplace()
      workplace.openSocketDirectory()
      var daemon = try await Daemon.start(workplace)
      #expect(try await Self.call(daemon) == "PEER_NOT_ALLOWED")
      try await daemon.stop()
      daemon = try await Daemon.start(
        workplace, DaemonOptions(flags: ["--allow-uid", "\(Self.strangerUid):readonly"]))
      #expect(try await Self.call(daemon) == nil)
      try await daemon.stop()
    }
  }
}
