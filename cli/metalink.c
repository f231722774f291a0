/* metalink.c - see metalink_int.h. */
#include "metalink_int.h"

#include "oq_alloc.h"
#include "oq_model.h"
#include "oq_url.h"

#include <expat.h>

#include <stdlib.h>
#include <string.h>

#define NAMESPACE "urn:ietf:params:xml:ns:metalink"
#define SEPARATOR '|'
#define NO_PRIORITY 1000000 /* after the largest one, 999999 (4.2.16.1) */

enum element { OTHER, METALINK, FILE_, SIZE, HASH, URL, PIECES, PIECE_HASH };

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
    unsigned depth;       /* open elements */
    unsigned other_depth; /* depth of the ignored element that is open; 0: none */
    enum element element;
    char *text; /* of the innermost element of interest */
    size_t text_length, text_capacity;
    /* of the file that is open */
    struct url *urls;
    size_t url_count, url_capacity;
    unsigned long priority; /* of the URL that is open */
    enum oq_hash_kind kind; /* of the hash that is open */
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
    file->name = oq_strdup(name);
    file->expectations = oq_expectations_new();
    if (!file->name || !file->expectations)
        fail(p, OQ_E_NOMEM, "out of memory");
}

/* OQ_HASH_NONE for hash functions that are not supported: the element is ignored. */
static enum oq_hash_kind kind_of(const XML_Char **attributes)
{
    enum oq_hash_kind kind = OQ_HASH_NONE;
    const char *type = attribute(attributes, "type");
    return type && oq_hash_parse_name(type, &kind) == OQ_OK ? kind : OQ_HASH_NONE;
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
    if (kind == OQ_HASH_NONE || kind < open_file(p)->expectations->pieces.kind)
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

static enum element begin_child(struct parsing *p, const char *name, const XML_Char **attributes)
{
    const char *priority;
    switch (p->element) {
    case OTHER: /* the document itself */
        if (p->depth == 1 && strcmp(name, "metalink") == 0) {
            p->is_metalink = true;
            return METALINK;
        }
        return OTHER;
    case METALINK:
        if (strcmp(name, "file") != 0)
            return OTHER;
        begin_file(p, attributes);
        return FILE_;
    case FILE_:
        if (strcmp(name, "size") == 0)
            return SIZE;
        if (strcmp(name, "pieces") == 0)
            return begin_pieces(p, attributes);
        if (strcmp(name, "url") == 0) {
            priority = attribute(attributes, "priority");
            p->priority = priority ? strtoul(priority, NULL, 10) : NO_PRIORITY;
            return URL;
        }
        p->kind = strcmp(name, "hash") == 0 ? kind_of(attributes) : OQ_HASH_NONE;
        return p->kind == OQ_HASH_SHA256 ? HASH : OTHER;
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

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    struct parsing *p = ctx;
    const size_t prefix = sizeof NAMESPACE - 1;
    p->depth++;
    if (p->status != OQ_OK || p->other_depth > 0)
        return;
    enum element element = OTHER;
    if (strncmp(name, NAMESPACE, prefix) == 0 && name[prefix] == SEPARATOR)
        element = begin_child(p, name + prefix + 1, attributes);
    if (element == OTHER) {
        p->other_depth = p->depth;
        return;
    }
    p->element = element;
    p->text_length = 0;
}

/* --- end of elements -------------------------------------------------------------------------- */

static void end_size(struct parsing *p)
{
    if (!parse_number(p->text, &open_file(p)->expectations->size_bytes))
        fail(p, OQ_E_INVALID_ARG, "the size of a file is not a number");
}

static void end_hash(struct parsing *p)
{
    struct oq_expectations *expectations = open_file(p)->expectations;
    if (oq_hex_parse(p->text, p->text_length, expectations->sha256, OQ_SHA256_BYTES) != OQ_OK)
        fail(p, OQ_E_INVALID_ARG, "a hash is not valid");
    else
        expectations->has_sha256 = true;
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
    if (oq_url_scheme(p->text) == OQ_URL_OTHER)
        return;
    struct url *urls = grown(p, p->urls, p->url_count, &p->url_capacity, sizeof *urls);
    if (!urls)
        return;
    p->urls = urls;
    urls[p->url_count] = (struct url){oq_strdup(p->text), p->priority, p->url_count};
    if (!urls[p->url_count].text)
        fail(p, OQ_E_NOMEM, "out of memory");
    else
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

static void end_file(struct parsing *p)
{
    struct oq_expectations *expectations = open_file(p)->expectations;
    if (p->url_count == 0) {
        fail(p, OQ_E_INVALID_ARG, "a file has no URL of http or https");
        return;
    }
    qsort(p->urls, p->url_count, sizeof *p->urls, compare_urls);
    for (size_t i = 0; i < p->url_count && i < OQ_SOURCES_MAX; i++) {
        if (oq_expectations_add_mirror(expectations, p->urls[i].text) != OQ_OK)
            fail(p, OQ_E_NOMEM, "out of memory");
    }
    free_urls(p);
    const char *broken = oq_pieces_check(&expectations->pieces, expectations->size_bytes);
    if (broken)
        fail(p, OQ_E_INVALID_ARG, broken);
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
    static const enum element parents[] = {
        [METALINK] = OTHER, [FILE_] = METALINK, [SIZE] = FILE_,       [HASH] = FILE_,
        [URL] = FILE_,      [PIECES] = FILE_,   [PIECE_HASH] = PIECES};
    struct parsing *p = ctx;
    (void)name;
    p->depth--;
    if (p->other_depth > p->depth)
        p->other_depth = 0;
    else if (p->other_depth == 0 && p->status == OQ_OK && p->element != OTHER) {
        trim(p);
        if (p->element == SIZE)
            end_size(p);
        else if (p->element == HASH)
            end_hash(p);
        else if (p->element == URL)
            end_url(p);
        else if (p->element == PIECE_HASH)
            end_piece_hash(p);
        else if (p->element == PIECES)
            end_pieces(p);
        else if (p->element == FILE_)
            end_file(p);
        p->element = parents[p->element];
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
                                 "the document is not a Metalink of version 4 (RFC 5854)");
    if (p->status == OQ_OK && p->found.count == 0)
        p->status = oq_error_set(p->err, OQ_E_INVALID_ARG, "the document has no file");
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
    *metalink = (struct oq_metalink){0};
}
