import Foundation
import Testing

@testable import Overlay

/// An archive has no place for extended attributes: what they mean is refused by name, never lost without a word.
@Suite(.enabled(if: geteuid() == 0)) struct ExtendedAttributesTests {
  private let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    try run("cd '\(scratch.path)' && mkdir tree tree/d && echo x >tree/d/f")
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let command: String
    /// What the error says; `nil` when there is none.
    var error: String?
    /// What is said with --drop-xattrs; `nil` when that is an error too.
    var warning: String?

    var testDescription: String { command }
  }

  private static let cases = [
    Case(command: "setfattr -n trusted.overlay.opaque -v y d", error: "tree/d is an opaque directory"),
    Case(command: "setfattr -n user.overlay.opaque -v y d", error: "tree/d is an opaque directory"),
    Case(command: "setfattr -n trusted.overlay.opaque -v x d", error: "tree/d is an opaque directory"),
    Case(command: "setfattr -n trusted.overlay.opaque -v n d"),
    Case(command: "setfattr -n trusted.overlay.redirect -v /other d", error: #"overlayfs's attribute "redirect""#),
    Case(command: "setfattr -n trusted.overlay.metacopy d/f", error: #"overlayfs's attribute "metacopy""#),
    Case(command: "setfattr -n trusted.overlay.origin -v x d/f"),
    Case(command: "setfattr -n trusted.overlay.impure -v y d"),
    Case(
      command: "setfattr -n user.note -v y d/f", error: "the attribute user.note", warning: "the attribute user.note"),
    Case(command: "setfacl -m u:5:r d/f", error: "tree/d/f has an ACL", warning: "an ACL"),
    Case(command: "setfacl -d -m u:5:r d", error: "tree/d has an ACL", warning: "an ACL"),
    Case(command: "setcap cap_net_raw+ep d/f", error: "tree/d/f has file capabilities", warning: "file capabilities"),
    Case(command: "setfattr -n trusted.overlay.opaque -v y .", error: "tree is an opaque directory"),
  ]

  @Test(arguments: cases)
  func saysWhatCannotBeHeld(_ attribute: Case) throws {
    try run("cd '\(scratch("tree"))' && \(attribute.command)")
    let tree = try SourceTree(scratch("tree"))
    if let words = attribute.error {
      let error = #expect(throws: OverlayError.self) { try tree.members() }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    } else {
      #expect(try tree.members().count == 3)
    }
    var warnings: [String] = []
    if attribute.error != nil, attribute.warning == nil {
      #expect(throws: OverlayError.self) { try tree.members(dropsAttributes: true) }
    } else {
      #expect(try tree.members(dropsAttributes: true) { warnings.append($0) }.count == 3)
      #expect(warnings.count == (attribute.warning == nil ? 0 : 1))
      #expect(warnings.first?.contains(attribute.warning ?? "") ?? true)
    }
  }

  /// Paths that the archive holds but these system calls do not take.
  @Test func looksAtPathsOfAnyLength() throws {
    let name = String(repeating: "n", count: 250)
    try run(
      """
      cd '\(scratch("tree"))'
      for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do mkdir \(name); cd \(name); done
      echo x >last
      setfattr -n user.note -v y last
      """)
    let error = #expect(throws: OverlayError.self) { try SourceTree(scratch("tree")).members() }
    #expect(error?.description.contains("last has the attribute user.note") == true)
    try run("rm -r '\(scratch("tree"))'")
  }
}
