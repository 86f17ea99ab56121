/* Every public declaration of the header, and the note: compiled with each compiler as C and as
 * C++. */
#include "midstream/backend.h"

MS_BACKEND_NOTE("header");

const ms_plugin* midstream_backend_query(uint16_t host_major, uint16_t host_minor) {
  (void)host_major;
  (void)host_minor;
  return NULL;
}
