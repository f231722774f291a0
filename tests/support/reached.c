/* reached.c - leaves a mark before the main function: the file that OQ_MAIN_REACHED names, if set.
 *
 * By it scripts/wine knows a program that Wine ended before main from one that failed by itself.
 * Linked into the Windows programs of the tests.
 */
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void leave_mark(void)
{
    const char *name = getenv("OQ_MAIN_REACHED");
    FILE *mark = name ? fopen(name, "w") : NULL;
    if (mark)
        fclose(mark);
}
