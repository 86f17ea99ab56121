# cmake -D OUTPUT=FILE -P embed.cmake -- MODULE.py ...: writes C that embeds the modules, in this order, as kEmbedded.

set(assembly "")
set(declarations "")
set(entries "")
set(listed FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  set(file "${CMAKE_ARGV${i}}")
  if(listed)
    get_filename_component(name "${file}" NAME_WE)
    string(APPEND assembly "        \"embedded_${name}_begin: .incbin \\\"${file}\\\"\\n\"\n"
                           "        \"embedded_${name}_end: .byte 0\\n\"\n")
    string(APPEND declarations "extern const char embedded_${name}_begin[], embedded_${name}_end[];\n")
    string(APPEND entries "    {\"${name}\", embedded_${name}_begin, embedded_${name}_end},\n")
  elseif(file STREQUAL "--")
    set(listed TRUE)
  endif()
endforeach()
file(WRITE "${OUTPUT}" "/* Made by embed.cmake. */
__asm__(\".pushsection .rodata\\n\"
${assembly}        \".popsection\\n\");
${declarations}
typedef struct embedded_module {
  const char* name;
  const char* begin;
  const char* end;
} embedded_module;
const embedded_module kEmbedded[] = {
${entries}    {0, 0, 0}};
")
