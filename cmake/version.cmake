# The version, from the project() line into C (oq_version.h, target oq_version) and into Windows' file properties.
include_guard(GLOBAL)

configure_file(${CMAKE_CURRENT_LIST_DIR}/oq_version.h.in ${CMAKE_BINARY_DIR}/generated/oq_version.h @ONLY)
add_library(oq_version INTERFACE)
target_include_directories(oq_version INTERFACE ${CMAKE_BINARY_DIR}/generated)

set(oq_version_folder ${CMAKE_CURRENT_LIST_DIR})

# oq_version_resource(TARGET DESCRIPTION): adds a VERSIONINFO resource to a program or DLL.
function(oq_version_resource target description)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")
    set(OQ_RC_FILE_TYPE 0x1)
    set(OQ_RC_FILE ${target}.exe)
  else()
    set(OQ_RC_FILE_TYPE 0x2)
    set(OQ_RC_FILE ${target}.dll)
  endif()
  set(OQ_RC_DESCRIPTION "${description}")
  configure_file(${oq_version_folder}/version.rc.in ${CMAKE_BINARY_DIR}/generated/${target}_version.rc @ONLY)
  target_sources(${target} PRIVATE ${CMAKE_BINARY_DIR}/generated/${target}_version.rc)
endfunction()
