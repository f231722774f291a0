/* metalink.c - see metalink_int.h. */
#include "metalink_int.h"

#include "oq_alloc.h"
#include "oq_model.h"
#include "oq_http.h"
#include "oq_url.h"

#include <expat.h>

#include <stdlib.h>
#include <string.h>

#define SEPARATOR '|'
#define NO_PRIORITY 1000000 /* after the largest one, 999999 (4.2.16.1) */
#define PREFERENCE_MAX 100  /* of version 3, the opposite */

/* GROUP: of version 3, "files", "resources" and "verification", which only hold others together. */
enum element { OTHER, METALINK, GROUP, FILE_, SIZE, HASH, URL, PIECES, PIECE_HASH };
#define DEPTH_MAX 8 /* of elements of interest */

struct url {
    char *text;
    unsigned long priority;
    size_t order; /* in the document, decides between equal priorities */
};

struct parsing {
    XML_Parser parser;
    struct oq_metalink found;
    struct oq_error *err;
    enum oq_status status;
    bool is_metalink;
    unsigned depth;               /* open elements */
    unsigned other_depth;         /* depth of the ignored element that is open; 0: none */
    enum element open[DEPTH_MAX]; /* the elements of interest; [0] is OTHER, the document itself */
    unsigned open_depth;
    char *text; /* of the innermost element of interest */
    size_t text_length, text_capacity;
    /* of the file that is open */
    struct url *urls;
    size_t url_count, url_capacity;
    size_t closed_files;    /* as many as there are: no file is open */
    unsigned long priority; /* of the URL that is open */
    enum oq_hash_kind kind; /* of the hash that is open; NONE: not supported */
    struct oq_digest whole; /* the strongest hash of the whole file that is no SHA-256 */
    bool has_unknown_hash;
    struct oq_pieces pieces;
    size_t hashes_capacity;
};

/* Expat 2.9 has this function and deprecates the older one. */
#if XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION < 9
#define XML_GetCurrentLineNumber64 XML_GetCurrentLineNumber
#endif

static void fail(struct parsing *p, enum oq_status status, const char *sentence)
{
    if (p->status != OQ_OK)
        return;
    p->status = oq_error_set(p->err, status, "%s (line %lu)", sentence,
                             (unsigned long)XML_GetCurrentLineNumber64(p->parser));
    XML_StopParser(p->parser, XML_FALSE);
}

static void *grown(struct parsing *p, void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    size_t larger = *capacity ? *capacity * 2 : 16;
    void *bigger = oq_realloc(array, larger * size);
    if (!bigger) {
        fail(p, OQ_E_NOMEM, "out of memory");
        return NULL;
    }
    *capacity = larger;
    return bigger;
}

static struct oq_metalink_file *open_file(struct parsing *p)
{
    return p->found.count > 0 ? &p->found.files[p->found.count - 1] : NULL;
}

static const char *attribute(const XML_Char **attributes, const char *name)
{
    for (; attributes[0]; attributes += 2) {
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    }
    return NULL;
}

bool oq_metalink_is_safe(const char *name)
{
    for (const char *part = name;; part = strchr(part, '/') + 1) {
        size_t length = strcspn(part, "/");
        if (length == 0 || memchr(part, '\\', length) || memchr(part, ':', length) ||
            (length == 1 && part[0] == '.') || (length == 2 && memcmp(part, "..", 2) == 0))
            return false;
        if (part[length] == '\0')
            return true;
    }
}

/* --- start of elements ------------------------------------------------------------------------ */

static void begin_file(struct parsing *p, const XML_Char **attributes)
{
    const char *name = attribute(attributes, "name");
    size_t capacity = p->found.count;
    if (!name || !oq_metalink_is_safe(name)) {
        fail(p, OQ_E_INVALID_ARG, "a file has no name, or its name leads out of the folder");
        return;
    }
    if (p->found.count >= OQ_METALINK_MAX_FILES) {
        fail(p, OQ_E_INVALID_ARG, "there are too many files");
        return;
    }
    struct oq_metalink_file *files =
        oq_realloc(p->found.files, (capacity + 1) * sizeof *p->found.files);
    if (!files) {
        fail(p, OQ_E_NOMEM, "out of memory");
        return;
    }
    p->found.files = files;
    struct oq_metalink_file *file = &files[p->found.count++];
    p->whole.kind = OQ_HASH_NONE;
    p->has_unknown_hash = false;
    file->name = oq_strdup(name);
    file->expectations = oq_expectations_new();
    if (!file->name || !file->expectations)
        fail(p, OQ_E_NOMEM, "out of memory");
}

/* OQ_HASH_NONE for hash functions that are not supported. */
static enum oq_hash_kind kind_of(const XML_Char **attributes)
{
    enum oq_hash_kind kind = OQ_HASH_NONE;
    const char *type = attribute(attributes, "type");
    return type && oq_hash_parse_name(type, &kind) == OQ_OK ? kind : OQ_HASH_NONE;
}

static bool is_stronger(enum oq_hash_kind a, enum oq_hash_kind b)
{
    return oq_hash_size(a) > oq_hash_size(b);
}

static unsigned long priority_of(const XML_Char **attributes)
{
    const char *priority = attribute(attributes, "priority");
    const char *preference = attribute(attributes, "preference");
    if (priority)
        return strtoul(priority, NULL, 10);
    unsigned long value = preference ? strtoul(preference, NULL, 10) : 0;
    if (!preference)
        return NO_PRIORITY;
    return value < PREFERENCE_MAX ? PREFERENCE_MAX - value : 0;
}

static bool parse_number(const char *text, uint64_t *value)
{
    char *end = NULL;
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 18 || text[length] != '\0')
        return false;
    *value = strtoull(text, &end, 10);
    return true;
}

/* Of several lists the strongest hash is used. */
static enum element begin_pieces(struct parsing *p, const XML_Char **attributes)
{
    enum oq_hash_kind kind = kind_of(attributes);
    const char *length = attribute(attributes, "length");
    uint64_t piece_bytes = 0;
    if (kind == OQ_HASH_NONE || is_stronger(open_file(p)->expectations->pieces.kind, kind))
        return OTHER;
    if (!length || !parse_number(length, &piece_bytes) || piece_bytes == 0) {
        fail(p, OQ_E_INVALID_ARG, "pieces have no length");
        return OTHER;
    }
    p->pieces.kind = kind;
    p->pieces.piece_bytes = piece_bytes;
    p->pieces.count = 0;
    return PIECES;
}

/* An element in an element: OTHER if it says nothing there. */
static enum element begin_child(struct parsing *p, const char *name, const XML_Char **attributes)
{
    bool is_in_file = p->found.count > p->closed_files;
    switch (p->open[p->open_depth]) {
    case OTHER: /* the document itself */
        p->is_metalink |= p->depth == 1 && strcmp(name, "metalink") == 0;
        return p->is_metalink ? METALINK : OTHER;
    case METALINK:
    case GROUP:
    case FILE_:
        if (strcmp(name, "files") == 0 || strcmp(name, "resources") == 0 ||
            strcmp(name, "verification") == 0)
            return GROUP;
        if (!is_in_file && strcmp(name, "file") == 0) {
            begin_file(p, attributes);
            return FILE_;
        }
        if (!is_in_file)
            return OTHER;
        if (strcmp(name, "size") == 0)
            return SIZE;
        if (strcmp(name, "pieces") == 0)
            return begin_pieces(p, attributes);
        if (strcmp(name, "url") == 0) {
            p->priority = priority_of(attributes);
            return URL;
        }
        p->kind = kind_of(attributes);
        return strcmp(name, "hash") == 0 ? HASH : OTHER;
    case PIECES:
        return strcmp(name, "hash") == 0 ? PIECE_HASH : OTHER;
    case SIZE:
    case HASH:
    case URL:
    case PIECE_HASH:
        break;
    }
    return OTHER;
}

/* Behind the namespace of a version; NULL: of another one. */
static const char *local_name(const XML_Char *name)
{
    static const char *const namespaces[] = {"urn:ietf:params:xml:ns:metalink",
                                             "http://www.metalinker.org/"};
    for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++) {
        size_t length = strlen(namespaces[i]);
        if (strncmp(name, namespaces[i], length) == 0 && name[length] == SEPARATOR)
            return name + length + 1;
    }
    return NULL;
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    struct parsing *p = ctx;
    const char *local = local_name(name);
    p->depth++;
    if (p->status != OQ_OK || p->other_depth > 0)
        return;
    enum element element = OTHER;
    if (local && p->open_depth + 1 < DEPTH_MAX)
        element = begin_child(p, local, attributes);
    if (element == OTHER) {
        p->other_depth = p->depth;
        return;
    }
    p->open[++p->open_depth] = element;
    p->text_length = 0;
}

/* --- end of elements -------------------------------------------------------------------------- */

static void end_size(struct parsing *p)
{
    if (p->text_length > 0 && !parse_number(p->text, &open_file(p)->expectations->size_bytes))
        fail(p, OQ_E_INVALID_ARG, "the size of a file is not a number");
}

static void end_hash(struct parsing *p)
{
    struct oq_expectations *expectations = open_file(p)->expectations;
    struct oq_digest digest = {.kind = p->kind};
    if (p->text_length == 0)
        return;
    p->has_unknown_hash |= p->kind == OQ_HASH_NONE;
    if (p->kind == OQ_HASH_NONE)
        return;
    if (oq_hex_parse(p->text, p->text_length, digest.value, oq_hash_size(p->kind)) != OQ_OK) {
        fail(p, OQ_E_INVALID_ARG, "a hash is not valid");
    } else if (p->kind == OQ_HASH_SHA256) {
        memcpy(expectations->sha256, digest.value, OQ_SHA256_BYTES);
        expectations->has_sha256 = true;
    } else if (is_stronger(p->kind, p->whole.kind)) {
        p->whole = digest;
    }
}

static void end_piece_hash(struct parsing *p)
{
    size_t size = oq_hash_size(p->pieces.kind);
    size_t used = p->pieces.count * size;
    if (used + size > OQ_PIECES_MAX_BYTES) {
        fail(p, OQ_E_INVALID_ARG, "there are too many pieces");
        return;
    }
    if (used + size > p->hashes_capacity) {
        size_t larger = p->hashes_capacity ? p->hashes_capacity * 2 : 4096;
        uint8_t *bigger = oq_realloc(p->pieces.hashes, larger);
        if (!bigger) {
            fail(p, OQ_E_NOMEM, "out of memory");
            return;
        }
        p->pieces.hashes = bigger;
        p->hashes_capacity = larger;
    }
    if (oq_hex_parse(p->text, p->text_length, p->pieces.hashes + used, size) != OQ_OK)
        fail(p, OQ_E_INVALID_ARG, "the hash of a piece is not valid");
    else
        p->pieces.count++;
}

static void end_url(struct parsing *p)
{
    char *url = oq_url_normalize(p->text);
    if (!url) {
        fail(p, OQ_E_NOMEM, "out of memory");
        return;
    }
    if (oq_url_check(url, NULL) != OQ_OK) { /* the others may do */
        oq_free(url);
        return;
    }
    struct url *urls = grown(p, p->urls, p->url_count, &p->url_capacity, sizeof *urls);
    if (!urls) {
        oq_free(url);
        return;
    }
    p->urls = urls;
    urls[p->url_count] = (struct url){url, p->priority, p->url_count};
    p->url_count++;
}

static int compare_urls(const void *a, const void *b)
{
    const struct url *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void free_urls(struct parsing *p)
{
    for (size_t i = 0; i < p->url_count; i++)
        oq_free(p->urls[i].text);
    p->url_count = 0;
}

/* A hash of the whole file that is no SHA-256 is verified as that of its only piece, unless there
 * is a list of pieces that shows as much. */
static void take_whole_hash(struct parsing *p, struct oq_expectations *expectations)
{
    uint64_t size_bytes = expectations->size_bytes;
    if (expectations->has_sha256 || size_bytes == 0 ||
        !is_stronger(p->whole.kind, expectations->pieces.kind))
        return;
    uint8_t *hashes = oq_malloc(oq_hash_size(p->whole.kind));
    if (!hashes) {
        fail(p, OQ_E_NOMEM, "out of memory");
        return;
    }
    memcpy(hashes, p->whole.value, oq_hash_size(p->whole.kind));
    oq_free(expectations->pieces.hashes);
    expectations->pieces = (struct oq_pieces){
        .kind = p->whole.kind,
        .piece_bytes = size_bytes == OQ_SIZE_UNKNOWN ? OQ_HTTP_SIZE_MAX : size_bytes,
        .count = 1,
        .hashes = hashes};
}

static void leave_out_file(struct parsing *p)
{
    struct oq_metalink_file *file = open_file(p);
    if (!p->found.left_out_name) {
        p->found.left_out_name = file->name;
        file->name = NULL;
    }
    oq_free(file->name);
    oq_expectations_free(file->expectations);
    p->found.count--;
    p->found.left_out++;
}

static void end_file(struct parsing *p)
{
    struct oq_expectations *expectations = open_file(p)->expectations;
    if (p->url_count == 0) {
        leave_out_file(p);
        return;
    }
    qsort(p->urls, p->url_count, sizeof *p->urls, compare_urls);
    for (size_t i = 0; i < p->url_count && i < OQ_SOURCES_MAX; i++) {
        if (oq_expectations_add_mirror(expectations, p->urls[i].text) != OQ_OK)
            fail(p, OQ_E_NOMEM, "out of memory");
    }
    free_urls(p);
    take_whole_hash(p, expectations);
    const char *broken = oq_pieces_check(&expectations->pieces, expectations->size_bytes);
    if (broken)
        fail(p, OQ_E_INVALID_ARG, broken);
    else if (p->has_unknown_hash && !expectations->has_sha256 &&
             expectations->pieces.kind == OQ_HASH_NONE && p->whole.kind == OQ_HASH_NONE)
        fail(p, OQ_E_INVALID_ARG,
             "a file has hashes of unsupported functions only, so it could not be verified");
    p->closed_files = p->found.count;
}

/* The size may follow: end_file checks them. */
static void end_pieces(struct parsing *p)
{
    struct oq_expectations *expectations = open_file(p)->expectations;
    oq_free(expectations->pieces.hashes);
    expectations->pieces = p->pieces;
    p->pieces = (struct oq_pieces){.kind = OQ_HASH_NONE};
    p->hashes_capacity = 0;
}

static void trim(struct parsing *p)
{
    size_t skip = 0;
    while (p->text_length > 0 && strchr(" \t\r\n", p->text[p->text_length - 1]))
        p->text_length--;
    while (skip < p->text_length && strchr(" \t\r\n", p->text[skip]))
        skip++;
    p->text_length -= skip;
    memmove(p->text, p->text + skip, p->text_length);
    p->text[p->text_length] = '\0';
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
    struct parsing *p = ctx;
    (void)name;
    p->depth--;
    if (p->other_depth > p->depth)
        p->other_depth = 0;
    else if (p->other_depth == 0 && p->status == OQ_OK && p->open_depth > 0) {
        enum element element = p->open[p->open_depth];
        trim(p);
        if (element == SIZE)
            end_size(p);
        else if (element == HASH)
            end_hash(p);
        else if (element == URL)
            end_url(p);
        else if (element == PIECE_HASH)
            end_piece_hash(p);
        else if (element == PIECES)
            end_pieces(p);
        else if (element == FILE_)
            end_file(p);
        p->open_depth--;
        p->text_length = 0;
    }
}

static void XMLCALL on_text(void *ctx, const XML_Char *text, int length)
{
    struct parsing *p = ctx;
    size_t more = (size_t)length;
    if (p->status != OQ_OK || p->other_depth > 0)
        return;
    if (p->text_length + more + 1 > p->text_capacity) {
        size_t larger = (p->text_length + more + 1) * 2;
        char *bigger = oq_realloc(p->text, larger);
        if (!bigger) {
            fail(p, OQ_E_NOMEM, "out of memory");
            return;
        }
        p->text = bigger;
        p->text_capacity = larger;
    }
    memcpy(p->text + p->text_length, text, more);
    p->text_length += more;
}

/* A document type could define entities, and there is no need for either. */
static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int has_internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_internal;
    fail(ctx, OQ_E_INVALID_ARG, "a Metalink must not have a document type");
}

/* --- the document ----------------------------------------------------------------------------- */

static void *expat_malloc(size_t size)
{
    return oq_malloc(size);
}

static void *expat_realloc(void *block, size_t size)
{
    return oq_realloc(block, size);
}

static void expat_free(void *block)
{
    oq_free(block);
}

static enum oq_status run(struct parsing *p, const char *data, size_t length)
{
    const XML_Char separator[2] = {SEPARATOR, '\0'};
    const XML_Memory_Handling_Suite memory = {expat_malloc, expat_realloc, expat_free};
    p->text_capacity = 256;
    p->text = oq_malloc(p->text_capacity);
    p->parser = p->text ? XML_ParserCreate_MM(NULL, &memory, separator) : NULL;
    if (!p->parser)
        return oq_error_set(p->err, OQ_E_NOMEM, "out of memory");
    XML_SetUserData(p->parser, p);
    XML_SetElementHandler(p->parser, on_start, on_end);
    XML_SetCharacterDataHandler(p->parser, on_text);
    XML_SetStartDoctypeDeclHandler(p->parser, on_doctype);
    if (XML_Parse(p->parser, data, (int)length, XML_TRUE) != XML_STATUS_OK && p->status == OQ_OK) {
        enum XML_Error code = XML_GetErrorCode(p->parser);
        p->status =
            oq_error_set(p->err, code == XML_ERROR_NO_MEMORY ? OQ_E_NOMEM : OQ_E_INVALID_ARG,
                         "the document is not well-formed: %s (line %lu)", XML_ErrorString(code),
                         (unsigned long)XML_GetCurrentLineNumber64(p->parser));
    }
    if (p->status == OQ_OK && !p->is_metalink)
        p->status = oq_error_set(p->err, OQ_E_INVALID_ARG,
                                 "the document is not a Metalink of version 3 or 4 (RFC 5854)");
    if (p->status == OQ_OK && p->found.count == 0)
        p->status = oq_error_set(p->err, OQ_E_INVALID_ARG,
                                 p->found.left_out > 0 ? "no file has a URL of http or https"
                                                       : "the document has no file");
    return p->status;
}

enum oq_status oq_metalink_parse(const char *data, size_t length, struct oq_metalink *out,
                                 struct oq_error *err)
{
    struct parsing p = {.err = err};
    if (length > OQ_METALINK_MAX_BYTES)
        return oq_error_set(err, OQ_E_INVALID_ARG, "the document is larger than 64 MiB");
    enum oq_status status = run(&p, data, length);
    free_urls(&p);
    oq_free(p.urls);
    oq_free(p.pieces.hashes);
    oq_free(p.text);
    if (p.parser)
        XML_ParserFree(p.parser);
    if (status == OQ_OK)
        *out = p.found;
    else
        oq_metalink_release(&p.found);
    return status;
}

void oq_metalink_release(struct oq_metalink *metalink)
{
    for (size_t i = 0; i < metalink->count; i++) {
        oq_free(metalink->files[i].name);
        oq_expectations_free(metalink->files[i].expectations);
    }
    oq_free(metalink->files);
    oq_free(metalink->left_out_name);
    *metalink = (struct oq_metalink){0};
}
