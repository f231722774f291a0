/* source_fixture.c - see source_fixture.h. */
#include "source_fixture.h"

#include "openssl_hash.h"

#include "oq_alloc.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The hashes of the pieces of www/<name>, one behind the other; their number. */
static uint32_t hash_pieces(struct fixture *f, const char *name, enum oq_hash_kind kind,
                            size_t piece_bytes, uint8_t *values, uint32_t most)
{
    const struct oq_hash_port *port = openssl_hashes();
    struct oq_hash *hash = NULL;
    uint8_t value[OQ_HASH_MAX];
    char path[512];
    uint32_t count = 0;
    size_t got = 0;
    snprintf(path, sizeof path, "%s/www/%s", f->folder, name);
    FILE *file = fopen(path, "rb");
    uint8_t *piece = oq_malloc(piece_bytes);
    assert_non_null(file);
    assert_non_null(piece);
    assert_int_equal(port->begin(port->ctx, kind, &hash), OQ_OK);
    while ((got = fread(piece, 1, piece_bytes, file)) > 0) {
        assert_true(count < most);
        assert_int_equal(port->update(port->ctx, hash, piece, got), OQ_OK);
        assert_int_equal(port->finish(port->ctx, hash, value), OQ_OK);
        memcpy(values + count * oq_hash_size(kind), value, oq_hash_size(kind));
        count++;
    }
    port->free(port->ctx, hash);
    oq_free(piece);
    fclose(file);
    return count;
}

void source_expect_whole(struct fixture *f, int64_t group, uint32_t index, const char *name,
                         enum oq_hash_kind kind, uint64_t piece_bytes)
{
    uint8_t value[OQ_HASH_MAX];
    struct oq_error err;
    struct oq_pieces pieces = {
        .kind = kind, .piece_bytes = piece_bytes, .count = 1, .hashes = value};
    oq_error_init(&err);
    assert_int_equal(hash_pieces(f, name, kind, (size_t)64 << 20, value, 1), 1);
    if (oq_engine_set_pieces(f->engine, &f->user, group, index, &pieces, &err) != OQ_OK)
        fail_msg("set pieces: %s", err.text);
}

void source_sha256(struct fixture *f, const char *name, uint8_t value[OQ_SHA256_BYTES])
{
    assert_int_equal(hash_pieces(f, name, OQ_HASH_SHA256, (size_t)64 << 20, value, 1), 1);
}

void source_expect(struct fixture *f, int64_t group, uint32_t index, const char *name)
{
    struct oq_error err;
    uint8_t sha256[OQ_SHA256_BYTES];
    oq_error_init(&err);
    source_sha256(f, name, sha256);
    if (oq_engine_set_hash(f->engine, &f->user, group, index, sha256, OQ_SIZE_UNKNOWN, &err) !=
        OQ_OK)
        fail_msg("set hash: %s", err.text);
}

void source_expect_pieces(struct fixture *f, int64_t group, uint32_t index, const char *name,
                          uint32_t piece_bytes)
{
    static uint8_t values[256 * OQ_SHA256_BYTES];
    struct oq_error err;
    struct oq_pieces pieces = {
        .kind = OQ_HASH_SHA256, .piece_bytes = piece_bytes, .hashes = values};
    oq_error_init(&err);
    pieces.count = hash_pieces(f, name, OQ_HASH_SHA256, piece_bytes, values, 256);
    if (oq_engine_set_pieces(f->engine, &f->user, group, index, &pieces, &err) != OQ_OK)
        fail_msg("set pieces: %s", err.text);
}

void source_add(struct fixture *f, int64_t group, const char *rest)
{
    struct oq_error err;
    oq_error_init(&err);
    const char *url = strncmp(rest, "http", 4) == 0 ? rest : fixture_url(f, rest);
    if (oq_engine_add_source(f->engine, &f->user, group, 0, url, &err) != OQ_OK)
        fail_msg("add source: %s", err.text);
}

void source_resume(struct fixture *f, int64_t group)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_engine_resume(f->engine, &f->user, group, &err) != OQ_OK)
        fail_msg("resume: %s", err.text);
}

void source_suspend(struct fixture *f, int64_t group)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_engine_suspend(f->engine, &f->user, group, &err) != OQ_OK)
        fail_msg("suspend: %s", err.text);
}

struct oq_group_view source_wait_error(struct fixture *f, int64_t group)
{
    int64_t start_ms = 0;
    for (;;) {
        struct oq_group_view view = fixture_view(f, group);
        if (view.state == OQ_GROUP_ERROR)
            return view;
        if (view.state == OQ_GROUP_COMPLETE || !fixture_patience(&start_ms, 60))
            fail_msg("waiting for an error, but the group is %s", oq_group_state_text(view.state));
    }
}

uint64_t source_sent(struct fixture *f, const char *word, unsigned requests)
{
    char path[512], line[4096];
    int64_t start_ms = 0;
    snprintf(path, sizeof path, "%s/log", f->folder);
    for (;;) {
        uint64_t sum = 0;
        unsigned seen = 0;
        FILE *file = fopen(path, "r");
        while (file && fgets(line, sizeof line, file)) {
            const char *sent = strstr(line, "\"sent\": ");
            if (!strstr(line, word) || !sent)
                continue;
            sum += strtoull(sent + 8, NULL, 10);
            seen++;
        }
        if (file)
            fclose(file);
        if (seen >= requests)
            return sum;
        if (!fixture_patience(&start_ms, 30))
            fail_msg("%u requests for %s, not %u", seen, word, requests);
    }
}

struct oq_checks_view source_checks(struct fixture *f, int64_t group)
{
    struct oq_checks_view view;
    struct oq_error err;
    oq_error_init(&err);
    if (oq_engine_view_checks(f->engine, &f->user, group, 0, &view, &err) != OQ_OK)
        fail_msg("view checks: %s", err.text);
    return view;
}
