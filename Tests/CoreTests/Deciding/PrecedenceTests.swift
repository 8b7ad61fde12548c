// The order of checks of every command, as a text table: what stands in its way, from the first check to the
// last.
//
// A line names a command, then obstacles and what each is answered with. The command is decided with all
// obstacles in its way, then without the first, and so on until none is left: each time the first that is
// left is the answer. What an obstacle is stands in `PrecedenceCase`. Several lines of one command are there
// for obstacles that exclude each other. What is answered with `replay` is the command itself, carried out
// before anything stood in its way.
//
// Commands are decided straight on a read set over a store in memory, without a writer: once with keys looked
// for first, once with keys taken to be new, and once across a wire.

import Testing

@testable internal import TallyCore

@Suite("Precedence")
struct PrecedenceTests {
  private static let table = """
    consume      other-request=IDEMPOTENCY_MISMATCH nothing=INVALID_AMOUNT suspended=USER_SUSPENDED \
                 owing=PAYMENT_DUE no-own-cap=CAP_EXCEEDED \
                 too-much=INSUFFICIENT_CREDITS
    consume      suspended=USER_SUSPENDED no-cap=CAP_EXCEEDED too-much=INSUFFICIENT_CREDITS
    purchase     no-intent=TOP_UP_INTENT_NOT_FOUND other-request=IDEMPOTENCY_MISMATCH \
                 payment-of-another=PAYMENT_CONFLICT intent-closed=TOP_UP_INTENT_ENDED nothing=INVALID_AMOUNT
    purchase     other-request=IDEMPOTENCY_MISMATCH payment-of-another=PAYMENT_CONFLICT \
                 nothing=INVALID_AMOUNT expired=INVALID_FIELD full-of-lots=LOT_LIMIT greatest=AMOUNT_OVERFLOW
    grant-plan   no-plan=GRANT_NOT_FOUND other-request=IDEMPOTENCY_MISMATCH granted-otherwise=GRANT_CONFLICT \
                 expired=INVALID_FIELD
    grant-plan   other-request=IDEMPOTENCY_MISMATCH granted-around=GRANT_OVERLAPS expired=INVALID_FIELD
    grant-plan   expired=INVALID_FIELD full-of-lots=LOT_LIMIT greatest=AMOUNT_OVERFLOW
    promo        other-request=IDEMPOTENCY_MISMATCH nothing=INVALID_AMOUNT expired=INVALID_FIELD \
                 full-of-lots=LOT_LIMIT greatest=AMOUNT_OVERFLOW
    adjust       other-request=IDEMPOTENCY_MISMATCH nothing=INVALID_AMOUNT full-of-lots=LOT_LIMIT \
                 greatest=AMOUNT_OVERFLOW
    take         other-request=IDEMPOTENCY_MISMATCH least=AMOUNT_OVERFLOW too-much=INSUFFICIENT_CREDITS
    reserve      other-request=IDEMPOTENCY_MISMATCH nothing=INVALID_AMOUNT no-time=INVALID_FIELD \
                 suspended=USER_SUSPENDED owing=PAYMENT_DUE full-of-holds=HOLD_LIMIT \
                 endless=AMOUNT_OVERFLOW no-own-cap=CAP_EXCEEDED too-much=INSUFFICIENT_CREDITS
    extend       no-hold=HOLD_NOT_FOUND other-request=IDEMPOTENCY_MISMATCH no-time=INVALID_FIELD \
                 settled=HOLD_SETTLED endless=AMOUNT_OVERFLOW
    extend       hold-of-another=HOLD_NOT_FOUND late=HOLD_EXPIRED
    capture      no-hold=HOLD_NOT_FOUND other-request=IDEMPOTENCY_MISMATCH nothing=INVALID_AMOUNT \
                 settled=HOLD_SETTLED too-much=CAPTURE_EXCEEDS_HOLD
    capture      hold-of-another=HOLD_NOT_FOUND late=HOLD_EXPIRED too-much=CAPTURE_EXCEEDS_HOLD
    release      no-hold=HOLD_NOT_FOUND other-request=IDEMPOTENCY_MISMATCH settled=HOLD_SETTLED
    release      hold-of-another=HOLD_NOT_FOUND late=HOLD_EXPIRED
    refund       no-transaction=TRANSACTION_NOT_FOUND other-request=IDEMPOTENCY_MISMATCH \
                 nothing=INVALID_AMOUNT purchase-row=TRANSACTION_NOT_REFUNDABLE
    refund       row-of-another=TRANSACTION_NOT_FOUND other-request=IDEMPOTENCY_MISMATCH \
                 nothing=INVALID_AMOUNT too-much=REFUND_EXCEEDS full-of-lots=LOT_LIMIT
    reverse      no-payment=PAYMENT_NOT_FOUND other-request=IDEMPOTENCY_MISMATCH event-used=EVENT_CONFLICT \
                 nothing=INVALID_AMOUNT too-much=REVERSAL_EXCEEDS more-than-free=REVERSAL_SHORT
    reverse      row-of-another=PAYMENT_NOT_FOUND more-than-free=REVERSAL_SHORT
    reinstate    no-payment=PAYMENT_NOT_FOUND other-request=IDEMPOTENCY_MISMATCH event-used=EVENT_CONFLICT \
                 nothing=INVALID_AMOUNT too-much=REVERSAL_EXCEEDS
    reinstate    row-of-another=PAYMENT_NOT_FOUND too-much=REVERSAL_EXCEEDS
    void         no-transaction=TRANSACTION_NOT_FOUND other-request=IDEMPOTENCY_MISMATCH \
                 nothing=INVALID_AMOUNT too-much=VOID_SHORT
    void         row-of-another=TRANSACTION_NOT_FOUND purchase-row=GRANT_NOT_FOUND \
                 other-request=IDEMPOTENCY_MISMATCH too-much=VOID_SHORT
    forgive      other-request=IDEMPOTENCY_MISMATCH too-much=INVALID_AMOUNT
    begin        second-of-none=RUN_CONFLICT least=INVALID_AMOUNT suspended=USER_SUSPENDED \
                 no-quota=QUOTA_EXCEEDED
    begin        run-of-another=RUN_CONFLICT least=INVALID_AMOUNT no-time=INVALID_FIELD \
                 suspended=USER_SUSPENDED owing=PAYMENT_DUE full-of-holds=HOLD_LIMIT \
                 endless=AMOUNT_OVERFLOW no-quota=QUOTA_EXCEEDED \
                 no-own-cap=CAP_EXCEEDED too-much=INSUFFICIENT_CREDITS
    finish       no-run=RUN_NOT_FOUND ended-otherwise=RUN_CONFLICT no-price=INVALID_FIELD
    finish       run-of-somebody=RUN_NOT_FOUND no-price=INVALID_FIELD
    record       run-of-another=RUN_CONFLICT too-old=EVENT_TOO_OLD no-price=INVALID_FIELD
    record       run-of-another=RUN_CONFLICT too-new=EVENT_IN_FUTURE greatest-total=AMOUNT_OVERFLOW
    create-page  no-media=MEDIA_NOT_FOUND page-id-used=IDEMPOTENCY_MISMATCH slug-taken=SLUG_TAKEN \
                 small-reply=INVALID_FIELD no-page-quota=QUOTA_EXCEEDED
    schedule     deleted=PAGE_NOT_FOUND no-version=VERSION_NOT_FOUND small-reply=INVALID_FIELD
    cancel-schedule deleted=PAGE_NOT_FOUND small-reply=INVALID_FIELD
    set-slug     deleted=PAGE_NOT_FOUND slug-taken=SLUG_TAKEN small-reply=INVALID_FIELD
    set-slug     page-of-another=PAGE_NOT_FOUND slug-taken=SLUG_TAKEN
    save         no-page=PAGE_NOT_FOUND no-media=MEDIA_NOT_FOUND stale=VERSION_CONFLICT
    save         page-of-another=PAGE_NOT_FOUND no-media=MEDIA_NOT_FOUND small-reply=INVALID_FIELD
    patch        no-page=PAGE_NOT_FOUND no-media=MEDIA_NOT_FOUND ahead=VERSION_CONFLICT
    patch        deleted=PAGE_NOT_FOUND section-twice=DUPLICATE_SECTION
    restore      no-page=PAGE_NOT_FOUND no-version=VERSION_NOT_FOUND stale=VERSION_CONFLICT
    duplicate    no-page=PAGE_NOT_FOUND page-id-used=IDEMPOTENCY_MISMATCH small-reply=INVALID_FIELD \
                 no-page-quota=QUOTA_EXCEEDED
    publish      deleted=PAGE_NOT_FOUND no-version=VERSION_NOT_FOUND small-reply=INVALID_FIELD
    unpublish    deleted=PAGE_NOT_FOUND
    delete       no-page=PAGE_NOT_FOUND small-reply=INVALID_FIELD
    undelete     page-of-another=PAGE_NOT_FOUND small-reply=INVALID_FIELD no-page-quota=QUOTA_EXCEEDED
    purge        live=PAGE_NOT_FOUND
    create-media media-id-used=IDEMPOTENCY_MISMATCH no-upload-quota=QUOTA_EXCEEDED
    delete-media no-media=MEDIA_NOT_FOUND in-use=MEDIA_IN_USE
    delete-media media-of-another=MEDIA_NOT_FOUND
    put-settings no-plan=GRANT_NOT_FOUND
    put-prices   no-plan=GRANT_NOT_FOUND of-the-past=INVALID_FIELD

    consume      done-before=replay nothing=INVALID_AMOUNT
    consume      done-before=replay no-own-cap=CAP_EXCEEDED
    begin        done-before=replay no-own-cap=CAP_EXCEEDED
    purchase     done-before=replay payment-of-another=PAYMENT_CONFLICT expired=INVALID_FIELD
    purchase     no-intent=TOP_UP_INTENT_NOT_FOUND done-before=replay intent-closed=TOP_UP_INTENT_ENDED
    fail-intent  no-intent=TOP_UP_INTENT_NOT_FOUND intent-closed=TOP_UP_INTENT_ENDED \
                 not-leased=TOP_UP_INTENT_NOT_LEASED
    purchase     other-request=IDEMPOTENCY_MISMATCH done-under-another-key=replay expired=INVALID_FIELD
    grant-plan   no-plan=GRANT_NOT_FOUND done-before=replay expired=INVALID_FIELD
    grant-plan   other-request=IDEMPOTENCY_MISMATCH done-under-another-key=replay expired=INVALID_FIELD
    reserve      done-before=replay no-time=INVALID_FIELD too-much=INSUFFICIENT_CREDITS
    capture      no-hold=HOLD_NOT_FOUND done-before=replay nothing=INVALID_AMOUNT
    release      hold-of-another=HOLD_NOT_FOUND done-before=replay
    refund       no-transaction=TRANSACTION_NOT_FOUND done-before=replay too-much=REFUND_EXCEEDS
    reverse      no-payment=PAYMENT_NOT_FOUND done-before=replay event-used=EVENT_CONFLICT
    reverse      other-request=IDEMPOTENCY_MISMATCH done-under-another-key=replay
    reinstate    no-payment=PAYMENT_NOT_FOUND done-before=replay event-used=EVENT_CONFLICT
    void         no-transaction=TRANSACTION_NOT_FOUND done-before=replay too-much=VOID_SHORT
    forgive      done-before=replay too-much=INVALID_AMOUNT
    begin        done-before=replay no-time=INVALID_FIELD no-quota=QUOTA_EXCEEDED
    finish       no-run=RUN_NOT_FOUND done-before=replay no-price=INVALID_FIELD
    record       done-before=replay too-old=EVENT_TOO_OLD
    create-page  done-before=replay small-reply=INVALID_FIELD no-page-quota=QUOTA_EXCEEDED
    save         no-page=PAGE_NOT_FOUND done-before=replay small-reply=INVALID_FIELD
    put-prices   no-plan=GRANT_NOT_FOUND done-before=replay
    duplicate    no-page=PAGE_NOT_FOUND done-before=replay no-page-quota=QUOTA_EXCEEDED
    create-media done-before=replay no-upload-quota=QUOTA_EXCEEDED
    """

  struct Line: Sendable, CustomTestStringConvertible {
    var command: String
    var obstacles: [(name: String, reason: String)]
    var testDescription: String { "\(command): \(obstacles.map(\.name).joined(separator: ", "))" }
  }

  static let lines: [Line] = table.split(separator: "\n").map { text in
    let words = text.split(separator: " ").map(String.init)
    return Line(
      command: words[0],
      obstacles: words.dropFirst().map { word in
        let halves = word.split(separator: "=").map(String.init)
        return (halves[0], halves.last ?? "")
      })
  }

  @Test("the first obstacle is the answer, and without obstacles a command is carried out", arguments: lines)
  func order(_ line: Line) throws {
    for left in 0...line.obstacles.count {
      let obstacles = line.obstacles[left...]
      for mode in Deciding.Mode.allCases {
        var subject = try PrecedenceCase(line.command, mode)
        for obstacle in obstacles where obstacle.reason == "replay" {
          try subject.carryOutBefore(underAnotherKey: obstacle.name == "done-under-another-key")
        }
        // The first has the last word.
        for obstacle in obstacles.reversed() where obstacle.reason != "replay" {
          try subject.put(obstacle.name)
        }
        let answer = try subject.answer()
        #expect(
          answer == obstacles.first?.reason ?? "ok", "\(line.command), \(mode): \(obstacles.map(\.name))")
      }
    }
  }

  @Test("every command has its line in the table")
  func complete() {
    #expect(Set(Self.lines.map(\.command)) == Set(PrecedenceCase.Verb.allCases.map(\.rawValue)))
  }
}
