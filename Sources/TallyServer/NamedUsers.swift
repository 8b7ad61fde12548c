// Which requests name a user, for those who count calls.
//
// Invariants:
// 1. Every request of CreditService, UsageService and PageService with a field `user_id`, or with several of
//    them, is here; a test looks each up in the descriptors.
//
// Values, owned by nobody.

internal import TallyMessages

extension TallystickV1.GetBalanceRequest: NamesUserById {}
extension TallystickV1.CheckBalanceRequest: NamesUserById {}
extension TallystickV1.ConsumeRequest: NamesUserById {}
extension TallystickV1.AddPurchaseRequest: NamesUserById {}
extension TallystickV1.GrantPlanRequest: NamesUserById {}
extension TallystickV1.GrantPromoRequest: NamesUserById {}
extension TallystickV1.AdjustRequest: NamesUserById {}
extension TallystickV1.ReserveRequest: NamesUserById {}
extension TallystickV1.ListHoldsRequest: NamesUserById {}
extension TallystickV1.ListTransactionsRequest: NamesUserById {}
extension TallystickV1.BeginRunRequest: NamesUserById {}
extension TallystickV1.RecordRunRequest: NamesUserById {}
extension TallystickV1.ListRunsRequest: NamesUserById {}
extension TallystickV1.GetUsageRequest: NamesUserById {}
extension TallystickV1.GetStatsRequest: NamesUserById {}
extension TallystickV1.CheckQuotaRequest: NamesUserById {}
extension TallystickV1.CreatePageRequest: NamesUserById {}
extension TallystickV1.ListPagesRequest: NamesUserById {}
extension TallystickV1.CreateMediaRequest: NamesUserById {}
extension TallystickV1.ListMediaRequest: NamesUserById {}

extension TallystickV1.BatchGetBalancesRequest: NamesUser {
  var namedUserId: String? { sharedUserId(userIds) }
}
extension TallystickV1.BatchGetUsageRequest: NamesUser {
  var namedUserId: String? { sharedUserId(userIds) }
}
extension TallystickV1.BatchConsumeRequest: NamesUser {
  var namedUserId: String? { sharedUserId(items.lazy.map(\.userId)) }
}
extension TallystickV1.BatchGrantPlanRequest: NamesUser {
  var namedUserId: String? { sharedUserId(items.lazy.map(\.userId)) }
}
extension TallystickV1.RecordRunsRequest: NamesUser {
  var namedUserId: String? { sharedUserId(runs.lazy.map(\.userId)) }
}
