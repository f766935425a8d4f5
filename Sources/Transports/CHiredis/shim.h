// hiredis' protocol reader alone: no socket, no event loop, no allocation hooks of the library is used.
#include <hiredis/read.h>
