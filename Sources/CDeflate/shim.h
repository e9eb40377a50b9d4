#ifndef MONORAIL_CDEFLATE_H
#define MONORAIL_CDEFLATE_H

#include <libdeflate.h>

#endif
