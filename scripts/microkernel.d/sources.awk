# Prints "URI SUITE" for each archive of this machine's apt that has the release $codename, with $codename replaced by
# $suite. Reads both of apt's formats: lines that begin with deb, and paragraphs of fields.
function archive(uri, suite) {
  sub(/\/$/, "", uri)
  if (suite ~ ("^" codename "(-updates|-security|/updates)?$")) {
    sub("^" codename, wanted, suite)
    if (!seen[uri, suite]++) print uri, suite
  }
}
function paragraph(    i, j, u, s) {
  if (fields["types"] ~ /(^| )deb( |$)/ && fields["components"] ~ /(^| )main( |$)/ && fields["enabled"] !~ /no|false/) {
    split(fields["uris"], u, " ")
    split(fields["suites"], s, " ")
    for (i = 1; i in u; i++) for (j = 1; j in s; j++) archive(u[i], s[j])
  }
  delete fields
}
/^[ \t]*$/ || FNR == 1 { paragraph() }
/^[ \t]*#/ { next }
/^deb[ \t]/ {
  sub(/\[[^]]*\]/, "")
  if ($0 ~ /[ \t]main([ \t]|$)/) archive($2, $3)
  next
}
match($0, /^[A-Za-z-]+:/) { name = tolower(substr($0, 1, RLENGTH - 1)); $0 = substr($0, RLENGTH + 1) }
{ fields[name] = fields[name] " " $0 }
END { paragraph() }
