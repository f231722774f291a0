/* download_spec_int.h - what to download: one file with its sources and hash, or
 * the files of a Metalink document. Main thread only.
 */
#ifndef OQ_DOWNLOAD_SPEC_INT_H
#define OQ_DOWNLOAD_SPEC_INT_H

#include "args_int.h"
#include "group_int.h"

struct oq_file_spec {
    char *url, *file; /* file: the full path */
    BSTR remote_name, local_name;
    struct oq_expectations *expectations; /* mirrors, size, hashes; NULL: none */
};

struct oq_download_spec {
    struct oq_file_spec *files;
    uint32_t count;
};

/* What get downloads: a group for each spec. */
struct oq_download_plan {
    struct oq_download_spec *specs;
    size_t count;
};

/* From the arguments of get, without the files that exist and are not to be replaced. Returns
 * OQ_EXIT_DONE, or another status after a sentence; those of the plan can be downloaded all the
 * same. Release with oq_download_plan_release in either case. */
int oq_download_plan_make(const struct oq_args *args, struct oq_download_plan *plan);
void oq_download_plan_release(struct oq_download_plan *plan);
void oq_download_spec_release(struct oq_download_spec *spec);

/* AddFiles with all of them. */
HRESULT oq_download_spec_add_files(const struct oq_download_spec *spec, IBackgroundCopyJob1 *job);
/* Tells the service what was said about them beyond their names; may be repeated. S_OK if nothing
 * was; E_NOINTERFACE if it was, and the service does not know of such. */
HRESULT oq_download_spec_set_expectations(const struct oq_download_spec *spec,
                                          IBackgroundCopyJob1 *job);

/* Fills in the names that the service gets; false when out of memory or not valid Unicode. */
bool oq_file_spec_convert_names(struct oq_file_spec *file);

bool oq_file_spec_is_folder(const uint16_t *path);
/* Does the folder of that file exist? True also when that cannot be determined. *folder is a new
 * string, or NULL when out of memory. */
bool oq_file_spec_has_folder(const char *file, char **folder);

#endif
