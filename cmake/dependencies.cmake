# Libraries from outside. Whatever supplied them - Debian's packages (native trees), the prefix made by scripts/deps
# (MinGW trees) or MSYS2's packages (on Windows) - the rest of the project knows them only by these names:
#
#   oq::curl  oq::sqlite  oq::cmocka  oq::threads  oq::expat  oq::jansson  oq::crypto (native trees)
include_guard(GLOBAL)

function(oq_dependency name)
  add_library(oq_${name} INTERFACE)
  target_link_libraries(oq_${name} INTERFACE ${ARGN})
  add_library(oq::${name} ALIAS oq_${name})
endfunction()

if(CMAKE_CROSSCOMPILING AND WIN32 AND NOT EXISTS ${CMAKE_SOURCE_DIR}/build/deps/${OQ_TRIPLET}/openqmgr-deps.stamp)
  message(FATAL_ERROR "The cross-built libraries are missing: run scripts/deps")
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
oq_dependency(threads Threads::Threads)

# 7.68 brought curl_multi_wakeup, by which other threads reach the engine.
find_package(CURL 7.68 REQUIRED)
oq_dependency(curl CURL::libcurl)

# 3.37 brought STRICT tables.
find_package(SQLite3 3.37 REQUIRED)
oq_dependency(sqlite SQLite::SQLite3)

# Metalink documents, which only qmgrctl reads. Packages differ in whether they describe themselves to CMake.
find_package(EXPAT 2.4 REQUIRED)
oq_dependency(expat EXPAT::EXPAT)

# The exported queue, which only qmgrctl writes and reads. Debian's package describes itself to pkg-config only. 2.11
# brought error codes.
find_package(jansson 2.11 QUIET CONFIG)
if(TARGET jansson::jansson)
  oq_dependency(jansson jansson::jansson)
else()
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(oq_jansson_found REQUIRED IMPORTED_TARGET jansson>=2.11)
  oq_dependency(jansson PkgConfig::oq_jansson_found)
endif()

# Native tests only: hashing, for which Windows has CNG.
if(NOT WIN32)
  find_package(OpenSSL 1.1 REQUIRED COMPONENTS Crypto)
  oq_dependency(crypto OpenSSL::Crypto)
endif()

# Older CMocka packages describe themselves by variables, newer ones by a target.
find_package(cmocka 1.1 REQUIRED CONFIG)
if(TARGET cmocka::cmocka)
  oq_dependency(cmocka cmocka::cmocka)
else()
  add_library(oq_cmocka_found INTERFACE)
  target_link_libraries(oq_cmocka_found INTERFACE ${CMOCKA_LIBRARIES})
  target_include_directories(oq_cmocka_found SYSTEM INTERFACE ${CMOCKA_INCLUDE_DIR})
  oq_dependency(cmocka oq_cmocka_found)
endif()
