/* oq_wire_check.h - what a caller says of the length of its data, against the bytes that came.
 *
 * Pure: bytes in, an answer out. The layout is that of the 32-bit NDR transfer syntax ("NDR20";
 * C706, 14.3), which is the only one that widl makes, in little-endian order. `bytes` need no
 * alignment; no function reads behind `size`.
 */
#ifndef OQ_WIRE_CHECK_H
#define OQ_WIRE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Elements of one call: AddFiles, Next. Far above the limits of the service. */
#define OQ_WIRE_ELEMENTS_MAX 65536u

/* A call of AddFiles: cFileCount, then the array: its own count (maximum), a pointer of 4 bytes for
 * each element, and what they point to, which is not looked into. */
bool oq_wire_add_files_fits(const void *bytes, size_t size);

/* A call of Next: the number of elements that the client has room for. */
bool oq_wire_next_fits(const void *bytes, size_t size);

/* A call of SetNotificationPointer: the interface, then a marshalled object or NULL. Windows writes
 * a pointer of 4 bytes, the object's length twice, and the object; Wine the length once, without
 * the pointer. Which it is tells the signature at the object's start ([MS-DCOM] 2.2.18). */
bool oq_wire_set_pointer_fits(const void *bytes, size_t size);

/* A BSTR ([MS-OAUT] 2.2.23): the count (maximum), the number of bytes or 0xffffffff for NULL, the
 * count again, and as many characters of 2 bytes. */
bool oq_wire_bstr_fits(const void *bytes, size_t size);

enum oq_wire_variant {
    OQ_WIRE_VARIANT_FITS,
    OQ_WIRE_VARIANT_LIES,
    OQ_WIRE_VARIANT_OTHER, /* of a type that no property has: arrays, objects, references */
};

/* A VARIANT ([MS-OAUT] 2.2.29): its length, a reserved word, the type, three reserved words of 2
 * bytes, the type again, and the value: a number, or a pointer of 4 bytes and a BSTR. */
enum oq_wire_variant oq_wire_variant_judge(const void *bytes, size_t size);

#endif
