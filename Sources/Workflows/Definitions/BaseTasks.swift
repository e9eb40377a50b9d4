import JSONDocument

extension BaseTask {
  /// Every base task. A task can implement one whose job is not there; then a run of it is refused.
  static let all: [BaseTask] = [
    BaseTask(
      "Linux.Bootstrap", properties: ["os": ["linux": ["type": "microkernel"]]],
      requiredOptions: ["kernelFile", "initrdFile", "kernelUri", "initrdUri", "profile"]),
    BaseTask(
      "Linux.Commands", schema: Self.schema(required: ["commands"], ["commands": commands, "runOnlyOnce": boolean])),
    BaseTask(
      "Linux.Catalog", requiresMicrokernel: true,
      schema: Self.schema(required: ["commands"], ["commands": commands, "updateExistingCatalog": boolean])),
    BaseTask("ShellReboot", job: "Linux.ShellReboot", requiredOptions: ["rebootCode"]),
    BaseTask("Evaluate.Condition", schema: Self.schema(required: ["when"], ["when": string])),
    BaseTask("noop", schema: Self.schema(required: [], ["delay": ["type": "number", "minimum": 0]])),
    BaseTask("Trigger", requiredOptions: ["triggerMode", "triggerType", "triggerGroup"]),
    BaseTask("Graph.Run", requiredOptions: ["graphName", "graphOptions"]),
    BaseTask("Graph.RunSku", requiredOptions: ["nodeId"]),
    BaseTask(
      "Obm.Node",
      schema: Self.schema(
        required: ["action"],
        [
          "action": ["type": "string", "enum": .array(obmActions.map(JSON.string))], "obmService": string,
          "obmServiceName": string, "retries": ["type": "integer", "minimum": 0],
          "delay": ["type": "integer", "minimum": 0],
        ])),
    BaseTask("Obm.Ipmi.CreateSettings", requiredOptions: ["user", "password"]),
    BaseTask("Obm.CreateSettings", requiredOptions: ["service", "config"]),
    BaseTask("Wait.Completion.Uri", schema: Self.schema(required: ["completionUri"], ["completionUri": string])),
    BaseTask("Wait.Notification"),
    BaseTask(
      "Local.Catalog", schema: Self.schema(required: ["commands"], ["commands": ["type": "array", "items": string]])),
    BaseTask("Ipmi.Catalog", schema: ["type": "object"]),
    BaseTask("Ssh.Catalog", schema: ["type": "object"]),
    BaseTask("Ssh.Command", schema: ["type": "object"]),
    BaseTask("BootProfile", schema: ["type": "object"]),
    BaseTask("Os.Analyze.Repo", schema: ["type": "object"]),
    BaseTask("Catalog.GenerateEnclosure"),
    BaseTask("Catalog.GenerateSku"),
    BaseTask("Catalog.GenerateTag", requiredOptions: ["nodeIds"]),
    BaseTask(
      "Catalogs.ProvideValue", job: "Catalogs.ProvideData",
      schema: Self.schema(required: ["source", "path"], ["source": string, "path": string])),
    BaseTask("Get.Catalog.Values", schema: Self.schema(required: ["requestedData"], ["requestedData": requestedData])),
    BaseTask("Generate.Password", job: "BMC.Password"),
    BaseTask("Alert.Node.Discovered"),
    BaseTask(
      "Download.File",
      schema: Self.schema(
        required: ["uri", "file"], ["uri": ["type": "string", "minLength": 1], "file": string])),
    BaseTask(
      "Drive.SecureErase", requiresMicrokernel: true, requiredOptions: ["eraseSettings", "baseUri"]),
  ]

  static let obmActions = [
    "clearSEL", "identifyOn", "identifyOff", "identifyBlink", "mcResetCold", "NMI", "powerButton", "powerOn",
    "powerOff", "powerStatus", "reboot", "reset", "softReset", "setBootPxe", "forceBootPxe", "setBootDisk",
    "clearWatchDog",
  ]

  private static let string: JSON = ["type": "string"]
  private static let boolean: JSON = ["type": "boolean"]

  private static func schema(required: [JSON], _ properties: JSON) -> JSON {
    ["type": "object", "required": .array(required), "properties": properties]
  }

  private static let command: JSON = [
    "type": "object", "additionalProperties": false,
    "properties": [
      "command": string, "downloadUrl": string,
      "catalog": [
        "type": "object", "additionalProperties": false,
        "properties": ["source": string, "format": ["type": "string", "enum": ["json", "raw"]]],
      ],
      "acceptedResponseCodes": ["type": "array", "items": ["type": "integer"]],
      "retries": ["type": "integer", "minimum": 0], "timeout": ["type": "integer", "minimum": 0],
    ],
  ]

  private static let commands: JSON = [
    "anyOf": [string, command, ["type": "array", "minItems": 1, "items": ["anyOf": [string, command]]]]
  ]

  private static let requestedData: JSON = [
    "type": "array",
    "items": [
      "type": "object", "required": ["source", "keys"],
      "properties": ["source": string, "keys": ["type": "object", "additionalProperties": string]],
    ],
  ]
}
