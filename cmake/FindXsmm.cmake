# Finds libxsmm (which ships no CMake package) and defines Xsmm::xsmm.
find_path(Xsmm_INCLUDE_DIR libxsmm.h PATH_SUFFIXES libxsmm)
find_library(Xsmm_LIBRARY xsmm)
find_library(Xsmm_NOBLAS_LIBRARY xsmmnoblas)
mark_as_advanced(Xsmm_INCLUDE_DIR Xsmm_LIBRARY Xsmm_NOBLAS_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Xsmm REQUIRED_VARS Xsmm_LIBRARY Xsmm_NOBLAS_LIBRARY Xsmm_INCLUDE_DIR)

if(Xsmm_FOUND AND NOT TARGET Xsmm::xsmm)
  find_package(Threads REQUIRED)
  add_library(Xsmm::xsmm UNKNOWN IMPORTED)
  set_target_properties(Xsmm::xsmm PROPERTIES
    IMPORTED_LOCATION ${Xsmm_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${Xsmm_INCLUDE_DIR}
    INTERFACE_LINK_LIBRARIES "${Xsmm_NOBLAS_LIBRARY};Threads::Threads;${CMAKE_DL_LIBS};m")
endif()
