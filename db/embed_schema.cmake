# Writes the SQL files of db/schema as one C table: the migrations that oq_store_open applies.
#
#   cmake -DSCHEMA_DIR=<folder> -DOUTPUT=<file.c> -P embed_schema.cmake
#
# The numbers must be 0001, 0002, ... without a gap. The text is cut into one string literal per line, so that the generated
# file can be read and compared.

file(GLOB names RELATIVE "${SCHEMA_DIR}" "${SCHEMA_DIR}/*.sql")
list(SORT names)
list(LENGTH names count)
if(count EQUAL 0)
    message(FATAL_ERROR "no SQL files in ${SCHEMA_DIR}")
endif()

set(texts "")
set(rows "")
set(expected 0)
foreach(name IN LISTS names)
    math(EXPR expected "${expected} + 1")
    if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)\\.sql$")
        message(FATAL_ERROR "db/schema/${name}: the name must be NNNN_<what_it_does>.sql")
    endif()
    set(number "${CMAKE_MATCH_1}")
    set(title "${CMAKE_MATCH_2}")
    string(REGEX REPLACE "^0+" "" version "${number}")
    if(NOT version EQUAL expected)
        message(FATAL_ERROR "db/schema/${name}: number ${expected} is missing or doubled")
    endif()

    file(READ "${SCHEMA_DIR}/${name}" text)
    string(REPLACE "\r" "" text "${text}")
    string(REPLACE "\\" "\\\\" text "${text}")
    string(REPLACE "\"" "\\\"" text "${text}")
    string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
    string(APPEND texts "static const char text_${number}[] =\n    \"${text}\";\n\n")
    string(APPEND rows "    {${version}, \"${title}\", text_${number}},\n")
endforeach()

file(WRITE "${OUTPUT}"
"/* Made from db/schema by db/embed_schema.cmake. Do not edit. */
#include \"store_int.h\"

${texts}const struct oq_migration oq_migrations[] = {
${rows}};

const size_t oq_migration_count = sizeof(oq_migrations) / sizeof(oq_migrations[0]);
")
