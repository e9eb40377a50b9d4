import JSONDocument

/// The server's template syntax, as much of it as its users write: `<%=name%>` and `<%- name %>`, blanks free, and
/// dots (`<%=api.files%>`).
enum TemplateText {
  struct Problem: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  /// - Throws: `Problem` for a variable that is not there, and for a tag that is not closed or not a name.
  static func render(_ template: String, _ variables: JSON) throws(Problem) -> String {
    var result = ""
    var rest = template[...]
    while let start = rest.firstRange(of: "<%") {
      result += rest[..<start.lowerBound]
      rest = rest[start.upperBound...]
      guard let end = rest.firstRange(of: "%>") else {
        throw Problem(description: "the template has a <% without its %>")
      }
      let tag = rest[..<end.lowerBound]
      rest = rest[end.upperBound...]
      guard let kind = tag.first, kind == "=" || kind == "-" else {
        throw Problem(description: "the template has <%\(tag)%>; the mock server knows <%=name%> only")
      }
      result += try value(of: String(tag.dropFirst().filter { !$0.isWhitespace }), variables)
    }
    return result + rest
  }

  private static func value(of name: String, _ variables: JSON) throws(Problem) -> String {
    var value: JSON? = variables
    for part in name.split(separator: ".", omittingEmptySubsequences: false) { value = value?[String(part)] }
    switch value {
    case nil:
      throw Problem(
        description: "the template names \(name), which is not defined: give it in the options of the workflow")
    case .string(let text): return text
    case .some(let other): return other.text
    }
  }
}
