# What the CMake files of the rooms are written in.

# xgrad_component(NAME [APART] DEPENDS others): the library xgrad::NAME, on others of ours. What is
# APART is no part of xgrad::xgrad: who uses it names it.
function(xgrad_component name)
  cmake_parse_arguments(arg "APART" "" DEPENDS ${ARGN})
  set(target xgrad_${name})
  add_library(${target})
  add_library(xgrad::${name} ALIAS ${target})
  # Whatever it becomes part of may be shared; what no public header declares stays inside.
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name} VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} DEFINE_SYMBOL ""
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET ${XGRAD_VISIBILITY}
    ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR} LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
                                              $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  # Nobody here asks errno what a square root thinks, and loops of them are vectors without it.
  target_compile_options(${target} PRIVATE -fno-math-errno)
  if(XGRAD_OPENMP)
    target_compile_options(${target} PRIVATE ${OpenMP_CXX_FLAGS})
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Calls inside the library may be inlined all the same, as Clang takes for granted.
    target_compile_options(${target} PRIVATE -fno-semantic-interposition)
  endif()
  # Reading what nearly all files include takes as long as compiling what is in them.
  if(name STREQUAL "core")
    target_precompile_headers(${target} PRIVATE <xgrad/autograd/raise.hpp>
                                                <xgrad/autograd/tensor.hpp>)
  else()
    target_precompile_headers(${target} REUSE_FROM xgrad_core)
  endif()
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:xgrad_options>)
  foreach(other ${arg_DEPENDS})
    target_link_libraries(${target} PUBLIC xgrad_${other})
    string(APPEND requires " xgrad-${other}")
  endforeach()
  set_property(GLOBAL APPEND PROPERTY XGRAD_BUILT ${name})
  install(TARGETS ${target} EXPORT xgrad-${name}-targets COMPONENT ${name})
  install(EXPORT xgrad-${name}-targets NAMESPACE xgrad:: COMPONENT ${name}
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/xgrad)
  set_target_properties(${target} PROPERTIES XGRAD_REQUIRES "${requires}" XGRAD_APART ${arg_APART})
endfunction()

# xgrad_needs(NAME library flag): a library of others, for what is inside, and how a linker is told.
# Who links a static xgrad has to link it too; a shared one brings it along.
function(xgrad_needs name library flag)
  if(BUILD_SHARED_LIBS)
    target_link_libraries(xgrad_${name} PRIVATE $<BUILD_INTERFACE:${library}>)
  else()
    target_link_libraries(xgrad_${name} PRIVATE ${library})
    set_property(TARGET xgrad_${name} APPEND_STRING PROPERTY XGRAD_FLAGS " ${flag}")
  endif()
endfunction()

# xgrad_header(NAME FILE AS): FILE is <xgrad/AS> here and where the component NAME is installed.
function(xgrad_header name file as)
  get_filename_component(folder ${as} DIRECTORY)
  install(FILES ${file} COMPONENT ${name}
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/xgrad/${folder})
  set_property(GLOBAL APPEND PROPERTY XGRAD_HEADERS ${PROJECT_BINARY_DIR}/include/xgrad/${as})
endfunction()

# xgrad_room(NAME SOURCES … HEADERS …): this folder's part of the component NAME. HEADERS are those
# that are installed.
function(xgrad_room name)
  cmake_parse_arguments(arg "" "" "SOURCES;HEADERS" ${ARGN})
  get_filename_component(room ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  list(TRANSFORM arg_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  target_sources(xgrad_${name} PRIVATE ${arg_SOURCES})
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include/xgrad)
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include/xgrad/${room} SYMBOLIC)
  foreach(header ${arg_HEADERS})
    xgrad_header(${name} ${CMAKE_CURRENT_SOURCE_DIR}/${header} ${room}/${header})
  endforeach()
endfunction()

# xgrad_pkg_config(FILE NAME description requires libraries): FILE.pc, installed with the component
# NAME; where it lies says where the rest does.
function(xgrad_pkg_config file name description requires libs)
  file(RELATIVE_PATH to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/xgrad.pc.in ${file}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${file}.pc COMPONENT ${name}
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

# xgrad_whole(): xgrad::xgrad, all that is built, and the packages for find_package and pkg-config.
function(xgrad_whole)
  get_property(built GLOBAL PROPERTY XGRAD_BUILT)
  add_library(xgrad INTERFACE)
  add_library(xgrad::xgrad ALIAS xgrad)
  set(all "")
  foreach(name ${built})
    get_target_property(apart xgrad_${name} XGRAD_APART)
    get_target_property(requires xgrad_${name} XGRAD_REQUIRES)
    get_property(flags TARGET xgrad_${name} PROPERTY XGRAD_FLAGS)
    xgrad_pkg_config(xgrad-${name} ${name} "${PROJECT_DESCRIPTION}: ${name}" "${requires}"
                     "-lxgrad_${name}${flags}")
    if(NOT apart)
      target_link_libraries(xgrad INTERFACE xgrad_${name})
      string(APPEND all " xgrad-${name}")
      set(last ${name})
    endif()
  endforeach()
  xgrad_pkg_config(xgrad ${last} "${PROJECT_DESCRIPTION}" "${all}" "")
  foreach(header xgrad.hpp xtensor.hpp)
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${header} ${PROJECT_BINARY_DIR}/include/xgrad/${header}
         SYMBOLIC)
    xgrad_header(core ${PROJECT_SOURCE_DIR}/${header} ${header})
  endforeach()
  configure_file(cmake/xgrad-config.cmake.in xgrad-config.cmake @ONLY)
  # Before 1.0 a minor version may break what the one before it had.
  write_basic_package_version_file(xgrad-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/xgrad-config.cmake
                ${PROJECT_BINARY_DIR}/xgrad-config-version.cmake
          COMPONENT core DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/xgrad)
endfunction()

# xgrad_docs(): the target "docs", where Doxygen is there.
function(xgrad_docs)
  find_program(XGRAD_DOXYGEN doxygen)
  if(NOT XGRAD_DOXYGEN)
    return()
  endif()
  get_property(documented GLOBAL PROPERTY XGRAD_HEADERS)
  file(GLOB guides ${PROJECT_SOURCE_DIR}/*.md ${PROJECT_SOURCE_DIR}/docs/*.md
       ${PROJECT_SOURCE_DIR}/docs/guides/*.md ${PROJECT_SOURCE_DIR}/tests/*/README.md)
  list(APPEND documented ${guides})
  list(TRANSFORM documented REPLACE "(.+)" "\"\\1\"")
  list(JOIN documented " " xgrad_documented)
  configure_file(${PROJECT_SOURCE_DIR}/docs/Doxyfile.in Doxyfile @ONLY)
  add_custom_target(docs COMMAND ${XGRAD_DOXYGEN} ${PROJECT_BINARY_DIR}/Doxyfile VERBATIM)
endfunction()
