import Overlay
import Recipes

/// A part of a build: it changes the overlay that the parts before it have made.
///
/// A step's result is kept in the cache under a key of all that decides about it: the base image, the steps before, and what
/// the step adds to the key. A step with a key that is in the cache does not run.
protocol BuildStep {
  /// The recipe's key that the step does: `packages`, `files`.
  var title: String { get }
  var place: Place { get }
  /// All places that the step's origins can name, in the order of its inputs: a step whose inputs are the same has as many.
  var places: [Place] { get }
  /// What of it, for the origin of entries that the step does not name: a command's first line. May be empty.
  var detail: String { get }

  /// Whether it runs programs in a workspace, for which root is needed.
  var needsWorkspace: Bool { get }

  /// Finds out what must be known before the step has a key, such as the versions of packages, and notes it in the lock.
  mutating func prepare(_ overlay: any OverlayState, _ build: BuildContext) throws(OverlayError)

  /// Adds all that decides about the result, besides the base image and the overlay before.
  func addInputs(to key: inout InputKey) throws(OverlayError)

  /// Makes the changed overlay, an archive at `result`. On failure nothing is at `result`.
  mutating func run(_ overlay: any OverlayState, _ build: BuildContext, to result: String) throws(OverlayError)

  /// Where the entries come from that the step has made or changed. An entry that is not named comes from the step as a
  /// whole.
  ///
  /// - Parameters:
  ///   - changed: sorted.
  ///   - archive: the step's result.
  func origins(of changed: [OverlayPath], in archive: String) throws(OverlayError) -> [OverlayPath: Origin]
}

extension BuildStep {
  var places: [Place] { [place] }

  var detail: String { "" }

  var needsWorkspace: Bool { false }

  mutating func prepare(_ overlay: any OverlayState, _ build: BuildContext) throws(OverlayError) {}

  func origins(of changed: [OverlayPath], in archive: String) throws(OverlayError) -> [OverlayPath: Origin] { [:] }
}

/// The overlay as the steps so far have made it.
protocol OverlayState {
  /// The path of the archive. When only the key was needed so far, the archive is taken from the cache or made now.
  func archive() throws(OverlayError) -> String
}
