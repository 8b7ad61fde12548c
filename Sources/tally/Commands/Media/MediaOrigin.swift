// Where an image comes from, as people write it.

internal import ArgumentParser
internal import TallyMessages

enum MediaOrigin: String, CaseIterable, ExpressibleByArgument {
  case upload
  case generated

  var source: TallystickV1.MediaSource { self == .upload ? .upload : .generated }
}
