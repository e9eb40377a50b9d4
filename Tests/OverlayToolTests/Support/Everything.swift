import Foundation
import Testing

extension ToolScratch {
  /// A shell script that makes a tree in the current directory, with every kind of file that an overlay can hold. It
  /// needs root.
  static let everything = #"""
    mkdir -p bin etc/empty 'with blank' deep/er
    printf 'all of it' >bin/tool; chmod 4755 bin/tool
    ln bin/tool bin/twin; ln bin/tool etc/third
    printf x >etc/setgid; chmod 2711 etc/setgid
    printf secret >etc/secret; chmod 000 etc/secret
    printf x >etc/read-only; chmod 444 etc/read-only
    printf x >etc/theirs; chown 1234:4321 etc/theirs
    : >etc/nothing; ln etc/nothing etc/nothing-too
    ln -s ../bin/tool deep/link; ln -s /nowhere deep/dangling; ln -s "$(printf 'a\377b c')" deep/odd-target
    ln -s target deep/twins; ln -P deep/twins deep/twin-link
    chown -h 77:88 deep/dangling
    mkfifo -m 640 deep/fifo
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("deep/socket")'; chmod 755 deep/socket
    mknod -m 0 deep/whiteout c 0 0; mknod -m 660 deep/disk b 259 1048575; mknod -m 666 deep/null c 1 3
    : >"$(printf 'line\nbreak')"; : >"$(printf 'latin\344')"; : >'back\slash'; : >'#hash'; : >-dash; : >ä; : >.hidden
    printf 'TRAILER' >deep/'TRAILER!!!'
    head -c 200000 /dev/zero >deep/zeros; printf end >>deep/zeros
    python3 -c 'import random; open("deep/noise", "wb").write(random.Random(1).randbytes(150001))'
    mkdir -m 1777 sticky; mkdir -m 2750 theirs; chown 5:6 theirs; : >theirs/file
    mkdir read-only; : >read-only/file; chmod 555 read-only
    mkdir closed; : >closed/file; chmod 000 closed
    touch -h -d @1000000000 deep/link deep/dangling etc/secret; touch -d @2000000000.5 bin/tool
    touch -d @1500000000 closed read-only theirs deep .
    """#

  /// Shell commands that make `big`, a sparse file of 3 GiB with data at three places.
  static let sparse = """
    truncate -s 3G big
    printf begin | dd of=big conv=notrunc status=none
    printf middle | dd of=big conv=notrunc seek=2500000000 oflag=seek_bytes status=none
    printf end | dd of=big conv=notrunc,notrunc seek=3221225469 oflag=seek_bytes status=none
    """

  /// Shell commands that fail when `big` has other contents, or is not sparse.
  static let isSparse = """
    test "$(stat -c %s big)" = 3221225472; test "$(stat -c %b big)" -lt 1000
    test "$(head -c 5 big)" = begin; test "$(tail -c 3 big)" = end
    test "$(dd if=big skip=2500000000 iflag=skip_bytes bs=6 count=1 status=none)" = middle
    """

  /// A Python program that prints the attributes and the digest of every file in the tree that its first argument
  /// names. Hard links to one file are printed with the same number.
  static let look = #"""
    import hashlib, os, stat, sys
    top, what = os.fsencode(sys.argv[1]), sys.argv[2:]
    links = {}
    def facts(path, name):
        status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        words = [repr(name), oct(status.st_mode), status.st_uid, status.st_gid]
        if "no-times" not in what: words.append(int(status.st_mtime))
        if kind in (stat.S_IFCHR, stat.S_IFBLK): words.append("%d:%d" % (os.major(status.st_rdev), os.minor(status.st_rdev)))
        if kind == stat.S_IFLNK: words.append(repr(os.readlink(path)))
        if kind == stat.S_IFREG:
            words += [status.st_size, status.st_nlink]
            if status.st_nlink > 1: words.append(links.setdefault(status.st_ino, len(links)))
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                while piece := file.read(1 << 20): digest.update(piece)
            words.append(digest.hexdigest())
        print(*words)
    def walk(path, name):
        facts(path, name)
        if stat.S_ISDIR(os.lstat(path).st_mode):
            for child in sorted(os.listdir(path)): walk(path + b"/" + child, name + b"/" + child)
    walk(top, b".")
    """#

  /// What the program `look` prints of a tree, one line for each file.
  ///
  /// - Parameter times: whether the times of change are printed.
  func look(at tree: String, times: Bool = true) throws -> [String] {
    let run = try ToolRun(
      ["-c", Self.look, tree] + (times ? [] : ["no-times"]), in: path, program: "/usr/bin/python3")
    guard run.status == 0 else { throw Failure(run.errors) }
    return run.lines
  }

  /// The lines that only one of two lists has.
  static func differences(_ left: [String], _ right: [String]) -> [String] {
    left.filter { !right.contains($0) }.map { "- \($0)" } + right.filter { !left.contains($0) }.map { "+ \($0)" }
  }

  func sha256(_ name: String) throws -> String {
    let run = try ToolRun([self(name)], in: path, program: "/usr/bin/sha256sum")
    guard run.status == 0 else { throw Failure(run.errors) }
    return String(run.output.prefix(64))
  }

  /// A shell function `nobody COMMAND…` that runs a command as user and group 65534, without the rights of root.
  static let nobody = "nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"; }; "
}
