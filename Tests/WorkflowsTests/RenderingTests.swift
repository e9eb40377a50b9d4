import JSONDocument
import Testing

@testable import Workflows

@Suite struct RenderingTests {
  private static let options: JSON = [
    "a": "A", "n": 5, "zero": 0, "no": false, "empty": "", "nothing": nil, "yes": true, "s": "text",
    "b": "{{ options.a }}",
    "nested": "{{ options.n }}", "list": [["x": "X"], ["x": "Y"]], "object": ["k": 1], "html": "<a & \"b\">",
    "self": "{{ options.self }}", "t": "one {{ options.b }}", "late": "{{ context.later }}",
  ]

  static func render(_ template: String, defers: Bool = false, context: JSON = ["target": "n1", "x": 7]) throws -> JSON
  {
    let values = RenderScope.test.values(
      context: context.object, options: options.object, task: (["name": "Task.x"] as JSON).object)
    var budget = RenderBudget()
    return try OptionRenderer(values: values, defersContext: defers).render(.string(template), budget: &budget)
  }

  @Test(
    arguments: [
      ("plain", "plain"), ("{{ options.a }}", "A"), ("<{{options.a}}>", "<A>"), ("{{ hello }}", "hello"),
      ("{{ options.missing || options.a }}", "A"), ("{{ options.missing || some words }}", "some words"),
      ("{{options.zero|options.no|options.empty|options.nothing|last}}", "last"), ("{{ options.list[1].x }}", "Y"),
      ("{{ options.list.0.x }}", "X"), ("{{ options.t }}!", "one A!"), ("{{ options.html }}", "<a & \"b\">"),
      ("{{ api.files }}/x", "http://10.1.1.1:9080/api/current/files/x"), ("{{ file.server }}", "http://10.1.1.1:9080"),
      ("{{ task.name }} {{ context.target }}", "Task.x n1"),
      // The type is that of the last tag alone.
      ("{{options.n}}", 5), ("{{options.n}}:{{options.s}}", "5:text"), ("sleep {{options.n}}", "sleep "),
      ("{{options.s}}:{{options.n}}", "text"), ("{{ options.yes }}", true), ("{{ options.object }}", ["k": 1]),
      ("{{ options.n || options.s }}", "5"), ("{{ options.nested }}", "5"), ("{{ server.apiServerPort }}", 9080),
      ("{{ options.object }} {{ options.s }}", "[object Object] text"), ("{{ open", "{{ open"),
    ] as [(String, JSON)])
  func `a simple template`(template: String, result: JSON) throws {
    #expect(try Self.render(template) == result)
  }

  @Test(
    arguments: [
      ("{{ options.missing }}", "Value does not exist for options.missing"),
      ("{{ options.zero }}", "Value does not exist for options.zero"),
      ("{{options.no}}", "Value does not exist for options.no"),
      ("{{ options.missing || options.empty }}", "Value does not exist for options.missing || options.empty"),
      ("{{ options.self }}", "Exceeded max depth rendering string: options.self"),
      ("{{ context.later }}", "Value does not exist for context.later"),
      ("{{#options.a}}x", "the template does not close the section options.a"),
      ("x{{/a}}", "the template closes the section a, which is not open"),
      ("{{=<% %>=}}", "the template has {{=<% %>=}}; this server does not have tags of this kind"),
    ])
  func `a template that cannot be rendered`(template: String, message: String) {
    #expect(throws: WorkflowError(message, option: "")) { try Self.render(template) }
  }

  @Test(
    arguments: [
      ("{{ context.x }}", "{{ context.x }}"),
      ("a {{ context.later || options.a }}", "a {{ context.later || options.a }}"),
      ("{{ options.missing || context.x }}", "{{ options.missing || context.x }}"),
      ("{{ options.a || context.x }}", "A"), ("{{ options.late }}/{{options.a}}", "{{ context.later }}/A"),
    ])
  func `a tag that names the context stays until the task starts`(template: String, result: String) throws {
    let kept = try Self.render(template, defers: true, context: [:])
    #expect(kept == .string(result))
  }

  @Test(
    arguments: [
      ("{{ options.html }}\n", "&lt;a &amp; &quot;b&quot;&gt;\n"), ("{{{ options.html }}}", "<a & \"b\">"),
      ("{{& options.html }}", "<a & \"b\">"), ("{{! note }}x", "x"), ("{{> part }}x", "x"),
      ("{{# options.list }}({{ x }}){{/ options.list }}", "(X)(Y)"), ("{{^options.no}}n{{/options.no}}", "n"),
      ("{{#options.empty}}n{{/options.empty}}", ""), ("{{#options.object}}{{k}}{{options.a}}{{/options.object}}", "1A"),
      ("a\n{{#options.yes}}\nb\n{{/options.yes}}\nc", "a\nb\nc"), ("{{ options.missing }}\n", "\n"),
      ("{{ options.missing || options.a }}\n", "\n"), ("{{ options.b }}\n", "{{ options.a }}\n"),
      ("{{ context.later }}\n", "\n"),
      ("{{#options.list}}{{#x}}{{.}}{{/x}}{{/options.list}}", "[object Object][object Object]"),
    ])
  func `a template with sections or line breaks is Mustache`(template: String, result: String) throws {
    #expect(try Self.render(template, defers: true) == .string(result))
  }

  @Test func `templates that expand without end are refused soon`() {
    var options = JSONObject()
    for level in 0..<49 {
      let next = "{{ options.l\(level + 1) }}"
      options["l\(level)"] = .string(next + next)
    }
    options["l49"] = "x"
    let values = RenderScope.test.values(context: JSONObject(), options: options, task: JSONObject())
    var budget = RenderBudget()
    let message = "the templates in the options expand to more than this server takes"
    #expect(throws: WorkflowError(message, option: "l0")) {
      try OptionRenderer(values: values, defersContext: false).render(.object(options), budget: &budget)
    }
    let list = JSON.array((0..<2000).map(JSON.integer))
    let inner = (0..<4).reduce("{{.}}") { text, _ in "{{#l}}\(text){{/l}}" }
    #expect(throws: WorkflowError(message, option: "")) {
      try OptionRenderer(values: ["l": list], defersContext: false).render(.string(inner), budget: &budget)
    }
  }
}
