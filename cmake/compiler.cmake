# The language, the warnings, the hardening: the same for every file that people wrote.
include_guard(GLOBAL)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Debug trees are optimised a little: under Wine and ASan that is the difference between minutes and seconds.
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")

option(OQ_WERROR "Warnings are errors; off for compilers that the code was not yet made clean with" ON)
set(oq_werror "$<$<BOOL:${OQ_WERROR}>:;-Werror>")
add_compile_options(
  "$<$<COMPILE_LANGUAGE:C>:-Wall;-Wextra${oq_werror};-Wshadow;-Wstrict-prototypes;-Wmissing-prototypes;-Wold-style-definition>"
  "$<$<COMPILE_LANGUAGE:C>:-Wconversion;-Wno-sign-conversion;-Wsign-compare;-Wformat=2;-Wundef;-Wvla;-Wpointer-arith>"
  "$<$<COMPILE_LANGUAGE:C>:-Wcast-qual;-Wwrite-strings;-Wimplicit-fallthrough;-Wswitch-enum;-Wdouble-promotion>")
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options("$<$<COMPILE_LANGUAGE:C>:-Wlogical-op;-Wduplicated-cond;-Wduplicated-branches>")
endif()

# COM hands out interfaces through (void **)&pointer, which the aliasing rules of C do not allow for.
add_compile_options("$<$<COMPILE_LANGUAGE:C>:-fno-strict-aliasing>")

# Messages and traces name files as they stand in the tree, wherever that is.
add_compile_options("$<$<COMPILE_LANGUAGE:C>:-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=>")

add_compile_options("$<$<COMPILE_LANGUAGE:C>:-fstack-protector-strong>")
add_compile_definitions("$<$<CONFIG:Release>:_FORTIFY_SOURCE=2>" _FILE_OFFSET_BITS=64)

if(OQ_FAULT_INJECTION)
  add_compile_definitions(OQ_FAULT_INJECTION=1)
endif()

if(OQ_SANITIZE)
  add_compile_options(-fsanitize=${OQ_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${OQ_SANITIZE})
endif()
if(OQ_TRAP_UB)
  add_compile_options("$<$<COMPILE_LANGUAGE:C>:-fsanitize=undefined;-fsanitize-undefined-trap-on-error>")
endif()

if(WIN32)
  add_compile_definitions(UNICODE _UNICODE _WIN32_WINNT=0x0A00 WINVER=0x0A00
    __USE_MINGW_ANSI_STDIO=1)
  # Address space layout, no execution of data; a time stamp would make each build different.
  # Named at linking too, because only then the compiler adds the stack protector's run-time.
  add_link_options(-fstack-protector-strong)
  add_link_options(-Wl,--dynamicbase -Wl,--nxcompat -Wl,--no-insert-timestamp)
  if(CMAKE_SIZEOF_VOID_P EQUAL 8)
    add_link_options(-Wl,--high-entropy-va)
  endif()
else()
  add_link_options(-Wl,-z,relro -Wl,-z,now)
endif()
if(OQ_STATIC)
  add_link_options(-static)
endif()

# oq_generated_code(TARGET): the target's files come out of a tool, so our warnings do not apply to them.
function(oq_generated_code target)
  target_compile_options(${target} PRIVATE -w)
  set_target_properties(${target} PROPERTIES C_CLANG_TIDY "" SKIP_LINTING ON)
endfunction()
