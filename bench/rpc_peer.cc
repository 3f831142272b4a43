// gRPC C core's side of bench/rpc: the Echo service, with the synchronous or the callback API.
#include <grpcpp/grpcpp.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>

#include "echo.grpc.pb.h"

using hpcc::test::v1::Echo;
using hpcc::test::v1::EchoReply;
using hpcc::test::v1::EchoRequest;

class Sync final : public Echo::Service
{
	grpc::Status Unary(grpc::ServerContext *, const EchoRequest *request, EchoReply *reply) override
	{
		reply->set_payload(request->payload());
		return grpc::Status::OK;
	}
	grpc::Status ServerStream(grpc::ServerContext *, const EchoRequest *request,
	                          grpc::ServerWriter<EchoReply> *writer) override
	{
		EchoReply reply;

		reply.set_payload(request->payload());
		for (uint32_t i = 0; i < request->repeat(); i++) {
			reply.set_index(i);
			if (!writer->Write(reply))
				break;
		}
		return grpc::Status::OK;
	}
};

class Callback final : public Echo::CallbackService
{
	grpc::ServerUnaryReactor *Unary(grpc::CallbackServerContext *context, const EchoRequest *request,
	                                EchoReply *reply) override
	{
		auto *reactor = context->DefaultReactor();

		reply->set_payload(request->payload());
		reactor->Finish(grpc::Status::OK);
		return reactor;
	}
};

int main(int argc, char **argv)
{
	Sync sync;
	Callback callback;
	grpc::ServerBuilder builder;
	int port = 0;
	sigset_t stop;
	int sig;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &stop, nullptr);
	builder.SetMaxReceiveMessageSize(64 << 20);
	builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
	if (argc > 1 && !strcmp(argv[1], "callback"))
		builder.RegisterService(&callback);
	else
		builder.RegisterService(&sync);
	auto server = builder.BuildAndStart();
	printf("listening on port %d\n", port);
	fflush(stdout);
	sigwait(&stop, &sig);
	server->Shutdown();
	return 0;
}
