// How log lines are written: for people, or as JSON.

enum LogFormat: String, CaseIterable {
  case human
  case json
}
