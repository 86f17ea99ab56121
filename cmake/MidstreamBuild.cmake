# Build-wide settings: language level, base instruction set, warnings, sanitizers, where the results go.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(MS_CCACHE ccache)
if(MS_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${MS_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MS_CCACHE})
endif()

# bin/, lib/ and lib/midstream/ mirror the installed tree, so that the command finds its plugins in both.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(MS_PLUGIN_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/midstream)

# Everything that compiles here links ms_build: the base instruction set (faster kernels are chosen at run time),
# warnings, sanitizers.
add_library(ms_build INTERFACE)
target_compile_options(ms_build INTERFACE -Wall -Wextra -Wpedantic)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlapping copies inside std::string operator+ that are not there (GCC bug 105651).
  target_compile_options(ms_build INTERFACE -Wno-restrict)
endif()
if(MS_DEVELOPER)
  target_compile_options(ms_build INTERFACE -Werror)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(ms_build INTERFACE -march=x86-64-v2)
endif()
if(MS_SANITIZE)
  target_compile_options(ms_build INTERFACE -fsanitize=${MS_SANITIZE} -fno-omit-frame-pointer -g)
  target_link_options(ms_build INTERFACE -fsanitize=${MS_SANITIZE})
  if(MS_SANITIZE MATCHES "undefined")
    target_compile_options(ms_build INTERFACE -fno-sanitize-recover=undefined)
  endif()
endif()
if(MS_FUZZ)
  # The library's own checks find reads past the end inside one allocation, which the sanitizers do not see.
  target_compile_options(ms_build INTERFACE -fsanitize=fuzzer-no-link -D_GLIBCXX_ASSERTIONS)
endif()
