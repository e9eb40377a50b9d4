import Catalogs
import Foundation
import JSONDocument
import MonorailStore
import Workflows

/// What the server itself does for tasks of graphs.
struct ServerWork: Sendable {
  struct Done: Sendable {
    let answer: RequestAnswer
    /// What is stored along with the answer.
    var catalogs: (node: String, [ReportedCatalog])?
  }

  /// How long a command that makes a catalog may take.
  private static let catalogLimit = Duration.seconds(600)
  /// How long a download may take.
  private static let downloadLimit = Duration.seconds(3600)

  let manager: NodeManager
  let files: FileStore
  let store: Store
  let tell: @Sendable (ServerEvent) -> Void

  /// - Parameter isWanted: whether the task still asks for it. Without that, an action is not tried again.
  func carryOut(_ request: ServerRequest, while isWanted: @Sendable () -> Bool) async -> Done {
    switch request {
    case .manage(let node, let action):
      return Done(answer: await manager.perform(action, on: node, while: isWanted))
    case .catalogHere(let node, let commands): return await catalog(commands, of: node)
    case .download(let url, let name): return Done(answer: await download(url, as: name))
    default: return Done(answer: .failed("the server does not do this for a task"))
    }
  }

  /// Runs commands on the server that a parser is known for. One that fails is told, and the task goes on.
  private func catalog(_ commands: [String], of node: String) async -> Done {
    var catalogs: [ReportedCatalog] = []
    for command in commands {
      guard ToolCommand(command) != nil else {
        tell(.problem("node \(node): no parser is known for \(command), so it is not run on the server"))
        continue
      }
      do throws(ManagementFailure) {
        let output = try await ProgramRun(
          program: "/bin/sh", arguments: ["-c", "exec 2>/dev/null; " + command], timeLimit: Self.catalogLimit,
          outputLimit: CatalogLimits.bytes
        ).output()
        var task = JSONObject()
        task["cmd"] = .string(command)
        task["stdout"] = .string(output)
        catalogs.append(ReportedCatalog(kind: .byCommand(command), task: task))
      } catch {
        if Task.isCancelled { break }
        tell(.problem("node \(node): \(error)"))
      }
    }
    return Done(answer: .done(.null), catalogs: (node, catalogs))
  }

  /// Downloads into the server's files, whole or not at all.
  private func download(_ url: String, as name: String) async -> RequestAnswer {
    guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
      return .failed("\(url) cannot be downloaded: it begins with neither http:// nor https://")
    }
    do {
      try await files.save(name) { temporary in
        _ = try await ProgramRun(
          program: "curl",
          arguments: [
            "--fail", "--silent", "--show-error", "--location", "--proto", "=http,https", "--max-filesize",
            String(files.maximumBytes), "--output", temporary, "--", url,
          ], timeLimit: Self.downloadLimit
        ).output()
      } keep: { upload in
        _ = try await store.perform(
          .addFile(
            name: name, md5: upload.md5, sha256: upload.sha256, size: upload.size, place: { try upload.place() }))
      }
      return .done(.null)
    } catch let error as APIError {
      return .failed(error.message)
    } catch {
      return .failed("\(error)")
    }
  }
}
