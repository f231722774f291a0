/* roots.c - certificates of a system store and of a file as one PEM text. No state. */
#include "roots_int.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_utf.h"
#include "oq_win_support.h"

#include <string.h>
#include <windows.h>
#include <wincrypt.h>

#define FILE_BYTES_MAX (4u << 20)
#define BEGIN_LINE "-----BEGIN CERTIFICATE-----"

void oq_win_pem_release(struct oq_win_pem *pem)
{
    oq_free(pem->text);
    memset(pem, 0, sizeof *pem);
}

static enum oq_status append(struct oq_win_pem *pem, const char *text, size_t length, size_t count,
                             struct oq_error *err)
{
    char *longer = oq_realloc(pem->text, pem->length + length + 1);
    if (!longer)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    memcpy(longer + pem->length, text, length);
    pem->text = longer;
    pem->length += length;
    pem->text[pem->length] = '\0';
    pem->count += count;
    return OQ_OK;
}

static enum oq_status append_certificate(struct oq_win_pem *pem, const CERT_CONTEXT *certificate,
                                         struct oq_error *err)
{
    DWORD length = 0;
    if (!CryptBinaryToStringA(certificate->pbCertEncoded, certificate->cbCertEncoded,
                              CRYPT_STRING_BASE64HEADER, NULL, &length) ||
        length == 0)
        return OQ_OK; /* one that cannot be written is one that is not trusted */
    char *text = oq_malloc(length);
    if (!text)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    enum oq_status status = OQ_OK;
    if (CryptBinaryToStringA(certificate->pbCertEncoded, certificate->cbCertEncoded,
                             CRYPT_STRING_BASE64HEADER, text, &length))
        status = append(pem, text, strlen(text), 1,
                        err); /* Wine's length counts the terminator, Windows' does not */
    oq_free(text);
    return status;
}

/* Windows lets an administrator restrict a root to purposes; an unrestricted one has none listed.
 */
static bool is_for_servers(const CERT_CONTEXT *certificate)
{
    DWORD size = 0;
    bool is_found = false;
    if (!CertGetEnhancedKeyUsage(certificate, 0, NULL, &size) || size == 0)
        return true; /* the question is not known, or there is no such property */
    CERT_ENHKEY_USAGE *usage = oq_malloc(size);
    if (!usage)
        return false;
    if (CertGetEnhancedKeyUsage(certificate, 0, usage, &size)) {
        is_found = usage->cUsageIdentifier == 0 && GetLastError() == (DWORD)CRYPT_E_NOT_FOUND;
        for (DWORD i = 0; i < usage->cUsageIdentifier && !is_found; i++)
            is_found = strcmp(usage->rgpszUsageIdentifier[i], szOID_PKIX_KP_SERVER_AUTH) == 0;
    }
    oq_free(usage);
    return is_found;
}

enum oq_status oq_win_pem_add_store(struct oq_win_pem *pem, const char *store, struct oq_error *err)
{
    wchar_t *wide = NULL;
    const CERT_CONTEXT *certificate = NULL;
    enum oq_status status = oq_utf8_to_16(store, &wide, NULL);
    if (status != OQ_OK)
        return oq_error_set(err, status, "the certificate store's name cannot be used");
    HCERTSTORE handle = CertOpenSystemStoreW(0, wide);
    oq_free(wide);
    if (!handle) {
        oq_log_warning("network: the certificate store %s cannot be opened (%lu)", store,
                       (unsigned long)GetLastError());
        return OQ_OK;
    }
    while (status == OQ_OK &&
           (certificate = CertEnumCertificatesInStore(handle, certificate)) != NULL)
        if (is_for_servers(certificate))
            status = append_certificate(pem, certificate, err);
    if (certificate)
        CertFreeCertificateContext(certificate);
    CertCloseStore(handle, 0);
    return status;
}

static size_t count_certificates(const char *text)
{
    size_t count = 0;
    while ((text = strstr(text, BEGIN_LINE)) != NULL) {
        count++;
        text += sizeof(BEGIN_LINE) - 1;
    }
    return count;
}

/* The whole file as a terminated text, with a newline at the end. */
static enum oq_status read_file(const char *path, char **out, size_t *length, struct oq_error *err)
{
    LARGE_INTEGER size;
    DWORD done = 0;
    char *text = NULL;
    wchar_t *wide = NULL;
    enum oq_status status = oq_utf8_to_16(path, &wide, NULL);
    if (status != OQ_OK)
        return oq_error_set(err, status, "the name of the CA file cannot be used");
    HANDLE handle = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                                FILE_ATTRIBUTE_NORMAL, NULL);
    oq_free(wide);
    if (handle == INVALID_HANDLE_VALUE || !GetFileSizeEx(handle, &size)) {
        status = oq_win_fail(err, GetLastError(), "the CA file %s cannot be read", path);
        goto out;
    }
    if (size.QuadPart > FILE_BYTES_MAX) {
        status = oq_error_set(err, OQ_E_INVALID_ARG, "the CA file %s is larger than 4 MB", path);
        goto out;
    }
    text = oq_calloc(1, (size_t)size.QuadPart + 2);
    if (!text) {
        status = oq_error_set(err, OQ_E_NOMEM, "out of memory");
        goto out;
    }
    if (!ReadFile(handle, text, (DWORD)size.QuadPart, &done, NULL)) {
        status = oq_win_fail(err, GetLastError(), "the CA file %s cannot be read", path);
        goto out;
    }
    text[done] = '\n';
    *length = strlen(text);
    *out = text;
    text = NULL;
out:
    oq_free(text);
    if (handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
    return status;
}

enum oq_status oq_win_pem_add_file(struct oq_win_pem *pem, const char *path, struct oq_error *err)
{
    char *text = NULL;
    size_t length = 0;
    enum oq_status status = read_file(path, &text, &length, err);
    if (status != OQ_OK)
        return status;
    size_t count = count_certificates(text);
    if (count == 0)
        status = oq_error_set(err, OQ_E_INVALID_ARG,
                              "the CA file %s holds no certificate in PEM form", path);
    else
        status = append(pem, text, length, count, err);
    oq_free(text);
    return status;
}
