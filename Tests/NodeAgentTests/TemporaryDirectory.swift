@_exported import TestSupport

typealias TemporaryDirectory = ScratchDirectory
