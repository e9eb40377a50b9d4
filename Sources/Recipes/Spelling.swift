/// Finds what a person meant who wrote a word that is not known.
public enum Spelling {
  /// The most similar of the known words, if one is similar enough to be meant.
  public static func nearest(to word: String, among known: [String]) -> String? {
    // Longer words take time and are no misspelled ones.
    guard word.utf8.count <= 40 else { return nil }
    let similar = known.filter { abs($0.utf8.count - word.utf8.count) <= 2 }
    let nearest = similar.map { (word: $0, distance: distance(word, $0)) }.min { $0.distance < $1.distance }
    guard let nearest, nearest.distance <= 2, 2 * nearest.distance <= word.utf8.count else { return nil }
    return nearest.word
  }

  /// How many letters must be changed, added, removed, or exchanged with their neighbor, to make one word of the other.
  static func distance(_ one: String, _ other: String) -> Int {
    let (left, right) = (Array(one.utf8), Array(other.utf8))
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    var rows = [Array(0...right.count)]
    for row in 1...left.count {
      rows.append([row])
      for column in 1...right.count {
        let isSame = left[row - 1] == right[column - 1]
        var least = min(
          rows[row - 1][column] + 1, rows[row][column - 1] + 1, rows[row - 1][column - 1] + (isSame ? 0 : 1))
        if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
          least = min(least, rows[row - 2][column - 2] + 1)
        }
        rows[row].append(least)
      }
    }
    return rows[left.count][right.count]
  }
}
