# ms_add_plugin(NAME SOURCES ...): a backend plugin. Used by this repository and by plugins built against the installed
# SDK. The library is a module named NAME.so with one export, resolved at load time (-z now), with no undefined symbol
# (-z defs).

function(ms_add_plugin name)
  cmake_parse_arguments(arg "" "" "SOURCES" ${ARGN})
  add_library(${name} MODULE ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
                                           VISIBILITY_INLINES_HIDDEN ON)
  if(MS_PLUGIN_OUTPUT_DIRECTORY)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${MS_PLUGIN_OUTPUT_DIRECTORY})
  endif()
  target_link_libraries(${name} PRIVATE midstream::sdk)
  # Template code of the standard library would otherwise be exported as unique symbols.
  target_compile_options(${name} PRIVATE $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>)
  target_link_options(${name} PRIVATE -Wl,-z,now)
  if(NOT MS_SANITIZE) # sanitizer runtimes are resolved from the executable
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  target_link_options(${name} PRIVATE LINKER:--version-script=${MS_PLUGIN_EXPORTS})
  set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${MS_PLUGIN_EXPORTS})
endfunction()

get_filename_component(MS_PLUGIN_EXPORTS ${CMAKE_CURRENT_LIST_DIR}/plugin_exports.map ABSOLUTE)
