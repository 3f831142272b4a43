/* What the agent will link of rpc: a server on a connected descriptor, without TLS, compression or names. Only its size
 * counts (check_size.py); given an argument it serves its standard input. */
#include <unistd.h>

#include "rpc/rpc.h"

static int nothing(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	(void)stream;
	(void)ctx;
	(void)err;
	return 0;
}

static const struct rpc_method methods[] = {{"/hpcc.agent.v1.Agent/Exec", RPC_BIDI, nothing}, {0}};

int main(int argc, char **argv)
{
	struct rpc_loop *loop;
	struct rpc_server *server;

	(void)argv;
	if (argc < 2 || rpc_loop_new(NULL, &loop, NULL) < 0 || rpc_server_new(loop, NULL, &server, NULL) < 0)
		return 2;
	rpc_server_add(server, methods, NULL);
	if (rpc_server_adopt(server, STDIN_FILENO, "host", NULL) < 0)
		return 1;
	while (rpc_server_connections(server) > 0)
		(void)pause();
	rpc_server_free(server);
	rpc_loop_free(loop);
	return 0;
}
