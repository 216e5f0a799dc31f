# What `cmake --install` puts where, and the package that find_package(gavotte) reads.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/gavotte)

install(TARGETS gavotte EXPORT gavotteTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/gavotte
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT gavotteTargets NAMESPACE gavotte:: DESTINATION ${package_dir})
if(TARGET gavotte_datasets)
  # A component of its own: a static one needs Open3D at link time, which users of the engine alone do not.
  set_target_properties(gavotte_datasets PROPERTIES EXPORT_NAME datasets)
  install(TARGETS gavotte_datasets EXPORT gavotteDatasetsTargets
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(EXPORT gavotteDatasetsTargets NAMESPACE gavotte:: DESTINATION ${package_dir})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/datasets/networks DESTINATION ${CMAKE_INSTALL_DATADIR}/gavotte
          FILES_MATCHING PATTERN "*.gavotte")
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/autotune/configs DESTINATION ${CMAKE_INSTALL_DATADIR}/gavotte
        FILES_MATCHING PATTERN "*.json")
if(TARGET gavotte_cli)
  install(TARGETS gavotte_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/gavotteConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/gavotteConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gavotteConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gavotteConfig.cmake ${PROJECT_BINARY_DIR}/gavotteConfigVersion.cmake
        DESTINATION ${package_dir})
if(NOT BUILD_SHARED_LIBS AND GAVOTTE_WITH_XSMM)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/FindXsmm.cmake DESTINATION ${package_dir})
endif()
