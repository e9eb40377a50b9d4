import JSONDocument
import TestSupport

/// A graph of random shape, as the definition that the engine gets and as plain values for the model.
struct RandomGraph {
  struct Step {
    var label: String
    /// Label → the states that count, as words.
    var all: [String: [String]] = [:]
    var anyOf: [String: [String]] = [:]
    var ignoresFailure = false
    /// In milliseconds.
    var duration = 0
    /// In milliseconds; 0 for none.
    var limit = 0
    var ends = "succeeded"
  }

  var steps: [Step] = []
  /// When the graph is cancelled, in milliseconds; `nil` for never.
  var cancelledAt: Int?

  private static let words = [
    "succeeded", "failed", "timeout", "cancelled", "finished", "succeeded", "finished", "succeded",
  ]

  init(seed: Int) {
    var random = SeededGenerator(seed: seed)
    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    let count = Int.random(in: 1...12, using: &random)
    // Definitions do not list tasks in the order in which they run.
    let order = Array(0..<count).shuffled(using: &random)
    for place in 0..<count {
      var step = Step(label: "t\(order[place])")
      step.ignoresFailure = chance(25)
      step.duration = chance(15) ? 0 : Int.random(in: 1...1_000_000_000, using: &random)
      step.limit = chance(20) ? Int.random(in: 1...1_000_000_000, using: &random) : 0
      step.ends =
        chance(65) ? "succeeded" : ["failed", "failed", "cancelled", "timeout"].randomElement(using: &random) ?? ""
      if place > 0 {
        for other in 0..<place where Int.random(in: 0..<place, using: &random) < 2 {
          let kind = Int.random(in: 0..<100, using: &random)
          let word = Self.words.randomElement(using: &random) ?? ""
          let label = steps[other].label
          if kind < 25 {
            step.anyOf[label] = [word == "finished" ? "failed" : word]
          } else if kind < 45 {
            step.all[label] = [word, Self.words.randomElement(using: &random) ?? ""]
          } else {
            step.all[label] = [word]
          }
        }
      }
      steps.append(step)
    }
    steps.shuffle(using: &random)
    if chance(15) { cancelledAt = Int.random(in: 0...2_000_000_000, using: &random) }
  }

  var definition: JSON {
    .graph(
      steps.map { step in
        var item = JSONObject()
        item["label"] = .string(step.label)
        var waitOn = JSONObject()
        for (label, words) in step.all.sorted(by: { $0.key < $1.key }) {
          waitOn[label] = words.count == 1 ? .string(words[0]) : .array(words.map(JSON.string))
        }
        var anyOf = JSONObject()
        for (label, words) in step.anyOf.sorted(by: { $0.key < $1.key }) { anyOf[label] = .string(words[0]) }
        if !anyOf.members.isEmpty { waitOn["anyOf"] = .object(anyOf) }
        if !waitOn.members.isEmpty { item["waitOn"] = .object(waitOn) }
        item["ignoreFailure"] = .bool(step.ignoresFailure)
        let options: JSON = [
          "duration": .integer(step.duration), "_taskTimeout": .integer(step.limit), "ends": .string(step.ends),
        ]
        item["taskDefinition"] = .task("Task.\(step.label)", base: "noop", options: options)
        return .object(item)
      })
  }
}
