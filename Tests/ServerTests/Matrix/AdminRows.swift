// AdminService's rows of the matrices.

import TTRPC
import TallyMessages

@testable import TallyServer

enum AdminRows {
  static let all: [MethodRow] = [
    MethodRow(Admin.getServerInfo, .readonly, .administration) { _, _, _ in },
    MethodRow(Admin.listUsers, .admin, .administration) { _, _, _ in },
    MethodRow(Admin.getUserSettings, .admin, .administration) { $0.userId = $2 ?? $1.fresh("nobody") },
    MethodRow(Admin.putUserSettings, .admin, .administration) { request, rig, owner in
      var settings = TallystickV1.UserSettings()
      settings.userId = owner ?? rig.fresh("nobody")
      // The admin stays one.
      settings.role = owner == "boss" ? .admin : .user
      request.settings = settings
    },
    MethodRow(Admin.getMetrics, .admin, .administration) { _, _, _ in },
    MethodRow(Admin.getQueryStats, .admin, .administration) { _, _, _ in },
    MethodRow(Admin.getCacheStats, .admin, .administration) { _, _, _ in },
    MethodRow(Admin.setRateLimit, .admin, .administration) { request, rig, owner in
      var limit = TallystickV1.RateLimit()
      limit.subject = .userId(owner ?? rig.fresh("nobody"))
      limit.perSecond = 1_000_000
      request.rateLimit = limit
    },
    MethodRow(Admin.listRateLimits, .admin, .administration) { _, _, _ in },
    MethodRow(Admin.verify, .admin, .administration) { _, _, _ in },
  ]
}
