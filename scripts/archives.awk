# Prints what this machine's apt has of the release `codename`, from the section main. Reads both of apt's formats: lines
# that begin with deb, and paragraphs of fields.
#
#   form=addresses   a line "URI SUITE" for each archive, the release's name in SUITE replaced by `wanted`
#   form=sources     paragraphs of fields for the same archives' source packages, with the options that they have (keys, …)
function takes(suite) { return suite ~ ("^" codename "(-updates|-security|/updates)?$") }
function archives(uris, suites, options,    i, j, u, s, suite) {
  split(uris, u, " ")
  split(suites, s, " ")
  for (i = 1; i in u; i++) for (j = 1; j in s; j++) {
    if (!takes(s[j])) continue
    sub(/\/$/, "", u[i])
    suite = s[j]
    if (form == "addresses") sub("^" codename, wanted, suite)
    if (seen[u[i], suite]++) continue
    if (form == "addresses") print u[i], suite
    else print "Types: deb-src\nURIs: " u[i] "\nSuites: " suite "\nComponents: main\n" options
  }
}
function paragraph() {
  if (fields["types"] ~ /(^| )deb( |$)/ && fields["components"] ~ /(^| )main( |$)/ && fields["enabled"] !~ /no|false/)
    archives(fields["uris"], fields["suites"], others)
  delete fields
  name = others = ""
}
# The options [name=value,value name=value] of a line as fields.
function line_options(text,    i, n, word, equals, name, value, result) {
  n = split(text, word, " ")
  for (i = 1; i <= n; i++) {
    equals = index(word[i], "=")
    name = substr(word[i], 1, equals - 1)
    value = substr(word[i], equals + 1)
    if (name == "arch") name = "Architectures"
    if (name == "lang") name = "Languages"
    if (name == "target") name = "Targets"
    gsub(/,/, " ", value)
    if (equals) result = result name ": " value "\n"
  }
  return result
}
FNR == 1 { paragraph() }
/^[ \t]*$/ { paragraph(); next }
/^[ \t]*#/ { next }
/^deb[ \t]/ {
  options = ""
  sub(/^deb[ \t]+/, "")
  if (match($0, /^\[[^]]*\]/)) { options = substr($0, 2, RLENGTH - 2); $0 = substr($0, RLENGTH + 1) }
  if ($0 ~ /[ \t]main([ \t]|$)/) archives($1, $2, line_options(options))
  next
}
/^deb-src[ \t]/ { next }
match($0, /^[A-Za-z-]+:/) { name = tolower(substr($0, 1, RLENGTH - 1)); field = $0; $0 = substr($0, RLENGTH + 1) }
name !~ /^(types|uris|suites|components|enabled)$/ { others = others (field == "" ? $0 : field) "\n" }
{ fields[name] = fields[name] " " $0; field = "" }
END { paragraph() }
