#include "CLinux.h"

#ifndef MONORAIL_REVISION
#define MONORAIL_REVISION "development"
#endif

const char *monorail_revision(void) { return MONORAIL_REVISION; }
