# embed_text(TARGET NAMESPACE HEADER FILES...): makes generated/HEADER with each file's text as a constexpr string_view in
# `kFiles`, a sorted array of {path relative to the current folder, text}.
function(embed_text target namespace header)
  set(output "${PROJECT_BINARY_DIR}/generated/${header}")
  list(JOIN ARGN "|" joined)
  add_custom_command(
    OUTPUT "${output}"
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DNAMESPACE=${namespace} -DROOT=${CMAKE_CURRENT_SOURCE_DIR} "-DFILES=${joined}"
            -P "${PROJECT_SOURCE_DIR}/cmake/EmbedTextRun.cmake"
    DEPENDS ${ARGN} "${PROJECT_SOURCE_DIR}/cmake/EmbedTextRun.cmake"
    VERBATIM)
  add_custom_target(${target}_text DEPENDS "${output}")
  add_dependencies(${target} ${target}_text)
endfunction()
