/* console_int.h - what qmgrctl says and hears: text to a terminal or a pipe, and Ctrl-C.
 *
 * Main thread only; Ctrl-C comes in on a thread of the system and sets one event. Texts are UTF-8:
 * a terminal gets them as UTF-16 whatever its code page is, a pipe or a file gets the UTF-8 bytes.
 */
#ifndef OQ_CONSOLE_INT_H
#define OQ_CONSOLE_INT_H

#include "oq_status.h"

/* Once, before the others. Without it Ctrl-C ends the program at once. */
void oq_console_init(void);

bool oq_console_is_terminal(void); /* is standard output one? */
unsigned oq_console_columns(void); /* its width; 80 when it has none */

/* A line to standard output; the newline is added. */
void oq_console_print(const char *fmt, ...) OQ_PRINTF(1, 2);
/* "qmgrctl: ..." to standard error; the newline is added. */
void oq_console_error(const char *fmt, ...) OQ_PRINTF(1, 2);

/* Shows a line on the terminal in place of the last one shown so. Its next say or complain begins
 * on a line of its own. */
void oq_console_redraw(const char *line);

/* Waits; true as soon as, and whenever, the user has pressed Ctrl-C. A second Ctrl-C ends the
 * program. */
bool oq_console_wait(int64_t ms);

/* All of a file in a new block (oq_free); name "-" is standard input. NULL, and a sentence to
 * standard error, if it cannot be had or has more than `most` bytes. */
char *oq_console_read_file(const char *name, size_t most, size_t *length);

/* Lines to a file, or to standard output if its name is NULL or "-". A file gets its name only when
 * all of it is there, so that one of that name stays if writing fails. Each says itself what went
 * wrong and returns false then. */
struct oq_output {
    const char *name;             /* for messages */
    uint16_t *place, *unfinished; /* of a file; both NULL: standard output */
    void *handle;
};
bool oq_output_open(const char *file, struct oq_output *output);
/* A line, which is freed; NULL: there was no memory for it. */
bool oq_output_line(const struct oq_output *output, char *line);
/* Ends it, whether it was opened or not; is_good: all of it is there. True if now it is. */
bool oq_output_close(struct oq_output *output, bool is_good);

#endif
