// What a commit has made untrue of what was read before it.

/// What a commit has made untrue.
public struct Touched: Sendable {
  /// Ids of users whose settings changed.
  var settings: Set<ExactText> = []
  /// Ids of plans that changed.
  var plans: Set<ExactText> = []
  /// Ids of pages whose content or whose media changed.
  public internal(set) var pages: Set<ExactText> = []
  /// Media of more pages than are named one by one changed: all pages are touched.
  public internal(set) var allPages = false
  /// Ids of users whose runs changed; the empty one stands for all users together.
  public internal(set) var stats: Set<ExactText> = []
}
