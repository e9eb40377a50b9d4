/// The tasks of a graph as a text tree. A task stands below the first task that it waits for.
struct GraphTree {
  private let plan: GraphPlan
  private let isFlat: Bool
  /// What each task does, by label, a line each.
  var lines: [String: [String]] = [:]

  /// - Parameter isFlat: all tasks stand below each other, since they wait for each other in a circle.
  init(_ plan: GraphPlan, isFlat: Bool) { (self.plan, self.isFlat) = (plan, isFlat) }

  /// Ends with a line break.
  var text: String {
    var children: [String: [GraphPlan.Task]] = [:]
    var roots: [GraphPlan.Task] = []
    let labels = Set(plan.tasks.map(\.label))
    for task in plan.tasks {
      if !isFlat, let parent = task.resolved.item.waitOn.entries.first(where: { labels.contains($0.label) }) {
        children[parent.label, default: []].append(task)
      } else {
        roots.append(task)
      }
    }
    var output = PrintableText.escaped("\(plan.definition.injectableName)  \(plan.definition.friendlyName)") + "\n"
    // Without recursion, since a graph may be as deep as it has tasks.
    var open = roots.reversed().map { (task: $0, indent: "", isLast: $0.label == roots.last?.label) }
    var printed: Set<String> = []
    while let (task, indent, isLast) = open.popLast() {
      guard printed.insert(task.label).inserted else { continue }
      output += indent + (isLast ? "└ " : "├ ") + PrintableText.escaped(heading(of: task)) + "\n"
      let below = indent + (isLast ? "  " : "│ ")
      let inner = children[task.label] ?? []
      for line in lines[task.label] ?? [] {
        output += below + (inner.isEmpty ? "    " : "│   ") + PrintableText.escaped(line) + "\n"
      }
      open += inner.reversed().map { ($0, below, $0.label == inner.last?.label) }
    }
    return output
  }

  private func heading(of task: GraphPlan.Task) -> String {
    var text = "\(task.label)  \(task.resolved.definition.injectableName)"
    let waits = task.resolved.item.waitOn.text
    if !waits.isEmpty { text += ", after \(waits)" }
    if task.resolved.item.ignoreFailure { text += " (its failure is ignored)" }
    return text
  }
}
