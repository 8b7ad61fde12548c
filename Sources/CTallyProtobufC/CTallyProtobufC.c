// Nothing of its own: SwiftPM wants a source for the module map's sake.
#include "CTallyProtobufC.h"
