#ifndef MONORAIL_CJSONC_H
#define MONORAIL_CJSONC_H

#include <json-c/json.h>

#endif
