# Objects are kept by ccache, where it is installed.
find_program(CCACHE ccache)
if(CCACHE)
  # What ccache needs to keep objects that use a precompiled header, and to know them again in
  # another build folder or work tree; with the compiler's list of headers it need not preprocess
  # every file first. Where its own folder can't be written it takes one in the build folder.
  execute_process(COMMAND sh -c "d=$(${CCACHE} -k cache_dir) && mkdir -p \"$d\" && [ -w \"$d\" ]"
                  RESULT_VARIABLE no_cache OUTPUT_QUIET ERROR_QUIET)
  if(no_cache)
    set(cache_folder CCACHE_DIR=${CMAKE_BINARY_DIR}/ccache)
  endif()
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env ${cache_folder}
      CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
      CCACHE_PCH_EXTSUM=1 CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE})
endif()

# Says what a target's precompiled header is made of. The file itself names folders, so that ccache
# would know no object again that was made elsewhere.
function(wherry_name_precompiled_header target)
  get_target_property(headers ${target} PRECOMPILE_HEADERS)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir/cmake_pch.hxx.gch.sum
       "${headers} ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} ${ARGN}\n")
endfunction()
