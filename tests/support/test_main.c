/* test_main.c - the main function around that of every CMocka program (see oq_test in
 * tests/CMakeLists.txt).
 *
 * CMocka counts a test that calls skip() as passed. Here the skipped ones are counted, and a
 * program in which nothing failed but something was skipped ends with 77, which CTest shows as
 * "Skipped". The linker puts these functions in the place of main and of CMocka's _skip (--wrap).
 */
#include <stdlib.h>

#define SKIPPED 77

int __real_main(int argc, char **argv, char **environment);
int __wrap_main(int argc, char **argv, char **environment);
void __real__skip(const char *file, int line);
void __wrap__skip(const char *file, int line);

static int skipped;

void __wrap__skip(const char *file, int line)
{
    skipped++;
    __real__skip(file, line);
}

int __wrap_main(int argc, char **argv, char **environment)
{
    int status = __real_main(argc, argv, environment);
    return status == EXIT_SUCCESS && skipped > 0 ? SKIPPED : status;
}
