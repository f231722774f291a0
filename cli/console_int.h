/* console_int.h - input and output of qmgrctl: terminal, pipes, files, and Ctrl-C.
 *
 * Main thread only; Ctrl-C is received on a thread of the system and sets one event. Texts are
 * UTF-8: they are written to a terminal as UTF-16 whatever its code page is, to a pipe or a file as
 * UTF-8.
 */
#ifndef OQ_CONSOLE_INT_H
#define OQ_CONSOLE_INT_H

#include "oq_status.h"

/* Once, before the others. Without it Ctrl-C ends the program at once. */
void oq_console_init(void);

/* Results go to standard output; progress and errors to standard error. */
bool oq_console_is_terminal(void); /* is standard output one? */
bool oq_console_can_redraw(void);  /* is standard error one? */
/* The width of the terminal that each is; 0 when it is none. */
unsigned oq_console_columns(void);
unsigned oq_console_progress_columns(void);

/* A line to standard output; the newline is added. Here and below control characters are shown as
 * '?' (oq_render_printable). */
void oq_console_print(const char *fmt, ...) OQ_PRINTF(1, 2);
/* "qmgrctl: ..." to standard error; the newline is added. */
void oq_console_error(const char *fmt, ...) OQ_PRINTF(1, 2);

/* A line of JSON to standard output; it is freed. NULL: it could not be made. */
void oq_console_json(char *line);
/* A line to standard error, for people: what goes on. */
void oq_console_note(const char *fmt, ...) OQ_PRINTF(1, 2);

/* Replaces the last line shown so on standard error. The next print or error begins a new line. */
void oq_console_redraw(const char *line);

/* Waits for that time or until Ctrl-C; true if the user has pressed Ctrl-C, now or before. A second
 * Ctrl-C ends the program. */
bool oq_console_wait(int64_t ms);

/* All of a file in a new block (oq_free); name "-" is standard input. NULL, and a sentence to
 * standard error, if it cannot be read or has more than `most` bytes. */
char *oq_console_read_file(const char *name, size_t most, size_t *length);

/* Lines to a file, or to standard output if its name is NULL or "-". A file is renamed to
 * its name only when it is complete, so that an older one stays if writing fails. Each prints what
 * failed and returns false then. */
struct oq_output {
    const char *name;           /* for messages */
    uint16_t *path, *temporary; /* of a file; both NULL: standard output */
    void *handle;
};
bool oq_output_open(const char *file, struct oq_output *output);
/* A line, which is freed; NULL: it could not be allocated. */
bool oq_output_line(const struct oq_output *output, char *line);
/* Closes it, opened or not; is_good: all was written. True if the output is complete. */
bool oq_output_close(struct oq_output *output, bool is_good);

#endif
