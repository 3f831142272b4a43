/* What protoc says of our services, for server reflection: one FileDescriptorSet each. */
#pragma once

#include <stddef.h>

extern const unsigned char proto_echo_descriptors[];
extern const size_t proto_echo_descriptors_len;
extern const unsigned char proto_scheduler_descriptors[];
extern const size_t proto_scheduler_descriptors_len;
extern const unsigned char proto_worker_descriptors[];
extern const size_t proto_worker_descriptors_len;
extern const unsigned char proto_agent_descriptors[];
extern const size_t proto_agent_descriptors_len;
