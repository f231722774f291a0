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
void oq_console_say(const char *fmt, ...) OQ_PRINTF(1, 2);
/* "qmgrctl: ..." to standard error; the newline is added. */
void oq_console_complain(const char *fmt, ...) OQ_PRINTF(1, 2);

/* Shows a line on the terminal in place of the last one shown so. Its next say or complain begins
 * on a line of its own. */
void oq_console_redraw(const char *line);

/* Waits; true as soon as, and whenever, the user has pressed Ctrl-C. A second Ctrl-C ends the
 * program. */
bool oq_console_wait(int64_t ms);

#endif
