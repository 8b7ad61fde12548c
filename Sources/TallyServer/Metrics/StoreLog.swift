// Log lines for events of the store.
//
// Invariants:
// 1. A line has no payload and no amount.

internal import Logging
internal import TallyCore

enum StoreLog {
  static func write(_ event: StoreEvent, to logger: Logger) {
    switch event {
    case .readOnly(let cause):
      logger.error("writes are refused", metadata: ["reason": "\(cause.rawValue)"])
    case .writable(let cause):
      logger.notice("writes are taken again", metadata: ["reason": "it is over that \(cause.rawValue)"])
    case .logHeld(let sinceMicros, let byteCount):
      logger.warning(
        "the log cannot start over, and grows: another program or a verification reads an old snapshot",
        metadata: ["since_micros": "\(sinceMicros)", "bytes": "\(byteCount)"])
    case .logReleased(let sinceMicros, let byteCount):
      logger.notice(
        "the log starts over again", metadata: ["since_micros": "\(sinceMicros)", "bytes": "\(byteCount)"])
    case .logLeft(let byteCount):
      logger.notice(
        "the log stays as it is: another program reads an old snapshot", metadata: ["bytes": "\(byteCount)"])
    case .notGranted(let cause, let userCount, let userId):
      write(cause, ["users": "\(userCount)", "one_of_them": "\(userId)"], to: logger)
    case .notSettled(let message, let userCount, let userId):
      logger.error(
        "what is due of users is left undone, since their records are damaged",
        metadata: ["users": "\(userCount)", "one_of_them": "\(userId)", "error": "\(message)"])
    case .filesLost(let error):
      logger.critical("the database's files are lost", metadata: ["error": "\(error)"])
    case .upgrading(let progress):
      write(progress, to: logger)
    }
  }

  private static func write(_ progress: UpgradeProgress, to logger: Logger) {
    let version: Logger.MetadataValue = "\(progress.version)"
    switch progress.work {
    case .copying(let rows, let total):
      logger.notice(
        "the database is being upgraded: rows are copied",
        metadata: ["schema": version, "rows": "\(rows)", "of": "\(total)"])
    case .indexing(let number, let count):
      logger.notice(
        "the database is being upgraded: an index is made",
        metadata: ["schema": version, "index": "\(number)", "of": "\(count)"])
    case .done:
      logger.notice("the database is upgraded", metadata: ["schema": version])
    }
  }

  private static func write(
    _ cause: GrantNotice.Cause, _ users: Logger.Metadata, to logger: Logger
  ) {
    func date(_ day: Int64) -> Logger.MetadataValue { "\(Civil(dayNumber: day).text(upTo: .day))" }
    var metadata = users
    switch cause {
    case .skipped(let planId, let days):
      metadata["plan"] = "\(planId)"
      metadata["from"] = date(days.lowerBound)
      metadata["to"] = date(days.upperBound)
      logger.warning("periods of subscriptions have passed and are not granted", metadata: metadata)
    case .overlaps(let planId, let startDay, let grantedStartDay):
      metadata["plan"] = "\(planId)"
      metadata["period"] = date(startDay)
      metadata["granted"] = date(grantedStartDay)
      logger.warning(
        "a period is not granted, since some of its dates were granted before", metadata: metadata)
    case .expired(let planId, let startDay):
      metadata["plan"] = "\(planId)"
      metadata["period"] = date(startDay)
      logger.warning(
        "a period is not granted, since its credit would have expired by now", metadata: metadata)
    case .failing(let planId, let message):
      metadata["plan"] = "\(planId)"
      metadata["error"] = "\(message)"
      logger.error("subscriptions cannot be granted, and are tried again in an hour", metadata: metadata)
    }
  }
}
