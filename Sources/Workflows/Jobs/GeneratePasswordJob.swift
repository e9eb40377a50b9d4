import JSONDocument

/// `Job.BMC.Password`: puts a user and a password into the context: those of the options, those that are there, or new
/// ones.
struct GeneratePasswordJob: Job {
  private let user: JSON
  private let password: JSON?

  init(_ setting: JobSetting) {
    func given(_ name: String) -> JSON? {
      [setting.options[name], setting.context[name]].compactMap(\.self).first(where: \.isTruthy)
    }
    user = setting.options["user"]?.ifTruthy ?? "__rackhd__"
    password = given("password")
  }

  var plan: [String] { ["puts a user and a password into the context"] }

  mutating func start(at now: Int) -> [JobAction] {
    password.map { [finish($0)] } ?? [.perform(.makeRandomText(digits: 8))]
  }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    switch event {
    case .performed(.done(let text)): [finish(text)]
    case .performed(.failed(let reason)): [.finish(.failed(reason))]
    default: []
    }
  }

  private func finish(_ password: JSON) -> JobAction {
    var changes = JSONObject()
    changes["user"] = user
    changes["password"] = password
    return .finish(.succeeded(context: changes))
  }
}
