import Overlay
import Recipes

/// `from`: lays an overlay archive over what is there.
struct MergeStep: BuildStep {
  let title = "from"
  let place: Place
  private let archive: String
  private let name: String
  private var digest = ""

  /// - Parameter name: the archive's path as the recipe has it.
  init(_ archive: String, name: String, _ place: Place) {
    (self.archive, self.name, self.place) = (archive, name, place)
  }

  mutating func prepare(_ overlay: any OverlayState, _ build: BuildContext) throws(OverlayError) {
    digest = try FileDigest.sha256(of: archive)
    try build.lock(Lock.File(name: name, sha256: digest), place)
  }

  func addInputs(to key: inout InputKey) throws(OverlayError) { key.add("archive", digest) }

  func run(_ overlay: any OverlayState, _ build: BuildContext, to result: String) throws(OverlayError) {
    var merger = Merger()
    merger.limits = build.limits
    merger.base = try build.baseImage()
    let plan = try merger.plan([try overlay.archive(), archive])
    for conflict in plan.conflicts { build.say("\(place): warning: \(conflict)") }
    guard !plan.lists.isEmpty else {
      merger.writer = LayerCache.writer
      try merger.writeAsIs(plan, to: result)
      return
    }
    let merged = build.scratch + "/merged.cpio"
    merger.writer = ArchiveWriter(compression: .none)
    try merger.writeAsIs(plan, to: merged)
    let script = BuildContext.Script(
      text: try plan.lists.script(), name: "the merge of \(name.printable)", place: place)
    try build.run(script, in: merged, to: result)
  }
}
