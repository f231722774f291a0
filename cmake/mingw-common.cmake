# What both MinGW tool chains have in common. The -posix compilers are named in full, because which one the short name
# means is a matter of the machine's alternatives, and the -win32 one has no C11 threads.
set(CMAKE_C_COMPILER ${OQ_TRIPLET}-gcc-posix)
if(OQ_TRIPLET MATCHES "^x86_64")
  set(CMAKE_CXX_COMPILER ${OQ_TRIPLET}-g++-posix)
endif()
set(CMAKE_RC_COMPILER ${OQ_TRIPLET}-windres)

# Where scripts/deps puts the libraries; while it builds them, it names another place.
if(DEFINED ENV{OQ_DEPS_STAGE})
  set(oq_deps_prefix $ENV{OQ_DEPS_STAGE})
else()
  get_filename_component(oq_deps_prefix "${CMAKE_CURRENT_LIST_DIR}/../build/deps/${OQ_TRIPLET}" ABSOLUTE)
endif()
set(CMAKE_FIND_ROOT_PATH ${oq_deps_prefix} /usr/${OQ_TRIPLET})
set(CMAKE_PREFIX_PATH ${oq_deps_prefix})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
