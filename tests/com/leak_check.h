/* leak_check.h - how many blocks of oq_alloc.h and how many BSTRs are out, the test's own included.
 * Counts by way of the linker (--wrap), so it costs the service nothing; see CMakeLists.txt.
 */
#ifndef LEAK_CHECK_H
#define LEAK_CHECK_H

#include <stddef.h>

size_t leak_check_blocks(void);
size_t leak_check_bstrs(void);

#endif
