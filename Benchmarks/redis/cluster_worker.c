#include "cluster.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static struct board *board;

void publisher_event(uint32_t index, uint32_t events)
{
	(void)index;
	(void)events;
}

void delivered(struct stamp stamp)
{
	if (stamp.number != atomic_load(&board->broadcast))
		note("broadcast %llu came late", (unsigned long long)stamp.number);
}

/* A client's home: the rule of FreeIM. */
static uint16_t home(uint32_t client) { return board->nodes[client % board->node_count].port; }

/* Deliveries last: with them the coordinator sees the histogram that belongs to them. */
static void tell(struct share *share, uint64_t delivered_before)
{
	share->latency = latency;
	strcpy(share->note, noted());
	share->open = subscribers.open;
	share->refused = subscribers.refused;
	share->closed = subscribers.closed;
	share->foreign = (uint32_t)subscribers.foreign;
	share->repeated = (uint32_t)subscribers.out_of_order;
	share->delivered = (uint32_t)(subscribers.deliveries - subscribers.out_of_order - delivered_before);
}

void work(struct board *shared, struct share *share)
{
	uint64_t delivered_before = 0;
	board = shared;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prepare_loop(options.count + 16ull);
	prepare_subscribers();
	connect_all(home);
	is_measuring = true;
	while (!atomic_load(&board->is_over)) {
		uint32_t broadcast = atomic_load(&board->broadcast);
		if (broadcast != share->broadcast) {
			memset(&latency, 0, sizeof latency);
			delivered_before = subscribers.deliveries - subscribers.out_of_order;
		}
		tell(share, delivered_before);
		share->broadcast = broadcast;
		turn(5);
	}
	close_subscribers();
	exit(0);
}
