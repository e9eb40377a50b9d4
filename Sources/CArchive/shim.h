#ifndef MONORAIL_CARCHIVE_H
#define MONORAIL_CARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#endif
