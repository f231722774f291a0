/* queue_json.c - see queue_json_int.h: values on one side, Jansson's trees on the other. */
#include "queue_json_int.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_http.h"
#include "oq_model.h"
#include "oq_path.h"
#include "oq_url.h"

#include <jansson.h>

#include <string.h>

static const char *const state_names[OQ_EXPORTED_STATE_COUNT] = {"suspended", "active", "error",
                                                                 "complete"};

void oq_exported_group_release(struct oq_exported_group *exported)
{
    for (uint32_t i = 0; i < exported->file_count; i++) {
        oq_free(exported->files[i].remote);
        oq_free(exported->files[i].local);
        oq_free(exported->files[i].state);
        oq_expectations_free(exported->files[i].expectations);
    }
    oq_free(exported->files);
    oq_free(exported->owner);
    oq_free(exported->display_name);
    oq_free(exported->description);
    oq_free(exported->notify_class);
    oq_free(exported->failure);
    *exported = (struct oq_exported_group){0};
}

/* Jansson allocates with oq_malloc, so that tests can make it fail. */
static void use_our_memory(void)
{
    json_set_alloc_funcs(oq_malloc, oq_free);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Puts a value, whose reference is taken, into an object or at the end of an array (name NULL).
 * False for a value that could not be made. */
static bool put(json_t *into, const char *name, json_t *value)
{
    return name ? json_object_set_new(into, name, value) == 0
                : json_array_append_new(into, value) == 0;
}

static bool put_text(json_t *into, const char *name, const char *text)
{
    return !text || put(into, name, json_string(text));
}

static bool put_number(json_t *into, const char *name, uint64_t number)
{
    return put(into, name, json_integer((json_int_t)number));
}

static bool put_guid(json_t *into, const char *name, const struct oq_guid *guid)
{
    char text[OQ_GUID_TEXT];

    oq_guid_format(guid, text);
    return put_text(into, name, text);
}

static bool put_size(json_t *into, const char *name, uint64_t bytes)
{
    return bytes > OQ_HTTP_SIZE_MAX || put_number(into, name, bytes);
}

static bool put_hash(json_t *into, const char *name, const uint8_t *hash, size_t size)
{
    char text[OQ_HEX_MAX];

    oq_hex_format(hash, size, text);
    return put_text(into, name, text);
}

/* The text of a tree, which is released; new string, NULL for a tree that could not be made. */
static char *dump(json_t *tree, bool is_good)
{
    char *text = is_good ? json_dumps(tree, JSON_COMPACT) : NULL;

    json_decref(tree);
    return text;
}

char *oq_queue_json_format_header(int64_t wall_ms, const char *program)
{
    char time[32];

    use_our_memory();
    json_t *head = json_object();
    oq_clock_format_wall(wall_ms, time);
    return dump(head, put_text(head, "format", OQ_QUEUE_JSON_FORMAT) &&
                          put_number(head, "version", OQ_QUEUE_JSON_VERSION) &&
                          put_text(head, "written_at", time) &&
                          put_text(head, "written_by", program));
}

static bool put_pieces(json_t *into, const struct oq_pieces *pieces)
{
    json_t *tree = json_object(), *hashes = json_array();
    size_t size = oq_hash_size(pieces->kind);
    bool is_good = true;

    for (uint32_t i = 0; is_good && i < pieces->count; i++)
        is_good = put_hash(hashes, NULL, pieces->hashes + i * size, size);
    is_good = is_good && put_text(tree, "type", oq_hash_name(pieces->kind)) &&
              put_number(tree, "length", pieces->piece_bytes);
    if (!is_good)
        json_decref(hashes);
    is_good = is_good && put(tree, "hashes", hashes);
    if (!is_good)
        json_decref(tree);
    return is_good && put(into, "pieces", tree);
}

static bool put_expectations(json_t *into, const struct oq_expectations *expectations)
{
    json_t *mirrors = json_array();
    bool is_good = true;

    for (uint32_t i = 0; is_good && i < expectations->mirror_count; i++)
        is_good = put_text(mirrors, NULL, expectations->mirrors[i]);
    if (!is_good || expectations->mirror_count == 0)
        json_decref(mirrors);
    else
        is_good = put(into, "mirrors", mirrors);
    if (is_good && expectations->has_sha256)
        is_good = put_hash(into, "sha256", expectations->sha256, OQ_SHA256_BYTES);
    is_good = is_good && put_size(into, "expected_size", expectations->size_bytes);
    if (is_good && expectations->pieces.kind != OQ_HASH_NONE)
        is_good = put_pieces(into, &expectations->pieces);
    return is_good;
}

static bool put_file(json_t *into, const struct oq_exported_file *file)
{
    json_t *tree = json_object();
    bool is_good = put_text(tree, "remote", file->remote) && put_text(tree, "local", file->local) &&
                   put_text(tree, "state", file->state) &&
                   put_size(tree, "size", file->size_bytes) &&
                   put_size(tree, "done", file->done_bytes);

    is_good = is_good && (!file->expectations || put_expectations(tree, file->expectations));
    if (!is_good)
        json_decref(tree);
    return is_good && put(into, NULL, tree);
}

char *oq_queue_json_format_group(const struct oq_exported_group *exported)
{
    use_our_memory();
    json_t *tree = json_object(), *files = json_array();
    bool is_good =
        put_guid(tree, "group", &exported->group) &&
        (!exported->has_job || put_guid(tree, "job", &exported->job)) &&
        put_text(tree, "owner", exported->owner) &&
        put_text(tree, "state", state_names[exported->state]) &&
        put_text(tree, "failure", exported->failure) &&
        put(tree, "foreground", json_boolean(exported->is_foreground)) &&
        (exported->max_bytes_per_s == 0 ||
         put_number(tree, "max_rate", exported->max_bytes_per_s)) &&
        put_text(tree, "display_name", exported->display_name) &&
        put_text(tree, "description", exported->description) &&
        (!exported->has_notify_flags || put_number(tree, "notify_flags", exported->notify_flags)) &&
        put_text(tree, "notify_class", exported->notify_class);

    for (uint32_t i = 0; is_good && i < exported->file_count; i++)
        is_good = put_file(files, &exported->files[i]);
    if (is_good)
        is_good = put(tree, "files", files);
    else
        json_decref(files);
    return dump(tree, is_good);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reading {
    struct oq_error *err;
    enum oq_status status;
    bool is_in_file;
    uint32_t file; /* its number, when in one */
};

/* The first error is kept. */
static bool refuse(struct reading *r, enum oq_status status, const char *what, const char *why)
{
    if (r->status != OQ_OK)
        return false;
    if (r->is_in_file)
        r->status = oq_error_set(r->err, status, "file %u: %s%s%s", (unsigned)r->file, what,
                                 *what ? " " : "", why);
    else
        r->status = oq_error_set(r->err, status, "%s%s%s", what, *what ? " " : "", why);
    return false;
}

static bool refuse_memory(struct reading *r)
{
    return refuse(r, OQ_E_NOMEM, "", "there is not enough memory");
}

/* Sentences of oq_url_check and oq_path_check have a full stop; ours have none. */
static bool refuse_name(struct reading *r, const char *what, struct oq_error *why)
{
    size_t length = strlen(why->text);

    if (length > 0 && why->text[length - 1] == '.')
        why->text[length - 1] = '\0';
    char sentence[sizeof why->text];
    memcpy(sentence, why->text, sizeof sentence);
    char subject[32];
    size_t used = strlen(what);
    memcpy(subject, what, used);
    subject[used] = ':';
    subject[used + 1] = '\0';
    return refuse(r, OQ_E_INVALID_ARG, subject, sentence);
}

/* The member, NULL when it does not exist or is null. */
static json_t *member(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    return json_is_null(value) ? NULL : value;
}

static bool take_text(struct reading *r, json_t *object, const char *name, char **out)
{
    json_t *value = member(object, name);

    if (!value)
        return true;
    if (!json_is_string(value))
        return refuse(r, OQ_E_INVALID_ARG, name, "is not a string");
    *out = oq_strdup(json_string_value(value));
    return *out || refuse_memory(r);
}

/* 0 to `most`; *has says whether there is one. */
static bool take_number(struct reading *r, json_t *object, const char *name, uint64_t most,
                        bool *has, uint64_t *out)
{
    json_t *value = member(object, name);

    *has = value != NULL;
    if (!value)
        return true;
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || (uint64_t)number > most)
        return refuse(r, OQ_E_INVALID_ARG, name, "is not a number within its range");
    *out = (uint64_t)number;
    return true;
}

static bool take_guid(struct reading *r, json_t *object, const char *name, bool *has,
                      struct oq_guid *out)
{
    json_t *value = member(object, name);

    *has = value != NULL;
    if (!value)
        return true;
    if (!json_is_string(value) || oq_guid_parse(json_string_value(value), out) != OQ_OK ||
        oq_guid_is_null(out))
        return refuse(r, OQ_E_INVALID_ARG, name, "is not an identifier like {xxxxxxxx-xxxx-...}");
    return true;
}

static bool take_bool(struct reading *r, json_t *object, const char *name, bool *out)
{
    json_t *value = member(object, name);

    if (value && !json_is_boolean(value))
        return refuse(r, OQ_E_INVALID_ARG, name, "is neither true nor false");
    *out = json_is_true(value);
    return true;
}

static bool take_state(struct reading *r, json_t *object, enum oq_exported_state *out)
{
    json_t *value = member(object, "state");
    unsigned state = 0;

    if (!value)
        return true;
    while (state < OQ_EXPORTED_STATE_COUNT &&
           (!json_is_string(value) || strcmp(json_string_value(value), state_names[state]) != 0))
        state++;
    if (state == OQ_EXPORTED_STATE_COUNT)
        return refuse(r, OQ_E_INVALID_ARG, "state",
                      "is none of suspended, active, error, complete");
    *out = (enum oq_exported_state)state;
    return true;
}

static bool take_mirrors(struct reading *r, json_t *object, struct oq_expectations *expectations)
{
    json_t *mirrors = member(object, "mirrors");
    struct oq_error why;

    if (mirrors && (!json_is_array(mirrors) || json_array_size(mirrors) > OQ_SOURCES_MAX - 1))
        return refuse(r, OQ_E_INVALID_ARG, "mirrors", "is not a list of at most 31 URLs");
    for (size_t i = 0; i < json_array_size(mirrors); i++) {
        const char *url = json_string_value(json_array_get(mirrors, i));
        oq_error_init(&why);
        if (oq_url_check(url, &why) != OQ_OK)
            return refuse_name(r, "mirrors", &why);
        if (oq_expectations_add_mirror(expectations, url) != OQ_OK)
            return refuse_memory(r);
    }
    return true;
}

/* The hashes behind one another; new block. */
static uint8_t *join_hashes(struct reading *r, json_t *list, size_t size)
{
    size_t count = json_array_size(list);
    uint8_t *hashes = oq_malloc(count * size);

    if (!hashes) {
        refuse_memory(r);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_array_get(list, i);
        if (!json_is_string(value) ||
            oq_hex_parse(json_string_value(value), json_string_length(value), hashes + i * size,
                         size) != OQ_OK) {
            refuse(r, OQ_E_INVALID_ARG, "pieces:", "a hash is not one of that type");
            oq_free(hashes);
            return NULL;
        }
    }
    return hashes;
}

static bool take_pieces(struct reading *r, json_t *object, struct oq_expectations *expectations)
{
    json_t *tree = member(object, "pieces");
    struct oq_pieces pieces = {.kind = OQ_HASH_NONE};
    struct oq_error why;
    bool has = false;

    if (!tree)
        return true;
    const char *type = json_string_value(json_object_get(tree, "type"));
    json_t *list = json_object_get(tree, "hashes");
    if (!type || oq_hash_parse_name(type, &pieces.kind) != OQ_OK || !json_is_array(list) ||
        json_array_size(list) > OQ_PIECES_MAX_BYTES / oq_hash_size(pieces.kind))
        return refuse(r, OQ_E_INVALID_ARG, "pieces:",
                      "type is none of sha-1, sha-256, sha-512, or hashes is not a list of them");
    if (!take_number(r, tree, "length", OQ_HTTP_SIZE_MAX, &has, &pieces.piece_bytes))
        return false;
    pieces.count = (uint32_t)json_array_size(list);
    pieces.hashes = join_hashes(r, list, oq_hash_size(pieces.kind));
    if (!pieces.hashes)
        return false;
    oq_error_init(&why);
    enum oq_status status = oq_expectations_set_pieces(expectations, &pieces, &why);
    oq_free(pieces.hashes);
    return status == OQ_OK || refuse(r, status, "pieces:", why.text);
}

static bool has_expectations(json_t *object)
{
    return member(object, "mirrors") || member(object, "sha256") ||
           member(object, "expected_size") || member(object, "pieces");
}

static bool take_expectations(struct reading *r, json_t *object,
                              struct oq_expectations *expectations)
{
    json_t *hash = member(object, "sha256");
    bool has = false;

    if (hash) {
        expectations->has_sha256 = true;
        if (!json_is_string(hash) || oq_hex_parse(json_string_value(hash), json_string_length(hash),
                                                  expectations->sha256, OQ_SHA256_BYTES) != OQ_OK)
            return refuse(r, OQ_E_INVALID_ARG, "sha256", "has not 64 hexadecimal digits");
    }
    return take_number(r, object, "expected_size", OQ_HTTP_SIZE_MAX, &has,
                       &expectations->size_bytes) &&
           take_mirrors(r, object, expectations) && take_pieces(r, object, expectations);
}

static bool take_file(struct reading *r, json_t *object, struct oq_exported_file *file)
{
    struct oq_error why;
    bool has = false;

    if (!json_is_object(object))
        return refuse(r, OQ_E_INVALID_ARG, "it", "is not an object");
    file->size_bytes = OQ_SIZE_UNKNOWN;
    if (!take_text(r, object, "remote", &file->remote) ||
        !take_text(r, object, "local", &file->local) ||
        !take_text(r, object, "state", &file->state) ||
        !take_number(r, object, "size", OQ_HTTP_SIZE_MAX, &has, &file->size_bytes) ||
        !take_number(r, object, "done", OQ_HTTP_SIZE_MAX, &has, &file->done_bytes))
        return false;
    oq_error_init(&why);
    if (oq_url_check(file->remote, &why) != OQ_OK)
        return refuse_name(r, "remote", &why);
    if (oq_path_check(file->local, false, &why) != OQ_OK)
        return refuse_name(r, "local", &why);
    if (!has_expectations(object))
        return true;
    file->expectations = oq_expectations_new();
    return file->expectations ? take_expectations(r, object, file->expectations) : refuse_memory(r);
}

static bool take_files(struct reading *r, json_t *object, struct oq_exported_group *exported)
{
    json_t *files = member(object, "files");
    size_t count = json_array_size(files);

    if (files && (!json_is_array(files) || count > OQ_QUEUE_JSON_MAX_FILES))
        return refuse(r, OQ_E_INVALID_ARG, "files", "is not a list, or is too long");
    if (count == 0)
        return true;
    exported->files = oq_calloc(count, sizeof *exported->files);
    if (!exported->files)
        return refuse_memory(r);
    r->is_in_file = true;
    for (size_t i = 0; i < count; i++) {
        r->file = (uint32_t)i;
        exported->file_count++;
        if (!take_file(r, json_array_get(files, i), &exported->files[i]))
            return false;
    }
    r->is_in_file = false;
    return true;
}

/* The object of a line; NULL and an error if it is none. */
static json_t *load(struct reading *r, const char *line, size_t length)
{
    json_error_t error;

    use_our_memory();
    json_t *tree = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
    if (!tree && json_error_code(&error) == json_error_out_of_memory) {
        refuse_memory(r);
    } else if (!tree) {
        r->status = oq_error_set(r->err, OQ_E_INVALID_ARG, "it is not JSON: %s (column %d)",
                                 error.text, error.column);
    } else if (!json_is_object(tree)) {
        refuse(r, OQ_E_INVALID_ARG, "", "it is not a JSON object");
        json_decref(tree);
        tree = NULL;
    }
    return tree;
}

enum oq_status oq_queue_json_parse_header(const char *line, size_t length, struct oq_error *err)
{
    struct reading r = {.err = err};
    json_t *tree = load(&r, line, length);

    if (tree) {
        const char *format = json_string_value(json_object_get(tree, "format"));
        json_t *version = json_object_get(tree, "version");
        if (!format || strcmp(format, OQ_QUEUE_JSON_FORMAT) != 0 || !json_is_integer(version))
            refuse(&r, OQ_E_INVALID_ARG, "",
                   "it is not the header of an exported queue (" OQ_QUEUE_JSON_FORMAT ")");
        else if (json_integer_value(version) < 1 ||
                 json_integer_value(version) > OQ_QUEUE_JSON_VERSION)
            refuse(&r, OQ_E_INVALID_ARG, "",
                   "the queue was exported by a later version of qmgrctl, in a format that this "
                   "one does not support");
    }
    json_decref(tree);
    return r.status;
}

enum oq_status oq_queue_json_parse_group(const char *line, size_t length,
                                         struct oq_exported_group *out, struct oq_error *err)
{
    struct oq_exported_group exported = {0};
    struct reading r = {.err = err};
    bool has = false;
    bool has_rate = false;
    uint64_t flags = 0;
    json_t *tree = load(&r, line, length);
    bool is_good =
        tree && take_guid(&r, tree, "group", &has, &exported.group) &&
        (has || refuse(&r, OQ_E_INVALID_ARG, "group", "is missing")) &&
        take_guid(&r, tree, "job", &exported.has_job, &exported.job) &&
        take_state(&r, tree, &exported.state) && take_text(&r, tree, "owner", &exported.owner) &&
        take_text(&r, tree, "failure", &exported.failure) &&
        take_bool(&r, tree, "foreground", &exported.is_foreground) &&
        take_number(&r, tree, "max_rate", OQ_GROUP_RATE_MOST, &has_rate,
                    &exported.max_bytes_per_s) &&
        take_text(&r, tree, "display_name", &exported.display_name) &&
        take_text(&r, tree, "description", &exported.description) &&
        take_number(&r, tree, "notify_flags", UINT32_MAX, &exported.has_notify_flags, &flags) &&
        take_text(&r, tree, "notify_class", &exported.notify_class) &&
        take_files(&r, tree, &exported);

    exported.notify_flags = (uint32_t)flags;
    json_decref(tree);
    if (is_good)
        *out = exported;
    else
        oq_exported_group_release(&exported);
    return r.status;
}

/* --- lines ------------------------------------------------------------------------------------ */

bool oq_queue_json_next_line(const char *text, size_t length, size_t *at, const char **line,
                             size_t *line_length)
{
    if (*at == 0 && length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        *at = 3;
    if (*at >= length)
        return false;
    *line = text + *at;
    const char *end = memchr(*line, '\n', length - *at);
    *line_length = end ? (size_t)(end - *line) : length - *at;
    *at += *line_length + (end != NULL);
    if (*line_length > 0 && (*line)[*line_length - 1] == '\r')
        (*line_length)--;
    return true;
}

bool oq_queue_json_is_blank(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    }
    return true;
}
