/// The jobs that a server has, by name.
public struct JobKinds: Sendable {
  private let kinds: [String: any Job.Type]

  /// - Parameter kinds: the job of each name, `Job.noop`.
  public init(_ kinds: [String: any Job.Type]) { self.kinds = kinds }

  public func kind(_ name: String) -> (any Job.Type)? { kinds[name] }
}

extension JobKinds {
  /// The jobs that are here.
  public static let stock = JobKinds([
    "Job.Alert.Node.Discovered": NodeDiscoveredJob.self,
    "Job.BMC.Password": GeneratePasswordJob.self,
    "Job.Catalog.GenerateSku": GenerateSKUJob.self,
    "Job.Catalog.GenerateTag": GenerateTagJob.self,
    "Job.Catalogs.ProvideData": ProvideCatalogValueJob.self,
    "Job.Download.File": DownloadJob.self,
    "Job.Drive.SecureErase": SecureEraseJob.self,
    "Job.Evaluate.Condition": EvaluateConditionJob.self,
    "Job.Get.Catalog.Values": CatalogValuesJob.self,
    "Job.Graph.Run": GraphRunJob.self,
    "Job.Graph.RunSku": SKUGraphJob.self,
    "Job.Linux.Bootstrap": LinuxBootstrapJob.self,
    "Job.Linux.Catalog": LinuxCatalogJob.self,
    "Job.Linux.Commands": LinuxCommandsJob.self,
    "Job.Linux.ShellReboot": ShellRebootJob.self,
    "Job.Local.Catalog": LocalCatalogJob.self,
    "Job.Obm.Node": ManageNodeJob.self,
    "Job.Obm.CreateSettings": CreateSettingsJob.self,
    "Job.Obm.Ipmi.CreateSettings": CreateIPMISettingsJob.self,
    "Job.Trigger": TriggerJob.self,
    "Job.Wait.Completion.Uri": WaitForRequestJob.self,
    "Job.Wait.Notification": WaitForNotificationJob.self,
    "Job.noop": NoopJob.self,
  ])
}
