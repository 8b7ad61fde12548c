// What the replies of calls that moved credit have in common.

internal import TallyMessages

/// A reply of a call that moved money.
protocol MoneyReply: Message {
  var transaction: TallystickV1.Transaction? { get }
  var balance: TallystickV1.Balance? { get }
  var replayed: Bool { get }
}

extension TallystickV1.ConsumeResponse: MoneyReply {}
extension TallystickV1.AddPurchaseResponse: MoneyReply {}
extension TallystickV1.GrantPlanResponse: MoneyReply {}
extension TallystickV1.GrantPromoResponse: MoneyReply {}
extension TallystickV1.AdjustResponse: MoneyReply {}
extension TallystickV1.ReserveResponse: MoneyReply {}
extension TallystickV1.ExtendResponse: MoneyReply {}
extension TallystickV1.CaptureResponse: MoneyReply {}
extension TallystickV1.ReleaseResponse: MoneyReply {}
