# Install rules: the command, the library, the plugins, the headers of the C and C++ API, the SDK for plugins, and what
# find_package(midstream) and pkg-config need.

include(CMakePackageConfigHelpers)
set(MS_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/midstream)
set(MS_INSTALLED_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/midstream)

install(TARGETS midstream_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS midstream_probe RUNTIME DESTINATION ${MS_INSTALLED_PLUGIN_DIR})
install(TARGETS reference cpu_blas LIBRARY DESTINATION ${MS_INSTALLED_PLUGIN_DIR})
if(TARGET opencl)
  install(TARGETS opencl LIBRARY DESTINATION ${MS_INSTALLED_PLUGIN_DIR})
endif()
if(TARGET python)
  install(TARGETS midstream_python_worker RUNTIME DESTINATION ${MS_INSTALLED_PLUGIN_DIR})
  install(TARGETS python midstream_python_shim LIBRARY DESTINATION ${MS_INSTALLED_PLUGIN_DIR})
endif()
install(TARGETS midstream midstream_sdk EXPORT midstreamTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/midstream/configs)

# midstream/midstream.{h,hpp}, midstream/backend.{h,hpp}, and below midstream/core what midstream.hpp includes.
install(DIRECTORY core/engine/include/midstream sdk/include/midstream DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
foreach(header base/export.h base/histogram.h base/log.h base/status.h config/config.h engine/engine.h engine/source.h
               formats/file.h formats/model_source.h formats/npy/npy.h graph/dtype.h graph/graph.h graph/named_tensor.h
               graph/placement_report.h
               graph/precision_report.h graph/rename.h graph/tensor.h session/node_profile.h
               session/response.h session/stats.h
               sources/source_event.h weights/stats.h weights/update_options.h weights/version_pin.h)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES core/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/midstream/core/${folder})
endforeach()

install(EXPORT midstreamTargets NAMESPACE midstream:: DESTINATION ${MS_PACKAGE_DIR})
install(FILES sdk/cmake/MidstreamPlugin.cmake sdk/cmake/plugin_exports.map DESTINATION ${MS_PACKAGE_DIR})
configure_package_config_file(cmake/midstreamConfig.cmake.in ${CMAKE_BINARY_DIR}/midstreamConfig.cmake
                              INSTALL_DESTINATION ${MS_PACKAGE_DIR} PATH_VARS MS_INSTALLED_PLUGIN_DIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/midstreamConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_BINARY_DIR}/midstreamConfig.cmake ${CMAKE_BINARY_DIR}/midstreamConfigVersion.cmake
        DESTINATION ${MS_PACKAGE_DIR})

configure_file(cmake/midstream.pc.in ${CMAKE_BINARY_DIR}/midstream.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/midstream.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
