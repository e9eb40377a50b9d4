#ifndef MONORAIL_CLZMA_H
#define MONORAIL_CLZMA_H

#include <lzma.h>

#endif
