/* From the configuration to a cache: what `hpcc start` and `hpcc local` open alike. */
#pragma once

#include "config/config.h"
#include "daemon/service.h"

/* Fills the options that follow from the configuration and opens its store and ledger (owned by the service that is
 * made from them). A store that cannot be opened is an error for the daemon; `local` goes on without one. */
int cmd_service_options(const struct config *config, struct daemon_service_options *ret_options, struct hp_err *err);

/* The request that a client in this process's surroundings would send; argv[0] is the compiler's name. Release with
 * daemon_request_done. */
void cmd_request_fill(const char *compiler, char *const *argv, const char *cwd, struct daemon_request *ret_request);
