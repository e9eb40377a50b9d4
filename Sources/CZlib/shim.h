#ifndef MONORAIL_CZLIB_H
#define MONORAIL_CZLIB_H

#include <zlib.h>

#endif
