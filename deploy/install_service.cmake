# Installs what depends on the prefix: the systemd unit and the configuration that it names. Run by
# `cmake --install` and cpack; CMakeLists.txt sets source, made, bin and etc.
foreach(folder bin etc)
  if(IS_ABSOLUTE "${${folder}}")
    # as it was asked for
  elseif(folder STREQUAL etc AND CMAKE_INSTALL_PREFIX STREQUAL /usr)
    set(etc "/${etc}")
  else()
    set(${folder} "${CMAKE_INSTALL_PREFIX}/${${folder}}")
  endif()
endforeach()

set(WHERRY_BIN "${bin}")
set(WHERRY_ETC "${etc}")
configure_file("${source}/systemd/wherry.service.in" "${made}/wherry.service" @ONLY)
file(INSTALL "${made}/wherry.service" DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/systemd/system")

# An administrator's configuration is kept; in a package, dpkg sees to that.
if(NOT EXISTS "$ENV{DESTDIR}${etc}/wherry/wherry.yaml")
  file(INSTALL "${source}/config/wherry.yaml" DESTINATION "${etc}/wherry")
endif()
file(INSTALL DESTINATION "${etc}/wherry/manifests" TYPE DIRECTORY FILES "")
