/* input_int.h - the whole of a file, or of standard input, that a command reads. Main thread only.
 */
#ifndef OQ_INPUT_INT_H
#define OQ_INPUT_INT_H

#include "oq_status.h"

/* All of it in a new block (oq_free); name "-" is standard input. NULL, and a sentence to standard
 * error, if it cannot be had or has more than `most` bytes. */
char *oq_input_read(const char *name, size_t most, size_t *length);

#endif
