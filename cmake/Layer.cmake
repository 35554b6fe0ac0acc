# sluice_layer(NAME DEPENDS ...): the static library sluice_NAME from every .cpp of the current folder.
# PUBLIC are layers that the folder's headers use; PRIVATE are layers and libraries that only its sources use.
function(sluice_layer name)
  cmake_parse_arguments(layer "RECURSE" "" "PUBLIC;PRIVATE" ${ARGN})
  if(layer_RECURSE)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp)
  else()
    file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  endif()
  add_library(sluice_${name} STATIC ${sources})
  target_link_libraries(sluice_${name} PUBLIC sluice_flags ${layer_PUBLIC} PRIVATE ${layer_PRIVATE})
endfunction()
