/* cluster: terminals of several nodes in several processes, and broadcasts to all of them. */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "redis.h"

#include <stdatomic.h>

/* ---- cluster_worker.c ------------------------------------------------ */

enum { MAX_NODES = 16, MAX_WORKERS = 64 };

struct node {
	uint16_t port; /* of the gateway */
	int pid;
};

/* What a worker tells the coordinator. `delivered` and the histogram are those of the current broadcast. */
struct share {
	_Atomic uint32_t broadcast; /* that the worker is ready for */
	_Atomic uint32_t open, refused, closed;
	_Atomic uint32_t delivered, repeated, foreign;
	struct histogram latency;
	char note[200];
};

/* Memory of all processes. */
struct board {
	uint32_t node_count, worker_count;
	struct node nodes[MAX_NODES];
	_Atomic uint32_t broadcast; /* number of the current one, from 1; 0 before the first */
	_Atomic bool is_over;
	struct share shares[MAX_WORKERS];
};

/* A process that holds `options.count` terminals from client `options.first` on, until the board says that all is over. */
void work(struct board *, struct share *) __attribute__((noreturn));

/* ---- cluster_nodes.c ------------------------------------------------- */

struct usage {
	uint64_t kb; /* resident */
	double cpu;  /* seconds */
};

/* One for each node. */
void measure_nodes(const struct board *, struct usage *);
/* As the elements of a JSON array. */
void print_nodes(const struct board *, const struct usage *before, const struct usage *after);

#endif
