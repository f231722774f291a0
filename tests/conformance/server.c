/* server.c - the web server of the conformance program: a thread per connection, files made of
 * numbers.
 *
 * Owns the list of names that were asked for. See conformance.h for the paths.
 */
#include "conformance.h"

#include <ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 256

struct name {
    char text[64];
    unsigned requests, with_range, first;
};

static CRITICAL_SECTION lock;
static struct name names[NAMES];
static unsigned name_count, request_count;
static unsigned short port;

struct plan {
    char name[64];
    uint64_t size, first;
    unsigned rate, status, on, request, version;
    bool has_no_length, is_changing, is_ranged;
};

uint8_t server_byte(uint64_t position, unsigned version)
{
    return (uint8_t)((position * 31u + (position >> 8) * 7u + (position >> 16)) ^
                     (version * 0x5Bu));
}

const wchar_t *server_url(const wchar_t *rest)
{
    static wchar_t buffers[8][256];
    static unsigned next;
    wchar_t *buffer = buffers[next++ % 8];
    swprintf(buffer, 256, L"http://127.0.0.1:%u/%ls", port, rest);
    return buffer;
}

static struct name *find_name(const char *text, bool add)
{
    for (unsigned i = 0; i < name_count; i++)
        if (strcmp(names[i].text, text) == 0)
            return &names[i];
    if (!add || name_count == NAMES)
        return NULL;
    snprintf(names[name_count].text, sizeof names[0].text, "%s", text);
    return &names[name_count++];
}

unsigned server_requests(const char *text, unsigned *with_range)
{
    EnterCriticalSection(&lock);
    struct name *name = find_name(text, false);
    unsigned count = name ? name->requests : 0;
    if (with_range)
        *with_range = name ? name->with_range : 0;
    LeaveCriticalSection(&lock);
    return count;
}

unsigned server_first_request(const char *text)
{
    EnterCriticalSection(&lock);
    struct name *name = find_name(text, false);
    unsigned first = name ? name->first : 0;
    LeaveCriticalSection(&lock);
    return first;
}

static void note_request(struct plan *plan)
{
    EnterCriticalSection(&lock);
    request_count++;
    struct name *name = find_name(plan->name, true);
    if (name) {
        plan->request = ++name->requests;
        if (plan->first > 0)
            name->with_range++;
        if (name->first == 0)
            name->first = request_count;
    }
    LeaveCriticalSection(&lock);
}

static bool query_number(const char *query, const char *key, uint64_t *value)
{
    const char *at = query;
    size_t length = strlen(key);
    while (at) {
        at++;
        if (strncmp(at, key, length) == 0) {
            if (at[length] == '=')
                *value = strtoull(at + length + 1, NULL, 10);
            return true;
        }
        at = strchr(at, '&');
    }
    return false;
}

/* False if the request cannot be understood. */
static bool make_plan(const char *head, struct plan *plan)
{
    uint64_t number = 0;
    char path[512];
    memset(plan, 0, sizeof *plan);
    if (sscanf(head, "%*s %511s", path) != 1 || path[0] != '/')
        return false;
    char *query = strchr(path, '?');
    const char *options = query ? query : "?";
    snprintf(plan->name, sizeof plan->name, "%.*s", (int)(query ? query - path - 1 : 60), path + 1);
    query_number(options, "size", &plan->size);
    if (query_number(options, "rate", &number))
        plan->rate = (unsigned)number;
    if (query_number(options, "status", &number))
        plan->status = (unsigned)number;
    if (query_number(options, "on", &number))
        plan->on = (unsigned)number;
    plan->has_no_length = query_number(options, "nolength", &number);
    plan->is_changing = query_number(options, "change", &number);
    const char *range = strstr(head, "\r\nRange: bytes=");
    if (range && !plan->has_no_length) {
        plan->is_ranged = true;
        plan->first = strtoull(range + 15, NULL, 10);
    }
    note_request(plan);
    if (plan->on && plan->request > plan->on)
        plan->status = 0;
    plan->version = plan->is_changing && plan->request > plan->on ? 1 : 0;
    /* A range of another version than the one the client has is not wanted: If-Range (RFC
     * 9110, 13.1.5). */
    const char *if_range = strstr(head, "\r\nIf-Range: ");
    char tag[32];
    snprintf(tag, sizeof tag, "\"v%u-%llu\"", plan->version, (unsigned long long)plan->size);
    if (if_range && plan->is_ranged && strncmp(if_range + 12, tag, strlen(tag)) != 0) {
        plan->is_ranged = false;
        plan->first = 0;
    }
    return true;
}

static bool send_all(SOCKET peer, const char *data, int length)
{
    while (length > 0) {
        int sent = send(peer, data, length, 0);
        if (sent <= 0)
            return false;
        data += sent;
        length -= sent;
    }
    return true;
}

static bool send_body(SOCKET peer, const struct plan *plan)
{
    static const unsigned piece = 16384;
    char data[16384];
    ULONGLONG start = GetTickCount64();
    uint64_t at = plan->first;
    while (at < plan->size) {
        unsigned length = plan->size - at < piece ? (unsigned)(plan->size - at) : piece;
        for (unsigned i = 0; i < length; i++)
            data[i] = (char)server_byte(at + i, plan->version);
        if (!send_all(peer, data, (int)length))
            return false;
        at += length;
        while (plan->rate &&
               (at - plan->first) * 1000 > (GetTickCount64() - start) * (uint64_t)plan->rate)
            Sleep(5);
    }
    return true;
}

static bool answer(SOCKET peer, const struct plan *plan, bool is_head)
{
    char head[600], length[160] = "", ranges[128] = "";
    if (plan->status) {
        snprintf(head, sizeof head, "HTTP/1.1 %u Status\r\nContent-Length: 0\r\n\r\n",
                 plan->status);
        return send_all(peer, head, (int)strlen(head));
    }
    if (plan->is_ranged && plan->first >= plan->size) {
        snprintf(head, sizeof head,
                 "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes "
                 "*/%llu\r\nContent-Length: 0\r\n\r\n",
                 (unsigned long long)plan->size);
        return send_all(peer, head, (int)strlen(head));
    }
    if (!plan->has_no_length)
        snprintf(length, sizeof length, "Content-Length: %llu\r\nAccept-Ranges: bytes\r\n",
                 (unsigned long long)(plan->size - plan->first));
    if (plan->is_ranged)
        snprintf(ranges, sizeof ranges, "Content-Range: bytes %llu-%llu/%llu\r\n",
                 (unsigned long long)plan->first, (unsigned long long)plan->size - 1,
                 (unsigned long long)plan->size);
    snprintf(head, sizeof head,
             "HTTP/1.1 %s\r\nETag: \"v%u-%llu\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:3%u "
             "GMT\r\n%s%s%s\r\n",
             plan->is_ranged ? "206 Partial Content" : "200 OK", plan->version,
             (unsigned long long)plan->size, 7 + plan->version, length, ranges,
             plan->has_no_length ? "Connection: close\r\n" : "");
    if (!send_all(peer, head, (int)strlen(head)))
        return false;
    return is_head || (send_body(peer, plan) && !plan->has_no_length);
}

static DWORD WINAPI serve(void *ctx)
{
    SOCKET peer = (SOCKET)(uintptr_t)ctx;
    char head[8192];
    int have = 0;
    for (;;) {
        struct plan plan;
        head[have] = '\0';
        char *end = strstr(head, "\r\n\r\n");
        if (!end) {
            int got = have < (int)sizeof head - 1
                          ? recv(peer, head + have, (int)sizeof head - 1 - have, 0)
                          : 0;
            if (got <= 0)
                break;
            have += got;
            continue;
        }
        end[2] = '\0';
        if (!make_plan(head, &plan) || !answer(peer, &plan, strncmp(head, "HEAD", 4) == 0))
            break;
        have -= (int)(end + 4 - head);
        memmove(head, end + 4, (size_t)have);
    }
    shutdown(peer, SD_BOTH);
    closesocket(peer);
    return 0;
}

static DWORD WINAPI accept_all(void *ctx)
{
    SOCKET listener = (SOCKET)(uintptr_t)ctx;
    for (;;) {
        SOCKET peer = accept(listener, NULL, NULL);
        if (peer == INVALID_SOCKET)
            return 0;
        HANDLE thread = CreateThread(NULL, 0, serve, (void *)(uintptr_t)peer, 0, NULL);
        if (thread)
            CloseHandle(thread);
        else
            closesocket(peer);
    }
}

bool server_start(void)
{
    WSADATA data;
    struct sockaddr_in address = {.sin_family = AF_INET};
    int length = sizeof address;
    InitializeCriticalSection(&lock);
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        return false;
    SOCKET listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener == INVALID_SOCKET ||
        bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 50) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return false;
    port = ntohs(address.sin_port);
    HANDLE thread = CreateThread(NULL, 0, accept_all, (void *)(uintptr_t)listener, 0, NULL);
    if (!thread)
        return false;
    CloseHandle(thread);
    return true;
}
