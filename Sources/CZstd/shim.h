#ifndef MONORAIL_CZSTD_H
#define MONORAIL_CZSTD_H

#include <zstd.h>

#endif
