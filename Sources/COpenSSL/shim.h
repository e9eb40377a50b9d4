#ifndef MONORAIL_COPENSSL_H
#define MONORAIL_COPENSSL_H

#include <openssl/evp.h>

#endif
