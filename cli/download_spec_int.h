/* download_spec_int.h - what a command `get` is to bring: one file with its sources and hash, or
 * the files of a Metalink document. Main thread only.
 */
#ifndef OQ_DOWNLOAD_SPEC_INT_H
#define OQ_DOWNLOAD_SPEC_INT_H

#include "args_int.h"
#include "group_int.h"

struct oq_wanted_file {
    char *url, *file; /* file: the full path */
    BSTR remote_name, local_name;
    struct oq_extras *extras; /* mirrors, size, hashes; NULL: nothing was said */
};

struct oq_wanted {
    struct oq_wanted_file *files;
    uint32_t count;
};

/* From the arguments. False: said why not. Release with oq_wanted_release in either case. */
bool oq_wanted_make(const struct oq_args *args, struct oq_wanted *wanted);
void oq_wanted_release(struct oq_wanted *wanted);

/* AddFiles with all of them. */
HRESULT oq_wanted_add(const struct oq_wanted *wanted, IBackgroundCopyJob1 *job);
/* Tells the service what was said about them beyond their names; may be repeated. S_OK if nothing
 * was; E_NOINTERFACE if it was, and the service does not know of such. */
HRESULT oq_wanted_tell(const struct oq_wanted *wanted, IBackgroundCopyJob1 *job);

/* Fills in the names that the service gets; false when out of memory or not valid Unicode. */
bool oq_wanted_finish(struct oq_wanted_file *file);

bool oq_wanted_is_folder(const uint16_t *path);
/* Is the folder of that file there? True also when it cannot be told. *folder is a new string, or
 * NULL when out of memory. */
bool oq_wanted_has_folder(const char *file, char **folder);

#endif
