// zlib's raw deflate and inflate; its input is const.
#define ZLIB_CONST
#include <zlib.h>
