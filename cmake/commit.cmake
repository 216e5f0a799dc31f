# GAVOTTE_COMMIT: the checkout as git describes it; empty for sources without one.
execute_process(COMMAND git -C ${PROJECT_SOURCE_DIR} describe --always --dirty --abbrev=12 --exclude=*
                OUTPUT_VARIABLE GAVOTTE_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR NOT EXISTS ${PROJECT_SOURCE_DIR}/.git)  # a checkout around the sources is not theirs
  set(GAVOTTE_COMMIT "")
endif()
