# Layers and programs. A target sees the folders of the layers in its own row and nothing else: dependencies are linked
# privately, so that they are not handed on, and a wrong #include does not compile.
include_guard(GLOBAL)

# oq_layer(NAME [SOURCES file...] [HEADERS_DIR folder] [DEPENDS layer...] [LIBS library...])
#
# A static library whose public include folder is HEADERS_DIR (default: the folder it stands in). DEPENDS is its row of
# the table in CONTRIBUTING.md, in full. LIBS are libraries from outside (oq::curl, ws2_32, ...), which its users link but
# do not see. Without SOURCES it is a layer of headers only.
function(oq_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "HEADERS_DIR" "SOURCES;DEPENDS;LIBS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "oq_layer(${name}): what is ${arg_UNPARSED_ARGUMENTS}?")
  endif()
  if(NOT arg_HEADERS_DIR)
    set(arg_HEADERS_DIR .)
  endif()
  get_filename_component(folder ${arg_HEADERS_DIR} ABSOLUTE)
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    target_include_directories(${name} PUBLIC ${folder})
    target_link_libraries(${name} PRIVATE ${arg_DEPENDS} ${arg_LIBS})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${folder})
  endif()
endfunction()

# oq_program(NAME SOURCES file... [DEPENDS layer...] [LIBS library...] [DESCRIPTION text] [WIDE_MAIN])
#
# A program. On Windows it gets a version resource with DESCRIPTION; WIDE_MAIN says that it starts at wmain.
function(oq_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "WIDE_MAIN" "DESCRIPTION" "SOURCES;DEPENDS;LIBS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "oq_program(${name}): what is ${arg_UNPARSED_ARGUMENTS}?")
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} ${arg_LIBS})
  if(WIN32)
    if(arg_WIDE_MAIN)
      target_link_options(${name} PRIVATE -municode)
    endif()
    if(arg_DESCRIPTION)
      oq_version_resource(${name} "${arg_DESCRIPTION}")
    endif()
  endif()
endfunction()
