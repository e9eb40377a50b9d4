enum Workspace {}
