// The parts of the C library and of Linux that Swift cannot import: macros, variadic functions, and headers that its
// Glibc module leaves out.
#ifndef MONORAIL_CLINUX_H
#define MONORAIL_CLINUX_H

// The git revision this build was made from, or "development".
const char *monorail_revision(void);

#endif
