/* latency: point to point messages through Redis to the terminals of a node, and to a bare subscriber beside it. */
#ifndef LATENCY_H
#define LATENCY_H

#include "redis.h"

#include <stdatomic.h>

/* ---- latency_bare.c -------------------------------------------------- */

/* The Redis channel of the bare subscriber. */
#define BARE_CHANNEL "freeim_bench_bare"

/* Memory of both processes. */
struct bare {
	_Atomic bool is_subscribed, is_measuring;
	_Atomic uint64_t deliveries, foreign;
	struct histogram latency;
};

/* Starts the process: it subscribes, reads, and notes when each body came. `core`: to run on, or -1. Returns its id. */
int start_bare(struct bare *, uint16_t redis_port, int core);

/* ---- latency_stream.c ------------------------------------------------ */

struct stream {
	const char *channel;
	uint64_t sent;       /* in all rounds */
	uint64_t unreceived; /* messages for which Redis had no subscriber */
	struct histogram late; /* how long after its time a message was sent */
};

/* Connects to Redis and sets the pace. */
void open_stream(uint16_t redis_port, double messages_per_second);
/* Sends messages at that pace from now on until a point in time. */
void send_until(struct stream *, uint64_t until);

#endif
