#ifndef MONORAIL_CELF_H
#define MONORAIL_CELF_H

#include <gelf.h>
#include <libelf.h>

#endif
