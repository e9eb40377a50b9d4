#ifndef MONORAIL_CYAML_H
#define MONORAIL_CYAML_H

#include <yaml.h>

#endif
