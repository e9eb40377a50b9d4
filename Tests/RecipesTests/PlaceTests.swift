import Recipes
import Testing

struct PlaceTests {
  @Test func `A mistake is printed with its place before it, as compilers do`() {
    let mistake = Mistake(Place("discovery.yaml", line: 12), "there is no file tools/my-tool")
    #expect("\(mistake)" == "discovery.yaml:12: there is no file tools/my-tool")
  }

  @Test func `Mistakes are listed in the order of the lines`() {
    let mistakes = Mistakes([10, 9, 2].map { Mistake(Place("a.yaml", line: $0), "no") })
    #expect("\(mistakes)" == "a.yaml:2: no\na.yaml:9: no\na.yaml:10: no")
  }
}
