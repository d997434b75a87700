# What a program with its libraries in it needs besides find_package(): see WHERRY_STATIC.

# These say nothing on Linux. With them most objects are those of a build that is not static, and
# ccache has them.
foreach(library container json url)
  string(TOUPPER BOOST_${library}_DYN_LINK definition)
  set_property(TARGET Boost::${library} APPEND PROPERTY INTERFACE_COMPILE_DEFINITIONS ${definition})
endforeach()
# Debian has no archives of spdlog and fmt, but their headers can stand for the libraries.
add_library(spdlog::spdlog INTERFACE IMPORTED)
set_target_properties(spdlog::spdlog PROPERTIES
  INTERFACE_COMPILE_DEFINITIONS "SPDLOG_FMT_EXTERNAL;FMT_HEADER_ONLY"
  INTERFACE_LINK_LIBRARIES Threads::Threads)

if(TARGET PkgConfig::LIBBPF)
  # An archive does not name what it needs itself.
  pkg_check_modules(LIBELF REQUIRED IMPORTED_TARGET libelf)
  target_link_libraries(PkgConfig::LIBBPF INTERFACE PkgConfig::LIBELF ZLIB::ZLIB)
endif()
